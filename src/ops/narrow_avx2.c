/* SPDX-License-Identifier: MIT */
#include "core/port.h"
#include "ops/narrow.h"
#include "ops/requant_avx2.h"

enum { STEP = 8 };

/* Two neighbours of the table in one load, times 128 - rest and rest. */
static inline __m256i look_up(const int16_t *table, __m256i v)
{
    const __m256i x = _mm256_add_epi32(v, _mm256_set1_epi32(32768)), rest = _mm256_and_si256(x, _mm256_set1_epi32(127));
    const __m256i pair = _mm256_i32gather_epi32((const int *)(const void *)table, _mm256_srli_epi32(x, 7), 2);
    const __m256i weights = _mm256_sub_epi32(_mm256_set1_epi32(128), rest);
    const __m256i sum = _mm256_madd_epi16(pair, _mm256_or_si256(weights, _mm256_slli_epi32(rest, 16)));
    return _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(64)), 7);
}

static inline __m256i load_added(const tvis_narrow_args *a, ptrdiff_t at)
{
    if (a->add_wide)
        return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)((const int16_t *)a->add + at)));
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)((const int8_t *)a->add + at)));
}

static inline void store(const tvis_narrow_args *a, ptrdiff_t at, __m256i v)
{
    if (a->table) {
        v = look_up(a->table, v);
        if (!a->wide)
            v = _mm256_srai_epi32(_mm256_add_epi32(v, _mm256_set1_epi32(128)), 8);
    }
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    if (a->wide)
        _mm_storeu_si128((__m128i *)(void *)((int16_t *)a->y + at), words);
    else
        _mm_storel_epi64((__m128i *)(void *)((int8_t *)a->y + at), _mm_packs_epi16(words, words));
}

static inline __m256i load(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* The limits come before the zero point: that can't overflow. */
static void row(const tvis_narrow_args *a, int32_t i)
{
    const tvis_requant *q = &a->q;
    const __m256i shift = _mm256_set1_epi32(q->shift), zero = _mm256_set1_epi32(q->zero);
    const __m256i lo = _mm256_set1_epi32(q->lo - q->zero), hi = _mm256_set1_epi32(q->hi - q->zero);
    const __m256i add_mul = _mm256_set1_epi32(a->add_q.mul), add_shift = _mm256_set1_epi32(a->add_q.shift);
    const __m256i add_zero = _mm256_set1_epi32(a->add_q.zero);
    const int32_t *x = a->x + (ptrdiff_t)i * a->ldx;
    const ptrdiff_t y = (ptrdiff_t)i * a->ldy;
    int32_t j = 0;
    for (; a->n - j >= STEP; j += STEP) {
        __m256i v = scale8_in_order(load(x + j), load(q->mul + j), shift);
        if (a->add) {
            const __m256i add = _mm256_sub_epi32(load_added(a, y + j), add_zero);
            v = _mm256_add_epi32(v, scale8_in_order(add, add_mul, add_shift));
        }
        store(a, y + j, _mm256_add_epi32(_mm256_min_epi32(_mm256_max_epi32(v, lo), hi), zero));
    }
    tvis_narrow_rest(a, i, j);
}

void tvis_narrow_8_avx2(const tvis_narrow_args *a)
{
    for (int32_t i = 0; i < a->m; i++)
        row(a, i);
}
