/* SPDX-License-Identifier: MIT */
/* ARMv6: integer Winograd on the tiles of gemm_s8_armv6.h. Transformed pixels of a block of tiles, in the second-level
 * cache, lie as (16 positions, pieces of the channels, pairs of tiles, groups, 8). A piece stays in the first-level
 * cache while the columns of a chunk pass by; sums of a chunk lie as (positions, panels, tiles, 2). */
#include "core/port.h"
#include "ops/gemm_s8_armv6.h"
#include "ops/winograd_s8.h"

#if TVIS_LARGE_CODE
enum { GROUP = 4, POSITIONS = TVIS_WINOGRAD_S8_POSITIONS, LINE = 32, RUN = 8 };
/* Tiles of a run have two lines of twice as many pixels, of up to 32 columns. */
TVIS_STATIC_ASSERT(winograd_s8_pixels, TVIS_WINOGRAD_S8_PIXELS == 2 * 2 * RUN * 32);

typedef struct block {
    const tvis_winograd_s8_args *a;
    int32_t first, tiles, pairs; /* counted over all pictures */
    int32_t piece, columns;
    uint32_t *v;
    int32_t *sums, *pixels;
    uint8_t *outside; /* a pixel */
} block;

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

#define SIMD(name)                                                                                                     \
    static inline uint32_t name(uint32_t a, uint32_t b)                                                                \
    {                                                                                                                  \
        uint32_t y;                                                                                                    \
        __asm__(#name " %0, %1, %2" : "=r"(y) : "r"(a), "r"(b));                                                       \
        return y;                                                                                                      \
    }
SIMD(sadd16)
SIMD(ssub16)

static inline uint32_t even(uint32_t w)
{
    uint32_t y;
    __asm__("sxtb16 %0, %1" : "=r"(y) : "r"(w));
    return y;
}

static inline uint32_t odd(uint32_t w)
{
    uint32_t y;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(y) : "r"(w));
    return y;
}

/* ---- pixels ---- */

/* Pixels of a tile, by columns. */
typedef struct source {
    const uint8_t *pixel[POSITIONS];
} source;

static void find(const block *b, int32_t tile, source *from)
{
    const tvis_conv_shape *s = b->a->s;
    const int32_t cols = (s->ow + 1) / 2, each = cols * ((s->oh + 1) / 2);
    const int32_t y = tile % each / cols * 2 - s->top, x = tile % cols * 2 - s->left;
    const uint8_t *picture = (const uint8_t *)b->a->x + (ptrdiff_t)(tile / each) * s->ih * s->iw * s->ic;
    for (int32_t i = 0; i < POSITIONS; i++) {
        const int32_t py = y + i % 4, px = x + i / 4;
        const bool inside = py >= 0 && py < s->ih && px >= 0 && px < s->iw;
        from->pixel[i] = inside ? picture + ((ptrdiff_t)py * s->iw + px) * s->ic : b->outside;
    }
}

static inline uint32_t word(const uint8_t *pixel, ptrdiff_t c)
{
    return *(const uint32_t *)(const void *)(pixel + c);
}

/* A column of pixels, four numbers apart in `out`. */
static inline void transform(uint32_t d0, uint32_t d1, uint32_t d2, uint32_t d3, uint32_t *out)
{
    out[0] = ssub16(d0, d2);
    out[4] = sadd16(d1, d2);
    out[8] = ssub16(d2, d1);
    out[12] = ssub16(d1, d3);
}

/* Channels [c, c + 4) of two tiles: a group of each position, `step` words apart. */
static void transform_group(const source from[2], ptrdiff_t c, uint32_t *out, ptrdiff_t step)
{
    uint32_t half[4][POSITIONS]; /* even channels of both tiles, odd ones; rows of columns */
    for (int32_t t = 0; t < 2; t++)
        for (int32_t x = 0; x < 4; x++) {
            const uint8_t *const *p = from[t].pixel + 4 * x;
            const uint32_t d0 = word(p[0], c), d1 = word(p[1], c), d2 = word(p[2], c), d3 = word(p[3], c);
            transform(even(d0), even(d1), even(d2), even(d3), half[t] + x);
            transform(odd(d0), odd(d1), odd(d2), odd(d3), half[2 + t] + x);
        }
#define POSITION(op, i, j)                                                                                             \
    out[0] = op(a[i], a[j]);                                                                                           \
    out[1] = op(a[POSITIONS + (i)], a[POSITIONS + (j)]);                                                               \
    out[2] = op(a[2 * POSITIONS + (i)], a[2 * POSITIONS + (j)]);                                                       \
    out[3] = op(a[3 * POSITIONS + (i)], a[3 * POSITIONS + (j)]);                                                       \
    out += step
    for (const uint32_t *a = half[0]; a < half[1]; a += 4) {
        POSITION(ssub16, 0, 2);
        POSITION(sadd16, 1, 2);
        POSITION(ssub16, 2, 1);
        POSITION(ssub16, 1, 3);
    }
#undef POSITION
}

