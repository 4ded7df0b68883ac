/* SPDX-License-Identifier: MIT */
/* Loops of tvis_pointwise_s8, included by the file that defines the variant after
 *   BLOCK: how many values at a time          bytes, load_bytes(p), store_bytes(p, v), max_bytes(a, b): so many int8
 *   factors, add_factors(args), scale_factors(args), added(a, b, f), scaled(x, s, f): BLOCK results
 *   total(x, ld, pixels, sum): sum (BLOCK) of x (pixels, BLOCK), pixels ld apart
 *   quantized(x, scale, zero): bytes of BLOCK floats          dequantize(x, scale, zero, y): BLOCK floats
 * The last block of a row ends where the row ends, so that some values are computed twice; it is read before anything
 * is written, as y may be x. */
#include "core/port.h"
#include "ops/pointwise_s8.h"

enum { TOGETHER = 256 }; /* channels of several pixels that are seen as those of one, where there are less than BLOCK */

TVIS_INLINE bytes combined(const int8_t *a, const int8_t *b, const factors *f, const bool product)
{
    return product ? scaled(a, b, f) : added(a, b, f);
}

TVIS_INLINE void combine(const int8_t *a, const int8_t *b, int8_t *y, int32_t n, const factors *f, const bool product)
{
    const int32_t tail = n - BLOCK;
    if (tail < 0) {
        int8_t copy[2][BLOCK] = { { 0 } };
        memcpy(copy[0], a, (size_t)n);
        memcpy(copy[1], b, (size_t)n);
        store_bytes(copy[0], combined(copy[0], copy[1], f, product));
        memcpy(y, copy[0], (size_t)n);
        return;
    }
    const bytes last = combined(a + tail, b + tail, f, product);
    for (int32_t i = 0; i < tail; i += BLOCK)
        store_bytes(y + i, combined(a + i, b + i, f, product));
    store_bytes(y + tail, last);
}

TVIS_INLINE void add_all(const tvis_add_s8_args *a)
{
    const factors f = add_factors(a);
    combine(a->a, a->b, a->y, a->n, &f, false);
}

TVIS_INLINE void scale_all(const tvis_scale_s8_args *a)
{
    int8_t repeated[TOGETHER];
    const factors f = scale_factors(a);
    const int32_t c = a->c, step = c < BLOCK ? TOGETHER / c : 1;
    for (int32_t p = 0; step > 1 && p < step; p++)
        memcpy(repeated + p * c, a->s, (size_t)c);
    for (int32_t p = 0; p < a->pixels; p += step) {
        const int32_t some = a->pixels - p < step ? a->pixels - p : step;
        const ptrdiff_t at = (ptrdiff_t)p * c;
        combine(a->x + at, step > 1 ? repeated : a->s, a->y + at, some * c, &f, true);
    }
}

/* c >= BLOCK */
TVIS_INLINE void sum_wide(const int8_t *x, ptrdiff_t ld, int32_t pixels, int32_t c, int32_t *sum)
{
    const int32_t tail = c - BLOCK;
    for (int32_t k = 0; k < tail; k += BLOCK)
        total(x + k, ld, pixels, sum + k);
    total(x + tail, ld, pixels, sum + tail);
}

TVIS_INLINE void sum_all(const int8_t *x, ptrdiff_t ld, int32_t pixels, int32_t c, int32_t *sum)
{
    int32_t many[TOGETHER];
    const int32_t step = ld == c ? TOGETHER / c : 0, rows = step ? pixels / step : 0;
    if (c >= BLOCK) {
        sum_wide(x, ld, pixels, c, sum);
        return;
    }
    tvis_pointwise_s8_sum_c(x + (ptrdiff_t)rows * step * c, ld, pixels - rows * step, c, sum);
    if (rows == 0)
        return;
    sum_wide(x, (ptrdiff_t)step * c, rows, step * c, many);
    for (int32_t p = 0; p < step; p++)
        for (int32_t k = 0; k < c; k++)
            sum[k] += many[p * c + k];
}

TVIS_INLINE void max_all(const int8_t *const *rows, int32_t count, int32_t pixels, int32_t c, int8_t *y)
{
    const int32_t tail = c - BLOCK;
    if (tail < 0) {
        tvis_pointwise_s8_max_c(rows, count, pixels, c, y);
        return;
    }
    for (int32_t k = 0; k < tail + BLOCK; k += BLOCK) {
        const int32_t at = k < tail ? k : tail;
        bytes v = load_bytes(rows[0] + at);
        for (int32_t r = 0; r < count; r++)
            for (int32_t p = 0; p < pixels; p++)
                v = max_bytes(v, load_bytes(rows[r] + (ptrdiff_t)p * c + at));
        store_bytes(y + at, v);
    }
}

TVIS_INLINE void quantize_all(const float *x, int32_t n, float scale, int32_t zero, int8_t *y)
{
    const int32_t tail = n - BLOCK;
    for (int32_t i = 0; i < tail; i += BLOCK)
        store_bytes(y + i, quantized(x + i, scale, zero));
    if (tail < 0) {
        float copy[BLOCK] = { 0.0f };
        int8_t result[BLOCK];
        memcpy(copy, x, (size_t)n * sizeof *x);
        store_bytes(result, quantized(copy, scale, zero));
        memcpy(y, result, (size_t)n);
        return;
    }
    store_bytes(y + tail, quantized(x + tail, scale, zero));
}

TVIS_INLINE void dequantize_all(const int8_t *x, int32_t n, float scale, int32_t zero, float *y)
{
    const int32_t tail = n - BLOCK;
    for (int32_t i = 0; i < tail; i += BLOCK)
        dequantize(x + i, scale, zero, y + i);
    if (tail < 0) {
        int8_t copy[BLOCK] = { 0 };
        float result[BLOCK];
        memcpy(copy, x, (size_t)n);
        dequantize(copy, scale, zero, result);
        memcpy(y, result, (size_t)n * sizeof *y);
        return;
    }
    dequantize(x + tail, scale, zero, y + tail);
}

#define POINTWISE_S8_DEFINE(isa)                                                                                       \
    void tvis_pointwise_s8_add_##isa(const tvis_add_s8_args *a)                                                        \
    {                                                                                                                  \
        add_all(a);                                                                                                    \
    }                                                                                                                  \
    void tvis_pointwise_s8_scale_##isa(const tvis_scale_s8_args *a)                                                    \
    {                                                                                                                  \
        scale_all(a);                                                                                                  \
    }                                                                                                                  \
    void tvis_pointwise_s8_sum_##isa(const int8_t *x, ptrdiff_t ld, int32_t pixels, int32_t c, int32_t *sum)           \
    {                                                                                                                  \
        sum_all(x, ld, pixels, c, sum);                                                                                \
    }                                                                                                                  \
    void tvis_pointwise_s8_max_##isa(const int8_t *const *rows, int32_t count, int32_t pixels, int32_t c, int8_t *y)   \
    {                                                                                                                  \
        max_all(rows, count, pixels, c, y);                                                                            \
    }                                                                                                                  \
    void tvis_pointwise_s8_quantize_##isa(const float *x, int32_t n, float scale, int32_t zero, int8_t *y)             \
    {                                                                                                                  \
        quantize_all(x, n, scale, zero, y);                                                                            \
    }                                                                                                                  \
    void tvis_pointwise_s8_dequantize_##isa(const int8_t *x, int32_t n, float scale, int32_t zero, float *y)           \
    {                                                                                                                  \
        dequantize_all(x, n, scale, zero, y);                                                                          \
    }
