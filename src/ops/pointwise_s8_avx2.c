/* SPDX-License-Identifier: MIT */
#include "ops/pointwise_s8.h"
#include "ops/requant_avx2.h"

#define BLOCK 32

typedef __m256i bytes;

static inline bytes load_bytes(const int8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline void store_bytes(int8_t *p, bytes v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

static inline bytes max_bytes(bytes a, bytes b)
{
    return _mm256_max_epi8(a, b);
}

typedef struct factors {
    __m256i a_zero, a_mul, a_shift, b_zero, b_mul, b_shift;
    limits32 limits;
} factors;

static inline factors add_factors(const tvis_add_s8_args *a)
{
    const factors f = { _mm256_set1_epi32(a->a_q.zero),
                        _mm256_set1_epi32(a->a_q.mul),
                        _mm256_set1_epi32(a->a_q.shift),
                        _mm256_set1_epi32(a->b_q.zero),
                        _mm256_set1_epi32(a->b_q.mul),
                        _mm256_set1_epi32(a->b_q.shift),
                        limits32_of(&a->q) };
    return f;
}

static inline factors scale_factors(const tvis_scale_s8_args *a)
{
    const __m256i mul = _mm256_set1_epi32(*a->q.mul), shift = _mm256_set1_epi32(a->q.shift);
    const factors f = {
        _mm256_set1_epi32(a->x_zero), mul, shift, _mm256_set1_epi32(a->s_zero), mul, shift, limits32_of(&a->q)
    };
    return f;
}

/* Eight values, less their zero point. */
static inline __m256i centred(const int8_t *p, __m256i zero)
{
    return _mm256_sub_epi32(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)), zero);
}

static inline __m256i sum8(const int8_t *a, const int8_t *b, const factors *f)
{
    return _mm256_add_epi32(scale8(centred(a, f->a_zero), f->a_mul, f->a_mul, f->a_shift),
                            scale8(centred(b, f->b_zero), f->b_mul, f->b_mul, f->b_shift));
}

/* A product's upper halves are x's sign, times 0. */
static inline __m256i product8(const int8_t *x, const int8_t *s, const factors *f)
{
    const __m256i low = _mm256_and_si256(centred(s, f->b_zero), _mm256_set1_epi32(0xffff));
    return scale8(_mm256_madd_epi16(centred(x, f->a_zero), low), f->a_mul, f->a_mul, f->a_shift);
}

static inline bytes added(const int8_t *a, const int8_t *b, const factors *f)
{
    return clamp32(sum8(a, b, f), sum8(a + 8, b + 8, f), sum8(a + 16, b + 16, f), sum8(a + 24, b + 24, f), f->limits);
}

static inline bytes scaled(const int8_t *x, const int8_t *s, const factors *f)
{
    return clamp32(product8(x, s, f), product8(x + 8, s + 8, f), product8(x + 16, s + 16, f),
                   product8(x + 24, s + 24, f), f->limits);
}

static inline void add_words(int32_t *sum, __m256i halves)
{
    __m256i *s = (__m256i *)(void *)sum;
    const __m256i low = _mm256_cvtepi16_epi32(_mm256_castsi256_si128(halves));
    const __m256i high = _mm256_cvtepi16_epi32(_mm256_extracti128_si256(halves, 1));
    _mm256_storeu_si256(s, _mm256_add_epi32(_mm256_loadu_si256(s), low));
    _mm256_storeu_si256(s + 1, _mm256_add_epi32(_mm256_loadu_si256(s + 1), high));
}

static void total(const int8_t *x, ptrdiff_t ld, int32_t pixels, int32_t *sum)
{
    enum { MOST = 255 }; /* pixels whose sum is within 16 bits */
    for (int32_t i = 0; i < BLOCK; i++)
        sum[i] = 0;
    for (int32_t p = 0; p < pixels; p += MOST) {
        __m256i low = _mm256_setzero_si256(), high = low;
        for (int32_t n = pixels - p < MOST ? pixels - p : MOST; n > 0; n--, x += ld) {
            const __m128i *from = (const __m128i *)(const void *)x;
            low = _mm256_add_epi16(low, _mm256_cvtepi8_epi16(_mm_loadu_si128(from)));
            high = _mm256_add_epi16(high, _mm256_cvtepi8_epi16(_mm_loadu_si128(from + 1)));
        }
        add_words(sum, low);
        add_words(sum + BLOCK / 2, high);
    }
}

/* v is 0 where it isn't a number; -512 … 512 is more than any int8 needs. */
static inline __m256i rounded8(const float *x, float scale, int32_t zero)
{
    const __m256 v = _mm256_div_ps(_mm256_loadu_ps(x), _mm256_set1_ps(scale));
    const __m256 number = _mm256_and_ps(v, _mm256_cmp_ps(v, v, _CMP_ORD_Q));
    const __m256 near = _mm256_min_ps(_mm256_max_ps(number, _mm256_set1_ps(-512.0f)), _mm256_set1_ps(512.0f));
    return _mm256_add_epi32(_mm256_cvttps_epi32(_mm256_add_ps(near, _mm256_set1_ps(512.5f))),
                            _mm256_set1_epi32(zero - 512));
}

static inline bytes quantized(const float *x, float scale, int32_t zero)
{
    const __m256i a = _mm256_packs_epi32(rounded8(x, scale, zero), rounded8(x + 8, scale, zero));
    const __m256i b = _mm256_packs_epi32(rounded8(x + 16, scale, zero), rounded8(x + 24, scale, zero));
    return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(a, b), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

static inline void dequantize(const int8_t *x, float scale, int32_t zero, float *y)
{
    for (int i = 0; i < BLOCK; i += 8)
        _mm256_storeu_ps(
            y + i, _mm256_mul_ps(_mm256_cvtepi32_ps(centred(x + i, _mm256_set1_epi32(zero))), _mm256_set1_ps(scale)));
}

#include "ops/pointwise_s8_vec.h"

POINTWISE_S8_DEFINE(avx2)
