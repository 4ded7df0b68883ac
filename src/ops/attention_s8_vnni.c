/* SPDX-License-Identifier: MIT */
/* AVX-512 VNNI: VPDPWSSD multiplies weights and values, both of 16 bits, two keys at a time. */
#include "core/port.h"
#include "ops/attention_s8.h"
#include "ops/requant_avx512.h"

#define QUERIES      24
#define CHANNELS     32
#define ROWS         12
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

/* Pairs of keys side by side, channel by channel. */
static void pack_values(const int8_t *v, ptrdiff_t ld, int16_t *out)
{
    for (int j = 0; j < 16; j += 2, v += 2 * ld, out += 2 * CHANNELS) {
        const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)v),
                      b = _mm256_loadu_si256((const __m256i *)(const void *)(v + ld));
        const __m256i low = _mm256_unpacklo_epi8(a, b), high = _mm256_unpackhi_epi8(a, b);
        _mm512_storeu_si512(out, _mm512_cvtepi8_epi16(_mm256_permute2x128_si256(low, high, 0x20)));
        _mm512_storeu_si512(out + CHANNELS, _mm512_cvtepi8_epi16(_mm256_permute2x128_si256(low, high, 0x31)));
    }
}

/* A row, the base register it is addressed from, and its distance from there. */
#define EACH_ROW(DO)                                                                                                   \
    DO(0, e0, 0)                                                                                                       \
    DO(1, e0, 1)                                                                                                       \
    DO(2, e0, 2)                                                                                                       \
    DO(3, e3, 0)                                                                                                       \
    DO(4, e3, 1)                                                                                                       \
    DO(5, e3, 2)                                                                                                       \
    DO(6, e6, 0)                                                                                                       \
    DO(7, e6, 1)                                                                                                       \
    DO(8, e6, 2)                                                                                                       \
    DO(9, e9, 0)                                                                                                       \
    DO(10, e9, 1)                                                                                                      \
    DO(11, e9, 2)
#define ROW_DECLARE(row, base, at) ivec l##row = iload(start), r##row = iload(start + LANES);
#define ROW_STEP(row, base, at)                                                                                        \
    if (rows > row) {                                                                                                  \
        const ivec x = _mm512_broadcastd_epi32(_mm_loadu_si32(base + at * lde));                                       \
        l##row = _mm512_dpwssd_epi32(l##row, x, left);                                                                 \
        r##row = _mm512_dpwssd_epi32(r##row, x, right);                                                                \
    }
#define ROW_STORE(row, base, at)                                                                                       \
    if (rows > row) {                                                                                                  \
        istore(sums + row * CHANNELS, l##row);                                                                         \
        istore(sums + row * CHANNELS + LANES, r##row);                                                                 \
    }

TVIS_INLINE void product(const int16_t *e, ptrdiff_t lde, const int16_t *v, int32_t keys, const int32_t *start,
                         int32_t *sums, const int rows)
{
    const int16_t *e0 = e, *e3 = rows > 3 ? e0 + 3 * lde : e0, *e6 = rows > 6 ? e3 + 3 * lde : e0,
                  *e9 = rows > 9 ? e6 + 3 * lde : e0;
    EACH_ROW(ROW_DECLARE)
    for (; keys > 0; keys -= 2, v += 2 * CHANNELS, e0 += 2, e3 += 2, e6 += 2, e9 += 2) {
        const ivec left = _mm512_loadu_si512(v), right = _mm512_loadu_si512(v + CHANNELS);
        EACH_ROW(ROW_STEP)
    }
    EACH_ROW(ROW_STORE)
}

#define multiply tvis_gemm_s8_6x64_vnni
#include "ops/attention_s8_vec.h"

void tvis_attention_s8_prepare_24x32_vnni(const tvis_attention_s8_args *a)
{
    prepare(a);
}

void tvis_attention_s8_24x32_vnni(const tvis_attention_s8_args *a)
{
    attend(a);
}
