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
    float       *y;    /* (m, n), rows ldy apart */
    int32_t      m, n, k;
    int32_t      ldx, ldy; /* elements; ldx >= k, ldy >= n */
    float        lo, hi;   /* y = min(max(y, lo), hi); -INFINITY, INFINITY for none */
} tvis_gemm_f32_args;

typedef struct tvis_gemm_f32_variant {
    tvis_kernel k;
    void (*run)(const tvis_gemm_f32_args *a); /* NULL where the instruction set does not exist */
} tvis_gemm_f32_variant;

/* Fastest first, C last. Each element of y is the sum over k in rising order, however m and n are cut:
 * results do not depend on blocks or threads. Reads no element outside the shapes above. */
extern const tvis_gemm_f32_variant tvis_gemm_f32[];

void tvis_gemm_f32_c(const tvis_gemm_f32_args *a);

/* Floats that (n, k) takes in panels of nr. */
size_t tvis_gemm_f32_packed(int32_t n, int32_t k, int32_t nr);
/* Plain (n, k) to panels of nr; out has the floats above. */
void tvis_gemm_f32_pack(const float *w, int32_t n, int32_t k, int32_t nr, float *out);

#endif
