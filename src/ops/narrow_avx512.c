/* SPDX-License-Identifier: MIT */
#include "core/port.h"
#include "ops/narrow.h"
#include "ops/requant_avx512.h"

enum { STEP = 16 };

/* Of all rows. The limits come before the zero point: that can't overflow. */
typedef struct constants {
    __m512i shift, lo, hi, zero, add_mul, add_shift, add_zero;
} constants;

/* With a table, values are counted from its first entry on. */
static constants constants_of(const tvis_narrow_args *a)
{
    const tvis_requant *q = &a->q;
    const constants k = { _mm512_set1_epi32(q->shift),        _mm512_set1_epi32(q->lo - q->zero),
                          _mm512_set1_epi32(q->hi - q->zero), _mm512_set1_epi32(q->zero + (a->table ? 32768 : 0)),
                          _mm512_set1_epi32(a->add_q.mul),    _mm512_set1_epi32(a->add_q.shift),
                          _mm512_set1_epi32(a->add_q.zero) };
    return k;
}

/* Two neighbours of the table in one load, times 128 - rest and rest. Of the result's two shifts to the right, by 7 and
 * by 8, each rounded, an S8 has the sum. */
TVIS_INLINE __m512i look_up(const int16_t *table, __m512i x, const bool wide)
{
    const __m512i rest = _mm512_and_si512(x, _mm512_set1_epi32(127));
    const __m512i pair = _mm512_i32gather_epi32(_mm512_srli_epi32(x, 7), table, 2);
    const __m512i weights = _mm512_sub_epi32(_mm512_set1_epi32(128), rest);
    const __m512i sum = _mm512_madd_epi16(pair, _mm512_or_si512(weights, _mm512_slli_epi32(rest, 16)));
    return wide ? _mm512_srai_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(64)), 7)
                : _mm512_srai_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(64 + 128 * 128)), 15);
}

static inline __m512i load_added(const tvis_narrow_args *a, ptrdiff_t at, __mmask16 mask)
{
    if (a->add_wide)
        return _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, (const int16_t *)a->add + at));
    return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, (const int8_t *)a->add + at));
}

/* Results for columns from j on, as many as the mask has; x: their sums, at: their place in y. */
TVIS_INLINE void step(const tvis_narrow_args *a, const constants *k, const int32_t *x, int32_t j, ptrdiff_t at,
                      __mmask16 mask, const bool table, const bool wide)
{
    const __m512i mul = _mm512_maskz_loadu_epi32(mask, a->q.mul + j);
    __m512i v = scale16(_mm512_maskz_loadu_epi32(mask, x + j), mul, odd16(mul), k->shift);
    if (a->add) {
        const __m512i add = _mm512_sub_epi32(load_added(a, at, mask), k->add_zero);
        v = _mm512_add_epi32(v, scale16(add, k->add_mul, k->add_mul, k->add_shift));
    }
    v = _mm512_add_epi32(_mm512_min_epi32(_mm512_max_epi32(v, k->lo), k->hi), k->zero);
    if (table)
        v = look_up(a->table, v, wide);
    if (wide)
        _mm256_mask_storeu_epi16((int16_t *)a->y + at, mask, _mm512_cvtsepi32_epi16(v));
    else
        _mm_mask_storeu_epi8((int8_t *)a->y + at, mask, _mm512_cvtsepi32_epi8(v));
}

/* The compiler knows that what is stored changes no copy. */
TVIS_INLINE void rows_of(const tvis_narrow_args *args, const bool table, const bool wide)
{
    const tvis_narrow_args a = *args;
    const constants k = constants_of(args);
    for (int32_t i = 0; i < a.m; i++) {
        const int32_t *x = a.x + (ptrdiff_t)i * a.ldx;
        const ptrdiff_t y = (ptrdiff_t)i * a.ldy;
        int32_t j = 0;
        for (; a.n - j >= STEP; j += STEP)
            step(&a, &k, x, j, y + j, first16(STEP), table, wide);
        if (j < a.n)
            step(&a, &k, x, j, y + j, first16(a.n - j), table, wide);
    }
}

void tvis_narrow_16_avx512(const tvis_narrow_args *a)
{
    if (a->table && a->wide)
        rows_of(a, true, true);
    else if (a->table)
        rows_of(a, true, false);
    else if (a->wide)
        rows_of(a, false, true);
    else
        rows_of(a, false, false);
}
