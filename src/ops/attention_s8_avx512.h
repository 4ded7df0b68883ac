/* SPDX-License-Identifier: MIT */
/* What ops/attention_s8_vec.h asks for, in vectors of AVX-512 with VNNI. */
#ifndef TVIS_OPS_ATTENTION_S8_AVX512_H
#define TVIS_OPS_ATTENTION_S8_AVX512_H

#include "core/port.h"
#include "ops/attention_s8.h"
#include "ops/requant_avx512.h"

#define PACK         TVIS_PACK_GROUPS(4, 16)
#define LANES        16
#define EACH_VEC(DO) DO(0)
#define WEIGHTS      e0
#define BYTES        y0

typedef __m512i ivec;

static inline ivec iset1(int32_t v)
{
    return _mm512_set1_epi32(v);
}

static inline ivec iload(const int32_t *p)
{
    return _mm512_loadu_si512(p);
}

static inline void istore(int32_t *p, ivec v)
{
    _mm512_storeu_si512(p, v);
}

#define iadd(a, b)          _mm512_add_epi32(a, b)
#define isub(a, b)          _mm512_sub_epi32(a, b)
#define imin(a, b)          _mm512_min_epi32(a, b)
#define imax(a, b)          _mm512_max_epi32(a, b)
#define iand(a, b)          _mm512_and_si512(a, b)
#define ileft17(a)          _mm512_slli_epi32(a, 17)
#define ihigh(a)            _mm512_srai_epi32(a, 16)
#define iright15(a)         _mm512_srli_epi32(a, 15)
#define iright(a, n)        _mm512_srlv_epi32(a, n)
#define iright_signed(a, n) _mm512_srav_epi32(a, n)
/* (a * b + 2^14) >> 15, for numbers below 2^15 */
#define irounded(a, b)        _mm512_mulhrs_epi16(a, b)
#define iscale(a, mul, shift) scale16(a, mul, mul, shift)
#define factor_of(mul)        iset1(mul)
#define ilargest(a)           _mm512_reduce_max_epi32(a)
#define ifirst(a, n)          _mm512_maskz_mov_epi32(first16(n), a)

/* _mm512_reduce_add_epi32() adds numbers of C, which must not wrap around. */
static inline int32_t itotal(ivec v)
{
    const __m256i eight = _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

static inline void store_weights(int16_t *out, ivec e)
{
    _mm256_storeu_si256((__m256i *)(void *)out, _mm512_cvtepi32_epi16(e));
}

static inline void store_bytes(int8_t *y, int32_t count, ivec v)
{
    _mm512_mask_cvtepi32_storeu_epi8(y, first16(count), v);
}

/* VPDPBUSD in the product of scores takes q + 128: -128 times the sums of the keys is their correction. */
static void sum_keys(const int8_t *panel, int32_t groups, int32_t *correction, int32_t *bias, int32_t factor)
{
    const ivec ones = _mm512_set1_epi8(1);
    ivec sum = iset1(0);
    for (int32_t g = 0; g < groups; g++)
        sum = _mm512_dpbusd_epi32(sum, ones, _mm512_loadu_si512(panel + (ptrdiff_t)g * 64));
    istore(correction, isub(iset1(0), _mm512_slli_epi32(sum, 7)));
    istore(bias, _mm512_mullo_epi32(sum, iset1(factor)));
}

#endif
