/* SPDX-License-Identifier: MIT */
/* Work on each value of int8 tensors, and on each channel of some pixels. docs/int8.md has the arithmetic. */
#ifndef TVIS_OPS_POINTWISE_S8_H
#define TVIS_OPS_POINTWISE_S8_H

#include "core/kernel.h"
#include "ops/requant.h"

#define TVIS_QUANTIZE_IN_PLACE 1024

/* y (n) = clamp(zero + R(a - zero(a)) + R(b - zero(b))); y may be a or b. */
typedef struct tvis_add_s8_args {
    const int8_t *a, *b;
    int8_t *y;
    int32_t n;
    tvis_requant_add a_q, b_q;
    tvis_requant q; /* zero, lo and hi */
} tvis_add_s8_args;

/* y (pixels, c) = clamp(zero + R((x - x_zero) * (s - s_zero))); s (c); y may be x. */
typedef struct tvis_scale_s8_args {
    const int8_t *x, *s;
    int8_t *y;
    int32_t pixels, c, x_zero, s_zero;
    tvis_requant q; /* one multiplier */
} tvis_scale_s8_args;

typedef struct tvis_pointwise_s8_variant {
    tvis_kernel k;
    void (*add)(const tvis_add_s8_args *a);
    void (*scale)(const tvis_scale_s8_args *a);
    /* sum (c) = the sum of x (pixels, c), pixels ld apart; fewer than 2^24 of them */
    void (*sum)(const int8_t *x, ptrdiff_t ld, int32_t pixels, int32_t c, int32_t *sum);
    /* y (c) = the largest of `pixels` pixels in each of `count` rows */
    void (*max)(const int8_t *const *rows, int32_t count, int32_t pixels, int32_t c, int8_t *y);
    /* y (n) = clamp(round(x / scale) + zero), halves upwards, NaN as 0; the division is IEEE's. y may begin where x
     * does if n >= TVIS_QUANTIZE_IN_PLACE */
    void (*quantize)(const float *x, int32_t n, float scale, int32_t zero, int8_t *y);
    /* y (n) = (x - zero) * scale */
    void (*dequantize)(const int8_t *x, int32_t n, float scale, int32_t zero, float *y);
} tvis_pointwise_s8_variant;

/* Fastest first, C last. The same bits in every row of the table. */
extern const tvis_pointwise_s8_variant tvis_pointwise_s8[];

/* The first row that these flags allow. */
uint16_t tvis_pointwise_s8_choose(uint32_t cpu);

#define TVIS_POINTWISE_S8_DECLARE(isa)                                                                                 \
    void tvis_pointwise_s8_add_##isa(const tvis_add_s8_args *a);                                                       \
    void tvis_pointwise_s8_scale_##isa(const tvis_scale_s8_args *a);                                                   \
    void tvis_pointwise_s8_sum_##isa(const int8_t *x, ptrdiff_t ld, int32_t pixels, int32_t c, int32_t *sum);          \
    void tvis_pointwise_s8_max_##isa(const int8_t *const *rows, int32_t count, int32_t pixels, int32_t c, int8_t *y);  \
    void tvis_pointwise_s8_quantize_##isa(const float *x, int32_t n, float scale, int32_t zero, int8_t *y);            \
    void tvis_pointwise_s8_dequantize_##isa(const int8_t *x, int32_t n, float scale, int32_t zero, float *y)
TVIS_POINTWISE_S8_DECLARE(avx512);
TVIS_POINTWISE_S8_DECLARE(avx2);
TVIS_POINTWISE_S8_DECLARE(neon);
TVIS_POINTWISE_S8_DECLARE(vfp11); /* but for dequantize */
TVIS_POINTWISE_S8_DECLARE(c);

#endif
