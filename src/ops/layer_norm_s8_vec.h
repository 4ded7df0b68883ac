/* SPDX-License-Identifier: MIT */
/* Layer normalisation of integers for two vectors of VEC 32-bit lanes at a time, included by the file that defines the
 * variant, after
 * ivec, iset1(x), iload(p); vload8(x), vload16(x): VEC integers, widened; vshl(v, n), vshr(v, n), vsub(a, b), vadd(a,
 * b) vhigh2(t, r, w): (((t * r) >> 32) * w) >> 32, w is loaded from memory vtimes_add(x, w, a): x * w + a, x of 16
 * bits, w the lower 16 bits of a lane, zeros above vstore8(y, a, b), vstore16(y, a, b): 2 * VEC integers, narrowed with
 * saturation measure8(x, n, sum), measure16(x, n, sum): sum of n integers, a multiple of 2 * VEC; their squares are
 * returned */
#include "core/port.h"
#include "ops/layer_norm_s8.h"

TVIS_INLINE uint64_t norm_measure(const tvis_layer_norm_s8_args *a, ptrdiff_t row, const bool wide, int32_t *sum)
{
    const int32_t whole = a->c - a->c % (2 * VEC);
    uint64_t squares =
        wide ? measure16((const int16_t *)a->x + row, whole, sum) : measure8((const int8_t *)a->x + row, whole, sum);
    for (int32_t k = whole; k < a->c; k++) {
        const int32_t x = wide ? ((const int16_t *)a->x)[row + k] : ((const int8_t *)a->x)[row + k];
        *sum += x;
        squares += (uint32_t)(x * x);
    }
    return squares;
}

TVIS_INLINE ivec norm_load(const tvis_layer_norm_s8_args *a, ptrdiff_t at, const bool wide)
{
    return wide ? vload16((const int16_t *)a->x + at) : vload8((const int8_t *)a->x + at);
}

TVIS_INLINE void wide_row(const tvis_layer_norm_s8_args *a, tvis_row_wide r, int32_t i, const bool wide)
{
    const ptrdiff_t row = (ptrdiff_t)i * a->c;
    const ivec mean = iset1((int32_t)r.mean), scale = iset1(r.scale);
    int32_t k = 0;
    for (; a->c - k >= 2 * VEC; k += 2 * VEC) {
        ivec v[2];
        for (int32_t j = 0; j < 2; j++) {
            const int32_t at = k + j * VEC;
            const ivec t = vsub(vshl(norm_load(a, row + at, wide), r.left), mean);
            v[j] = vshr(vadd(vhigh2(t, scale, a->weight + at), iload(a->bias + at)), a->shift);
        }
        vstore16((int16_t *)a->y + row + k, v[0], v[1]);
    }
    if (k < a->c)
        tvis_layer_norm_s8_wide_rest(a, r, i, k);
}

TVIS_INLINE void narrow_row(const tvis_layer_norm_s8_args *a, tvis_row_narrow r, int32_t i, const bool wide)
{
    const ptrdiff_t row = (ptrdiff_t)i * a->c;
    const ivec minus = iset1(-r.mean), scale = iset1(r.scale);
    int32_t k = 0;
    for (; a->c - k >= 2 * VEC; k += 2 * VEC) {
        ivec v[2];
        for (int32_t j = 0; j < 2; j++) {
            const int32_t at = k + j * VEC;
            const ivec n = vshr(vtimes_add(norm_load(a, row + at, wide), scale, minus), r.right);
            v[j] = vshr(vtimes_add(n, iload(a->weight + at), iload(a->bias + at)), a->shift);
        }
        vstore8((int8_t *)a->y + row + k, v[0], v[1]);
    }
    if (k < a->c)
        tvis_layer_norm_s8_narrow_rest(a, r, i, k);
}

/* Several rows are measured before the first is written: roots wait for what is before them, but not for each other. */
enum { NORM_ROWS = 8 };

TVIS_INLINE void norm_to_s16(const tvis_layer_norm_s8_args *a, const bool wide)
{
    tvis_row_wide r[NORM_ROWS];
    for (int32_t first = 0, n; first < a->rows; first += n) {
        n = a->rows - first < NORM_ROWS ? a->rows - first : NORM_ROWS;
        for (int32_t i = 0; i < n; i++) {
            int32_t sum;
            const uint64_t squares = norm_measure(a, (ptrdiff_t)(first + i) * a->c, wide, &sum);
            r[i] = tvis_layer_norm_s8_wide(a, sum, squares);
        }
        for (int32_t i = 0; i < n; i++)
            wide_row(a, r[i], first + i, wide);
    }
}

TVIS_INLINE void norm_to_s8(const tvis_layer_norm_s8_args *a, const bool wide)
{
    const int32_t unit = tvis_layer_norm_s8_unit(a->c, a->by_length);
    tvis_row_narrow r[NORM_ROWS];
    for (int32_t first = 0, n; first < a->rows; first += n) {
        n = a->rows - first < NORM_ROWS ? a->rows - first : NORM_ROWS;
        for (int32_t i = 0; i < n; i++) {
            int32_t sum;
            const uint64_t squares = norm_measure(a, (ptrdiff_t)(first + i) * a->c, wide, &sum);
            r[i] = tvis_layer_norm_s8_narrow(a, unit, sum, squares);
        }
        for (int32_t i = 0; i < n; i++)
            narrow_row(a, r[i], first + i, wide);
    }
}

TVIS_INLINE void norm_rows(const tvis_layer_norm_s8_args *a)
{
    if (a->x_wide && a->y_wide)
        norm_to_s16(a, true);
    else if (a->y_wide)
        norm_to_s16(a, false);
    else if (a->x_wide)
        norm_to_s8(a, true);
    else
        norm_to_s8(a, false);
}
