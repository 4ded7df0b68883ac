/* SPDX-License-Identifier: MIT */
/* ARM11: eight channels at a time, since a sum can be added to after eight cycles (ARM DDI 0301H, 21.6), and lines are
 * asked for before they are needed. */
#include "core/port.h"
#include "ops/channels.h"

enum { VEC = 8, LINES = 4 };

static void sum_eight(const float *x, ptrdiff_t ld, int32_t pixels, float *y)
{
    float a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
    for (int32_t p = 0; p < pixels; p++, x += ld) {
        TVIS_PREFETCH(x + LINES * ld);
        a += x[0];
        b += x[1];
        c += x[2];
        d += x[3];
        e += x[4];
        f += x[5];
        g += x[6];
        h += x[7];
    }
    y[0] += a;
    y[1] += b;
    y[2] += c;
    y[3] += d;
    y[4] += e;
    y[5] += f;
    y[6] += g;
    y[7] += h;
}

void tvis_channels_f32_sum_vfp11(const float *x, ptrdiff_t ld, int32_t pixels, int32_t c, float *y)
{
    const int32_t whole = c & ~(VEC - 1);
    for (int32_t k = 0; k < whole; k += VEC)
        sum_eight(x + k, ld, pixels, y + k);
    if (whole < c)
        tvis_channels_f32_sum_c(x + whole, ld, pixels, c - whole, y + whole);
}

static inline void scale_four(const float *x, const float *s, float *y)
{
    const float a = x[0] * s[0], b = x[1] * s[1], c = x[2] * s[2], d = x[3] * s[3];
    y[0] = a;
    y[1] = b;
    y[2] = c;
    y[3] = d;
}

void tvis_channels_f32_scale_vfp11(const float *x, const float *s, int32_t pixels, int32_t c, float *y)
{
    for (int32_t p = 0; p < pixels; p++, x += c, y += c) {
        int32_t k = 0;
        for (; k + VEC <= c; k += VEC) {
            TVIS_PREFETCH(x + k + LINES * VEC);
            scale_four(x + k, s + k, y + k);
            scale_four(x + k + 4, s + k + 4, y + k + 4);
        }
        for (; k < c; k++)
            y[k] = x[k] * s[k];
    }
}
