/* SPDX-License-Identifier: MIT */
/* ARM11: three columns of four channels at a time with short vectors, along the row for some channels before the next
 * ones. */
#include "core/port.h"
#include "ops/depthwise.h"
#include "ops/depthwise_vfp11.h"
#include "ops/gemm_vfp11.h"

#include <float.h>

enum { COLUMNS = 3, VEC = 4, MOST_ROWS = 32 };
/* Channels at a time: lines of the cache whose rows stay in the first level; many where they are short. */
enum { FEW = 16, MANY = 32, SHORT = 64 };
/* Floats of rows, and of weights, that are copied; channels are multiples of a line of the cache. */
enum { RING = 2048, WEIGHTS = 1024, LINE = 8 };

#define INFINITE 0x7f800000u
#define NEGATIVE 0x80000000u

/* Where rows of x and weights are: pixels and taps `pitch` floats apart, from channel `first` on. */
typedef struct source {
    const float *w;
    int32_t pitch, first;
} source;

/* Columns of y, all of which have taps [kx, kx + taps) in the picture. */
typedef struct span {
    int32_t ox, count, kx, taps;
} span;

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static uint32_t bits(float v)
{
    uint32_t b;
    memcpy(&b, &v, sizeof b);
    return b;
}

static float limited(const tvis_depthwise_f32_args *a, float v)
{
    v = v < a->lo ? a->lo : v;
    return v > a->hi ? a->hi : v;
}

/* Channel c of a span, for what is left of the channels. */
static void one_channel(const tvis_depthwise_f32_args *a, span s, int32_t c)
{
    for (; s.count > 0; s.count--, s.ox++) {
        float v = a->bias ? a->bias[c] : 0.0f;
        for (int32_t ky = 0; ky < a->kh; ky++)
            for (int32_t kx = s.kx; a->rows[ky] && kx < s.kx + s.taps; kx++)
                v += a->rows[ky][(ptrdiff_t)(s.ox * a->stride - a->pad + kx * a->dilation) * a->c + c] *
                     a->w[((ptrdiff_t)ky * a->kw + kx) * a->c + c];
        a->y[(ptrdiff_t)s.ox * a->c + c] = limited(a, v);
    }
}

/* Channels [c, c + vectors * VEC) of a span; all of its columns are the same one where it has fewer than three. */
static void channels(const tvis_depthwise_f32_args *a, const source *from, span s, int32_t c, int32_t vectors)
{
    static const float zeros[MANY];
    const ptrdiff_t pixel = from->pitch * (ptrdiff_t)sizeof(float);
    const bool tiles = s.count >= COLUMNS;
    const int32_t columns = tiles ? COLUMNS : 1, inner = c - from->first;
    const uint32_t lo = bits(a->lo), hi = bits(a->hi);
    const float *x[MOST_ROWS], *w[MOST_ROWS];
    tvis_vfp11_depthwise d = {
        .x = x,
        .w = w,
        .next_x = tiles ? a->stride * pixel : 0,
        .next_tap = a->dilation * pixel,
        .next_w = pixel,
        .next_y = tiles ? a->c * (ptrdiff_t)sizeof(float) : 0,
        .bias = a->bias ? a->bias + c : zeros,
        .tiles = tiles ? s.count / COLUMNS : 1,
        .taps = s.taps,
        .vectors = vectors,
        .hi = hi,
        .clamp = (lo == 0 || lo == NEGATIVE) && hi <= INFINITE,
    };
    for (; s.count > 0; s.count -= d.tiles * columns, s.ox += d.tiles * columns) {
        if (tiles && s.count < COLUMNS) { /* some once more */
            s.ox -= COLUMNS - s.count;
            s.count = COLUMNS;
            d.tiles = 1;
        }
        d.rows = 0;
        for (int32_t ky = 0; ky < a->kh; ky++)
            if (a->rows[ky] && s.taps > 0) {
                x[d.rows] =
                    a->rows[ky] + (ptrdiff_t)(s.ox * a->stride - a->pad + s.kx * a->dilation) * from->pitch + inner;
                w[d.rows++] = from->w + ((ptrdiff_t)ky * a->kw + s.kx) * from->pitch + inner;
            }
        d.y = a->y + (ptrdiff_t)s.ox * a->c + c;
        tvis_vfp11_depthwise_tiles(&d);
    }
}

/* Limits that tiles don't make. Those of the largest floats count as none: what overflows is infinite. */
static void limit(const tvis_depthwise_f32_args *a, span s)
{
    const uint32_t lo = bits(a->lo), hi = bits(a->hi);
    const bool positive = (lo == 0 || lo == NEGATIVE) && hi <= INFINITE;
    if (positive || (a->lo <= -FLT_MAX && a->hi >= FLT_MAX))
        return;
    for (ptrdiff_t i = (ptrdiff_t)s.ox * a->c; i < (ptrdiff_t)(s.ox + s.count) * a->c; i++)
        a->y[i] = limited(a, a->y[i]);
}

static void run_span(const tvis_depthwise_f32_args *a, span s, int32_t c, int32_t end)
{
    const source direct = { a->w, a->c, 0 };
    const int32_t whole = (end - c) & ~(VEC - 1);
    if (whole)
        channels(a, &direct, s, c, whole / VEC);
    for (c += whole; c < end; c++)
        one_channel(a, s, c);
}

