/* SPDX-License-Identifier: MIT */
/* AArch64: 16 channels of one column at a time. Two taps are added up in 16 bits before they are widened, exactly, as
 * in gemm_s8_neon.c: the second one is that of -(x + 1), and is subtracted. Where there is no picture x_zero stands in
 * for it; what that, x_zero itself and the + 1 add to the sums is known before. */
#include "core/port.h"
#include "ops/depthwise_s8_rows_neon.h"
#include "ops/requant_neon.h"

enum { BLOCK = 16 };

typedef struct sums {
    int32x4_t v0, v4, v8, v12;
} sums;

typedef struct channels {
    sums start, half;
    limits16 limits;
    int32x4_t shift;
    int8x16_t outside;
    int8_t *y; /* of the first channel; or */
    int32_t *y32;
    int32_t ch, count;
} channels;

static inline int8x16_t load_bytes(const int8_t *p, int32_t count)
{
    int8_t copy[BLOCK] = { 0 };
    if (count == BLOCK)
        return vld1q_s8(p);
    memcpy(copy, p, (size_t)count);
    return vld1q_s8(copy);
}

static sums load_words(const int32_t *p, int32_t count)
{
    int32_t copy[BLOCK] = { 0 };
    if (p && count < BLOCK)
        memcpy(copy, p, (size_t)count * sizeof *p);
    const int32_t *from = p && count == BLOCK ? p : copy;
    const sums s = { vld1q_s32(from), vld1q_s32(from + 4), vld1q_s32(from + 8), vld1q_s32(from + 12) };
    return s;
}

static inline sums add_wide(sums s, int16x8_t low, int16x8_t high)
{
    s.v0 = vaddw_s16(s.v0, vget_low_s16(low));
    s.v4 = vaddw_high_s16(s.v4, low);
    s.v8 = vaddw_s16(s.v8, vget_low_s16(high));
    s.v12 = vaddw_high_s16(s.v12, high);
    return s;
}

static inline sums add_one(sums s, int8x16_t x, int8x16_t w)
{
    return add_wide(s, vmull_s8(vget_low_s8(x), vget_low_s8(w)), vmull_high_s8(x, w));
}

static inline sums add_two(sums s, int8x16_t x0, int8x16_t w0, int8x16_t x1, int8x16_t w1)
{
    const int8x16_t turned = vmvnq_s8(x1);
    const int16x8_t low = vmull_s8(vget_low_s8(x0), vget_low_s8(w0)), high = vmull_high_s8(x0, w0);
    return add_wide(s, vmlsl_s8(low, vget_low_s8(turned), vget_low_s8(w1)), vmlsl_high_s8(high, turned, w1));
}

/* s += factor * w, channels of 16 bits */
static inline sums add_times(sums s, int16x8_t low, int16x8_t high, int16_t factor)
{
    s.v0 = vmlal_n_s16(s.v0, vget_low_s16(low), factor);
    s.v4 = vmlal_high_n_s16(s.v4, low, factor);
    s.v8 = vmlal_n_s16(s.v8, vget_low_s16(high), factor);
    s.v12 = vmlal_high_n_s16(s.v12, high, factor);
    return s;
}

/* Bias - x_zero * sums of weights - sums of the weights of second taps. Taps are counted through the whole kernel: the
 * odd ones, but for a last one without a partner, are second ones. */
static sums starts(const tvis_depthwise_s8_args *a, int32_t ch, int32_t count)
{
    enum { MOST = 128 }; /* taps whose weights are within 16 bits */
    const int32_t taps = a->kh * a->kw;
    const int8_t *w = a->w + ch;
    sums s = load_words(a->bias ? a->bias + ch : NULL, count);
    for (int32_t t = 0; t < taps; t += MOST) {
        int16x8_t low[2] = { vdupq_n_s16(0), vdupq_n_s16(0) }, high[2] = { low[0], low[0] };
        int32_t left = taps - t < MOST ? taps - t : MOST;
        for (; left > 0; left -= 2, w += 2 * (ptrdiff_t)a->c) {
            const int8x16_t even = load_bytes(w, count), odd = left > 1 ? load_bytes(w + a->c, count) : vdupq_n_s8(0);
            low[0] = vaddw_s8(low[0], vget_low_s8(even));
            high[0] = vaddw_high_s8(high[0], even);
            low[1] = vaddw_s8(low[1], vget_low_s8(odd));
            high[1] = vaddw_high_s8(high[1], odd);
        }
        s = add_times(s, low[0], high[0], (int16_t)-a->x_zero);
        s = add_times(s, low[1], high[1], (int16_t)(-a->x_zero - 1));
    }
    return s;
}

