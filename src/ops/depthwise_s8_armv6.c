/* SPDX-License-Identifier: MIT */
/* ARMv6, a variant for kernels of 3 x 3 and one for 5 x 5: pixels of some channels are turned over to int16, channel by
 * channel, so that two neighbours in a row are one operand of SMLAD. As many rows of them as the kernel has stand in a
 * ring: from a row of the output to the next only the new ones are turned over. Pixels outside are the zero point of x,
 * which the bias takes out, and the shift before requantization is in the weights: sums wrap around in the same way. */
#include "core/port.h"
#include "ops/depthwise_s8.h"
#include "ops/depthwise_s8_armv6.h"

enum { COLUMNS = TVIS_DW_COLUMNS, CHANNELS = TVIS_DW_CHANNELS, MOST_ROWS = 5, MOST_OUTPUTS = 16, MOST_SHIFT = 8 };

/* Channels of 3 x 3 that are computed side by side, row by row: those in a line of the cache. Of 5 x 5 half of them, to
 * have less than 9 KB of stack; less than 2.2 KB where stacks are small: no sums of 5 x 5 there. */
enum { WIDTH3 = TVIS_DW_BESIDE, RING3 = 3 * WIDTH3 * COLUMNS, RING5 = MOST_ROWS * CHANNELS * COLUMNS };

TVIS_STATIC_ASSERT(depthwise_s8_armv6_channel3, sizeof(tvis_dw_channel3) == 32);
TVIS_STATIC_ASSERT(depthwise_s8_armv6_channel5, sizeof(tvis_dw_channel5) == 152);

typedef struct ring ring;

typedef struct block {
    union {
        tvis_dw_channel3 three[3][WIDTH3]; /* for the first row in each place of the ring */
        tvis_dw_channel5 five[CHANNELS];
    } w;
    union {
        int64_t aligned;
        int16_t x[RING3 < RING5 ? RING5 : RING3]; /* (channels, rows, COLUMNS) */
    } rings;
    union {
        int8_t y[MOST_OUTPUTS][TVIS_DW_BESIDE];
        int32_t sums[TVIS_SMALL_STACK ? 1 : MOST_OUTPUTS][TVIS_DW_BESIDE];
    } out;
    int8_t zeros[TVIS_DW_BESIDE]; /* a pixel outside */
    const ring *k;
    int32_t c, channels; /* the first one, and how many */
    int32_t ox, count;   /* of outputs */
} block;

/* What kernels of one size have of their own. */
struct ring {
    void (*prepare)(const tvis_depthwise_s8_args *a, block *b, int32_t i); /* channel i of the block */
    void (*run[2][2])(const tvis_dw_rows *r);                              /* to S8, wide; for strides of 1 and 2 */
    int32_t channels;                                                      /* at most */
};

