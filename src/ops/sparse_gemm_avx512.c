/* SPDX-License-Identifier: MIT */
#include "core/port.h"
#include "ops/sparse_gemm.h"
#include "ops/sparse_gemm_avx.h"
#include "ops/vec_avx512.h"

/* The sixteen columns from `base` on whose bits are set. */
static inline uint16_t *add_columns(uint32_t base, uint32_t bits, uint16_t *out)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i column = _mm512_add_epi32(lane, _mm512_set1_epi32((int)base));
    const __m512i there = _mm512_maskz_compress_epi32((__mmask16)bits, column);
    _mm256_storeu_si256((__m256i *)(void *)out, _mm512_cvtepi32_epi16(there));
    return out + __builtin_popcount(bits);
}

TVIS_INLINE uint16_t *find_columns(const uint8_t *bits, int32_t k, uint16_t *out)
{
    for (int32_t c = 0; c < k; c += 16, bits += 2) {
        uint32_t two = bits[0];
        if (k - c > 8)
            two |= (uint32_t)bits[1] << 8;
        if (k - c < 16)
            two &= (1u << (k - c)) - 1;
        out = add_columns((uint32_t)c, two, out);
    }
    return out;
}

#define columns     find_columns
#define MOST_IN_TWO 8 /* vectors of a row when two are multiplied */
#include "ops/sparse_gemm_vec.h"

KERNELS(avx512)
