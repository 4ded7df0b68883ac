/* SPDX-License-Identifier: MIT */
/* AVX-512 VNNI: 64 channels, four taps a VPDPBUSD. It multiplies unsigned by signed bytes: x + 128 by w. */
#include "core/port.h"
#include "ops/depthwise_s8.h"
#include "ops/requant_avx512.h"

#define BLOCK 64
#define DEEP  4

typedef __m512i bytes;
/* Each vector has four channels of each sixteen: the order that unpacking gives and packing takes. */
typedef struct entry {
    __m512i v0, v1, v2, v3;
} entry;
typedef entry sums;
typedef entry weights;

static inline bytes load_bytes(const int8_t *p, int32_t count)
{
    if (count == BLOCK)
        return _mm512_loadu_si512(p);
    if (count == BLOCK / 2)
        return _mm512_zextsi256_si512(_mm256_loadu_si256((const __m256i *)(const void *)p));
    return _mm512_maskz_loadu_epi8(~(__mmask64)0 >> (64 - count), p);
}

static inline bytes set_bytes(int32_t v)
{
    return _mm512_set1_epi8((char)v);
}

static inline entry interleave(const bytes x[DEEP])
{
    const __m512i sign = _mm512_set1_epi8(-128);
    const __m512i x0 = _mm512_xor_si512(x[0], sign), x1 = _mm512_xor_si512(x[1], sign),
                  x2 = _mm512_xor_si512(x[2], sign), x3 = _mm512_xor_si512(x[3], sign);
    const __m512i low01 = _mm512_unpacklo_epi8(x0, x1), high01 = _mm512_unpackhi_epi8(x0, x1);
    const __m512i low23 = _mm512_unpacklo_epi8(x2, x3), high23 = _mm512_unpackhi_epi8(x2, x3);
    const entry e = { _mm512_unpacklo_epi16(low01, low23), _mm512_unpackhi_epi16(low01, low23),
                      _mm512_unpacklo_epi16(high01, high23), _mm512_unpackhi_epi16(high01, high23) };
    return e;
}

static inline weights load_weights(const int8_t *p)
{
    const weights w = { _mm512_loadu_si512(p), _mm512_loadu_si512(p + 64), _mm512_loadu_si512(p + 128),
                        _mm512_loadu_si512(p + 192) };
    return w;
}

static inline sums multiply_add(sums s, const entry *x, const weights *w)
{
    s.v0 = _mm512_dpbusd_epi32(s.v0, x->v0, w->v0);
    s.v1 = _mm512_dpbusd_epi32(s.v1, x->v1, w->v1);
    s.v2 = _mm512_dpbusd_epi32(s.v2, x->v2, w->v2);
    s.v3 = _mm512_dpbusd_epi32(s.v3, x->v3, w->v3);
    return s;
}

typedef struct channels {
    sums start, mul, odd;
    __m512i shift;
    limits64 limits;
    __mmask64 mask;
    int8_t *y; /* of the first channel; or */
    int32_t *y32;
    int32_t count;
    bool twice; /* mul is what twice16() takes */
    bool half;  /* 32 channels at most: mul and odd hold them twice */
} channels;

/* From the order of channels to that of an entry, and back. */
static inline sums turned(sums x)
{
    const __m512i ab_even = _mm512_shuffle_i32x4(x.v0, x.v1, 0x88), ab_odd = _mm512_shuffle_i32x4(x.v0, x.v1, 0xdd);
    const __m512i cd_even = _mm512_shuffle_i32x4(x.v2, x.v3, 0x88), cd_odd = _mm512_shuffle_i32x4(x.v2, x.v3, 0xdd);
    const sums s = { _mm512_shuffle_i32x4(ab_even, cd_even, 0x88), _mm512_shuffle_i32x4(ab_odd, cd_odd, 0x88),
                     _mm512_shuffle_i32x4(ab_even, cd_even, 0xdd), _mm512_shuffle_i32x4(ab_odd, cd_odd, 0xdd) };
    return s;
}

/* 64 numbers from p on, those past `count` zero, in the order of an entry. */
static sums load_words(const int32_t *p, int32_t count)
{
    const sums s = { _mm512_maskz_loadu_epi32(first16(count), p), _mm512_maskz_loadu_epi32(first16(count - 16), p + 16),
                     _mm512_maskz_loadu_epi32(first16(count - 32), p + 32),
                     _mm512_maskz_loadu_epi32(first16(count - 48), p + 48) };
    return turned(s);
}

/* The first 32 channels of a, then those of b. */
static inline sums halves(sums a, sums b)
{
    const sums s = { _mm512_shuffle_i64x2(a.v0, b.v0, 0x44), _mm512_shuffle_i64x2(a.v1, b.v1, 0x44),
                     _mm512_shuffle_i64x2(a.v2, b.v2, 0x44), _mm512_shuffle_i64x2(a.v3, b.v3, 0x44) };
    return s;
}