/* The column ox, with the taps that are in the picture. */
static span column(const tvis_depthwise_f32_args *a, int32_t ox)
{
    const int32_t d = a->dilation, ix = ox * a->stride - a->pad, first = ix < 0 ? (d - 1 - ix) / d : 0;
    const int32_t end = ix >= a->iw ? 0 : least((a->iw - 1 - ix) / d + 1, a->kw);
    return end > first ? (span){ ox, 1, first, end - first } : (span){ ox, 1, 0, 0 };
}

/* The span from column ox on. */
static span span_at(const tvis_depthwise_f32_args *a, int32_t ox)
{
    span s = column(a, ox), next = s;
    while (next.kx == s.kx && next.taps == s.taps && ++ox < a->ow)
        next = column(a, ox);
    s.count = ox - s.ox;
    return s;
}

static void rows_of(const tvis_depthwise_f32_args *a, const tvis_depthwise_f32_picture *p, int32_t oy,
                    const float **rows)
{
    for (int32_t ky = 0; ky < a->kh; ky++) {
        const int32_t iy = oy * p->stride - p->top + ky * p->dilation;
        rows[ky] = iy >= 0 && iy < p->ih ? p->x + (ptrdiff_t)iy * a->iw * a->c : NULL;
    }
}

/* A picture's spans. */
typedef struct layout {
    span spans[2 * MOST_ROWS + 3]; /* the first tap inside and the last one never grow; none before and after */
    int32_t count;
} layout;

/* Channels [c, c + some) of the picture, multiples of a line, with rows of the kernel and weights in a ring: each number
 * is read from afar once, and neither pages nor lines of the cache are shared with other pixels. */
static void run_ring(const tvis_depthwise_f32_args *a, const tvis_depthwise_f32_picture *p, const layout *l, int32_t c,
                     int32_t some)
{
    float ring[RING + LINE], weights[WEIGHTS];
    float *start = ring + (-(uintptr_t)ring / sizeof(float) & (LINE - 1));
    const float *rows[MOST_ROWS];
    const ptrdiff_t far = a->c * (ptrdiff_t)sizeof(float), near = some * (ptrdiff_t)sizeof(float);
    const source from = { weights, some, c };
    tvis_depthwise_f32_args b = *a;
    int32_t have = 0; /* rows before it are there or no longer needed */
    b.rows = rows;
    tvis_vfp11_copy(a->w + c, far, a->kh * a->kw, some, weights, near);
    for (int32_t i = 0; i < p->count; i++, b.y += (ptrdiff_t)a->ow * a->c) {
        for (int32_t ky = 0; ky < a->kh; ky++) {
            const int32_t iy = (p->oy + i) * p->stride - p->top + ky;
            rows[ky] = NULL;
            if (iy < 0 || iy >= p->ih)
                continue;
            float *row = start + (ptrdiff_t)(iy % a->kh) * a->iw * some;
            rows[ky] = row;
            if (iy >= have)
                tvis_vfp11_copy(p->x + (ptrdiff_t)iy * a->iw * a->c + c, far, a->iw, some, row, near);
            have = iy >= have ? iy + 1 : have;
        }
        for (int32_t j = 0; j < l->count; j++)
            channels(&b, &from, l->spans[j], c, some / VEC);
    }
}

/* Channels of a ring at a time, or 0: copying pays where rows are short and used again (14 pixels, not 28). */
static int32_t ring_channels(const tvis_depthwise_f32_args *a, const tvis_depthwise_f32_picture *p)
{
    const int32_t fit = least(RING / (a->kh * a->iw), WEIGHTS / (a->kh * a->kw)) & ~(LINE - 1);
    return a->c % LINE || p->dilation != 1 || p->stride != 1 || a->kh * a->iw > SHORT ? 0 : least(fit, MANY);
}

/* Some channels of all rows and columns before the next ones: rows that a kernel has in common with the next row's
 * stay in the first-level cache. */
void tvis_depthwise_f32_picture_vfp11(const tvis_depthwise_f32_args *a, const tvis_depthwise_f32_picture *p)
{
    const float *rows[MOST_ROWS];
    layout l = { .count = 0 };
    tvis_depthwise_f32_args b = *a;
    const int32_t ring = TVIS_LARGE_CODE ? ring_channels(a, p) : 0, some = ring ? ring : a->kh * a->iw <= SHORT ? MANY : FEW;
    b.rows = rows;
    for (int32_t first = 0; first < a->ow; first = l.spans[l.count - 1].ox + l.spans[l.count - 1].count) {
        l.spans[l.count++] = span_at(a, first);
    }
    for (int32_t c = 0; c < a->c; c += some) {
        if (ring) {
            run_ring(a, p, &l, c, least(some, a->c - c));
            continue;
        }
        b.y = a->y;
        for (int32_t i = 0; i < p->count; i++, b.y += (ptrdiff_t)a->ow * a->c) {
            rows_of(a, p, p->oy + i, rows);
            for (int32_t j = 0; j < l.count; j++)
                run_span(&b, l.spans[j], c, least(c + some, a->c));
        }
    }
    limit(a, (span){ 0, a->ow * p->count, 0, 0 });
}

void tvis_depthwise_f32_3x4_vfp11(const tvis_depthwise_f32_args *a)
{
    for (int32_t ox = 0; ox < a->ow;) {
        const span s = span_at(a, ox);
        for (int32_t c = 0; c < a->c; c += FEW)
            run_span(a, s, c, least(c + FEW, a->c));
        limit(a, s);
        ox += s.count;
    }
}
