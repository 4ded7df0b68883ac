/* SPDX-License-Identifier: MIT */
#include "ops/layer_norm_s8.h"
#include "core/port.h"

tvis_row_norm tvis_layer_norm_s8_row(int32_t sum, uint64_t squares, int32_t c, tvis_scaled eps)
{
    const uint64_t n = (uint64_t)c, v = n * squares - (uint64_t)((int64_t)sum * sum); /* variance * c^2 */
    const int32_t shift = (62 - tvis_bits(v / n)) / 2;
    /* Of x + 2^15, which is not negative. */
    const uint64_t mean = (((uint64_t)(sum + c * 32768) << shift) + n / 2) / n;
    tvis_row_norm r = { shift, (uint32_t)mean - ((uint32_t)32768 << shift), 0 };
    if (v)
        r.scale = tvis_root_times(tvis_root_of(v, eps), (uint32_t)c, 32 + tvis_layer_norm_s8_bits(c) - shift);
    return r;
}

TVIS_INLINE int32_t value(const void *x, ptrdiff_t i, const bool wide)
{
    return wide ? ((const int16_t *)x)[i] : ((const int8_t *)x)[i];
}

TVIS_INLINE int32_t saturate(int32_t v, int32_t lo, int32_t hi)
{
    v = v < lo ? lo : v;
    return v > hi ? hi : v;
}

static int32_t normal(const tvis_layer_norm_s8_args *a, tvis_row_norm r, int32_t x, int32_t k)
{
    const int32_t t = (int32_t)(((uint32_t)x << r.shift) - r.mean);
    const int32_t n = (int32_t)(((int64_t)t * r.scale) >> 32), p = (int32_t)(((int64_t)n * a->weight[k]) >> 32);
    return (int32_t)((uint32_t)p + (uint32_t)a->bias[k]) >> a->shift;
}

void tvis_layer_norm_s8_rest(const tvis_layer_norm_s8_args *a, tvis_row_norm r, int32_t i, int32_t from)
{
    const ptrdiff_t row = (ptrdiff_t)i * a->c;
    for (int32_t k = from; k < a->c; k++) {
        const int32_t y = normal(a, r, value(a->x, row + k, a->x_wide), k);
        if (a->y_wide)
            ((int16_t *)a->y)[row + k] = (int16_t)saturate(y, INT16_MIN, INT16_MAX);
        else
            ((int8_t *)a->y)[row + k] = (int8_t)saturate(y, INT8_MIN, INT8_MAX);
    }
}

static tvis_row_norm measure(const tvis_layer_norm_s8_args *a, int32_t i, const bool wide)
{
    const ptrdiff_t row = (ptrdiff_t)i * a->c;
    int32_t sum = 0;
    uint64_t squares = 0;
    for (int32_t k = 0; k < a->c; k++) {
        const int32_t x = value(a->x, row + k, wide);
        sum += x;
        squares += (uint32_t)(x * x);
    }
    return tvis_layer_norm_s8_row(sum, squares, a->c, a->eps);
}

void tvis_layer_norm_s8_c(const tvis_layer_norm_s8_args *a)
{
    for (int32_t i = 0; i < a->rows; i++)
        tvis_layer_norm_s8_rest(a, a->x_wide ? measure(a, i, true) : measure(a, i, false), i, 0);
}

const tvis_layer_norm_s8_variant tvis_layer_norm_s8[] = {
    { { "32_avx512", TVIS_CPU_AVX512, TVIS_PACK_PLAIN, 0, 1, 32 }, TVIS_IF_X86(tvis_layer_norm_s8_avx512) },
    { { "16_avx2", TVIS_CPU_AVX2, TVIS_PACK_PLAIN, 0, 1, 16 }, TVIS_IF_X86(tvis_layer_norm_s8_avx2) },
    { { "16_neon", TVIS_CPU_NEON, TVIS_PACK_PLAIN, 0, 1, 16 }, TVIS_IF_AARCH64(tvis_layer_norm_s8_neon) },
    { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_layer_norm_s8_c },
    { { NULL, 0, 0, 0, 0, 0 }, NULL },
};
