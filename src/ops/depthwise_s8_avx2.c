/* SPDX-License-Identifier: MIT */
/* AVX2: 16 channels, two taps a VPMADDWD, which is exact: two products, 2^15 at most. */
#include "core/port.h"
#include "ops/depthwise_s8.h"
#include "ops/requant_avx2.h"

#define BLOCK 16
#define DEEP  2

typedef __m128i bytes;
typedef struct entry {
    __m256i v0, v8; /* channels from 0, from 8 on */
} entry;
typedef entry sums;
typedef entry weights;

static inline bytes load_bytes(const int8_t *p, int32_t count)
{
    if (count == BLOCK)
        return _mm_loadu_si128((const __m128i *)(const void *)p);
    bytes b = _mm_setzero_si128();
    memcpy(&b, p, (size_t)count);
    return b;
}

static inline bytes set_bytes(int32_t v)
{
    return _mm_set1_epi8((char)v);
}

static inline entry interleave(const bytes x[DEEP])
{
    const entry e = { _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(x[0], x[1])),
                      _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(x[0], x[1])) };
    return e;
}

static inline weights load_weights(const int8_t *p)
{
    const __m128i *from = (const __m128i *)(const void *)p;
    const weights w = { _mm256_cvtepi8_epi16(_mm_loadu_si128(from)), _mm256_cvtepi8_epi16(_mm_loadu_si128(from + 1)) };
    return w;
}

static inline sums multiply_add(sums s, const entry *x, const weights *w)
{
    s.v0 = _mm256_add_epi32(s.v0, _mm256_madd_epi16(w->v0, x->v0));
    s.v8 = _mm256_add_epi32(s.v8, _mm256_madd_epi16(w->v8, x->v8));
    __asm__("" : "+x"(s.v0), "+x"(s.v8)); /* or GCC multiplies first, and keeps the products in memory */
    return s;
}

typedef struct channels {
    sums start, mul, odd;
    __m256i shift;
    limits32 limits;
    int8_t *y; /* of the first channel; or */
    int32_t *y32;
    int32_t count;
} channels;

static inline sums load_words(const int32_t *p, int32_t count)
{
    int32_t copy[BLOCK] = { 0 };
    if (count < BLOCK) {
        memcpy(copy, p, (size_t)count * sizeof *p);
        p = copy;
    }
    const __m256i *from = (const __m256i *)(const void *)p;
    const sums s = { _mm256_loadu_si256(from), _mm256_loadu_si256(from + 1) };
    return s;
}

/* start: bias - x_zero * sums of weights. */
static void channels_of(const tvis_depthwise_s8_args *a, const int32_t *w_sums, int32_t ch, int32_t count, channels *c)
{
    const __m256i x = _mm256_set1_epi32(a->x_zero), none = _mm256_setzero_si256();
    const sums w = load_words(w_sums, BLOCK), zero = { none, none };
    const sums bias = a->bias ? load_words(a->bias + ch, count) : zero;
    c->start = (sums){ _mm256_sub_epi32(bias.v0, _mm256_mullo_epi32(x, w.v0)),
                       _mm256_sub_epi32(bias.v8, _mm256_mullo_epi32(x, w.v8)) };
    c->count = count;
    c->y32 = a->y32 ? a->y32 + ch : NULL;
    c->y = NULL;
    if (a->y32)
        return;
    c->y = a->y + ch;
    c->mul = load_words(a->q.mul + ch, count);
    c->odd = (sums){ odd8(c->mul.v0), odd8(c->mul.v8) };
    c->shift = _mm256_set1_epi32(a->q.shift);
    c->limits = limits32_of(&a->q);
}

static inline void store_one(const channels *c, __m128i v, int8_t *y)
{
    if (c->count == BLOCK)
        _mm_storeu_si128((__m128i *)(void *)y, v);
    else
        memcpy(y, &v, (size_t)c->count);
}

/* At elements y0 and y1 behind the first channel. */
static inline void store_two(const channels *c, sums s0, sums s1, ptrdiff_t y0, ptrdiff_t y1)
{
    const __m256i v = clamp32(
        scale8(s0.v0, c->mul.v0, c->odd.v0, c->shift), scale8(s0.v8, c->mul.v8, c->odd.v8, c->shift),
        scale8(s1.v0, c->mul.v0, c->odd.v0, c->shift), scale8(s1.v8, c->mul.v8, c->odd.v8, c->shift), c->limits);
    store_one(c, _mm256_castsi256_si128(v), c->y + y0);
    store_one(c, _mm256_extracti128_si256(v, 1), c->y + y1);
}

static inline void store_sums(const channels *c, sums s0, sums s1, ptrdiff_t y0, ptrdiff_t y1)
{
    memcpy(c->y32 + y0, &s0, (size_t)c->count * sizeof(int32_t));
    memcpy(c->y32 + y1, &s1, (size_t)c->count * sizeof(int32_t));
}

#include "ops/depthwise_s8_vec.h"

void tvis_depthwise_s8_16_avx2(const tvis_depthwise_s8_args *a)
{
    depthwise(a);
}
