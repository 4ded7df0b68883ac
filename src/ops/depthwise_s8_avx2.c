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

/* ---- 3 x 3: entries pass from one column to the next in registers ---- */

enum { AHEAD = 4 }; /* most columns that are read at a time */

/* Rows that are outside are a vector that stays where it is. */
typedef struct window {
    const int8_t *row[3];
    ptrdiff_t next[3]; /* from a column to the next one */
    int32_t iw;
    bytes outside;
} window;

static void window_of(const tvis_depthwise_s8_args *a, int32_t ch, window *in)
{
    in->iw = a->iw;
    in->outside = set_bytes(a->x_zero);
    for (int i = 0; i < 3; i++) {
        in->row[i] = a->rows[i] ? a->rows[i] + ch : (const int8_t *)&in->outside;
        in->next[i] = a->rows[i] ? a->c : 0;
    }
}

/* A copy of columns from ix on, with those that are outside. */
static void copy_edge(const window *in, int32_t ix, int32_t count, bytes edge[3][AHEAD])
{
    for (int r = 0; r < 3; r++)
        for (int32_t i = 0; i < count; i++)
            edge[r][i] =
                ix + i >= 0 && ix + i < in->iw ? load_bytes(in->row[r] + (ix + i) * in->next[r], BLOCK) : in->outside;
}

static inline entry pair(bytes first, bytes second)
{
    const bytes x[DEEP] = { first, second };
    return interleave(x);
}

/* Taps 0 … 2: columns of two rows. 3 and 4: two columns of the third row, and one. */
static inline sums taps_3x3(sums s, const entry *top, const entry *left, const entry *right, const weights *w)
{
    s = multiply_add(s, &top[0], &w[0]);
    s = multiply_add(s, &top[1], &w[1]);
    s = multiply_add(s, &top[2], &w[2]);
    s = multiply_add(s, left, &w[3]);
    return multiply_add(s, right, &w[4]);
}

/* `count` columns from ix on. */
TVIS_INLINE void load_columns(const window *in, int32_t ix, const int count, bytes edge[3][AHEAD], bytes x[3][AHEAD])
{
    const bool inside = ix >= 0 && ix <= in->iw - count;
    if (!inside)
        copy_edge(in, ix, count, edge);
#pragma GCC unroll 3
    for (int r = 0; r < 3; r++) {
        const int8_t *from = inside ? in->row[r] + ix * in->next[r] : (const int8_t *)edge[r];
        const ptrdiff_t next = inside ? in->next[r] : BLOCK;
#pragma GCC unroll 4
        for (int i = 0; i < count; i++)
            x[r][i] = load_bytes(from + i * next, BLOCK);
    }
}

/* Two columns of y at a time. top: pairs of the two upper rows; low, middle, end: pairs of columns of the third row, of
 * which stride 1 takes the second for the last tap, stride 2 the first: both share it with the next column of y. */
TVIS_INLINE void columns_3x3(const tvis_depthwise_s8_args *a, const window *in, const channels *c, const weights *w,
                             const int stride)
{
    const ptrdiff_t next_y = a->c;
    bytes edge[3][AHEAD], x[3][AHEAD];
    load_columns(in, -a->pad, 2, edge, x);
    entry top[2 + AHEAD] = { pair(x[0][0], x[1][0]), pair(x[0][1], x[1][1]) }, low = pair(x[2][0], x[2][1]);
    ptrdiff_t y = 0;
    for (int32_t ox = 0, ix = 2 - a->pad; ox < a->ow; ox += 2, ix += 2 * stride, y += 2 * next_y) {
        const bytes before = x[2][1];
        load_columns(in, ix, 2 * stride, edge, x);
#pragma GCC unroll 4
        for (int i = 0; i < 2 * stride; i++)
            top[2 + i] = pair(x[0][i], x[1][i]);
        const entry middle = stride == 1 ? pair(before, x[2][0]) : pair(x[2][0], x[2][1]);
        const entry end = stride == 1 ? pair(x[2][0], x[2][1]) : pair(x[2][2], x[2][3]);
        const sums s0 = taps_3x3(c->start, top, &low, &middle, w),
                   s1 = taps_3x3(c->start, top + stride, &middle, &end, w);
        const ptrdiff_t y1 = ox + 1 < a->ow ? y + next_y : y;
        if (c->y32)
            store_sums(c, y1 == y ? s0 : s1, s0, y1, y);
        else
            store_two(c, y1 == y ? s0 : s1, s0, y1, y);
        top[0] = top[2 * stride];
        top[1] = top[2 * stride + 1];
        low = end;
    }
}

static void block_3x3(const tvis_depthwise_s8_args *a, const int8_t *packed, int32_t ch)
{
    enum { TAP_STEPS = 5 };
    weights w[TAP_STEPS];
    channels c;
    window in;
    for (int s = 0; s < TAP_STEPS; s++)
        w[s] = load_weights(packed + (ptrdiff_t)s * BLOCK * DEEP);
    channels_of(a, (const int32_t *)(const void *)(packed + (ptrdiff_t)TAP_STEPS * BLOCK * DEEP), ch, BLOCK, &c);
    window_of(a, ch, &in);
    if (a->stride == 2) {
        columns_3x3(a, &in, &c, w, 2);
        return;
    }
    w[4].v0 = _mm256_slli_epi32(w[4].v0, 16);
    w[4].v8 = _mm256_slli_epi32(w[4].v8, 16);
    columns_3x3(a, &in, &c, w, 1);
}

static void depthwise_3x3(const tvis_depthwise_s8_args *a)
{
    const ptrdiff_t bytes_of_block = (ptrdiff_t)(5 * DEEP + (int)sizeof(int32_t)) * BLOCK;
    const int8_t *packed = a->w;
    for (int32_t ch = 0; ch < a->c; ch += BLOCK, packed += bytes_of_block)
        block_3x3(a, packed, a->c - ch < BLOCK ? a->c - BLOCK : ch);
}

void tvis_depthwise_s8_16_avx2(const tvis_depthwise_s8_args *a)
{
    if (a->kh == 3 && a->kw == 3 && a->dilation == 1 && a->stride <= 2 && a->c >= BLOCK)
        depthwise_3x3(a);
    else
        depthwise(a);
}
