/* SPDX-License-Identifier: MIT */
/* Layer normalisation of rows (Ba, Kiros and Hinton 2016). */
#ifndef TVIS_OPS_LAYER_NORM_H
#define TVIS_OPS_LAYER_NORM_H

#include "core/kernel.h"

typedef struct tvis_layer_norm_f32_args {
    const float *x;             /* (rows, c) */
    const float *weight, *bias; /* (c) */
    float *y;                   /* (rows, c); may be x */
    int32_t rows, c;
    float eps;
} tvis_layer_norm_f32_args;

typedef struct tvis_layer_norm_f32_variant {
    tvis_kernel k;
    void (*run)(const tvis_layer_norm_f32_args *a);
} tvis_layer_norm_f32_variant;

/* Fastest first, C last. y = (x - mean) / sqrt(var + eps) * weight + bias with var = sum (x - mean)^2 / c; two passes
 * for the sums. With e = (c / lanes + 8) * 2^-24, where the C row has one lane: the mean is off by at most e times the
 * mean |x|, and y, before weight and bias, by e * (2 + |y| + mean |x| / sqrt(var + eps)). Within a row of the table a
 * row's bits do not depend on the others. */
extern const tvis_layer_norm_f32_variant tvis_layer_norm_f32[];

void tvis_layer_norm_f32_avx512(const tvis_layer_norm_f32_args *a);
void tvis_layer_norm_f32_avx2(const tvis_layer_norm_f32_args *a);
void tvis_layer_norm_f32_neon(const tvis_layer_norm_f32_args *a);
void tvis_layer_norm_f32_c(const tvis_layer_norm_f32_args *a);

#endif
