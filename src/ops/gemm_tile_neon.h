/* SPDX-License-Identifier: MIT */
/* The inner loops of gemm_neon.c. */
#ifndef TVIS_OPS_GEMM_TILE_NEON_H
#define TVIS_OPS_GEMM_TILE_NEON_H

#include <stddef.h>
#include <stdint.h>

/* What all tiles of a panel share. The order of the members is known to gemm_tile_neon.S. */
typedef struct tvis_neon_panel {
    const float *w;          /* (k, 8) */
    const float *bias;       /* 8 */
    ptrdiff_t ldx, ldy, gap; /* bytes */
    int64_t runs;            /* parts that k is in, `gap` between them in x */
    int64_t fours, ones;     /* a part is 4 * fours + ones, not 0 */
    float lo, hi;
} tvis_neon_panel;

/* `tiles` times 8 rows, one at least, and 8 columns; add may be NULL or y. Reads no element outside of them. */
void tvis_neon_tiles_8x8(const float *x, float *y, const float *add, const tvis_neon_panel *p, int64_t tiles);

#endif
