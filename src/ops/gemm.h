/* SPDX-License-Identifier: MIT */
/* y = clamp(bias + x * w^T + add): the inner loop of 1x1 and k x k convolution and of linear layers. */
#ifndef TVIS_OPS_GEMM_H
#define TVIS_OPS_GEMM_H

#include "core/kernel.h"

typedef struct tvis_gemm_f32_args {
    const float *x;    /* (m, k), rows ldx apart */
    const float *w;    /* (n, k), in the order of the variant's `pack` */
    const float *bias; /* (n) or NULL */
    const float *add;  /* (m, n), rows ldy apart, or NULL; may be y itself */
    float *y;          /* (m, n), rows ldy apart */
    int32_t m, n, k;
    int32_t ldx, ldy; /* elements; ldx >= k, ldy >= n */
    int32_t run, gap; /* lines: k in parts of `run` elements, `gap` others between them in x; rows may overlap, ldx < k.
                       * Both are 0 where tvis_takes_lines() says no */
    float lo, hi;     /* y = min(max(y, lo), hi); -INFINITY, INFINITY for none */
} tvis_gemm_f32_args;

typedef struct tvis_gemm_f32_variant {
    tvis_kernel k;
    void (*run)(const tvis_gemm_f32_args *a); /* NULL where the instruction set does not exist */
} tvis_gemm_f32_variant;

/* Fastest first, C last. Within a row of the table, the bits of an element of y depend on its row of x, its row of w,
 * its bias, its add and the limits only, not on m, n or the place in y: results do not depend on blocks or threads, as
 * long as the whole layer is computed by one row. Reads no element outside the shapes above. What is not a number stays
 * so. Rows that need TVIS_CPU_AMX_BF16 round factors to bfloat16: only those who allow that may choose them. */
extern const tvis_gemm_f32_variant tvis_gemm_f32[];

/* The fastest row for many rows of x, of those that round no factor and whose panels have at most `columns`. */
const tvis_gemm_f32_variant *tvis_gemm_f32_choose(uint32_t cpu, int32_t columns);

void tvis_gemm_f32_c(const tvis_gemm_f32_args *a);
void tvis_gemm_f32_1x8_avx2(const tvis_gemm_f32_args *a);
void tvis_gemm_f32_6x16_avx2(const tvis_gemm_f32_args *a);
void tvis_gemm_f32_12x32_avx512(const tvis_gemm_f32_args *a);
void tvis_gemm_f32_1x8_neon(const tvis_gemm_f32_args *a);
void tvis_gemm_f32_32x32_amx(const tvis_gemm_f32_args *a);
void tvis_gemm_f32_8x8_neon(const tvis_gemm_f32_args *a);
void tvis_gemm_f32_4x4_vfp11(const tvis_gemm_f32_args *a);

/* Floats that (n, k) takes in panels of nr. */
size_t tvis_gemm_f32_packed(int32_t n, int32_t k, int32_t nr);
/* Plain (n, k) to panels of nr; out has the floats above. */
void tvis_gemm_f32_pack(const float *w, int32_t n, int32_t k, int32_t nr, float *out);

#endif
