/* SPDX-License-Identifier: MIT */
#include "ops/layer_norm_s8.h"
#include "core/port.h"

/* Variance * c^2 < 2^58, or the length's square. */
static uint64_t spread(const tvis_layer_norm_s8_args *a, int32_t sum, uint64_t squares)
{
    const int64_t c = a->c, zero = a->zero, s = sum, q = (int64_t)squares;
    return (uint64_t)(a->by_length ? q - 2 * zero * s + c * zero * zero : c * q - s * s);
}

static tvis_scaled root(const tvis_layer_norm_s8_args *a, uint64_t v)
{
    const tvis_scaled none = { 0, 0 };
    if (!a->by_length)
        return tvis_root_of(v, a->eps);
    return tvis_scaled_exceeds(a->eps, v) ? tvis_root_of(0, a->eps) : tvis_root_of(v, none);
}

/* The mean with `bits` bits behind its point, rounded, modulo 2^32: of x + 2^15, which is not negative. */
static uint32_t mean_of(const tvis_layer_norm_s8_args *a, int32_t sum, int32_t bits)
{
    if (a->by_length)
        return (uint32_t)a->zero << bits;
    const uint64_t c = (uint64_t)a->c, mean = (((uint64_t)(sum + a->c * 32768) << bits) + c / 2) / c;
    return (uint32_t)mean - ((uint32_t)32768 << bits);
}

tvis_row_wide tvis_layer_norm_s8_wide(const tvis_layer_norm_s8_args *a, int32_t sum, uint64_t squares)
{
    const uint64_t v = spread(a, sum, squares);
    const uint32_t c = a->by_length ? 1 : (uint32_t)a->c;
    const int32_t left = (62 - tvis_bits(v / c)) / 2;
    tvis_row_wide r = { left, mean_of(a, sum, left), 0 };
    if (v)
        r.scale = tvis_root_times(root(a, v), c, 32 + tvis_layer_norm_s8_bits(a->c, a->by_length) - left);
    return r;
}

int32_t tvis_layer_norm_s8_unit(int32_t c, bool by_length)
{
    const uint64_t n = (uint64_t)(c > 2 && !by_length ? c : 2), most = (uint64_t)32760 * 32760 * (n - 1);
    uint64_t unit = 0;
    for (uint64_t bit = 1 << 14; bit; bit >>= 1)
        if ((unit + bit) * (unit + bit) * n * n <= most)
            unit += bit;
    return (int32_t)unit;
}

/* factor * 2^power < 2^15: from its 15 highest bits, 14 where x less its mean can have 17. */
static tvis_row_narrow narrow_scale(uint64_t factor, int32_t power)
{
    int32_t drop = tvis_bits(factor) - 15, right = -power - drop;
    if (right > 16) {
        drop++;
        right--;
    }
    if (right > 29) {
        drop += right - 29;
        right = 29;
    }
    const uint64_t scale = drop < 63 ? (factor + ((uint64_t)1 << (drop - 1))) >> drop : 0;
    return (tvis_row_narrow){ right, 0, (int32_t)(scale - (scale >> 15)) }; /* it may have been rounded up to 2^15 */
}

tvis_row_narrow tvis_layer_norm_s8_narrow(const tvis_layer_norm_s8_args *a, int32_t unit, int32_t sum, uint64_t squares)
{
    const uint64_t v = spread(a, sum, squares);
    if (!v)
        return (tvis_row_narrow){ 0, 0, 0 };
    const tvis_scaled s = root(a, v);
    const uint64_t c = a->by_length ? 1 : (uint64_t)a->c;
    tvis_row_narrow r = narrow_scale(s.mantissa * c * (uint64_t)unit, s.power);
    const int64_t mean = (int64_t)(int32_t)mean_of(a, sum, 16) * r.scale;
    r.mean = (int32_t)((mean + 32768) >> 16) - (r.right ? 1 << (r.right - 1) : 0);
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
    const int32_t unit = tvis_layer_norm_s8_unit(a->c, a->by_length);
    for (int32_t i = 0; i < a->rows; i++) {
        int32_t sum;
        const uint64_t squares = a->x_wide ? measure(a, i, true, &sum) : measure(a, i, false, &sum);
        if (a->y_wide)
            tvis_layer_norm_s8_wide_rest(a, tvis_layer_norm_s8_wide(a, sum, squares), i, 0);
        else
            tvis_layer_norm_s8_narrow_rest(a, tvis_layer_norm_s8_narrow(a, unit, sum, squares), i, 0);
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