static void channels_of(const tvis_depthwise_s8_args *a, int32_t ch, int32_t count, channels *c)
{
    sums half = load_words(a->y32 ? NULL : a->q.mul + ch, count);
    half.v0 = vshrq_n_s32(half.v0, 1);
    half.v4 = vshrq_n_s32(half.v4, 1);
    half.v8 = vshrq_n_s32(half.v8, 1);
    half.v12 = vshrq_n_s32(half.v12, 1);
    c->half = half;
    c->start = starts(a, ch, count);
    c->limits = limits16_of(&a->q);
    c->shift = vdupq_n_s32(a->q.shift);
    c->outside = vdupq_n_s8((int8_t)a->x_zero);
    c->y32 = a->y32 ? a->y32 + ch : NULL;
    c->y = a->y32 ? NULL : a->y + ch;
    c->ch = ch;
    c->count = count;
}

/* At element y behind the first channel. */
static inline void store(const channels *c, ptrdiff_t y, sums s)
{
    if (c->y32) {
        memcpy(c->y32 + y, &s, (size_t)c->count * sizeof(int32_t));
        return;
    }
    const int8x16_t v = clamp16(scale4(s.v0, c->half.v0, c->shift), scale4(s.v4, c->half.v4, c->shift),
                                scale4(s.v8, c->half.v8, c->shift), scale4(s.v12, c->half.v12, c->shift), c->limits);
    if (c->count == BLOCK)
        vst1q_s8(c->y + y, v);
    else
        memcpy(c->y + y, &v, (size_t)c->count);
}

/* x at tap t of column ox, from inside of the picture or not. */
static int8x16_t load_tap(const tvis_depthwise_s8_args *a, const channels *c, int32_t ox, int32_t t)
{
    const int8_t *row = a->rows[t / a->kw];
    const int32_t ix = ox * a->stride - a->pad + t % a->kw * a->dilation;
    return row && ix >= 0 && ix < a->iw ? load_bytes(row + (ptrdiff_t)ix * a->c + c->ch, c->count) : c->outside;
}

static void any_column(const tvis_depthwise_s8_args *a, const channels *c, int32_t ox)
{
    const int32_t taps = a->kh * a->kw;
    const int8_t *w = a->w + c->ch;
    sums s = c->start;
    for (int32_t t = 0; t < taps; t += 2, w += 2 * (ptrdiff_t)a->c) {
        const int8x16_t x = load_tap(a, c, ox, t), wt = load_bytes(w, c->count);
        if (t + 1 < taps)
            s = add_two(s, x, wt, load_tap(a, c, ox, t + 1), load_bytes(w + a->c, c->count));
        else
            s = add_one(s, x, wt);
    }
    store(c, (ptrdiff_t)ox * a->c, s);
}

enum { MOST_TAPS = 81 };

/* 16 channels of a column at the edge. */
static void edge_column(const tvis_depthwise_s8_args *a, const channels *c, int32_t ox)
{
    const int32_t taps = a->kh * a->kw, first = ox * a->stride - a->pad;
    const int8_t *x[MOST_TAPS], *w = a->w + c->ch;
    for (int32_t ky = 0, t = 0; ky < a->kh; ky++)
        for (int32_t kx = 0, ix = first; kx < a->kw; kx++, ix += a->dilation, t++)
            x[t] = a->rows[ky] && ix >= 0 && ix < a->iw ? a->rows[ky] + (ptrdiff_t)ix * a->c + c->ch
                                                        : (const int8_t *)&c->outside;
    sums s = c->start;
    int32_t t = 0;
    for (; taps - t >= 2; t += 2, w += 2 * (ptrdiff_t)a->c)
        s = add_two(s, vld1q_s8(x[t]), vld1q_s8(w), vld1q_s8(x[t + 1]), vld1q_s8(w + a->c));
    if (t < taps)
        s = add_one(s, vld1q_s8(x[t]), vld1q_s8(w));
    store(c, (ptrdiff_t)ox * a->c, s);
}

static void columns(const tvis_depthwise_s8_args *a, const channels *c, int32_t ox, int32_t end)
{
    const bool whole = c->count == BLOCK && a->kh * a->kw <= MOST_TAPS;
    for (; ox < end; ox++)
        if (whole)
            edge_column(a, c, ox);
        else
            any_column(a, c, ox);
}

/* Where the taps of an inner column are: rows that are outside are a vector that stays where it is. */
typedef struct taps {
    const int8_t *x[MOST_TAPS];
    ptrdiff_t next[MOST_TAPS];
} taps;

static void taps_of(const tvis_depthwise_s8_args *a, const channels *c, int32_t ox, taps *t)
{
    const ptrdiff_t from = ((ptrdiff_t)ox * a->stride - a->pad) * a->c + c->ch;
    for (int32_t ky = 0, i = 0; ky < a->kh; ky++)
        for (int32_t kx = 0; kx < a->kw; kx++, i++) {
            const int8_t *row = a->rows[ky];
            t->x[i] = row ? row + from + (ptrdiff_t)kx * a->dilation * a->c : (const int8_t *)&c->outside;
            t->next[i] = row ? (ptrdiff_t)a->stride * a->c : 0;
        }
}

