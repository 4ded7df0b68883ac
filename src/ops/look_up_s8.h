/* SPDX-License-Identifier: MIT */
/* A function of int8 as a table: an operator, and what follows the kernel of a layer. */
#ifndef TVIS_OPS_LOOK_UP_S8_H
#define TVIS_OPS_LOOK_UP_S8_H

#include "core/kernel.h"

/* y = table[x + 128] over (rows, cols), rows ld apart; y may be x. */
typedef struct tvis_look_up_s8_args {
    const int8_t *table; /* (256) */
    const int8_t *x;
    int8_t *y;
    int32_t rows, cols, ld;
} tvis_look_up_s8_args;

typedef struct tvis_look_up_s8_variant {
    tvis_kernel k;
    void (*run)(const tvis_look_up_s8_args *a);
} tvis_look_up_s8_variant;

/* Fastest first, C last. */
extern const tvis_look_up_s8_variant tvis_look_up_s8[];

/* The first row that these flags allow. */
uint16_t tvis_look_up_s8_choose(uint32_t cpu);

void tvis_look_up_s8_64_vbmi(const tvis_look_up_s8_args *a);
void tvis_look_up_s8_32_avx2(const tvis_look_up_s8_args *a);
void tvis_look_up_s8_16_neon(const tvis_look_up_s8_args *a);
void tvis_look_up_s8_c(const tvis_look_up_s8_args *a);

#endif