/* Whether sums leave the kernels as they are. */
static bool is_wide(const tvis_depthwise_s8_args *a)
{
    return a->y32 || (TVIS_LARGE_CODE && a->narrow);
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Input row iy; NULL: outside. */
static const int8_t *row_at(const tvis_depthwise_s8_args *a, const tvis_depthwise_s8_picture *p, int32_t iy)
{
    if (!p->x)
        return a->rows[iy];
    return iy >= 0 && iy < p->ih ? p->x + (ptrdiff_t)iy * a->iw * a->c : NULL;
}

/* ---- weights ---- */

/* Taps of a channel, a row of the kernel, shifted; sums are not shifted. Returns their sum before that. */
static int32_t taps_of(const tvis_depthwise_s8_args *a, int32_t c, int32_t ky, int16_t *taps)
{
    const int8_t *w = a->w + (ptrdiff_t)ky * a->kw * a->c + c;
    const int32_t one = is_wide(a) ? 1 : (int32_t)((uint32_t)1 << a->q.shift);
    int32_t sum = 0;
    for (int32_t kx = 0; kx < a->kw; kx++, w += a->c) {
        taps[kx] = (int16_t)(*w * one);
        sum += *w;
    }
    return sum;
}

static int32_t bias_of(const tvis_depthwise_s8_args *a, int32_t c, int32_t sum)
{
    const int32_t bias = tvis_requant_sum(a->bias ? a->bias[c] : 0, -a->x_zero * sum);
    return is_wide(a) ? bias : (int32_t)((uint32_t)bias << a->q.shift);
}

static void prepare3(const tvis_depthwise_s8_args *a, block *b, int32_t i)
{
    int16_t t[3][3];
    int32_t sum = 0;
    for (int32_t ky = 0; ky < 3; ky++)
        sum += taps_of(a, b->c + i, ky, t[ky]);
    for (int32_t top = 0; top < 3; top++) {
        tvis_dw_channel3 *ch = &b->w.three[top][i];
        for (int32_t ky = 0, at = top; ky < 3; ky++, at = at == 2 ? 0 : at + 1) {
            const int16_t pairs[4] = { t[ky][0], t[ky][1], t[ky][1], t[ky][2] };
            memcpy(ch->taps[at], pairs, sizeof pairs);
        }
        ch->bias = bias_of(a, b->c + i, sum);
        ch->mul = is_wide(a) ? 0 : a->q.mul[b->c + i];
    }
}

static void prepare5(const tvis_depthwise_s8_args *a, block *b, int32_t i)
{
    tvis_dw_channel5 *ch = &b->w.five[i];
    int32_t sum = 0;
    for (int32_t ky = 0; ky < 5; ky++) {
        int16_t t[5];
        sum += taps_of(a, b->c + i, ky, t);
        const int16_t pairs[8] = { t[0], t[1], t[2], t[3], t[1], t[2], t[3], t[4] };
        memcpy(ch->taps[ky], pairs, sizeof pairs);
    }
    memcpy(ch->taps[5], ch->taps[0], 4 * sizeof ch->taps[0]);
    ch->bias = bias_of(a, b->c + i, sum);
    ch->mul = is_wide(a) ? 0 : a->q.mul[b->c + i];
}

/* ---- pixels ---- */

/* The first column of x that the block's outputs read, and how many. */
static int32_t first_column(const tvis_depthwise_s8_args *a, const block *b)
{
    return b->ox * a->stride - a->pad;
}

static int32_t columns_of(const tvis_depthwise_s8_args *a, const block *b)
{
    return (b->count - 1) * a->stride + a->kw;
}

/* Columns [from, to) of a row of the ring are the zero point. */
static void fill(const tvis_depthwise_s8_args *a, block *b, int32_t place, int32_t from, int32_t to)
{
    int16_t *x = b->rings.x + place * COLUMNS + from;
    const int16_t zero = (int16_t)a->x_zero;
    for (int32_t c = 0; c < b->channels && from < to; c++, x += a->kh * COLUMNS)
        for (int32_t i = 0; i < to - from; i++)
            x[i] = zero;
}

/* The columns of a row that the block's outputs read; those outside of the picture have been filled. */
static void spread(const tvis_depthwise_s8_args *a, block *b, const int8_t *x, int32_t place)
{
    const int32_t first = first_column(a, b), columns = columns_of(a, b);
    const int32_t from = least(first < 0 ? -first : 0, columns), end = least(a->iw - first, columns);
    if (!x || end <= from) {
        fill(a, b, place, from, end);
        return;
    }
    x += (ptrdiff_t)first * a->c + b->c;
    /* what stands beside an odd last pixel would stand in the next row */
    const int32_t alone = end == COLUMNS && (end - from) % 2, pairs_end = end - alone;
    if (pairs_end > from)
        tvis_dw_spread_armv6(x + (ptrdiff_t)from * a->c, a->c, pairs_end - from, b->channels / 4,
                             &b->rings.x[place * COLUMNS + from], (ptrdiff_t)sizeof(int16_t) * a->kh * COLUMNS,
                             b->zeros);
    for (int32_t c = 0; alone && c < b->channels; c++)
        b->rings.x[(c * a->kh + place) * COLUMNS + pairs_end] = x[(ptrdiff_t)pairs_end * a->c + c];
}

/* All columns outside of the picture. */
static void fill_sides(const tvis_depthwise_s8_args *a, block *b)
{
    const int32_t first = first_column(a, b), columns = columns_of(a, b);
    memset(b->zeros, a->x_zero, sizeof b->zeros);
    for (int32_t place = 0; place < a->kh; place++) {
        fill(a, b, place, 0, least(-first, columns));
        fill(a, b, place, a->iw - first < 0 ? 0 : a->iw - first, columns);
    }
}

static void limit(const tvis_depthwise_s8_args *a, int8_t *y, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        y[i] = y[i] < a->q.lo ? (int8_t)a->q.lo : y[i] > a->q.hi ? (int8_t)a->q.hi : y[i];
}

static void put(const tvis_depthwise_s8_args *a, block *b, int8_t *y)
{
    if (a->q.lo != INT8_MIN || a->q.hi != INT8_MAX)
        limit(a, b->out.y[0], b->count * TVIS_DW_BESIDE);
    for (int32_t i = 0; i < b->count; i++, y += a->c) {
        if (b->channels == TVIS_DW_BESIDE)
            memcpy(y, b->out.y[i], TVIS_DW_BESIDE);
        else
            memcpy(y, b->out.y[i], (size_t)b->channels);
    }
}

/* ---- sums ---- */

#if !TVIS_LARGE_CODE
static inline int32_t smlad(uint32_t x, uint32_t w, int32_t sum)
{
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(w));
    return sum;
}

