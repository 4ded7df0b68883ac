/* SPDX-License-Identifier: MIT */
/* AVX2: VPMADDWD multiplies weights and values, both of 16 bits, two keys at a time. */
#include "core/port.h"
#include "ops/attention_s8.h"
#include "ops/requant_avx2.h"

#define QUERIES      16
#define CHANNELS     16
#define ROWS         4
#define PACK         TVIS_PACK_GROUPS(2, 16)
#define LANES        8
#define EACH_VEC(DO) DO(0) DO(1)
#define WEIGHTS      e0, e1
#define BYTES        y0, y1

typedef __m256i ivec;

static inline ivec iset1(int32_t v)
{
    return _mm256_set1_epi32(v);
}

static inline ivec iload(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

static inline void istore(void *p, ivec v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}

#define iadd(a, b)          _mm256_add_epi32(a, b)
#define isub(a, b)          _mm256_sub_epi32(a, b)
#define imin(a, b)          _mm256_min_epi32(a, b)
#define imax(a, b)          _mm256_max_epi32(a, b)
#define iand(a, b)          _mm256_and_si256(a, b)
#define ileft17(a)          _mm256_slli_epi32(a, 17)
#define ihigh(a)            _mm256_srai_epi32(a, 16)
#define iright15(a)         _mm256_srli_epi32(a, 15)
#define iright(a, n)        _mm256_srlv_epi32(a, n)
#define iright_signed(a, n) _mm256_srav_epi32(a, n)
/* (a * b + 2^14) >> 15, for numbers below 2^15 */
#define irounded(a, b) _mm256_mulhrs_epi16(a, b)
#define factor_of(mul) iset1(mul)

/* scale8() in order. */
static inline ivec iscale(ivec acc, ivec mul, ivec shift)
{
    return _mm256_shuffle_epi32(scale8(acc, mul, mul, shift), 0xd8);
}

static inline int32_t ilargest(ivec v)
{
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1)));
}

static inline int32_t itotal(ivec v)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

static inline ivec ifirst(ivec v, int32_t n)
{
    return _mm256_and_si256(v, _mm256_cmpgt_epi32(iset1(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)));
}

static inline void store_weights(int16_t *out, ivec a, ivec b)
{
    istore(out, _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8));
}

static inline void store_bytes(int8_t *y, int32_t count, ivec a, ivec b)
{
    const ivec words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
    const __m128i v = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    if (count >= 16)
        _mm_storeu_si128((__m128i *)(void *)y, v);
    else
        memcpy(y, &v, (size_t)count);
}

static void sum_keys(const int8_t *panel, int32_t groups, int32_t *correction, int32_t *bias, int32_t factor)
{
    const ivec ones = _mm256_set1_epi8(1);
    ivec low = iset1(0), high = low;
    for (int32_t g = 0; g < groups; g++) {
        const ivec pairs = _mm256_maddubs_epi16(ones, iload(panel + (ptrdiff_t)g * 32));
        low = iadd(low, _mm256_cvtepi16_epi32(_mm256_castsi256_si128(pairs)));
        high = iadd(high, _mm256_cvtepi16_epi32(_mm256_extracti128_si256(pairs, 1)));
    }
    istore(correction, iset1(0));
    istore(correction + LANES, iset1(0));
    istore(bias, _mm256_mullo_epi32(low, iset1(factor)));
    istore(bias + LANES, _mm256_mullo_epi32(high, iset1(factor)));
}

/* Pairs of keys side by side, channel by channel. */
static void pack_values(const int8_t *v, ptrdiff_t ld, int16_t *out)
{
    for (int j = 0; j < 16; j += 2, v += 2 * ld, out += 2 * CHANNELS) {
        const __m128i a = _mm_loadu_si128((const __m128i *)(const void *)v),
                      b = _mm_loadu_si128((const __m128i *)(const void *)(v + ld));
        istore(out, _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(a, b)));
        istore(out + CHANNELS, _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(a, b)));
    }
}

#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3)
#define ROW_DECLARE(row)                                                                                               \
    const int16_t *e##row = e + (rows > row ? row : 0) * lde;                                                          \
    ivec l##row = iload(start), r##row = iload(start + LANES);
#define ROW_STEP(row)                                                                                                  \
    if (rows > row) {                                                                                                  \
        const ivec x = _mm256_broadcastd_epi32(_mm_loadu_si32(e##row + j));                                            \
        l##row = iadd(l##row, _mm256_madd_epi16(x, left));                                                             \
        r##row = iadd(r##row, _mm256_madd_epi16(x, right));                                                            \
    }
#define ROW_STORE(row)                                                                                                 \
    if (rows > row) {                                                                                                  \
        istore(sums + row * CHANNELS, l##row);                                                                         \
        istore(sums + row * CHANNELS + LANES, r##row);                                                                 \
    }

TVIS_INLINE void product(const int16_t *e, ptrdiff_t lde, const int16_t *v, int32_t keys, const int32_t *start,
                         int32_t *sums, const int rows)
{
    EACH_ROW(ROW_DECLARE)
    for (int32_t j = 0; j < keys; j += 2, v += 2 * CHANNELS) {
        const ivec left = iload(v), right = iload(v + CHANNELS);
        EACH_ROW(ROW_STEP)
    }
    EACH_ROW(ROW_STORE)
}

#define multiply tvis_gemm_s8_4x16_avx2
#include "ops/attention_s8_vec.h"
#include "ops/attention_s8_values.h"

void tvis_attention_s8_prepare_16x16_avx2(const tvis_attention_s8_args *a)
{
    prepare(a);
}

void tvis_attention_s8_16x16_avx2(const tvis_attention_s8_args *a)
{
    attend(a);
}
