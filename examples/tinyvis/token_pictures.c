/* SPDX-License-Identifier: MIT */
#include "token_pictures.h"

#include "fail.h"

#include <stdlib.h>
#include <string.h>

enum { GAP = 4 }; /* pixels between maps */

static tvis_status make(picture *p, int64_t width, int64_t height, int32_t channels, tvis_diag *d)
{
    *p = (picture){ NULL, (int32_t)width, (int32_t)height, channels };
    if (width > PICTURE_MAX_SIDE || height > PICTURE_MAX_SIDE || width * height > PICTURE_MAX_PIXELS)
        return tool_fail(d, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "picture", "would be too large");
    const size_t bytes = (size_t)(width * height * channels);
    p->pixels = malloc(bytes);
    if (!p->pixels)
        return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "picture", NULL);
    memset(p->pixels, 255, bytes);
    return TVIS_OK;
}

/* Position of x between low and high as a byte. */
static uint8_t shade(float x, float low, float high)
{
    const float at = high > low ? (x - low) / (high - low) : 0.5f;
    return (uint8_t)((at < 0.0f ? 0.0f : at > 1.0f ? 1.0f : at) * 255.0f + 0.5f);
}

/* The block of one patch, from pixel (top, left) on, in channel c. */
static void fill(picture *p, int32_t top, int32_t left, int32_t side, int32_t c, uint8_t value)
{
    for (int32_t y = top; y < top + side; y++)
        for (int32_t x = left; x < left + side; x++)
            p->pixels[((size_t)y * (size_t)p->width + (size_t)x) * (size_t)p->channels + (size_t)c] = value;
}

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* A value a patch, `step` floats apart, from their hundredth to their ninety-ninth percentile: single patches far from
 * all others are common. */
static tvis_status add_plane(picture *out, const float *value, size_t step, patch_grid g, int32_t top, int32_t left,
                             int32_t c, tvis_diag *d)
{
    const int32_t count = g.rows * g.cols;
    float *sorted = malloc((size_t)count * sizeof *sorted);
    if (!sorted)
        return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "picture", NULL);
    for (int32_t i = 0; i < count; i++)
        sorted[i] = value[(size_t)i * step];
    qsort(sorted, (size_t)count, sizeof *sorted, ascending);
    const float low = sorted[count / 100], high = sorted[count - 1 - count / 100];
    for (int32_t i = 0; i < count; i++)
        fill(out, top + i / g.cols * g.patch, left + i % g.cols * g.patch, g.patch, c,
             shade(value[(size_t)i * step], low, high));
    free(sorted);
    return TVIS_OK;
}

static tvis_status finished(picture *p, tvis_status s)
{
    if (s)
        picture_free(p);
    return s;
}

tvis_status picture_of_components(picture *out, const pca *p, patch_grid g, tvis_diag *d)
{
    tvis_status s = make(out, (int64_t)g.cols * g.patch, (int64_t)g.rows * g.patch, PCA_COMPONENTS, d);
    for (int32_t c = 0; !s && c < PCA_COMPONENTS; c++)
        s = add_plane(out, p->score + c, PCA_COMPONENTS, g, 0, 0, c, d);
    return finished(out, s);
}

tvis_status picture_of_maps(picture *out, const float *maps, int32_t heads, size_t step, patch_grid g, tvis_diag *d)
{
    const int64_t width = (int64_t)g.cols * g.patch, height = (int64_t)g.rows * g.patch;
    int32_t across = 1;
    while (across * across < heads)
        across++;
    const int32_t down = (heads + across - 1) / across;
    tvis_status s = make(out, across * (width + GAP) - GAP, down * (height + GAP) - GAP, 1, d);
    for (int32_t i = 0; !s && i < heads; i++)
        s = add_plane(out, maps + (size_t)i * step, 1, g, i / across * (int32_t)(height + GAP),
                      i % across * (int32_t)(width + GAP), 0, d);
    return finished(out, s);
}