static inline uint32_t pair(const int16_t *p)
{
    uint32_t both;
    memcpy(&both, p, sizeof both);
    return both;
}

/* A channel's sums, 3 x 3, y: of the first output. */
static void sum_channel(const tvis_depthwise_s8_args *a, const tvis_dw_channel3 *ch, const int16_t *x, int32_t count,
                        int32_t *y)
{
    const uint32_t left0 = pair(ch->taps[0]), left1 = pair(ch->taps[1]), left2 = pair(ch->taps[2]);
    const int32_t right0 = ch->taps[0][3], right1 = ch->taps[1][3], right2 = ch->taps[2][3];
    for (int32_t i = 0; i < count; i++, x += a->stride, y += a->c) {
        int32_t sum = smlad(pair(x), left0, ch->bias);
        sum = smlad(pair(x + COLUMNS), left1, sum);
        sum = smlad(pair(x + 2 * COLUMNS), left2, sum);
        *y = tvis_requant_sum(sum, x[2] * right0 + x[COLUMNS + 2] * right1 + x[2 * COLUMNS + 2] * right2);
    }
}
#endif

/* Some channels of sums to where they belong. */
static void put_sums(const tvis_depthwise_s8_args *a, const block *b, int32_t *y)
{
    for (int32_t i = 0; i < b->count; i++, y += a->c)
        memcpy(y, b->out.sums[i], (size_t)b->channels * sizeof *y);
}

/* ---- rows ---- */

/* Sums of the block to what they become; at: of its first output, in elements. */
static void narrow(const tvis_depthwise_s8_args *a, const block *b, ptrdiff_t at)
{
    tvis_narrow_args n = *a->narrow;
    n.x = b->out.sums[0];
    n.y = (uint8_t *)n.y + at * (n.wide ? 2 : 1);
    n.m = b->count;
    n.n = b->channels;
    n.ldx = TVIS_DW_BESIDE;
    n.ldy = a->c;
    n.q.mul += b->c;
    tvis_narrow_armv6(&n);
}

/* Pixels of rows to come: row i for the i-th half of the channels. They are brought nearer while the block is computed, one
 * for each channel, and those in front of them at once. */
typedef struct coming {
    const int8_t *row[2];
    ptrdiff_t apart[2];
} coming;

