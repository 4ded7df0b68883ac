/* SPDX-License-Identifier: MIT */
/* x * w^T of int16 and int8 with 32-bit sums: the inner loop of layers that read S16. */
#ifndef TVIS_OPS_GEMM_S16_H
#define TVIS_OPS_GEMM_S16_H

#include "core/kernel.h"

typedef struct tvis_gemm_s16_args {
    const int16_t *x;    /* (m, k), rows ldx apart */
    const int8_t *w;     /* (n, k), in the order of the variant's `pack`, by tvis_gemm_s8_pack() */
    const int32_t *bias; /* (n) or NULL */
    int32_t *y;          /* (m, n), rows ldy apart: bias + x * w^T modulo 2^32 */
    int32_t m, n, k;     /* k <= TVIS_GEMM_S8_MAX_K */
    int32_t ldx, ldy;    /* elements; ldx >= k, ldy >= n */
} tvis_gemm_s16_args;

typedef struct tvis_gemm_s16_variant {
    tvis_kernel k;
    void (*run)(const tvis_gemm_s16_args *a); /* NULL where the instruction set does not exist */
} tvis_gemm_s16_variant;

/* Fastest first, C last. All give the same bits for any values: whoever makes the weights sees to it that sums fit.
 * Reads no element outside the shapes above. */
extern const tvis_gemm_s16_variant tvis_gemm_s16[];

/* The first row of the table that these flags allow. */
uint16_t tvis_gemm_s16_choose(uint32_t cpu);

void tvis_gemm_s16_c(const tvis_gemm_s16_args *a);
void tvis_gemm_s16_4x16_avx2(const tvis_gemm_s16_args *a);
void tvis_gemm_s16_12x32_vnni(const tvis_gemm_s16_args *a);
void tvis_gemm_s16_4x8_neon(const tvis_gemm_s16_args *a);

#endif
