/* SPDX-License-Identifier: MIT */
#include "ops/stretch.h"

/* Keys 1981, "Cubic convolution interpolation for digital image processing", with parameter a. */
static float cubic(float a, float x)
{
    x = x < 0.0f ? -x : x;
    if (x < 1.0f)
        return ((a + 2.0f) * x - (a + 3.0f)) * x * x + 1.0f;
    return x < 2.0f ? ((x - 5.0f) * x + 8.0f) * x * a - 4.0f * a : 0.0f;
}

float tvis_stretch_weight(const tvis_taps *t, int32_t j)
{
    return t->norm * cubic(t->sharp, ((float)(t->first + j) - t->at) * t->scale);
}

/* A given scale factor of (n + 0.1) / grid, whose inverse is what coordinates are multiplied with. */
static tvis_taps with_offset(int32_t grid, int32_t n, int32_t i)
{
    const float scale = (float)(1.0 / (((double)n + 0.1) / (double)grid)), at = scale * ((float)i + 0.5f) - 0.5f;
    const int32_t whole = (int32_t)at, floor = (float)whole > at ? whole - 1 : whole;
    return (tvis_taps){ floor - 1, 4, at, 1.0f, -0.75f, 1.0f };
}

/* To a size; when shrinking, the kernel grows by as much. Weights of taps inside of the grid add up to 1. */
static tvis_taps with_antialias(int32_t grid, int32_t n, int32_t i)
{
    const float scale = (float)grid / (float)n, stretch = scale > 1.0f ? scale : 1.0f,
                centre = scale * ((float)i + 0.5f);
    const int32_t low = (int32_t)(centre - 2.0f * stretch + 0.5f), high = (int32_t)(centre + 2.0f * stretch + 0.5f);
    tvis_taps t = { low < 0 ? 0 : low, 0, centre - 0.5f, 1.0f / stretch, -0.5f, 1.0f };
    float sum = 0.0f;
    t.count = (high < grid ? high : grid) - t.first;
    for (int32_t j = 0; j < t.count; j++)
        sum += tvis_stretch_weight(&t, j);
    t.norm = 1.0f / sum;
    return t;
}

tvis_taps tvis_stretch_taps(uint16_t rule, int32_t grid, int32_t n, int32_t i)
{
    return rule == TVIS_STRETCH_ANTIALIAS ? with_antialias(grid, n, i) : with_offset(grid, n, i);
}