/* The rows from iy on. */
static coming bring(const tvis_depthwise_s8_args *a, const tvis_depthwise_s8_picture *p, const block *b, int32_t iy)
{
    const int32_t first = first_column(a, b), from = first < 0 ? 0 : first;
    const int32_t columns = least(first + columns_of(a, b), a->iw) - from;
    const int32_t ahead = columns < CHANNELS ? 0 : columns - CHANNELS;
    coming next = { { b->zeros, b->zeros }, { 0, 0 } };
    for (int32_t i = 0; i < p->stride && i < 2 && p->x; i++) {
        const int8_t *x = row_at(a, p, iy + i);
        if (!x)
            continue;
        x += (ptrdiff_t)from * a->c + b->c;
        for (int32_t j = 0; j < ahead; j++, x += a->c)
            TVIS_PREFETCH(x);
        next.row[i] = x;
        next.apart[i] = a->c;
    }
    return next;
}

/* Channels of the block from `first` on; its first row of x stands in the place `top`. */
static void run_half(const tvis_depthwise_s8_args *a, block *b, int32_t top, int32_t first, const coming *next)
{
    const bool wide = is_wide(a);
    const tvis_dw_rows r = {
        .x = b->rings.x + first * a->kh * COLUMNS,
        .channel = a->kh == 3 ? (const void *)&b->w.three[top][first] : &b->w.five[first],
        .y = wide ? (void *)&b->out.sums[0][first] : &b->out.y[0][first],
        .channels = least(CHANNELS, b->channels - first),
        .count = (b->count + 3) & ~3,
        .zero = a->q.zero,
        .turn = (5 - top) % 5 * (int32_t)sizeof b->w.five->taps[0],
        .wide = wide,
        .ahead = next->row[first != 0],
        .apart = next->apart[first != 0],
    };
    b->k->run[wide][a->stride - 1](&r);
}

/* One row of the block. at: of the output's row, in elements. */
static void run_row(const tvis_depthwise_s8_args *a, block *b, int32_t top, ptrdiff_t at, const coming *next)
{
    at += (ptrdiff_t)b->ox * a->c + b->c;
#if !TVIS_LARGE_CODE
    if (a->y32 && a->kh == 3) {
        for (int32_t j = 0; j < b->channels; j++)
            sum_channel(a, &b->w.three[top][j], b->rings.x + j * 3 * COLUMNS, b->count, a->y32 + at + j);
        return;
    }
#endif
    for (int32_t first = 0; first < b->channels; first += CHANNELS)
        run_half(a, b, top, first, next);
    if (TVIS_LARGE_CODE && a->narrow)
        narrow(a, b, at);
    else if (a->y32)
        put_sums(a, b, a->y32 + at);
    else
        put(a, b, a->y + at);
}

/* Some columns of all rows. */
static void run_columns(const tvis_depthwise_s8_args *a, const tvis_depthwise_s8_picture *p, block *b)
{
    int32_t top = 0, place = 0, fresh = a->kh, iy = p->oy * p->stride - p->top;
    fill_sides(a, b);
    for (int32_t i = 0; i < p->count; i++) {
        for (; fresh > 0; fresh--, iy++) {
            spread(a, b, row_at(a, p, iy), place);
            place = place + 1 == a->kh ? 0 : place + 1;
        }
        const coming next = bring(a, p, b, iy);
        run_row(a, b, top, (ptrdiff_t)i * a->ow * a->c, &next);
        fresh = p->stride;
        top = (top + fresh) % a->kh;
    }
}

/* Channels [c, end). */
static void run_channels(const ring *k, const tvis_depthwise_s8_args *a, const tvis_depthwise_s8_picture *p, int32_t c,
                         int32_t end)
{
    const int32_t most = a->stride == 1 ? MOST_OUTPUTS : MOST_OUTPUTS / 2;
    block b;
    b.k = k;
    b.c = c;
    b.channels = end - c;
    for (int32_t i = 0; i < b.channels; i++)
        k->prepare(a, &b, i);
    for (b.ox = 0; b.ox < a->ow; b.ox += most) {
        b.count = least(most, a->ow - b.ox);
        run_columns(a, p, &b);
    }
}

static void narrow_one(const tvis_depthwise_s8_args *a, int32_t c, ptrdiff_t at, int32_t sum)
{
    tvis_narrow_args n = *a->narrow;
    n.x = &sum;
    n.y = (uint8_t *)n.y + at * (n.wide ? 2 : 1);
    n.m = n.n = n.ldx = n.ldy = 1;
    n.q.mul += c;
    tvis_narrow_armv6(&n);
}

