/* SPDX-License-Identifier: MIT */
/* Layer normalisation of rows of integers, and their division by their length, which differs in that zero(x) stands
 * for the mean and the length for c standard deviations. docs/int8.md has the definition, its ranges and its error. */
#ifndef TVIS_OPS_LAYER_NORM_S8_H
#define TVIS_OPS_LAYER_NORM_S8_H

#include "core/kernel.h"
#include "ops/root.h"

#define TVIS_LAYER_NORM_S8_MAX_C 16384

typedef struct tvis_layer_norm_s8_args {
    const void *x;         /* (rows, c) of S8 or S16 */
    const int32_t *weight; /* (c): gamma / y_scale * 2^shift, to S16 * 2^(32 - bits), even; to S8 / unit, the lower 16
                              bits of -32767 … 32767 with zeros above them */
    const int32_t *bias;   /* (c): (beta / y_scale + zero + 1/2) * 2^shift, of at most 2^30 */
    void *y;               /* (rows, c) of S8 or S16; may be x if it is as wide */
    int32_t rows, c;       /* c <= TVIS_LAYER_NORM_S8_MAX_C */
    int32_t shift;         /* 0 … 30 */
    tvis_scaled eps;       /* epsilon * (c / x_scale)^2; by length (epsilon / x_scale)^2, the least square of it */
    bool x_wide, y_wide;   /* S16 */
    bool by_length;
    int32_t zero; /* of x, by length */
} tvis_layer_norm_s8_args;

typedef struct tvis_layer_norm_s8_variant {
    tvis_kernel k;
    void (*run)(const tvis_layer_norm_s8_args *a);
} tvis_layer_norm_s8_variant;

/* Fastest first, C last; all give the same bits. To S16, with 31 bits where the bracket is taken modulo 2^32:
 *     y = saturate((((n * weight) >> 32) + bias) >> shift), n = (((x << left) - mean) * scale) >> 32
 * To S8, with 16 bits: y = saturate((n * weight + bias) >> shift), n = (x * scale - mean) >> right.
 * Safe for any weights and biases. */
extern const tvis_layer_norm_s8_variant tvis_layer_norm_s8[];

/* Of a row, to S16. */
typedef struct tvis_row_wide {
    int32_t left;  /* 9 … 31 */
    uint32_t mean; /* << left, modulo 2^32 */
    int32_t scale; /* even, 0 … 2^31 - 2 */
} tvis_row_wide;

/* Of a row, to S8. */
typedef struct tvis_row_narrow {
    int32_t right; /* 0 … 29 */
    int32_t mean;  /* less half of what goes out on the right */
    int32_t scale; /* 0 … 2^15 - 1 */
} tvis_row_narrow;

/* sum of x, and of x^2 */
tvis_row_wide tvis_layer_norm_s8_wide(const tvis_layer_norm_s8_args *a, int32_t sum, uint64_t squares);
/* unit: what the function below gives */
tvis_row_narrow tvis_layer_norm_s8_narrow(const tvis_layer_norm_s8_args *a, int32_t unit, int32_t sum,
                                          uint64_t squares);
/* To S8, a standard deviation of n, or the length: |n| < 2^15. */
int32_t tvis_layer_norm_s8_unit(int32_t c, bool by_length);
/* To S16 it is 2^bits: |n| < 2^29. */
static inline int32_t tvis_layer_norm_s8_bits(int32_t c, bool by_length)
{
    return by_length ? 28 : (58 - tvis_bits((uint64_t)c)) / 2;
}
/* Values [from, c) of row i. */
void tvis_layer_norm_s8_wide_rest(const tvis_layer_norm_s8_args *a, tvis_row_wide n, int32_t i, int32_t from);
void tvis_layer_norm_s8_narrow_rest(const tvis_layer_norm_s8_args *a, tvis_row_narrow n, int32_t i, int32_t from);

void tvis_layer_norm_s8_vnni(const tvis_layer_norm_s8_args *a);
void tvis_layer_norm_s8_avx512(const tvis_layer_norm_s8_args *a);
void tvis_layer_norm_s8_avx2(const tvis_layer_norm_s8_args *a);
void tvis_layer_norm_s8_neon(const tvis_layer_norm_s8_args *a);
void tvis_layer_norm_s8_c(const tvis_layer_norm_s8_args *a);

#endif