/* Words of a position: 2 channels each. */
static ptrdiff_t position(const block *b)
{
    return (ptrdiff_t)b->pairs * b->a->s->ic + 2 * LINE / (ptrdiff_t)sizeof(uint32_t);
}

static void transform_pixels(const block *b)
{
    const int32_t channels = b->a->s->ic;
    const ptrdiff_t step = position(b);
    for (int32_t i = 0; i < b->pairs; i++) {
        source from[2];
        find(b, b->first + 2 * i, &from[0]);
        find(b, b->first + least(2 * i + 1, b->tiles - 1), &from[1]);
        for (int32_t start = 0; start < channels; start += b->piece) {
            const int32_t size = least(b->piece, channels - start);
            uint32_t *out = b->v + (ptrdiff_t)b->pairs * start + (ptrdiff_t)i * size;
            for (int32_t c = 0; c < size; c += GROUP, out += GROUP)
                transform_group(from, start + c, out, step);
        }
    }
}

/* ---- products ---- */

/* Ints between sums of positions: not a power of 2, for caches. */
static ptrdiff_t sums_step(const block *b, int32_t panels)
{
    return 4 * b->pairs * panels + LINE / (ptrdiff_t)sizeof(int32_t);
}

static void come_nearer(const void *from, int32_t bytes)
{
    for (int32_t i = 0; i < bytes; i += LINE)
        TVIS_PREFETCH((const uint8_t *)from + i);
}

/* A piece of a position with `panels` panels. On the way the weights that come next are brought nearer, the sums, and
 * the next piece: in the kernel by turns where it has the time for two panels, else before it. */
static void multiply_piece(const block *b, const uint32_t *x, const int16_t *w, int32_t size, bool first,
                           int32_t panels, int32_t *sums)
{
    void (*const tiles)(const tvis_s8_tiles *) = first ? tvis_s8_tiles_first_armv6 : tvis_s8_tiles_next_armv6;
    const int32_t bytes = b->pairs * size * (int32_t)sizeof *x, panel = 2 * size * (int32_t)sizeof *w;
    const bool turns = 2 * panel <= b->pairs * 2 * LINE;
    const int32_t part = turns ? b->pairs * 2 * LINE : (bytes / panels + LINE - 1) & -LINE;
    const uint8_t *next = (const uint8_t *)x + bytes, *end = next + bytes;
    for (int32_t i = 0; i < panels; i++, sums += 4 * b->pairs, w += 2 * size) {
        tvis_s8_tiles t = { (const int16_t *)(const void *)x,   w,       w + 2 * size, sums, b->pairs, w + 2 * size,
                            (turns ? 2 : 1) * panel / b->pairs, { 0, 0 } };
        if (next < end && turns && i % 2) {
            t.ahead = next;
            t.step = 2 * LINE;
        } else if (next < end && !turns) {
            come_nearer(next, part);
        }
        next += turns && i % 2 == 0 ? 0 : part;
        if (!first)
            come_nearer(sums + 4 * b->pairs, 16 * b->pairs);
        tiles(&t);
    }
}

/* Sums of a chunk of columns, whose weights begin at w. */
static void multiply(const block *b, const int16_t *w, int32_t panels)
{
    const int32_t channels = b->a->s->ic;
    int32_t *sums = b->sums;
    for (int32_t i = 0; i < POSITIONS; i++, sums += sums_step(b, panels))
        for (int32_t start = 0; start < channels; start += b->piece) {
            const int32_t size = least(b->piece, channels - start);
            multiply_piece(b, b->v + i * position(b) + (ptrdiff_t)b->pairs * start, w, size, start == 0, panels, sums);
            w += 2 * size * panels;
        }
}

/* ---- sums ---- */

/* Four sums of 2 x 2 pixels from those of positions, `step` apart, and where the next ones are. */
static inline void transform_sums(const int32_t *m, ptrdiff_t step, const int32_t *next, int32_t bias, int32_t *upper,
                                  int32_t *lower, int32_t columns)
{
    uint32_t r[4], s[4];
    for (int32_t j = 0; j < 4; j++, m += step, next += step) {
        const uint32_t a = (uint32_t)m[0], b = (uint32_t)m[4 * step], c = (uint32_t)m[8 * step],
                       d = (uint32_t)m[12 * step];
        TVIS_PREFETCH(next);
        r[j] = a + b + c;
        s[j] = b - c - d;
    }
    upper[0] = tvis_requant_sum(bias, (int32_t)(r[0] + r[1] + r[2]) >> 2);
    upper[columns] = tvis_requant_sum(bias, (int32_t)(r[1] - r[2] - r[3]) >> 2);
    lower[0] = tvis_requant_sum(bias, (int32_t)(s[0] + s[1] + s[2]) >> 2);
    lower[columns] = tvis_requant_sum(bias, (int32_t)(s[1] - s[2] - s[3]) >> 2);
}

