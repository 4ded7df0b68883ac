/* SPDX-License-Identifier: MIT */
#include "core/port.h"
#include "ops/narrow.h"
#include "ops/requant_avx512.h"

enum { STEP = 16 };

/* Two neighbours of the table in one load, times 128 - rest and rest. */
static inline __m512i look_up(const int16_t *table, __m512i v)
{
    const __m512i x = _mm512_add_epi32(v, _mm512_set1_epi32(32768)), rest = _mm512_and_si512(x, _mm512_set1_epi32(127));
    const __m512i pair = _mm512_i32gather_epi32(_mm512_srli_epi32(x, 7), table, 2);
    const __m512i weights = _mm512_sub_epi32(_mm512_set1_epi32(128), rest);
    const __m512i sum = _mm512_madd_epi16(pair, _mm512_or_si512(weights, _mm512_slli_epi32(rest, 16)));
    return _mm512_srai_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(64)), 7);
}

static inline __m512i load_added(const tvis_narrow_args *a, ptrdiff_t at, __mmask16 mask)
{
    if (a->add_wide)
        return _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, (const int16_t *)a->add + at));
    return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, (const int8_t *)a->add + at));
}

static inline void store(const tvis_narrow_args *a, ptrdiff_t at, __mmask16 mask, __m512i v)
{
    if (a->table) {
        v = look_up(a->table, v);
        if (!a->wide)
            v = _mm512_srai_epi32(_mm512_add_epi32(v, _mm512_set1_epi32(128)), 8);
    }
    if (a->wide)
        _mm256_mask_storeu_epi16((int16_t *)a->y + at, mask, _mm512_cvtsepi32_epi16(v));
    else
        _mm_mask_storeu_epi8((int8_t *)a->y + at, mask, _mm512_cvtsepi32_epi8(v));
}

/* The limits come before the zero point: that can't overflow. */
static void row(const tvis_narrow_args *a, int32_t i)
{
    const tvis_requant *q = &a->q;
    const __m512i shift = _mm512_set1_epi32(q->shift), zero = _mm512_set1_epi32(q->zero);
    const __m512i lo = _mm512_set1_epi32(q->lo - q->zero), hi = _mm512_set1_epi32(q->hi - q->zero);
    const __m512i add_mul = _mm512_set1_epi32(a->add_q.mul), add_shift = _mm512_set1_epi32(a->add_q.shift);
    const __m512i add_zero = _mm512_set1_epi32(a->add_q.zero);
    const int32_t *x = a->x + (ptrdiff_t)i * a->ldx;
    const ptrdiff_t y = (ptrdiff_t)i * a->ldy;
    for (int32_t j = 0; j < a->n; j += STEP) {
        const __mmask16 mask = first16(a->n - j);
        const __m512i mul = _mm512_maskz_loadu_epi32(mask, q->mul + j);
        __m512i v = scale16(_mm512_maskz_loadu_epi32(mask, x + j), mul, odd16(mul), shift);
        if (a->add) {
            const __m512i add = _mm512_sub_epi32(load_added(a, y + j, mask), add_zero);
            v = _mm512_add_epi32(v, scale16(add, add_mul, add_mul, add_shift));
        }
        store(a, y + j, mask, _mm512_add_epi32(_mm512_min_epi32(_mm512_max_epi32(v, lo), hi), zero));
    }
}

void tvis_narrow_16_avx512(const tvis_narrow_args *a)
{
    for (int32_t i = 0; i < a->m; i++)
        row(a, i);
}
