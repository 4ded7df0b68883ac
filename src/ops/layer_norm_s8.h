/* SPDX-License-Identifier: MIT */
/* Layer normalisation of rows of integers. docs/int8.md has the definition, its ranges and its error. */
#ifndef TVIS_OPS_LAYER_NORM_S8_H
#define TVIS_OPS_LAYER_NORM_S8_H

#include "core/kernel.h"
#include "ops/root.h"

#define TVIS_LAYER_NORM_S8_MAX_C 16384

typedef struct tvis_layer_norm_s8_args {
    const void *x;         /* (rows, c) of S8 or S16 */
    const int32_t *weight; /* (c), even: gamma / y_scale * 2^(32 + shift - tvis_layer_norm_s8_bits(c)) */
    const int32_t *bias;   /* (c): (beta / y_scale + zero + 1/2) * 2^shift */
    void *y;               /* (rows, c) of S8 or S16; may be x if it is as wide */
    int32_t rows, c;       /* c <= TVIS_LAYER_NORM_S8_MAX_C */
    int32_t shift;         /* 0 … 30 */
    tvis_scaled eps;       /* epsilon * (c / x_scale)^2 */
    bool x_wide, y_wide;   /* S16 */
} tvis_layer_norm_s8_args;

typedef struct tvis_layer_norm_s8_variant {
    tvis_kernel k;
    void (*run)(const tvis_layer_norm_s8_args *a);
} tvis_layer_norm_s8_variant;

/* Fastest first, C last; all give the same bits. With n = (((x << shift) - mean) * scale) >> 32, where the bracket is
 * taken modulo 2^32: y = saturate((((n * weight) >> 32) + bias) >> shift). Safe for any weights and biases. */
extern const tvis_layer_norm_s8_variant tvis_layer_norm_s8[];

/* Of a row. */
typedef struct tvis_row_norm {
    int32_t shift; /* 9 … 31 */
    uint32_t mean; /* << shift, modulo 2^32 */
    int32_t scale; /* even, 0 … 2^31 - 2 */
} tvis_row_norm;

/* sum of x, and of x^2 */
tvis_row_norm tvis_layer_norm_s8_row(int32_t sum, uint64_t squares, int32_t c, tvis_scaled eps);
/* Bits behind the point of n; |n| < 2^29. */
static inline int32_t tvis_layer_norm_s8_bits(int32_t c)
{
    return (58 - tvis_bits((uint64_t)c)) / 2;
}
/* Values [from, c) of row i. */
void tvis_layer_norm_s8_rest(const tvis_layer_norm_s8_args *a, tvis_row_norm n, int32_t i, int32_t from);

void tvis_layer_norm_s8_avx512(const tvis_layer_norm_s8_args *a);
void tvis_layer_norm_s8_avx2(const tvis_layer_norm_s8_args *a);
void tvis_layer_norm_s8_neon(const tvis_layer_norm_s8_args *a);
void tvis_layer_norm_s8_c(const tvis_layer_norm_s8_args *a);

#endif
