/* SPDX-License-Identifier: MIT */
/* AArch64 without dot products: integer Winograd in tiles of 8 x 8. Transformed pixels of a block of tiles lie as (16
 * positions, tiles, channels), sums of a chunk of columns as (16 positions, tiles, columns). */
#include <arm_neon.h>

#include "core/port.h"
#include "ops/winograd_s8.h"

#if TVIS_LARGE_CODE
enum { ROWS = 8, NR = 8, POSITIONS = TVIS_WINOGRAD_S8_POSITIONS, LINE = 32, RUN = 8 };

void tvis_neon_tile_s16_8x8(const int16_t *x, const int16_t *w, int32_t *sums, ptrdiff_t ldx, ptrdiff_t ldsums,
                            ptrdiff_t eights);

typedef struct block {
    const tvis_winograd_s8_args *a;
    int32_t first, tiles, rows; /* counted over all pictures; a multiple of ROWS */
    int32_t columns;
    int16_t *v;
    int32_t *sums, *pixels;
    int8_t *outside; /* a pixel */
} block;

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* ---- pixels ---- */

/* Pixels of a tile, row by row. */
static void find(const block *b, int32_t tile, const int8_t *pixel[POSITIONS])
{
    const tvis_conv_shape *s = b->a->s;
    const int32_t cols = (s->ow + 1) / 2, each = cols * ((s->oh + 1) / 2);
    const int32_t y = tile % each / cols * 2 - s->top, x = tile % cols * 2 - s->left;
    const int8_t *picture = b->a->x + (ptrdiff_t)(tile / each) * s->ih * s->iw * s->ic;
    for (int32_t i = 0; i < POSITIONS; i++) {
        const int32_t py = y + i / 4, px = x + i % 4;
        const bool inside = py >= 0 && py < s->ih && px >= 0 && px < s->iw;
        pixel[i] = inside ? picture + ((ptrdiff_t)py * s->iw + px) * s->ic : b->outside;
    }
}

/* Four numbers, `step` apart. */
static inline void transform(int16x8_t *d, int step)
{
    const int16x8_t d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
    d[0] = vsubq_s16(d0, d2);
    d[step] = vaddq_s16(d1, d2);
    d[2 * step] = vsubq_s16(d2, d1);
    d[3 * step] = vsubq_s16(d1, d3);
}

static ptrdiff_t position(const block *b)
{
    return (ptrdiff_t)b->rows * b->a->s->ic + LINE / (ptrdiff_t)sizeof(int16_t);
}

static void transform_tile(const block *b, int32_t i)
{
    const int32_t channels = b->a->s->ic;
    const ptrdiff_t step = position(b);
    const int8_t *pixel[POSITIONS];
    int16_t *out = b->v + (ptrdiff_t)i * channels;
    find(b, b->first + i, pixel);
    for (int32_t c = 0; c < channels; c += 8, out += 8) {
        int16x8_t d[POSITIONS];
        for (int k = 0; k < POSITIONS; k++)
            d[k] = vmovl_s8(vld1_s8(pixel[k] + c));
        for (int k = 0; k < 4; k++)
            transform(d + k, 4);
        for (int k = 0; k < 4; k++)
            transform(d + 4 * k, 1);
        for (int k = 0; k < POSITIONS; k++)
            vst1q_s16(out + k * step, d[k]);
    }
}

/* ---- sums ---- */

static ptrdiff_t sums_step(const block *b)
{
    return (ptrdiff_t)b->rows * b->columns + LINE / (ptrdiff_t)sizeof(int32_t);
}

/* Sums of a chunk of columns, whose weights begin at w. */
static void multiply(const block *b, const int16_t *w, int32_t columns)
{
    const int32_t channels = b->a->s->ic;
    for (int32_t p = 0; p < POSITIONS; p++)
        for (int32_t j = 0; j < columns; j += NR, w += (ptrdiff_t)channels * NR)
            for (int32_t i = 0; i < b->rows; i += ROWS)
                tvis_neon_tile_s16_8x8(b->v + p * position(b) + (ptrdiff_t)i * channels, w,
                                       b->sums + p * sums_step(b) + (ptrdiff_t)i * b->columns + j,
                                       channels * (ptrdiff_t)sizeof(int16_t), b->columns * (ptrdiff_t)sizeof(int32_t),
                                       channels / 8);
}

/* Three numbers to two. */
#define UPPER(a, b, c, d) vaddq_s32(vaddq_s32(a, b), c)
#define LOWER(a, b, c, d) vsubq_s32(vsubq_s32(b, c), d)