/* Tiles [i, i + count) of the block, neighbours in a row, to pixels (2, 2 * count, columns). Lines of four tiles' sums;
 * the next line of each position comes nearer while this one is used. */
static void sum_pixels(const block *b, int32_t i, int32_t count, int32_t first, int32_t panels)
{
    const ptrdiff_t panel = 4 * b->pairs, step = sums_step(b, panels);
    const int32_t columns = b->columns;
    for (int32_t j = 0; j < panels; j++)
        for (int32_t t = 0; t < count; t++) {
            const int32_t *m = b->sums + j * panel + 2 * (i + t), *bias = b->a->bias + first + 2 * j;
            const int32_t *next = (t | 3) + 1 < count ? m + 8 : m + panel - 2 * (t & ~3);
            int32_t *upper = b->pixels + 2 * t * columns + 2 * j, *lower = upper + 2 * count * columns;
            transform_sums(m, step, next + t % 4 * 4 * step, bias[0], upper, lower, columns);
            transform_sums(m + 1, step, next + t % 4 * 4 * step, bias[1], upper + 1, lower + 1, columns);
        }
}

static void finish_run(const block *b, int32_t i, int32_t count, int32_t first, int32_t panels)
{
    const tvis_conv_shape *s = b->a->s;
    const int32_t cols = (s->ow + 1) / 2, each = cols * ((s->oh + 1) / 2), tile = b->first + i;
    const int32_t y = tile % each / cols * 2, x = tile % cols * 2;
    tvis_narrow_args a = b->a->y;
    sum_pixels(b, i, count, first, panels);
    a.m = least(2 * count, s->ow - x);
    a.n = 2 * panels;
    a.ldx = b->columns;
    a.q.mul += first;
    for (int32_t line = 0; line < least(2, s->oh - y); line++) {
        const ptrdiff_t at = (((ptrdiff_t)(tile / each) * s->oh + y + line) * s->ow + x) * b->a->n + first;
        a.x = b->pixels + line * 2 * count * b->columns;
        a.y = (uint8_t *)b->a->y.y + at * (a.wide ? 2 : 1);
        a.add = b->a->y.add ? (const uint8_t *)b->a->y.add + at * (a.add_wide ? 2 : 1) : NULL;
        tvis_narrow_armv6(&a);
    }
}

static void run_block(const block *b)
{
    const int32_t channels = b->a->s->ic, n = b->a->n, cols = (b->a->s->ow + 1) / 2;
    transform_pixels(b);
    for (int32_t j = 0; j < n; j += b->columns) {
        const int32_t panels = least(b->columns, n - j) / 2;
        multiply(b, b->a->w + (ptrdiff_t)j * POSITIONS * channels, panels);
        for (int32_t i = 0, count; i < b->tiles; i += count) {
            count = least(RUN, least(b->tiles - i, cols - (b->first + i) % cols));
            finish_run(b, i, count, j, panels);
        }
    }
}

void tvis_winograd_s8_f2_armv6(const tvis_winograd_s8_args *a, int32_t first, int32_t end)
{
    const int32_t channels = a->s->ic, most = tvis_winograd_s8_block(channels), all = end - first;
    const int32_t blocks = (all + most - 1) / most, each = blocks ? ((all + blocks - 1) / blocks + 1) & ~1 : 0;
    block b = { .a = a, .piece = tvis_winograd_s8_piece(channels), .columns = tvis_winograd_s8_columns(channels) };
    b.pixels = (int32_t *)(void *)a->scratch;
    b.outside = a->scratch + TVIS_WINOGRAD_S8_PIXELS * sizeof(int32_t);
    b.sums = (int32_t *)(void *)(b.outside + ((channels + LINE - 1) & -LINE));
    b.v = (uint32_t *)(b.sums + POSITIONS * (b.columns * most + LINE / (int32_t)sizeof(int32_t)));
    memset(b.outside, a->zero, (size_t)channels);
    for (b.first = first; b.first < end; b.first += b.tiles) {
        b.tiles = least(each, end - b.first);
        b.pairs = (b.tiles + 1) / 2;
        run_block(&b);
    }
}

#endif
