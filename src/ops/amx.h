/* SPDX-License-Identifier: MIT */
/* Tiles of AMX: eight, four of which hold sums. */
#ifndef TVIS_OPS_AMX_H
#define TVIS_OPS_AMX_H

#include <immintrin.h>
#include <stdint.h>

#include "core/port.h"

enum { TILE_ROWS = 16, TILE_BYTES = 64, TILE_DEPTH = 16 /* groups of 4 bytes */ };

/* Names of tiles. */
#define SUMS_00 0
#define SUMS_01 1
#define SUMS_10 2
#define SUMS_11 3
#define X0      4
#define X1      5
#define W0      6
#define W1      7

/* What the processor reads to give tiles their sizes. */
typedef struct tiles {
    uint8_t palette, start, zeros[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tiles;

/* For products of `rows` rows, `depth` groups at a time. */
static inline void configure_tiles(int32_t rows, int32_t depth)
{
    tiles t = { .palette = 1 };
    for (int i = SUMS_00; i <= W1; i++) {
        t.row_bytes[i] = (uint16_t)(i == X0 || i == X1 ? depth * 4 : TILE_BYTES);
        t.rows[i] = (uint8_t)(i == W0 || i == W1 ? depth : rows);
    }
    _tile_loadconfig(&t);
}

/* Compilers do not all know that tiles are loaded from memory and stored to it. */
static inline void memory_is_read(void)
{
    __asm__ volatile("" ::: "memory");
}

#endif
