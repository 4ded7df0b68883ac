/* SPDX-License-Identifier: MIT */
/* AArch64 with dot products: 16 channels, four taps an SDOT. */
#include "core/port.h"
#include "ops/depthwise_s8_rows_neon.h"
#include "ops/requant_neon.h"

#define BLOCK 16
#define DEEP  4

typedef int8x16_t bytes;
/* Four channels in each vector, four taps of each. */
typedef struct entry {
    int8x16_t v0, v1, v2, v3;
} entry;
typedef entry weights;

typedef struct sums {
    int32x4_t v0, v1, v2, v3;
} sums;

static inline bytes load_bytes(const int8_t *p, int32_t count)
{
    int8_t copy[BLOCK] = { 0 };
    if (count == BLOCK)
        return vld1q_s8(p);
    if (count == BLOCK / 2)
        return vcombine_s8(vld1_s8(p), vdup_n_s8(0));
    memcpy(copy, p, (size_t)count);
    return vld1q_s8(copy);
}

static inline bytes set_bytes(int32_t v)
{
    return vdupq_n_s8((int8_t)v);
}

static inline entry interleave(const bytes x[DEEP])
{
    const int16x8_t low01 = vreinterpretq_s16_s8(vzip1q_s8(x[0], x[1])),
                    high01 = vreinterpretq_s16_s8(vzip2q_s8(x[0], x[1]));
    const int16x8_t low23 = vreinterpretq_s16_s8(vzip1q_s8(x[2], x[3])),
                    high23 = vreinterpretq_s16_s8(vzip2q_s8(x[2], x[3]));
    const entry e = {
        vreinterpretq_s8_s16(vzip1q_s16(low01, low23)),
        vreinterpretq_s8_s16(vzip2q_s16(low01, low23)),
        vreinterpretq_s8_s16(vzip1q_s16(high01, high23)),
        vreinterpretq_s8_s16(vzip2q_s16(high01, high23)),
    };
    return e;
}

static inline weights load_weights(const int8_t *p)
{
    const weights w = { vld1q_s8(p), vld1q_s8(p + 16), vld1q_s8(p + 32), vld1q_s8(p + 48) };
    return w;
}

static inline sums multiply_add(sums s, const entry *x, const weights *w)
{
    s.v0 = vdotq_s32(s.v0, x->v0, w->v0);
    s.v1 = vdotq_s32(s.v1, x->v1, w->v1);
    s.v2 = vdotq_s32(s.v2, x->v2, w->v2);
    s.v3 = vdotq_s32(s.v3, x->v3, w->v3);
    return s;
}

typedef struct channels {
    sums start, half;
    limits16 limits;
    int32x4_t shift;
    int8_t *y; /* of the first channel; or */
    int32_t *y32;
    int32_t count;
} channels;

/* 16 numbers from p on, those past `count` zero. */
static sums load_words(const int32_t *p, int32_t count)
{
    int32_t copy[BLOCK] = { 0 };
    if (p && count < BLOCK)
        memcpy(copy, p, (size_t)count * sizeof *p);
    const int32_t *from = p && count == BLOCK ? p : copy;
    const sums s = { vld1q_s32(from), vld1q_s32(from + 4), vld1q_s32(from + 8), vld1q_s32(from + 12) };
    return s;
}

/* start: bias - x_zero * sums of weights. */
static void channels_of(const tvis_depthwise_s8_args *a, const int32_t *w_sums, int32_t ch, int32_t count, channels *c)
{
    const sums w = load_words(w_sums, BLOCK), bias = load_words(a->bias ? a->bias + ch : NULL, count);
    const sums mul = load_words(a->y32 ? NULL : a->q.mul + ch, count);
    c->start = (sums){ vmlsq_n_s32(bias.v0, w.v0, a->x_zero), vmlsq_n_s32(bias.v1, w.v1, a->x_zero),
                       vmlsq_n_s32(bias.v2, w.v2, a->x_zero), vmlsq_n_s32(bias.v3, w.v3, a->x_zero) };
    c->half = (sums){ vshrq_n_s32(mul.v0, 1), vshrq_n_s32(mul.v1, 1), vshrq_n_s32(mul.v2, 1), vshrq_n_s32(mul.v3, 1) };
    c->limits = limits16_of(&a->q);
    c->shift = vdupq_n_s32(a->q.shift);
    c->y32 = a->y32 ? a->y32 + ch : NULL;
    c->y = a->y32 ? NULL : a->y + ch;
    c->count = count;
}

static inline void store_one(const channels *c, sums s, int8_t *y)
{
    const int8x16_t v = clamp16(scale4(s.v0, c->half.v0, c->shift), scale4(s.v1, c->half.v1, c->shift),
                                scale4(s.v2, c->half.v2, c->shift), scale4(s.v3, c->half.v3, c->shift), c->limits);
    if (c->count == BLOCK)
        vst1q_s8(y, v);
    else
        memcpy(y, &v, (size_t)c->count);
}

/* At elements y0 and y1 behind the first channel. */
static inline void store_two(const channels *c, sums s0, sums s1, ptrdiff_t y0, ptrdiff_t y1)
{
    store_one(c, s0, c->y + y0);
    store_one(c, s1, c->y + y1);
}

static inline void store_sums(const channels *c, sums s0, sums s1, ptrdiff_t y0, ptrdiff_t y1)
{
    memcpy(c->y32 + y0, &s0, (size_t)c->count * sizeof(int32_t));
    memcpy(c->y32 + y1, &s1, (size_t)c->count * sizeof(int32_t));
}

#include "ops/depthwise_s8_vec.h"

static void depthwise_3x3(const tvis_depthwise_s8_args *a)
{
    enum { BYTES = (3 * DEEP + (int)sizeof(int32_t)) * BLOCK };
    tvis_neon_strip t = tvis_neon_strip_of(a);
    channels c;
    t.w = a->w;
    t.start = (const int32_t *)&c.start;
    t.half = (const int32_t *)&c.half;
    for (int32_t ch = 0; ch < a->c; ch += BLOCK, t.w += BYTES) {
        const int32_t first = a->c - ch < BLOCK ? a->c - BLOCK : ch;
        channels_of(a, (const int32_t *)(const void *)(t.w + (ptrdiff_t)3 * DEEP * BLOCK), first, BLOCK, &c);
        tvis_neon_strip_all(a, &t, first, a->y32 ? tvis_dotprod_sums_3x3 : tvis_dotprod_row_3x3);
    }
}

void tvis_depthwise_s8_16_dotprod(const tvis_depthwise_s8_args *a)
{
    if (tvis_neon_strip_fits(a))
        depthwise_3x3(a);
    else
        depthwise(a);
}
