/* SPDX-License-Identifier: MIT */
/* AArch64 with dot products: 16 channels, four taps an SDOT. */
#include "core/port.h"
#include "ops/depthwise_s8.h"
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
    if (p)
        memcpy(copy, p, (size_t)count * sizeof *p);
    const sums s = { vld1q_s32(copy), vld1q_s32(copy + 4), vld1q_s32(copy + 8), vld1q_s32(copy + 12) };
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

/* ---- 3 x 3: the entries of three columns stay in registers ---- */

typedef struct strip {
    const int8_t *row[3]; /* at column 0 */
    ptrdiff_t next[3];    /* a column further; 0 in rows that are outside: a vector that stays where it is */
    entry all_outside;
    int32_t iw;
} strip;

static inline entry column_at(const strip *t, ptrdiff_t ix)
{
    const bytes last = vld1q_s8(t->row[2] + ix * t->next[2]);
    const bytes x[DEEP] = { vld1q_s8(t->row[0] + ix * t->next[0]), vld1q_s8(t->row[1] + ix * t->next[1]), last, last };
    return interleave(x);
}

static inline entry any_column(const strip *t, int32_t ix)
{
    return ix >= 0 && ix < t->iw ? column_at(t, ix) : t->all_outside;
}

static inline sums three(const channels *c, const weights *w, const entry *e0, const entry *e1, const entry *e2)
{
    return multiply_add(multiply_add(multiply_add(c->start, e0, &w[0]), e1, &w[1]), e2, &w[2]);
}

/* One block of channels of a row of y. */
TVIS_INLINE void row_3x3(const tvis_depthwise_s8_args *a, const strip *t, const int8_t *packed, int32_t ch,
                         const int32_t stride)
{
    const weights w[3] = { load_weights(packed), load_weights(packed + BLOCK * DEEP),
                           load_weights(packed + 2 * BLOCK * DEEP) };
    const strip k = *t;
    channels c;
    channels_of(a, (const int32_t *)(const void *)(packed + (ptrdiff_t)3 * BLOCK * DEEP), ch, BLOCK, &c);
    int32_t ix = -a->pad;
    entry e0 = any_column(&k, ix), e1, e2;
    int8_t *y = c.y, *const end = y + (ptrdiff_t)a->ow * a->c;
    for (; y < end; y += a->c, ix += stride) {
        if (stride == 2 || ix == -a->pad)
            e1 = any_column(&k, ix + 1);
        e2 = ix + 2 < k.iw && ix + 2 >= 0 ? column_at(&k, ix + 2) : k.all_outside;
        store_one(&c, three(&c, w, &e0, &e1, &e2), y);
        e0 = stride == 2 ? e2 : e1;
        e1 = e2;
    }
}

static void depthwise_3x3(const tvis_depthwise_s8_args *a)
{
    const bytes outside = set_bytes(a->x_zero), none[DEEP] = { outside, outside, outside, outside };
    strip t = { .all_outside = interleave(none), .iw = a->iw };
    const int8_t *packed = a->w;
    for (int32_t ch = 0; ch < a->c; ch += BLOCK, packed += (3 * DEEP + (ptrdiff_t)sizeof(int32_t)) * BLOCK) {
        const int32_t first = a->c - ch < BLOCK ? a->c - BLOCK : ch;
        for (int i = 0; i < 3; i++) {
            t.row[i] = a->rows[i] ? a->rows[i] + first : (const int8_t *)&outside;
            t.next[i] = a->rows[i] ? a->c : 0;
        }
        if (a->stride == 1)
            row_3x3(a, &t, packed, first, 1);
        else
            row_3x3(a, &t, packed, first, 2);
    }
}

void tvis_depthwise_s8_16_dotprod(const tvis_depthwise_s8_args *a)
{
    if (a->kh == 3 && a->kw == 3 && a->dilation == 1 && a->stride <= 2 && a->c >= BLOCK && !a->y32)
        depthwise_3x3(a);
    else
        depthwise(a);
}
