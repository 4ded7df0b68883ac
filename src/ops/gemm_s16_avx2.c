/* SPDX-License-Identifier: MIT */
/* AVX2: tiles of 4 x 16. VPMADDWD is exact: two products, 2^23 at most. */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

enum { NR = 16, LANES = 8 };

typedef __m256i sums;
typedef __m256i pair;
typedef __m256i weight;

static inline sums load_words(const int32_t *p, int32_t n)
{
    sums s = _mm256_setzero_si256();
    if (p && n > 0)
        memcpy(&s, p, (size_t)(n < LANES ? n : LANES) * sizeof *p);
    return s;
}

static inline void store_words(int32_t *p, int32_t n, sums s)
{
    if (n >= LANES)
        _mm256_storeu_si256((__m256i *)(void *)p, s);
    else if (n > 0)
        memcpy(p, &s, (size_t)n * sizeof *p);
}

static inline pair load_pair(const int16_t *p)
{
    return _mm256_broadcastd_epi32(_mm_loadu_si32(p));
}

static inline weight load_weights(const int8_t *p)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}

static inline sums multiply_add(sums s, pair x, weight w)
{
    return _mm256_add_epi32(s, _mm256_madd_epi16(x, w));
}

#include "ops/gemm_s16_vec.h"

static void rows_4(const tvis_gemm_s16_args *a, int32_t i, int32_t j, const int8_t *w)
{
    tile(a, i, j, w, 4, 2);
}

static void rows_2(const tvis_gemm_s16_args *a, int32_t i, int32_t j, const int8_t *w)
{
    tile(a, i, j, w, 2, 2);
}

static void rows_1(const tvis_gemm_s16_args *a, int32_t i, int32_t j, const int8_t *w)
{
    tile(a, i, j, w, 1, 2);
}

void tvis_gemm_s16_4x16_avx2(const tvis_gemm_s16_args *a)
{
    const size_t panel = tvis_gemm_s8_panel(a->k, GROUP, NR);
    const int8_t *w = a->w;
    if (a->k < GROUP) {
        run_single(a, tvis_gemm_s16_4x16_avx2);
        return;
    }
    for (int32_t j = 0; j < a->n; j += NR, w += panel) {
        int32_t i = 0;
        for (; a->m - i >= 4; i += 4)
            rows_4(a, i, j, w);
        for (; a->m - i >= 2; i += 2)
            rows_2(a, i, j, w);
        if (i < a->m)
            rows_1(a, i, j, w);
    }
}