/* Four columns of 2 x 2 pixels, `next` numbers apart, from sums of positions. */
static inline void transform_sums(const int32_t *m, ptrdiff_t step, int32x4_t bias, int32_t *upper, int32_t *lower,
                                  ptrdiff_t next)
{
    int32x4_t r[4], s[4];
    for (int j = 0; j < 4; j++, m += step) {
        const int32x4_t a = vld1q_s32(m), b = vld1q_s32(m + 4 * step), c = vld1q_s32(m + 8 * step),
                        d = vld1q_s32(m + 12 * step);
        r[j] = UPPER(a, b, c, d);
        s[j] = LOWER(a, b, c, d);
    }
    vst1q_s32(upper, vsraq_n_s32(bias, UPPER(r[0], r[1], r[2], r[3]), 2));
    vst1q_s32(upper + next, vsraq_n_s32(bias, LOWER(r[0], r[1], r[2], r[3]), 2));
    vst1q_s32(lower, vsraq_n_s32(bias, UPPER(s[0], s[1], s[2], s[3]), 2));
    vst1q_s32(lower + next, vsraq_n_s32(bias, LOWER(s[0], s[1], s[2], s[3]), 2));
}

/* Tiles [i, i + count) of the block, neighbours in a row, to pixels (2, 2 * count, columns). */
static void sum_pixels(const block *b, int32_t i, int32_t count, int32_t first, int32_t columns)
{
    for (int32_t t = 0; t < count; t++)
        for (int32_t j = 0; j < columns; j += 4) {
            int32_t *upper = b->pixels + (ptrdiff_t)2 * t * b->columns + j;
            transform_sums(b->sums + (ptrdiff_t)(i + t) * b->columns + j, sums_step(b),
                           vld1q_s32(b->a->bias + first + j), upper, upper + (ptrdiff_t)2 * count * b->columns,
                           b->columns);
        }
}

static void finish_run(const block *b, int32_t i, int32_t count, int32_t first, int32_t columns)
{
    const tvis_conv_shape *s = b->a->s;
    const int32_t cols = (s->ow + 1) / 2, each = cols * ((s->oh + 1) / 2), tile = b->first + i;
    const int32_t y = tile % each / cols * 2, x = tile % cols * 2;
    tvis_narrow_args a = b->a->y;
    sum_pixels(b, i, count, first, columns);
    a.m = least(2 * count, s->ow - x);
    a.n = columns;
    a.ldx = b->columns;
    a.q.mul += first;
    for (int32_t line = 0; line < least(2, s->oh - y); line++) {
        const ptrdiff_t at = (((ptrdiff_t)(tile / each) * s->oh + y + line) * s->ow + x) * b->a->n + first;
        a.x = b->pixels + (ptrdiff_t)line * 2 * count * b->columns;
        a.y = (uint8_t *)b->a->y.y + at * (a.wide ? 2 : 1);
        a.add = b->a->y.add ? (const uint8_t *)b->a->y.add + at * (a.add_wide ? 2 : 1) : NULL;
        tvis_narrow_8_neon(&a);
    }
}

static void run_block(const block *b)
{
    const int32_t n = b->a->n, cols = (b->a->s->ow + 1) / 2;
    for (int32_t i = 0; i < b->tiles; i++)
        transform_tile(b, i);
    for (int32_t j = 0; j < n; j += b->columns) {
        const int32_t columns = least(b->columns, n - j);
        multiply(b, b->a->w + (ptrdiff_t)j * POSITIONS * b->a->s->ic, columns);
        for (int32_t i = 0, count; i < b->tiles; i += count) {
            count = least(RUN, least(b->tiles - i, cols - (b->first + i) % cols));
            finish_run(b, i, count, j, columns);
        }
    }
}

void tvis_winograd_s8_f2_neon(const tvis_winograd_s8_args *a, int32_t first, int32_t end)
{
    const int32_t channels = a->s->ic, most = tvis_winograd_s8_block(channels);
    block b = { .a = a, .columns = tvis_winograd_s8_columns(channels) };
    b.pixels = (int32_t *)(void *)a->scratch;
    b.outside = (int8_t *)a->scratch + TVIS_WINOGRAD_S8_PIXELS * sizeof(int32_t);
    b.sums = (int32_t *)(void *)(b.outside + ((channels + LINE - 1) & -LINE));
    b.v = (int16_t *)(void *)(b.sums + POSITIONS * (b.columns * most + LINE / (int32_t)sizeof(int32_t)));
    memset(b.outside, a->zero, (size_t)channels);
    for (b.first = first; b.first < end; b.first += b.tiles) {
        b.tiles = least(most, end - b.first);
        b.rows = (b.tiles + ROWS - 1) / ROWS * ROWS;
        run_block(&b);
    }
}

#endif