/* Columns whose taps are all inside, 16 channels. What they need is copied first: y could be anywhere, as far as the
 * compiler knows. */
static void inner_columns(const tvis_depthwise_s8_args *a, const channels *c, int32_t ox, int32_t end)
{
    const int32_t count = a->kh * a->kw;
    const ptrdiff_t step = a->c;
    const channels k = *c;
    ptrdiff_t y = ox * step;
    taps t;
    taps_of(a, c, ox, &t);
    for (ptrdiff_t n = 0; ox < end; ox++, n++, y += step) {
        const int8_t *w = a->w + k.ch;
        sums s = k.start;
        int32_t i = 0;
        for (; count - i >= 2; i += 2, w += 2 * step)
            s = add_two(s, vld1q_s8(t.x[i] + n * t.next[i]), vld1q_s8(w), vld1q_s8(t.x[i + 1] + n * t.next[i + 1]),
                        vld1q_s8(w + step));
        if (i < count)
            s = add_one(s, vld1q_s8(t.x[i] + n * t.next[i]), vld1q_s8(w));
        store(&k, y, s);
    }
}

/* 5 x 5: a copy of the weights lies side by side. */
static void inner_columns_5x5(const tvis_depthwise_s8_args *a, const channels *c, int32_t ox, int32_t end)
{
    enum { K = 5, TAPS = K * K };
    const channels k = *c;
    const ptrdiff_t step = a->c;
    const int8_t *x[K];
    ptrdiff_t next[K], across[K], y = ox * step;
    int8x16_t w[TAPS];
    taps t;
    taps_of(a, c, ox, &t);
    for (int i = 0; i < TAPS; i++)
        w[i] = vld1q_s8(a->w + i * step + c->ch);
    for (int i = 0; i < K; i++) {
        x[i] = t.x[K * i];
        next[i] = t.next[K * i];
        across[i] = next[i] ? a->dilation * step : 0;
    }
    for (; ox < end; ox++, y += step) {
        sums s = k.start;
#pragma GCC unroll 12
        for (int i = 0; i < TAPS - 1; i += 2)
            s = add_two(s, vld1q_s8(x[i / K] + i % K * across[i / K]), w[i],
                        vld1q_s8(x[(i + 1) / K] + (i + 1) % K * across[(i + 1) / K]), w[i + 1]);
        store(&k, y, add_one(s, vld1q_s8(x[K - 1] + (K - 1) * across[K - 1]), w[TAPS - 1]));
#pragma GCC unroll 5
        for (int i = 0; i < K; i++)
            x[i] += next[i];
    }
}

static void block_3x3(const tvis_depthwise_s8_args *a, int32_t ch)
{
    tvis_neon_strip t = tvis_neon_strip_of(a);
    channels c;
    channels_of(a, ch, BLOCK, &c);
    t.w = a->w + ch;
    t.start = (const int32_t *)&c.start;
    t.half = (const int32_t *)&c.half;
    tvis_neon_strip_all(a, &t, ch, a->y32 ? tvis_neon_sums_3x3 : tvis_neon_row_3x3);
}

static void block(const tvis_depthwise_s8_args *a, int32_t ch, int32_t count)
{
    /* inner … inner_end: the columns whose taps are all in the picture. */
    const int32_t room = a->iw - 1 - (a->kw - 1) * a->dilation + a->pad;
    const int32_t fit = room < 0 ? 0 : room / a->stride + 1, inner = (a->pad + a->stride - 1) / a->stride;
    const int32_t inner_end = fit < a->ow ? fit : a->ow;
    int32_t ox = inner < a->ow ? inner : a->ow;
    channels c;
    channels_of(a, ch, count, &c);
    columns(a, &c, 0, ox);
    if (ox < inner_end && count == BLOCK && a->kh * a->kw <= MOST_TAPS) {
        if (a->kh == 5 && a->kw == 5)
            inner_columns_5x5(a, &c, ox, inner_end);
        else
            inner_columns(a, &c, ox, inner_end);
        ox = inner_end;
    }
    columns(a, &c, ox, a->ow);
}

void tvis_depthwise_s8_16_neon(const tvis_depthwise_s8_args *a)
{
    /* The last block may repeat channels of the one before it, so that it is a whole one. */
    const bool strips = tvis_neon_strip_fits(a);
    for (int32_t ch = 0; ch < a->c; ch += BLOCK) {
        const int32_t first = a->c - ch < BLOCK && a->c > BLOCK ? a->c - BLOCK : ch;
        if (strips)
            block_3x3(a, first);
        else
            block(a, first, a->c < BLOCK ? a->c : BLOCK);
    }
}
