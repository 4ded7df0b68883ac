/* SPDX-License-Identifier: MIT */
/* Layer normalisation of integers for two vectors of VEC 32-bit lanes at a time, included by the file that defines the
 * variant, after
 * ivec, iset1(x); vload8(x), vload16(x): VEC integers, widened; vshl(v, n), vshr(v, n), vsub(a, b), vadd(a, b)
 * vhigh2(t, r, w): (((t * r) >> 32) * w) >> 32 with w loaded from memory
 * vstore8(y, a, b), vstore16(y, a, b): 2 * VEC integers, narrowed with saturation
 * measure8(x, n, sum), measure16(x, n, sum): sum of n integers, a multiple of 2 * VEC; their squares are returned */
#include "core/port.h"
#include "ops/layer_norm_s8.h"

TVIS_INLINE tvis_row_norm norm_measure(const tvis_layer_norm_s8_args *a, ptrdiff_t row, const bool wide)
{
    const int32_t whole = a->c - a->c % (2 * VEC);
    int32_t sum = 0;
    uint64_t squares =
        wide ? measure16((const int16_t *)a->x + row, whole, &sum) : measure8((const int8_t *)a->x + row, whole, &sum);
    for (int32_t k = whole; k < a->c; k++) {
        const int32_t x = wide ? ((const int16_t *)a->x)[row + k] : ((const int8_t *)a->x)[row + k];
        sum += x;
        squares += (uint32_t)(x * x);
    }
    return tvis_layer_norm_s8_row(sum, squares, a->c, a->eps);
}

TVIS_INLINE void norm_rows(const tvis_layer_norm_s8_args *a, const bool wide, const bool wide_out)
{
    for (int32_t i = 0; i < a->rows; i++) {
        const ptrdiff_t row = (ptrdiff_t)i * a->c;
        const tvis_row_norm r = norm_measure(a, row, wide);
        const ivec mean = iset1((int32_t)r.mean), scale = iset1(r.scale);
        int32_t k = 0;
        for (; a->c - k >= 2 * VEC; k += 2 * VEC) {
            ivec v[2];
            for (int32_t j = 0; j < 2; j++) {
                const ptrdiff_t at = row + k + j * VEC;
                const ivec x = wide ? vload16((const int16_t *)a->x + at) : vload8((const int8_t *)a->x + at);
                const ivec p = vhigh2(vsub(vshl(x, r.shift), mean), scale, a->weight + k + j * VEC);
                v[j] = vshr(vadd(p, iload(a->bias + k + j * VEC)), a->shift);
            }
            if (wide_out)
                vstore16((int16_t *)a->y + row + k, v[0], v[1]);
            else
                vstore8((int8_t *)a->y + row + k, v[0], v[1]);
        }
        tvis_layer_norm_s8_rest(a, r, i, k);
    }
}

TVIS_INLINE void norm_all(const tvis_layer_norm_s8_args *a)
{
    if (a->x_wide && a->y_wide)
        norm_rows(a, true, true);
    else if (a->x_wide)
        norm_rows(a, true, false);
    else if (a->y_wide)
        norm_rows(a, false, true);
    else
        norm_rows(a, false, false);
}