/* start: bias - (x_zero + 128) * sums of weights. */
static void channels_of(const tvis_depthwise_s8_args *a, const int32_t *w_sums, int32_t ch, int32_t count, channels *c)
{
    const __m512i x = _mm512_set1_epi32(a->x_zero + 128), none = _mm512_setzero_si512();
    const sums w = load_words(w_sums, BLOCK), zero = { none, none, none, none };
    const sums bias = a->bias ? load_words(a->bias + ch, count) : zero;
    c->start = (sums){ _mm512_sub_epi32(bias.v0, _mm512_mullo_epi32(x, w.v0)),
                       _mm512_sub_epi32(bias.v1, _mm512_mullo_epi32(x, w.v1)),
                       _mm512_sub_epi32(bias.v2, _mm512_mullo_epi32(x, w.v2)),
                       _mm512_sub_epi32(bias.v3, _mm512_mullo_epi32(x, w.v3)) };
    c->y32 = a->y32 ? a->y32 + ch : NULL;
    c->y = NULL;
    c->count = count;
    if (a->y32)
        return;
    c->y = a->y + ch;
    c->half = count <= BLOCK / 2;
    c->mul = load_words(a->q.mul + ch, count);
    c->twice = doubles(c->mul.v0, a->q.shift) && doubles(c->mul.v1, a->q.shift) && doubles(c->mul.v2, a->q.shift) &&
               doubles(c->mul.v3, a->q.shift);
    if (c->twice)
        c->mul = (sums){ doubled(c->mul.v0, a->q.shift), doubled(c->mul.v1, a->q.shift), doubled(c->mul.v2, a->q.shift),
                         doubled(c->mul.v3, a->q.shift) };
    if (c->half)
        c->mul = halves(c->mul, c->mul);
    c->odd = (sums){ odd16(c->mul.v0), odd16(c->mul.v1), odd16(c->mul.v2), odd16(c->mul.v3) };
    c->shift = _mm512_set1_epi32(a->q.shift);
    c->limits = c->twice ? limits64_of_twice(&a->q) : limits64_of(&a->q);
    c->mask = ~(__mmask64)0 >> (64 - count);
}

static inline __m512i results(const channels *c, sums s)
{
    if (c->twice)
        return clamp64_of_twice(twice16(s.v0, c->mul.v0, c->odd.v0), twice16(s.v1, c->mul.v1, c->odd.v1),
                                twice16(s.v2, c->mul.v2, c->odd.v2), twice16(s.v3, c->mul.v3, c->odd.v3), c->limits);
    return clamp64(scale16(s.v0, c->mul.v0, c->odd.v0, c->shift), scale16(s.v1, c->mul.v1, c->odd.v1, c->shift),
                   scale16(s.v2, c->mul.v2, c->odd.v2, c->shift), scale16(s.v3, c->mul.v3, c->odd.v3, c->shift),
                   c->limits);
}

/* At elements y0 and y1 behind the first channel. */
static inline void store_two(const channels *c, sums s0, sums s1, ptrdiff_t y0, ptrdiff_t y1)
{
    if (c->half) {
        const __m512i v = results(c, halves(s0, s1));
        _mm256_mask_storeu_epi8(c->y + y0, (__mmask32)c->mask, _mm512_castsi512_si256(v));
        _mm256_mask_storeu_epi8(c->y + y1, (__mmask32)c->mask, _mm512_extracti64x4_epi64(v, 1));
        return;
    }
    _mm512_mask_storeu_epi8(c->y + y0, c->mask, results(c, s0));
    _mm512_mask_storeu_epi8(c->y + y1, c->mask, results(c, s1));
}

static inline void store_words(int32_t *y, int32_t count, sums s)
{
    s = turned(s);
    _mm512_mask_storeu_epi32(y, first16(count), s.v0);
    _mm512_mask_storeu_epi32(y + 16, first16(count - 16), s.v1);
    _mm512_mask_storeu_epi32(y + 32, first16(count - 32), s.v2);
    _mm512_mask_storeu_epi32(y + 48, first16(count - 48), s.v3);
}

static inline void store_sums(const channels *c, sums s0, sums s1, ptrdiff_t y0, ptrdiff_t y1)
{
    store_words(c->y32 + y0, c->count, s0);
    store_words(c->y32 + y1, c->count, s1);
}

#include "ops/depthwise_s8_vec.h"

void tvis_depthwise_s8_64_vnni(const tvis_depthwise_s8_args *a)
{
    depthwise(a);
}
