/* SPDX-License-Identifier: MIT */
/* ARMv6, kernels of 3 x 3: pixels of some channels are turned over to int16, channel by channel, so that two neighbours
 * in a row are one operand of SMLAD. Pixels outside are the zero point of x, which the bias takes out, and the shift
 * before requantization is in the weights: sums wrap around in the same way. */
#include "core/port.h"
#include "ops/depthwise_s8.h"
#include "ops/depthwise_s8_armv6.h"

enum { COLUMNS = TVIS_DW_COLUMNS, ROWS = TVIS_DW_ROWS, CHANNELS = TVIS_DW_CHANNELS, MOST_OUTPUTS = 16, MOST_SHIFT = 8 };

TVIS_STATIC_ASSERT(depthwise_s8_armv6_channel, sizeof(tvis_dw_channel) == 32);

/* What a block of channels needs; less than 3 KB of stack. */
typedef struct block {
    tvis_dw_channel channel[CHANNELS];
    int16_t x[CHANNELS][ROWS][COLUMNS];
    int8_t y[MOST_OUTPUTS + 1][CHANNELS];
} block;

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Sums are not shifted. */
static void prepare(const tvis_depthwise_s8_args *a, int32_t c, tvis_dw_channel *ch)
{
    const int32_t shift = a->y32 ? 0 : a->q.shift;
    int32_t sum = 0;
    for (int32_t ky = 0; ky < ROWS; ky++) {
        const int8_t *w = a->w + (ptrdiff_t)ky * ROWS * a->c + c;
        const int32_t w0 = w[0], w1 = w[a->c], w2 = w[2 * (ptrdiff_t)a->c];
        const int32_t one = (int32_t)((uint32_t)1 << shift);
        ch->taps[ky][0] = (int16_t)(w0 * one);
        ch->taps[ky][1] = ch->taps[ky][2] = (int16_t)(w1 * one);
        ch->taps[ky][3] = (int16_t)(w2 * one);
        sum += w0 + w1 + w2;
    }
    const int32_t bias = tvis_requant_sum(a->bias ? a->bias[c] : 0, -a->x_zero * sum);
    ch->bias = (int32_t)((uint32_t)bias << shift);
    ch->mul = a->y32 ? 0 : a->q.mul[c];
}

/* Columns [from, to) of a row are the zero point. */
static void fill(block *b, int32_t channels, int32_t row, int32_t from, int32_t to, int32_t zero)
{
    for (int32_t c = 0; c < channels; c++)
        for (int32_t i = from; i < to; i++)
            b->x[c][row][i] = (int16_t)zero;
}

/* The columns that `count` outputs from ox on read, of `channels` channels from c on. */
static void spread(const tvis_depthwise_s8_args *a, block *b, int32_t c, int32_t channels, int32_t ox, int32_t count)
{
    const int32_t first = ox * a->stride - a->pad, columns = (count - 1) * a->stride + ROWS;
    const int32_t from = least(first < 0 ? -first : 0, columns), end = least(a->iw - first, columns);
    for (int32_t row = 0; row < ROWS; row++) {
        const int8_t *x = a->rows[row];
        if (!x || end <= from) {
            fill(b, channels, row, 0, columns, a->x_zero);
            continue;
        }
        tvis_dw_spread_armv6(x + (ptrdiff_t)(first + from) * a->c + c, a->c, end - from, channels / 4,
                             &b->x[0][row][from]);
        fill(b, channels, row, 0, from, a->x_zero);
        fill(b, channels, row, end, columns, a->x_zero);
    }
}

static void put(const tvis_depthwise_s8_args *a, block *b, int32_t c, int32_t channels, int32_t ox, int32_t count)
{
    int8_t *y = a->y + (ptrdiff_t)ox * a->c + c;
    const bool limits = a->q.lo != INT8_MIN || a->q.hi != INT8_MAX;
    for (int32_t i = 0; i < count; i++, y += a->c) {
        for (int32_t j = 0; limits && j < channels; j++) {
            const int32_t v = b->y[i][j];
            b->y[i][j] = (int8_t)(v < a->q.lo ? a->q.lo : v > a->q.hi ? a->q.hi : v);
        }
        if (channels == CHANNELS)
            memcpy(y, b->y[i], CHANNELS);
        else
            memcpy(y, b->y[i], (size_t)channels);
    }
}

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