/* The last one to three channels, which are no whole word. */
static void run_channel(const tvis_depthwise_s8_args *a, const tvis_depthwise_s8_picture *p, int32_t c)
{
    for (int32_t i = 0; i < p->count * a->ow; i++) {
        const int32_t iy = (p->oy + i / a->ow) * p->stride - p->top, ix = i % a->ow * a->stride - a->pad;
        int32_t acc = a->bias ? a->bias[c] : 0;
        for (int32_t ky = 0; ky < a->kh; ky++)
            for (int32_t kx = 0; kx < a->kw; kx++) {
                const int8_t *row = row_at(a, p, iy + ky);
                if (row && ix + kx >= 0 && ix + kx < a->iw)
                    acc = tvis_requant_sum(acc, (row[(ptrdiff_t)(ix + kx) * a->c + c] - a->x_zero) *
                                                    a->w[((ptrdiff_t)ky * a->kw + kx) * a->c + c]);
            }
        const ptrdiff_t at = (ptrdiff_t)i * a->c + c;
        if (TVIS_LARGE_CODE && a->narrow)
            narrow_one(a, c, at, acc);
        else if (a->y32)
            a->y32[at] = acc;
        else
            a->y[at] = tvis_requant_clamp(tvis_requant_scale(acc, a->q.mul[c], a->q.shift), &a->q);
    }
}

static void run_picture(const ring *k, const tvis_depthwise_s8_args *a, const tvis_depthwise_s8_picture *p)
{
    const int32_t whole = a->c & ~3;
    for (int32_t c = 0; c < whole; c += k->channels)
        run_channels(k, a, p, c, least(c + k->channels, whole));
    for (int32_t c = whole; c < a->c; c++)
        run_channel(a, p, c);
}

static bool fits(const tvis_depthwise_s8_args *a, int32_t side)
{
    return a->kh == side && a->kw == side && (TVIS_LARGE_CODE || !a->narrow) &&
           !(TVIS_SMALL_STACK && side == 5 && a->y32) && a->dilation == 1 && a->stride <= 2 &&
           (is_wide(a) || a->q.shift <= MOST_SHIFT);
}

static void run_one_row(const ring *k, int32_t side, const tvis_depthwise_s8_args *a)
{
    const tvis_depthwise_s8_picture row = { .count = 1 };
    if (fits(a, side))
        run_picture(k, a, &row);
    else
        tvis_depthwise_s8_c(a);
}

/* Of 5 x 5 the same functions. */
#if TVIS_LARGE_CODE
#define DW3_WIDE(stride) tvis_dw3_stride##stride##_wide_armv6
#else
#define DW3_WIDE(stride) tvis_dw3_stride##stride##_armv6
#endif
#define DW5_WIDE(stride) tvis_dw5_stride##stride##_armv6
#define RING(side)                                                                                                     \
    static const ring ring##side = { prepare##side,                                                                    \
                                     { { tvis_dw##side##_stride1_armv6, tvis_dw##side##_stride2_armv6 },               \
                                       { DW##side##_WIDE(1), DW##side##_WIDE(2) } },                                   \
                                     side == 3 ? WIDTH3 : CHANNELS };                                                  \
    void tvis_depthwise_s8_##side##x##side##_armv6(const tvis_depthwise_s8_args *a)                                    \
    {                                                                                                                  \
        run_one_row(&ring##side, side, a);                                                                             \
    }                                                                                                                  \
    void tvis_depthwise_s8_picture_##side##x##side##_armv6(const tvis_depthwise_s8_args *a,                            \
                                                           const tvis_depthwise_s8_picture *p)                         \
    {                                                                                                                  \
        run_picture(&ring##side, a, p);                                                                                \
    }                                                                                                                  \
    bool tvis_depthwise_s8_fits_##side##x##side##_armv6(const tvis_depthwise_s8_args *a)                               \
    {                                                                                                                  \
        return fits(a, side);                                                                                          \
    }
RING(3)
RING(5)
