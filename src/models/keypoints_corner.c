/* SPDX-License-Identifier: MIT */
/* Where near a place the picture has its sharpest corner: the largest determinant over trace of the structure tensor
 * (Foerstner and Guelch 1987), to a part of a pixel by a parabola across and one down. */
#include "models/keypoints_map.h"

#define LEAST 1e-7f /* less is what rounding leaves of a slope */
#define MOST  1e30f /* of pixels that are no numbers of a picture: parabolas need finite ones */

enum { TAPS = 5, LOST = TAPS - 1, APRON = 2 + LOST + 2 + 2 * LOST }; /* around the places that are looked at */

/* Binomial of variance 1. */
static inline float tap(const float *x, int32_t step)
{
    return (x[0] + x[4 * step] + 4.0f * (x[step] + x[3 * step]) + 6.0f * x[2 * step]) / 16.0f;
}

/* (n, n) becomes (n - LOST, n - LOST), smoothed. */
static void smooth(float *x, int32_t n, float *down)
{
    const int32_t m = n - LOST;
    for (int32_t i = 0; i < m * n; i++)
        down[i] = tap(x + i, n);
    for (int32_t i = 0; i < m; i++)
        for (int32_t j = 0; j < m; j++)
            x[i * m + j] = tap(down + i * n + j, 1);
}

static int32_t clamp(int32_t v, int32_t n)
{
    return v < 0 ? 0 : v < n ? v : n - 1;
}

/* The n x n pixels around (x, y); beyond the picture's edges lie its outermost ones. */
static void look(const tvis_tensor *picture, int32_t x, int32_t y, float *seen, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const int32_t w = picture->dims[2], row = clamp(y - n / 2 + i, picture->dims[1]) * w;
        for (int32_t j = 0; j < n; j++)
            *seen++ = ((const float *)picture->data)[row + clamp(x - n / 2 + j, w)];
    }
}

/* Products of the differences across and down of x (n, n): three maps (n - 2, n - 2), smoothed. */
static void products(const float *x, int32_t n, float *y, float *down)
{
    for (int32_t k = 0; k < 3; k++) {
        float *to = y;
        for (int32_t i = 1; i < n - 1; i++)
            for (int32_t j = 1; j < n - 1; j++) {
                const float *at = x + i * n + j, right = at[1] - at[-1], under = at[n] - at[-n];
                *to++ = (k == 1 ? under : right) * (k == 0 ? right : under);
            }
        smooth(y, n - 2, down);
        y = to;
    }
}

/* Of the parabola through three values, from the middle one; at most a half. */
static float vertex(const float *at, int32_t step)
{
    const float slope = at[step] - at[-step], bend = 4.0f * at[0] - 2.0f * (at[-step] + at[step]);
    const float v = bend > 0.0f ? slope / bend : 0.0f;
    return v > 0.5f ? 0.5f : v < -0.5f ? -0.5f : v;
}

size_t tvis_corner_floats(int32_t reach)
{
    const size_t n = 2 * (size_t)reach + 1 + APRON, m = n - 2 * LOST - 2;
    return n * n + n * (n - LOST) + 3 * m * m;
}

float tvis_corner_near(const tvis_keypoints_config *c, float *work, tvis_keypoint *p)
{
    const int32_t reach = c->corner, n = 2 * reach + 1 + APRON, m = n - 2 * LOST - 2, k = m - LOST;
    const int32_t x = (int32_t)p->x, y = (int32_t)p->y, border = c->border ? c->border : 1;
    const uint32_t w = (uint32_t)(c->picture->dims[2] - 2 * border), h = (uint32_t)(c->picture->dims[1] - 2 * border);
    float *down = work + n * n, *xx = down + n * (n - LOST), *yy = xx + m * m, *xy = yy + m * m;
    look(c->picture, x, y, work, n);
    smooth(work, n, down);
    smooth(work, n - LOST, down);
    products(work, n - 2 * LOST, xx, down);
    for (int32_t i = 0; i < k * k; i++) {
        const float trace = xx[i] + yy[i];
        const float sharp = trace > 0.0f ? (xx[i] * yy[i] - xy[i] * xy[i]) / trace : 0.0f;
        xx[i] = sharp < MOST ? sharp : sharp >= MOST ? MOST : 0.0f;
    }
    const float *best = NULL, *at = xx + k + 1;
    for (int32_t v = y - reach; v <= y + reach; v++, at += 2)
        for (int32_t u = x - reach; u <= x + reach; u++, at++)
            if (*at > (best ? *best : LEAST) && (uint32_t)(u - border) < w && (uint32_t)(v - border) < h) {
                best = at;
                p->x = (float)u;
                p->y = (float)v;
            }
    if (!best)
        return 0.0f;
    p->x += vertex(best, 1);
    p->y += vertex(best, k);
    return *best;
}
