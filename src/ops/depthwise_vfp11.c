/* SPDX-License-Identifier: MIT */
/* ARM11: three columns of four channels at a time with short vectors, along the row for eight channels, a line of the
 * cache, before the next ones. */
#include "core/port.h"
#include "ops/depthwise.h"
#include "ops/depthwise_vfp11.h"

#include <float.h>

enum { COLUMNS = 3, VEC = 4, MOST_ROWS = 32 };

#define INFINITE 0x7f800000u
#define NEGATIVE 0x80000000u

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
static void channels(const tvis_depthwise_f32_args *a, span s, int32_t c, int32_t vectors)
{
    static const float zeros[2 * VEC];
    const ptrdiff_t pixel = a->c * (ptrdiff_t)sizeof(float), apart = s.count < COLUMNS ? 0 : pixel;
    const uint32_t lo = bits(a->lo), hi = bits(a->hi);
    const float *x[MOST_ROWS], *w[MOST_ROWS];
    tvis_vfp11_depthwise d = {
        .x = x,
        .w = w,
        .next_x = a->stride * apart,
        .next_tap = a->dilation * pixel,
        .next_w = pixel,
        .next_y = apart,
        .bias = a->bias ? a->bias + c : zeros,
        .tiles = apart ? s.count / COLUMNS : 1,
        .taps = s.taps,
        .vectors = vectors,
        .hi = hi,
        .clamp = (lo == 0 || lo == NEGATIVE) && hi <= INFINITE,
    };
    for (; s.count > 0; s.count -= d.tiles * (apart ? COLUMNS : 1), s.ox += d.tiles * (apart ? COLUMNS : 1)) {
        if (apart && s.count < COLUMNS) { /* some once more */
            s.ox -= COLUMNS - s.count;
            s.count = COLUMNS;
            d.tiles = 1;
        }
        d.rows = 0;
        for (int32_t ky = 0; ky < a->kh; ky++)
            if (a->rows[ky] && s.taps > 0) {
                x[d.rows] = a->rows[ky] + (ptrdiff_t)(s.ox * a->stride - a->pad + s.kx * a->dilation) * a->c + c;
                w[d.rows++] = a->w + ((ptrdiff_t)ky * a->kw + s.kx) * a->c + c;
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

static void run_span(const tvis_depthwise_f32_args *a, span s)
{
    const int32_t whole = a->c & ~(VEC - 1);
    for (int32_t c = 0; c < whole; c += 2 * VEC)
        channels(a, s, c, least(whole - c, 2 * VEC) / VEC);
    for (int32_t c = whole; c < a->c; c++)
        one_channel(a, s, c);
    limit(a, s);
}

/* The column ox, with the taps that are in the picture. */
static span column(const tvis_depthwise_f32_args *a, int32_t ox)
{
    const int32_t d = a->dilation, ix = ox * a->stride - a->pad, first = ix < 0 ? (d - 1 - ix) / d : 0;
    const int32_t end = ix >= a->iw ? 0 : least((a->iw - 1 - ix) / d + 1, a->kw);
    return (span){ ox, 1, first, end > first ? end - first : 0 };
}

void tvis_depthwise_f32_3x4_vfp11(const tvis_depthwise_f32_args *a)
{
    for (int32_t ox = 0; ox < a->ow;) {
        span s = column(a, ox), next = s;
        while (next.kx == s.kx && next.taps == s.taps && ++ox < a->ow)
            next = column(a, ox);
        s.count = ox - s.ox;
        run_span(a, s);
    }
}
