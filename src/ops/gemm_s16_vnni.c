/* SPDX-License-Identifier: MIT */
/* AVX-512 VNNI: tiles of 12 x 32 by VPDPWSSD. */
#include <immintrin.h>

#include "ops/requant_avx512.h"

enum { NR = 16, LANES = 16 };

typedef __m512i sums;
typedef __m512i pair;
typedef __m512i weight;

static inline sums load_words(const int32_t *p, int32_t n)
{
    return p ? _mm512_maskz_loadu_epi32(first16(n), p) : _mm512_setzero_si512();
}

static inline void store_words(int32_t *p, int32_t n, sums s)
{
    _mm512_mask_storeu_epi32(p, first16(n), s);
}

static inline pair load_pair(const int16_t *p)
{
    return _mm512_broadcastd_epi32(_mm_loadu_si32(p));
}

static inline weight load_weights(const int8_t *p)
{
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

static inline sums multiply_add(sums s, pair x, weight w)
{
    s = _mm512_dpwssd_epi32(s, x, w);
    __asm__("" : "+v"(s)); /* or GCC keeps copies of the sums in memory */
    return s;
}

#include "ops/gemm_s16_vec.h"

#define TILE_OF(rows, vecs)                                                                                            \
    static void tile_##rows##_##vecs(const tvis_gemm_s16_args *a, int32_t i, int32_t j, const int8_t *w)               \
    {                                                                                                                  \
        tile(a, i, j, w, rows, vecs);                                                                                  \
    }
TILE_OF(12, 1)
TILE_OF(4, 1)
TILE_OF(1, 1)
TILE_OF(12, 2)
TILE_OF(4, 2)
TILE_OF(1, 2)

typedef void (*tiler)(const tvis_gemm_s16_args *a, int32_t i, int32_t j, const int8_t *w);

void tvis_gemm_s16_12x32_vnni(const tvis_gemm_s16_args *a)
{
    static const tiler by[2][3] = { { tile_12_1, tile_4_1, tile_1_1 }, { tile_12_2, tile_4_2, tile_1_2 } };
    static const int32_t heights[3] = { 12, 4, 1 };
    const size_t panel = tvis_gemm_s8_panel(a->k, GROUP, NR);
    if (a->k < GROUP) {
        run_single(a, tvis_gemm_s16_12x32_vnni);
        return;
    }
    for (int32_t j = 0; j < a->n; j += 2 * NR) {
        const int8_t *w = a->w + (size_t)(j / NR) * panel;
        const int vecs = a->n - j > NR ? 2 : 1;
        for (int32_t i = 0, t = 0; t < 3; t++)
            for (; a->m - i >= heights[t]; i += heights[t])
                by[vecs - 1][t](a, i, j, w);
    }
}
