/* SPDX-License-Identifier: MIT */
/* The words of layer_norm_s8_vec.h for 16 lanes, but for vtimes_add(). */
#ifndef TVIS_OPS_LAYER_NORM_S8_AVX512_H
#define TVIS_OPS_LAYER_NORM_S8_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "core/port.h"

#define VEC 16
typedef __m512i ivec;

#define iset1(x)   _mm512_set1_epi32(x)
#define iload(p)   _mm512_loadu_si512(p)
#define vload16(p) _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)(p)))
#define vload8(p)  _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)(p)))
#define vshl(v, n) _mm512_sll_epi32(v, _mm_cvtsi32_si128(n))
#define vshr(v, n) _mm512_sra_epi32(v, _mm_cvtsi32_si128(n))
#define vsub(a, b) _mm512_sub_epi32(a, b)
#define vadd(a, b) _mm512_add_epi32(a, b)

/* Even and odd elements apart. */
TVIS_INLINE ivec vhigh2(ivec t, ivec r, const int32_t *weight)
{
    const ivec w = iload(weight);
    const ivec even = _mm512_srli_epi64(_mm512_mul_epi32(t, r), 32);
    const ivec odd = _mm512_srli_epi64(_mm512_mul_epi32(_mm512_srli_epi64(t, 32), r), 32);
    const ivec low = _mm512_srli_epi64(_mm512_mul_epi32(even, w), 32);
    return _mm512_mask_blend_epi32(0xaaaa, low, _mm512_mul_epi32(odd, _mm512_srli_epi64(w, 32)));
}

TVIS_INLINE void vstore16(int16_t *y, ivec a, ivec b)
{
    _mm256_storeu_si256((__m256i *)(void *)y, _mm512_cvtsepi32_epi16(a));
    _mm256_storeu_si256((__m256i *)(void *)(y + VEC), _mm512_cvtsepi32_epi16(b));
}

TVIS_INLINE void vstore8(int8_t *y, ivec a, ivec b)
{
    _mm_storeu_si128((__m128i *)(void *)y, _mm512_cvtsepi32_epi8(a));
    _mm_storeu_si128((__m128i *)(void *)(y + VEC), _mm512_cvtsepi32_epi8(b));
}

/* Two squares are at most 2^31, without a sign. */
TVIS_INLINE uint64_t measure16(const int16_t *x, int32_t n, int32_t *sum)
{
    const ivec ones = _mm512_set1_epi16(1), low = _mm512_set1_epi64(0xffffffff);
    ivec s = _mm512_setzero_si512(), even = s, odd = s;
    for (int32_t k = 0; k < n; k += 2 * VEC) {
        const ivec v = iload(x + k), q = _mm512_madd_epi16(v, v);
        s = _mm512_add_epi32(s, _mm512_madd_epi16(v, ones));
        even = _mm512_add_epi64(even, _mm512_and_si512(q, low));
        odd = _mm512_add_epi64(odd, _mm512_srli_epi64(q, 32));
    }
    *sum = _mm512_reduce_add_epi32(s);
    return (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(even, odd));
}

/* 2^14 squares are at most 2^28. */
TVIS_INLINE uint64_t measure8(const int8_t *x, int32_t n, int32_t *sum)
{
    const ivec ones = _mm512_set1_epi16(1);
    ivec s = _mm512_setzero_si512(), squares = s;
    for (int32_t k = 0; k < n; k += 2 * VEC) {
        const ivec v = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(x + k)));
        s = _mm512_add_epi32(s, _mm512_madd_epi16(v, ones));
        squares = _mm512_add_epi32(squares, _mm512_madd_epi16(v, v));
    }
    *sum = _mm512_reduce_add_epi32(s);
    return (uint32_t)_mm512_reduce_add_epi32(squares);
}

#endif
