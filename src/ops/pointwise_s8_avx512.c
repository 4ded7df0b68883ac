/* SPDX-License-Identifier: MIT */
#include "ops/pointwise_s8.h"
#include "ops/requant_avx512.h"

#define BLOCK 64

typedef __m512i bytes;

static inline bytes load_bytes(const int8_t *p)
{
    return _mm512_loadu_si512(p);
}

static inline void store_bytes(int8_t *p, bytes v)
{
    _mm512_storeu_si512(p, v);
}

static inline bytes max_bytes(bytes a, bytes b)
{
    return _mm512_max_epi8(a, b);
}

typedef struct factors {
    __m512i a_zero, a_mul, a_shift, b_zero, b_mul, b_shift;
    limits64 limits;
} factors;

static inline factors add_factors(const tvis_add_s8_args *a)
{
    const factors f = { _mm512_set1_epi32(a->a_q.zero),
                        _mm512_set1_epi32(a->a_q.mul),
                        _mm512_set1_epi32(a->a_q.shift),
                        _mm512_set1_epi32(a->b_q.zero),
                        _mm512_set1_epi32(a->b_q.mul),
                        _mm512_set1_epi32(a->b_q.shift),
                        limits64_of(&a->q) };
    return f;
}

static inline factors scale_factors(const tvis_scale_s8_args *a)
{
    const __m512i mul = _mm512_set1_epi32(*a->q.mul), shift = _mm512_set1_epi32(a->q.shift);
    const factors f = {
        _mm512_set1_epi32(a->x_zero), mul, shift, _mm512_set1_epi32(a->s_zero), mul, shift, limits64_of(&a->q)
    };
    return f;
}

/* Sixteen values, less their zero point. */
static inline __m512i centred(const int8_t *p, __m512i zero)
{
    return _mm512_sub_epi32(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)), zero);
}

static inline __m512i sum16(const int8_t *a, const int8_t *b, const factors *f)
{
    return _mm512_add_epi32(scale16(centred(a, f->a_zero), f->a_mul, f->a_mul, f->a_shift),
                            scale16(centred(b, f->b_zero), f->b_mul, f->b_mul, f->b_shift));
}

/* A product's upper halves are x's sign, times 0. */
static inline __m512i product16(const int8_t *x, const int8_t *s, const factors *f)
{
    const __m512i low = _mm512_and_si512(centred(s, f->b_zero), _mm512_set1_epi32(0xffff));
    return scale16(_mm512_madd_epi16(centred(x, f->a_zero), low), f->a_mul, f->a_mul, f->a_shift);
}

static inline bytes added(const int8_t *a, const int8_t *b, const factors *f)
{
    return in_order(clamp64(sum16(a, b, f), sum16(a + 16, b + 16, f), sum16(a + 32, b + 32, f),
                            sum16(a + 48, b + 48, f), f->limits));
}

static inline bytes scaled(const int8_t *x, const int8_t *s, const factors *f)
{
    return in_order(clamp64(product16(x, s, f), product16(x + 16, s + 16, f), product16(x + 32, s + 32, f),
                            product16(x + 48, s + 48, f), f->limits));
}

static inline void add_words(int32_t *sum, __m512i halves)
{
    const __m512i low = _mm512_cvtepi16_epi32(_mm512_castsi512_si256(halves));
    const __m512i high = _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64(halves, 1));
    _mm512_storeu_si512(sum, _mm512_add_epi32(_mm512_loadu_si512(sum), low));
    _mm512_storeu_si512(sum + 16, _mm512_add_epi32(_mm512_loadu_si512(sum + 16), high));
}

static void total(const int8_t *x, ptrdiff_t ld, int32_t pixels, int32_t *sum)
{
    enum { MOST = 255 }; /* pixels whose sum is within 16 bits */
    for (int32_t i = 0; i < BLOCK; i++)
        sum[i] = 0;
    for (int32_t p = 0; p < pixels; p += MOST) {
        __m512i low = _mm512_setzero_si512(), high = low;
        for (int32_t n = pixels - p < MOST ? pixels - p : MOST; n > 0; n--, x += ld) {
            const __m256i *from = (const __m256i *)(const void *)x;
            low = _mm512_add_epi16(low, _mm512_cvtepi8_epi16(_mm256_loadu_si256(from)));
            high = _mm512_add_epi16(high, _mm512_cvtepi8_epi16(_mm256_loadu_si256(from + 1)));
        }
        add_words(sum, low);
        add_words(sum + BLOCK / 2, high);
    }
}

/* v is 0 where it isn't a number; -512 … 512 is more than any int8 needs. */
static inline __m512i rounded16(const float *x, float scale, int32_t zero)
{
    const __m512 v = _mm512_div_ps(_mm512_loadu_ps(x), _mm512_set1_ps(scale));
    const __m512 low = _mm512_maskz_max_ps(_mm512_cmp_ps_mask(v, v, _CMP_ORD_Q), v, _mm512_set1_ps(-512.0f));
    const __m512 near = _mm512_min_ps(low, _mm512_set1_ps(512.0f));
    return _mm512_add_epi32(_mm512_cvttps_epi32(_mm512_add_ps(near, _mm512_set1_ps(512.5f))),
                            _mm512_set1_epi32(zero - 512));
}

static inline bytes quantized(const float *x, float scale, int32_t zero)
{
    const __m512i a = _mm512_packs_epi32(rounded16(x, scale, zero), rounded16(x + 16, scale, zero));
    const __m512i b = _mm512_packs_epi32(rounded16(x + 32, scale, zero), rounded16(x + 48, scale, zero));
    return in_order(_mm512_packs_epi16(a, b));
}

static inline void dequantize(const int8_t *x, float scale, int32_t zero, float *y)
{
    for (int i = 0; i < BLOCK; i += 16)
        _mm512_storeu_ps(
            y + i, _mm512_mul_ps(_mm512_cvtepi32_ps(centred(x + i, _mm512_set1_epi32(zero))), _mm512_set1_ps(scale)));
}

#include "ops/pointwise_s8_vec.h"

POINTWISE_S8_DEFINE(avx512)
