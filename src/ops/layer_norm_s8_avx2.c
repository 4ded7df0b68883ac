/* SPDX-License-Identifier: MIT */
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "core/port.h"

#define VEC 8
typedef __m256i ivec;

#define iset1(x)            _mm256_set1_epi32(x)
#define iload(p)            _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define vload16(p)          _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)(p)))
#define vload8(p)           _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(p)))
#define vshl(v, n)          _mm256_sll_epi32(v, _mm_cvtsi32_si128(n))
#define vshr(v, n)          _mm256_sra_epi32(v, _mm_cvtsi32_si128(n))
#define vsub(a, b)          _mm256_sub_epi32(a, b)
#define vadd(a, b)          _mm256_add_epi32(a, b)
#define vtimes_add(x, w, a) _mm256_add_epi32(_mm256_madd_epi16(x, w), a)

/* Even and odd elements apart. */
TVIS_INLINE ivec vhigh2(ivec t, ivec r, const int32_t *weight)
{
    const ivec w = iload(weight);
    const ivec even = _mm256_srli_epi64(_mm256_mul_epi32(t, r), 32);
    const ivec odd = _mm256_srli_epi64(_mm256_mul_epi32(_mm256_srli_epi64(t, 32), r), 32);
    const ivec low = _mm256_srli_epi64(_mm256_mul_epi32(even, w), 32);
    return _mm256_blend_epi32(low, _mm256_mul_epi32(odd, _mm256_srli_epi64(w, 32)), 0xaa);
}

TVIS_INLINE void vstore16(int16_t *y, ivec a, ivec b)
{
    const ivec v = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
    _mm256_storeu_si256((__m256i *)(void *)y, v);
}

TVIS_INLINE void vstore8(int8_t *y, ivec a, ivec b)
{
    const ivec v = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
    const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    _mm_storeu_si128((__m128i *)(void *)y, bytes);
}

TVIS_INLINE int32_t sum32(ivec v)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

TVIS_INLINE uint64_t sum64(ivec v)
{
    uint64_t lanes[4];
    _mm256_storeu_si256((__m256i *)(void *)lanes, v);
    return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

/* Two squares are at most 2^31, without a sign. */
TVIS_INLINE uint64_t measure16(const int16_t *x, int32_t n, int32_t *sum)
{
    const ivec ones = _mm256_set1_epi16(1), low = _mm256_set1_epi64x(0xffffffff);
    ivec s = _mm256_setzero_si256(), even = s, odd = s;
    for (int32_t k = 0; k < n; k += 2 * VEC) {
        const ivec v = iload(x + k), q = _mm256_madd_epi16(v, v);
        s = _mm256_add_epi32(s, _mm256_madd_epi16(v, ones));
        even = _mm256_add_epi64(even, _mm256_and_si256(q, low));
        odd = _mm256_add_epi64(odd, _mm256_srli_epi64(q, 32));
    }
    *sum = sum32(s);
    return sum64(_mm256_add_epi64(even, odd));
}

/* 2^14 squares are at most 2^28. */
TVIS_INLINE uint64_t measure8(const int8_t *x, int32_t n, int32_t *sum)
{
    const ivec ones = _mm256_set1_epi16(1);
    ivec s = _mm256_setzero_si256(), squares = s;
    for (int32_t k = 0; k < n; k += 2 * VEC) {
        const ivec v = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(x + k)));
        s = _mm256_add_epi32(s, _mm256_madd_epi16(v, ones));
        squares = _mm256_add_epi32(squares, _mm256_madd_epi16(v, v));
    }
    *sum = sum32(s);
    return (uint32_t)sum32(squares);
}

#include "ops/layer_norm_s8_vec.h"

void tvis_layer_norm_s8_avx2(const tvis_layer_norm_s8_args *a)
{
    norm_rows(a);
}
