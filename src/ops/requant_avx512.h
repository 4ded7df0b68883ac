/* SPDX-License-Identifier: MIT */
/* tvis_requant_scale() and tvis_requant_clamp() for 16 values at a time. */
#ifndef TVIS_OPS_REQUANT_AVX512_H
#define TVIS_OPS_REQUANT_AVX512_H

#include <immintrin.h>

#include "ops/requant.h"

/* The first n of 16, n of any size. */
static inline __mmask16 first16(int32_t n)
{
    return (__mmask16)(n >= 16 ? 0xffff : n < 0 ? 0 : (1u << n) - 1u);
}

/* odd: mul with the odd elements moved to the even places. */
static inline __m512i scale16(__m512i acc, __m512i mul, __m512i odd, __m512i shift)
{
    const __m512i half = _mm512_set1_epi64((int64_t)1 << 31), a = _mm512_sllv_epi32(acc, shift);
    const __m512i low = _mm512_add_epi64(_mm512_mul_epi32(a, mul), half);
    const __m512i high = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(a, 32), odd), half);
    return _mm512_mask_shuffle_epi32(high, 0x5555, low, _MM_PERM_DDBB);
}

static inline __m512i odd16(__m512i mul)
{
    return _mm512_srli_epi64(mul, 32);
}

/* With m = mul << (shift + 1), R(acc) = ((acc * m >> 32) + 1) >> 1: half a step is added to 16 bits, with the zero
 * point, not twice to 64, and acc need not be shifted. Factors below 1/4 have an m of 32 bits: whether all of these
 * have. */
static inline bool doubles(__m512i mul, int32_t shift)
{
    const __m512i by = _mm512_set1_epi32(shift + 1);
    return _mm512_cmpneq_epi32_mask(_mm512_srav_epi32(_mm512_sllv_epi32(mul, by), by), mul) == 0;
}

static inline __m512i doubled(__m512i mul, int32_t shift)
{
    return _mm512_sllv_epi32(mul, _mm512_set1_epi32(shift + 1));
}

/* acc * m >> 32; odd: m with the odd elements moved to the even places. */
static inline __m512i twice16(__m512i acc, __m512i m, __m512i odd)
{
    const __m512i low = _mm512_mul_epi32(acc, m), high = _mm512_mul_epi32(_mm512_srli_epi64(acc, 32), odd);
    return _mm512_mask_shuffle_epi32(high, 0x5555, low, _MM_PERM_DDBB);
}

typedef struct limits64 {
    __m512i lo, hi, zero; /* zero: 16 bits wide */
} limits64;

static inline limits64 limits64_of(const tvis_requant *q)
{
    const limits64 l = { _mm512_set1_epi8((char)q->lo), _mm512_set1_epi8((char)q->hi),
                         _mm512_set1_epi16((short)q->zero) };
    return l;
}

/* 64 values as they are packed: four of a, four of b, four of c, four of d, then the next four of each. Saturating at
 * 16 bits before the zero point is added changes nothing after the clamp. */
static inline __m512i clamp64(__m512i a, __m512i b, __m512i c, __m512i d, limits64 l)
{
    const __m512i left = _mm512_adds_epi16(_mm512_packs_epi32(a, b), l.zero);
    const __m512i right = _mm512_adds_epi16(_mm512_packs_epi32(c, d), l.zero);
    return _mm512_min_epi8(l.hi, _mm512_max_epi8(l.lo, _mm512_packs_epi16(left, right)));
}

static inline limits64 limits64_of_twice(const tvis_requant *q)
{
    const limits64 l = { _mm512_set1_epi8((char)q->lo), _mm512_set1_epi8((char)q->hi),
                         _mm512_set1_epi16((short)(2 * q->zero + 1)) };
    return l;
}

/* clamp64() of what twice16() gives. What saturates is still outside of the limits when it is halved. */
static inline __m512i clamp64_of_twice(__m512i a, __m512i b, __m512i c, __m512i d, limits64 l)
{
    const __m512i left = _mm512_srai_epi16(_mm512_adds_epi16(_mm512_packs_epi32(a, b), l.zero), 1);
    const __m512i right = _mm512_srai_epi16(_mm512_adds_epi16(_mm512_packs_epi32(c, d), l.zero), 1);
    return _mm512_min_epi8(l.hi, _mm512_max_epi8(l.lo, _mm512_packs_epi16(left, right)));
}

/* What clamp64() gives, in order: a, b, c, d. */
static inline __m512i in_order(__m512i packed)
{
    const __m512i from = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(from, packed);
}

#endif
