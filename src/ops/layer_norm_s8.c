/* SPDX-License-Identifier: MIT */
#include "ops/layer_norm_s8.h"
#include "core/port.h"

/* Variance * c^2. */
static uint64_t spread(int32_t sum, uint64_t squares, int32_t c)
{
    return (uint64_t)c * squares - (uint64_t)((int64_t)sum * sum);
}

/* The mean with `bits` bits behind its point, rounded, modulo 2^32: of x + 2^15, which is not negative. */
static uint32_t mean_of(int32_t sum, int32_t c, int32_t bits)
{
    const uint64_t n = (uint64_t)c, mean = (((uint64_t)(sum + c * 32768) << bits) + n / 2) / n;
    return (uint32_t)mean - ((uint32_t)32768 << bits);
}

tvis_row_wide tvis_layer_norm_s8_wide(int32_t sum, uint64_t squares, int32_t c, tvis_scaled eps)
{
    const uint64_t v = spread(sum, squares, c);
    const int32_t left = (62 - tvis_bits(v / (uint64_t)c)) / 2;
    tvis_row_wide r = { left, mean_of(sum, c, left), 0 };
    if (v)
        r.scale = tvis_root_times(tvis_root_of(v, eps), (uint32_t)c, 32 + tvis_layer_norm_s8_bits(c) - left);
    return r;
}

int32_t tvis_layer_norm_s8_unit(int32_t c)
{
    const uint64_t n = (uint64_t)(c > 2 ? c : 2), most = (uint64_t)32760 * 32760 * (n - 1);
    uint64_t unit = 0;
    for (uint64_t bit = 1 << 14; bit; bit >>= 1)
        if ((unit + bit) * (unit + bit) * n * n <= most)
            unit += bit;
    return (int32_t)unit;
}

tvis_row_narrow tvis_layer_norm_s8_narrow(int32_t sum, uint64_t squares, int32_t c, int32_t unit, tvis_scaled eps)
{
    const uint64_t v = spread(sum, squares, c);
    if (!v)
        return (tvis_row_narrow){ 0, 0, 0 };
    const tvis_scaled root = tvis_root_of(v, eps);
    const uint64_t factor = (uint64_t)root.mantissa * (uint32_t)(c * unit); /* < 2^60 */
    /* factor * 2^power < 2^15: from its 15 highest bits, 14 where x less its mean could have 17. */
    int32_t drop = tvis_bits(factor) - 15, right = -root.power - drop;
    if (right > 16)
        drop++, right--;
    if (right > 29) {
        drop += right - 29;
        right = 29;
    }
    tvis_row_narrow r = { right, 0, 0 };
    if (drop < 63)
        r.scale = (int32_t)((factor + ((uint64_t)1 << (drop - 1))) >> drop);
    r.scale -= r.scale >> 15; /* rounded up to 2^15 */
    r.mean =
        (int32_t)(((int64_t)(int32_t)mean_of(sum, c, 16) * r.scale + 32768) >> 16) - (right ? 1 << (right - 1) : 0);
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

void tvis_layer_norm_s8_wide_rest(const tvis_layer_norm_s8_args *a, tvis_row_wide r, int32_t i, int32_t from)
{
    const ptrdiff_t row = (ptrdiff_t)i * a->c;
    for (int32_t k = from; k < a->c; k++) {
        const int32_t t = (int32_t)(((uint32_t)value(a->x, row + k, a->x_wide) << r.left) - r.mean);
        const int32_t n = (int32_t)(((int64_t)t * r.scale) >> 32), p = (int32_t)(((int64_t)n * a->weight[k]) >> 32);
        const int32_t y = (int32_t)((uint32_t)p + (uint32_t)a->bias[k]) >> a->shift;
        ((int16_t *)a->y)[row + k] = (int16_t)saturate(y, INT16_MIN, INT16_MAX);
    }
}

void tvis_layer_norm_s8_narrow_rest(const tvis_layer_norm_s8_args *a, tvis_row_narrow r, int32_t i, int32_t from)
{
    const ptrdiff_t row = (ptrdiff_t)i * a->c;
    for (int32_t k = from; k < a->c; k++) {
        const int32_t n = (value(a->x, row + k, a->x_wide) * r.scale - r.mean) >> r.right;
        const int32_t y = (int32_t)((uint32_t)(n * (int16_t)a->weight[k]) + (uint32_t)a->bias[k]) >> a->shift;
        ((int8_t *)a->y)[row + k] = (int8_t)saturate(y, INT8_MIN, INT8_MAX);
    }
}

TVIS_INLINE uint64_t measure(const tvis_layer_norm_s8_args *a, int32_t i, const bool wide, int32_t *sum)
{
    const ptrdiff_t row = (ptrdiff_t)i * a->c;
    uint64_t squares = 0;
    *sum = 0;
    for (int32_t k = 0; k < a->c; k++) {
        const int32_t x = value(a->x, row + k, wide);
        *sum += x;
        squares += (uint32_t)(x * x);
    }
    return squares;
}

void tvis_layer_norm_s8_c(const tvis_layer_norm_s8_args *a)
{
    const int32_t unit = tvis_layer_norm_s8_unit(a->c);
    for (int32_t i = 0; i < a->rows; i++) {
        int32_t sum;
        const uint64_t squares = a->x_wide ? measure(a, i, true, &sum) : measure(a, i, false, &sum);
        if (a->y_wide)
            tvis_layer_norm_s8_wide_rest(a, tvis_layer_norm_s8_wide(sum, squares, a->c, a->eps), i, 0);
        else
            tvis_layer_norm_s8_narrow_rest(a, tvis_layer_norm_s8_narrow(sum, squares, a->c, unit, a->eps), i, 0);
    }
}

const tvis_layer_norm_s8_variant tvis_layer_norm_s8[] = {
    { { "32_vnni", TVIS_CPU_VNNI, TVIS_PACK_PLAIN, 0, 1, 32 }, TVIS_IF_X86(tvis_layer_norm_s8_vnni) },
    { { "32_avx512", TVIS_CPU_AVX512, TVIS_PACK_PLAIN, 0, 1, 32 }, TVIS_IF_X86(tvis_layer_norm_s8_avx512) },
    { { "16_avx2", TVIS_CPU_AVX2, TVIS_PACK_PLAIN, 0, 1, 16 }, TVIS_IF_X86(tvis_layer_norm_s8_avx2) },
    { { "16_neon", TVIS_CPU_NEON, TVIS_PACK_PLAIN, 0, 1, 16 }, TVIS_IF_AARCH64(tvis_layer_norm_s8_neon) },
    { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_layer_norm_s8_c },
    { { NULL, 0, 0, 0, 0, 0 }, NULL },
};
