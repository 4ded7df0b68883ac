/* SPDX-License-Identifier: MIT */
#include "models/resize.h"

enum { PRECISION = 32 - 8 - 2 }; /* leaves room for the overshoot of the bicubic filter: sum |weight| < 1.5 */

static double bilinear(double x)
{
    if (x < 0.0)
        x = -x;
    return x < 1.0 ? 1.0 - x : 0.0;
}

/* Keys' cubic convolution with a = -0.5. */
static double bicubic(double x)
{
    const double a = -0.5;
    if (x < 0.0)
        x = -x;
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0)
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
}

static int32_t ceiling(double x)
{
    int32_t n = (int32_t)x;
    return n < x ? n + 1 : n;
}

void tvis_axis_init(tvis_axis *a, uint8_t filter, int32_t in, int64_t resized, int64_t offset, int32_t out)
{
    a->in = in;
    a->out = out;
    a->offset = offset;
    a->filter = filter;
    a->scale = (double)in / (double)resized;
    a->stretch = a->scale < 1.0 ? 1.0 : a->scale;
    a->support = (filter == TVIS_FILTER_BICUBIC ? 2.0 : 1.0) * a->stretch;
    a->max_taps = ceiling(a->support) * 2 + 1;
    if (a->max_taps > in)
        a->max_taps = in;
}

static double centre(const tvis_axis *a, int32_t i)
{
    return ((double)(a->offset + i) + 0.5) * a->scale;
}

tvis_taps tvis_axis_taps(const tvis_axis *a, int32_t i)
{
    double c = centre(a, i);
    int32_t first = (int32_t)(c - a->support + 0.5), end = (int32_t)(c + a->support + 0.5);
    if (first < 0)
        first = 0;
    if (end > a->in)
        end = a->in;
    return (tvis_taps){ first, end - first };
}

static double weight(const tvis_axis *a, double c, int32_t x)
{
    double d = ((double)x - c + 0.5) * (1.0 / a->stretch);
    return a->filter == TVIS_FILTER_BICUBIC ? bicubic(d) : bilinear(d);
}

tvis_taps tvis_axis_weights(const tvis_axis *a, int32_t i, int32_t *weights)
{
    tvis_taps t = tvis_axis_taps(a, i);
    double c = centre(a, i), sum = 0.0;
    for (int32_t x = 0; x < t.count; x++)
        sum += weight(a, c, t.first + x);
    for (int32_t x = 0; x < t.count; x++) {
        double w = weight(a, c, t.first + x) / sum * (1 << PRECISION);
        weights[x] = (int32_t)(w < 0.0 ? w - 0.5 : w + 0.5);
    }
    return t;
}

static uint8_t clip8(int32_t sum)
{
    sum >>= PRECISION;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void line_gray(const tvis_tap_table *t, const uint8_t *src, uint8_t *dst)
{
    for (int32_t i = 0; i < t->out; i++) {
        const uint8_t *p = src + t->at[i].first;
        const int32_t *w = t->weights + (size_t)i * (size_t)t->max_taps;
        int32_t sum = 1 << (PRECISION - 1);
        for (int32_t x = 0; x < t->at[i].count; x++)
            sum += w[x] * p[x];
        dst[i] = clip8(sum);
    }
}

static void line_color(const tvis_tap_table *t, const uint8_t *src, uint8_t *dst)
{
    for (int32_t i = 0; i < t->out; i++, dst += 3) {
        const uint8_t *p = src + 3 * (size_t)t->at[i].first;
        const int32_t *w = t->weights + (size_t)i * (size_t)t->max_taps;
        int32_t r = 1 << (PRECISION - 1), g = r, b = r;
        for (int32_t x = 0; x < t->at[i].count; x++, p += 3) {
            r += w[x] * p[0];
            g += w[x] * p[1];
            b += w[x] * p[2];
        }
        dst[0] = clip8(r);
        dst[1] = clip8(g);
        dst[2] = clip8(b);
    }
}

void tvis_resize_line(const tvis_tap_table *t, const uint8_t *src, int32_t channels, uint8_t *dst)
{
    if (channels == 3)
        line_color(t, src, dst);
    else
        line_gray(t, src, dst);
}

enum { BLOCK = 64 }; /* sums kept on the stack, a constant so that the compiler vectorises */

static void column_block(const tvis_lines *src, tvis_taps taps, const int32_t *weights, size_t at, uint8_t *dst)
{
    int32_t sum[BLOCK], slot = taps.first % src->lines;
    for (int i = 0; i < BLOCK; i++)
        sum[i] = 1 << (PRECISION - 1);
    for (int32_t j = 0; j < taps.count; j++) {
        const uint8_t *p = src->data + (size_t)slot * src->stride + at;
        for (int i = 0; i < BLOCK; i++)
            sum[i] += weights[j] * p[i];
        slot = slot + 1 == src->lines ? 0 : slot + 1;
    }
    for (int i = 0; i < BLOCK; i++)
        dst[i] = clip8(sum[i]);
}

static uint8_t column_one(const tvis_lines *src, tvis_taps taps, const int32_t *weights, size_t at)
{
    int32_t sum = 1 << (PRECISION - 1), slot = taps.first % src->lines;
    for (int32_t j = 0; j < taps.count; j++) {
        sum += weights[j] * src->data[(size_t)slot * src->stride + at];
        slot = slot + 1 == src->lines ? 0 : slot + 1;
    }
    return clip8(sum);
}

void tvis_resize_column(const tvis_lines *src, tvis_taps taps, const int32_t *weights, size_t n, uint8_t *dst)
{
    size_t at = 0;
    for (; at + BLOCK <= n; at += BLOCK)
        column_block(src, taps, weights, at, dst + at);
    for (; at < n; at++)
        dst[at] = column_one(src, taps, weights, at);
}
