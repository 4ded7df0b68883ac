/* SPDX-License-Identifier: MIT */
#include "core/port.h"
#include "ops/narrow.h"
#include "ops/requant_avx2.h"

enum { STEP = 8 };

/* Of all rows. The limits come before the zero point: that can't overflow. */
typedef struct constants {
    __m256i shift, lo, hi, zero, add_mul, add_shift, add_zero;
} constants;

/* With a table, values are counted from its first entry on. */
static constants constants_of(const tvis_narrow_args *a)
{
    const tvis_requant *q = &a->q;
    const constants k = { _mm256_set1_epi32(q->shift),        _mm256_set1_epi32(q->lo - q->zero),
                          _mm256_set1_epi32(q->hi - q->zero), _mm256_set1_epi32(q->zero + (a->table ? 32768 : 0)),
                          _mm256_set1_epi32(a->add_q.mul),    _mm256_set1_epi32(a->add_q.shift),
                          _mm256_set1_epi32(a->add_q.zero) };
    return k;
}

/* Two neighbours of the table in one load, times 128 - rest and rest. Of the result's two shifts to the right, by 7 and
 * by 8, each rounded, an S8 has the sum. */
TVIS_INLINE __m256i look_up(const int16_t *table, __m256i x, const bool wide)
{
    const __m256i rest = _mm256_and_si256(x, _mm256_set1_epi32(127));
    const __m256i pair = _mm256_i32gather_epi32((const int *)(const void *)table, _mm256_srli_epi32(x, 7), 2);
    const __m256i weights = _mm256_sub_epi32(_mm256_set1_epi32(128), rest);
    const __m256i sum = _mm256_madd_epi16(pair, _mm256_or_si256(weights, _mm256_slli_epi32(rest, 16)));
    return wide ? _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(64)), 7)
                : _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(64 + 128 * 128)), 15);
}

static inline __m256i load_added(const tvis_narrow_args *a, ptrdiff_t at)
{
    if (a->add_wide)
        return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)((const int16_t *)a->add + at)));
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)((const int8_t *)a->add + at)));
}

static inline __m256i load(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* Eight results for columns from j on; x: their sums, at: their place in y. */
TVIS_INLINE __m256i results(const tvis_narrow_args *a, const constants *k, const int32_t *x, int32_t j, ptrdiff_t at,
                            const bool table, const bool wide)
{
    __m256i v = scale8_in_order(load(x + j), load(a->q.mul + j), k->shift);
    if (a->add) {
        const __m256i add = _mm256_sub_epi32(load_added(a, at), k->add_zero);
        v = _mm256_add_epi32(v, scale8_in_order(add, k->add_mul, k->add_shift));
    }
    v = _mm256_add_epi32(_mm256_min_epi32(_mm256_max_epi32(v, k->lo), k->hi), k->zero);
    return table ? look_up(a->table, v, wide) : v;
}

TVIS_INLINE void store(const tvis_narrow_args *a, ptrdiff_t at, __m256i v, const bool wide)
{
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    if (wide)
        _mm_storeu_si128((__m128i *)(void *)((int16_t *)a->y + at), words);
    else
        _mm_storel_epi64((__m128i *)(void *)((int8_t *)a->y + at), _mm_packs_epi16(words, words));
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
            store(&a, y + j, results(&a, &k, x, j, y + j, table, wide), wide);
        if (j < a.n)
            tvis_narrow_rest(args, i, j);
    }
}

void tvis_narrow_8_avx2(const tvis_narrow_args *a)
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
