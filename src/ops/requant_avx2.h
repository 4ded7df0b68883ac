/* SPDX-License-Identifier: MIT */
/* tvis_requant_scale() and tvis_requant_clamp() for 8 and 32 values at a time. */
#ifndef TVIS_OPS_REQUANT_AVX2_H
#define TVIS_OPS_REQUANT_AVX2_H

#include <immintrin.h>

#include "ops/requant.h"

/* R of eight values, in the order 0 2 1 3, 4 6 5 7. odd: mul with the odd elements moved to the even places. */
static inline __m256i scale8(__m256i acc, __m256i mul, __m256i odd, __m256i shift)
{
    const __m256i half = _mm256_set1_epi64x((int64_t)1 << 31), a = _mm256_sllv_epi32(acc, shift);
    const __m256i low = _mm256_add_epi64(_mm256_mul_epi32(a, mul), half);
    const __m256i high = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(a, 32), odd), half);
    return _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high), 0xdd));
}

static inline __m256i odd8(__m256i mul)
{
    return _mm256_srli_epi64(mul, 32);
}

static inline __m256i scale8_in_order(__m256i acc, __m256i mul, __m256i shift)
{
    const __m256i half = _mm256_set1_epi64x((int64_t)1 << 31), a = _mm256_sllv_epi32(acc, shift);
    const __m256i low = _mm256_add_epi64(_mm256_mul_epi32(a, mul), half);
    const __m256i high = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(a, 32), odd8(mul)), half);
    return _mm256_blend_epi32(_mm256_srli_epi64(low, 32), high, 0xaa);
}

typedef struct limits32 {
    __m256i lo, hi, zero; /* zero: 16 bits wide */
} limits32;

static inline limits32 limits32_of(const tvis_requant *q)
{
    const limits32 l = { _mm256_set1_epi8((char)q->lo), _mm256_set1_epi8((char)q->hi),
                         _mm256_set1_epi16((short)q->zero) };
    return l;
}

/* Two times 16 values that scale8() gave, a and b, in their first order: a is the lower half. Saturating at 16 bits
 * before the zero point is added changes nothing after the clamp. */
static inline __m256i clamp32(__m256i a0, __m256i a8, __m256i b0, __m256i b8, limits32 l)
{
    const __m256i a = _mm256_adds_epi16(_mm256_packs_epi32(a0, a8), l.zero);
    const __m256i b = _mm256_adds_epi16(_mm256_packs_epi32(b0, b8), l.zero);
    const __m256i v = _mm256_min_epi8(l.hi, _mm256_max_epi8(l.lo, _mm256_packs_epi16(a, b)));
    const __m256i fours = _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    const __m256i in_four =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15));
    return _mm256_shuffle_epi8(fours, in_four);
}

#endif
