/* SPDX-License-Identifier: MIT */
#include <immintrin.h>
#include <stdint.h>

#define BLOCK 16

typedef struct sums {
    __m256i v0, v8;
} sums;

static inline __m256i *at(const int32_t *p)
{
    return (__m256i *)(uintptr_t)p;
}

static inline sums zero_sums(void)
{
    const sums s = { _mm256_setzero_si256(), _mm256_setzero_si256() };
    return s;
}

static inline sums load_sums(const int32_t *p)
{
    const sums s = { _mm256_loadu_si256(at(p)), _mm256_loadu_si256(at(p + 8)) };
    return s;
}

static inline void store_sums(int32_t *p, sums s)
{
    _mm256_storeu_si256(at(p), s.v0);
    _mm256_storeu_si256(at(p + 8), s.v8);
}

/* Each product in a pair with 0. */
static inline sums multiply_add(sums s, const int16_t *x, const int8_t *w)
{
    const __m128i *from = (const __m128i *)(const void *)x;
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)w);
    const __m256i x0 = _mm256_cvtepu16_epi32(_mm_loadu_si128(from)),
                  x8 = _mm256_cvtepu16_epi32(_mm_loadu_si128(from + 1));
    s.v0 = _mm256_add_epi32(s.v0, _mm256_madd_epi16(x0, _mm256_cvtepi8_epi32(bytes)));
    s.v8 = _mm256_add_epi32(s.v8, _mm256_madd_epi16(x8, _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))));
    return s;
}

#include "ops/depthwise_s16_vec.h"

void tvis_depthwise_s16_16_avx2(const tvis_depthwise_s16_args *a)
{
    depthwise(a);
}