/* A channel's sums, y: of the first output. */
static void sum_channel(const tvis_depthwise_s8_args *a, const tvis_dw_channel *ch, int16_t (*x)[COLUMNS],
                        int32_t count, int32_t *y)
{
    const uint32_t left0 = pair(ch->taps[0]), left1 = pair(ch->taps[1]), left2 = pair(ch->taps[2]);
    const int32_t right0 = ch->taps[0][3], right1 = ch->taps[1][3], right2 = ch->taps[2][3];
    for (int32_t i = 0, at = 0; i < count; i++, at += a->stride, y += a->c) {
        int32_t sum = smlad(pair(&x[0][at]), left0, ch->bias);
        sum = smlad(pair(&x[1][at]), left1, sum);
        sum = smlad(pair(&x[2][at]), left2, sum);
        *y = tvis_requant_sum(sum, x[0][at + 2] * right0 + x[1][at + 2] * right1 + x[2][at + 2] * right2);
    }
}

static void run_channels(const tvis_depthwise_s8_args *a, block *b, int32_t c, int32_t channels)
{
    const int32_t most = a->stride == 1 ? MOST_OUTPUTS : MOST_OUTPUTS / 2, parts = (a->ow + most - 1) / most;
    for (int32_t i = 0; i < channels; i++)
        prepare(a, c + i, &b->channel[i]);
    for (int32_t i = 0; i < parts; i++) {
        const int32_t ox = a->ow * i / parts, count = a->ow * (i + 1) / parts - ox;
        const tvis_dw_rows r = { b->x[0][0], b->channel, b->y[0], channels, (count + 1) & ~1, a->q.zero };
        spread(a, b, c, channels, ox, count);
        for (int32_t j = 0; a->y32 && j < channels; j++)
            sum_channel(a, &b->channel[j], b->x[j], count, a->y32 + (ptrdiff_t)ox * a->c + c + j);
        if (a->y32)
            continue;
        if (a->stride == 1)
            tvis_dw_stride1_armv6(&r);
        else
            tvis_dw_stride2_armv6(&r);
        put(a, b, c, channels, ox, count);
    }
}

/* The last one to three channels, which are no whole word. */
static void run_channel(const tvis_depthwise_s8_args *a, int32_t c)
{
    for (int32_t ox = 0; ox < a->ow; ox++) {
        int32_t acc = a->bias ? a->bias[c] : 0;
        for (int32_t i = 0; i < ROWS * ROWS; i++) {
            const int32_t ix = ox * a->stride - a->pad + i % ROWS;
            const int8_t *row = a->rows[i / ROWS];
            if (row && ix >= 0 && ix < a->iw)
                acc =
                    tvis_requant_sum(acc, (row[(ptrdiff_t)ix * a->c + c] - a->x_zero) * a->w[(ptrdiff_t)i * a->c + c]);
        }
        if (a->y32)
            a->y32[(ptrdiff_t)ox * a->c + c] = acc;
        else
            a->y[(ptrdiff_t)ox * a->c + c] =
                tvis_requant_clamp(tvis_requant_scale(acc, a->q.mul[c], a->q.shift), &a->q);
    }
}

void tvis_depthwise_s8_3x3_armv6(const tvis_depthwise_s8_args *a)
{
    block b;
    const bool shifts = a->y32 || a->q.shift <= MOST_SHIFT;
    if (a->kh != ROWS || a->kw != ROWS || a->dilation != 1 || a->stride > 2 || !shifts) {
        tvis_depthwise_s8_c(a);
        return;
    }
    const int32_t whole = a->c & ~3;
    for (int32_t c = 0; c < whole; c += CHANNELS)
        run_channels(a, &b, c, least(CHANNELS, whole - c));
    for (int32_t c = whole; c < a->c; c++)
        run_channel(a, c);
}
