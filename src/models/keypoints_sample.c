/* SPDX-License-Identifier: MIT */
#include "core/math.h"
#include "core/port.h"
#include "models/keypoints_map.h"

/* Where a pixel lies among n cells, in float and in the steps of the originals: a coordinate from -1 to 1, then what
 * grid_sample with align_corners makes of it. (That was PyTorch's only way when the demo was written.) */
static float position(float pixel, int32_t n, uint8_t style)
{
    const float side = (float)(n * TVIS_KEYPOINT_CELL);
    const float unit = style == TVIS_KEYPOINTS_DEMO ? (float)((double)pixel / ((double)side / 2.0) - 1.0)
                                                    : (pixel - 3.5f) / (side - 4.5f) * 2.0f - 1.0f;
    return (unit + 1.0f) / 2.0f * (float)(n - 1);
}

/* The two cells around a position and their shares; outside of the map the share is 0. */
typedef struct neighbours {
    int32_t cell[2];
    float share[2];
} neighbours;

static neighbours around(float at, int32_t n)
{
    neighbours b;
    const int32_t whole = (int32_t)at, first = (float)whole > at ? whole - 1 : whole;
    for (int32_t i = 0; i < 2; i++) {
        const bool inside = first + i >= 0 && first + i < n;
        b.cell[i] = inside ? first + i : 0;
        b.share[i] = !inside ? 0.0f : i ? at - (float)first : (float)(first + 1) - at;
    }
    return b;
}

static void normalize(float *x, int32_t n)
{
    float sum = 0.0f;
    for (int32_t k = 0; k < n; k++)
        sum += x[k] * x[k];
    const float norm = tvis_sqrtf(sum);
    for (int32_t k = 0; norm > 0.0f && k < n; k++)
        x[k] /= norm;
}

void tvis_sample_descriptor(const tvis_tensor *d, uint8_t style, const tvis_keypoint *p, float *out)
{
    const int32_t h = d->dims[1], w = d->dims[2], c = d->dims[3];
    const size_t pixel = d->layout == TVIS_NHWC ? (size_t)c : 1;
    const size_t channel = d->layout == TVIS_NHWC ? 1 : (size_t)h * (size_t)w;
    const neighbours x = around(position(p->x, w, style), w), y = around(position(p->y, h, style), h);
    memset(out, 0, (size_t)c * sizeof *out);
    for (int i = 0; i < 4; i++) {
        const float share = y.share[i / 2] * x.share[i % 2];
        const float *v = (const float *)d->data + ((size_t)y.cell[i / 2] * (size_t)w + (size_t)x.cell[i % 2]) * pixel;
        for (int32_t k = 0; share > 0.0f && k < c; k++)
            out[k] += share * v[(size_t)k * channel];
    }
    normalize(out, c);
}
