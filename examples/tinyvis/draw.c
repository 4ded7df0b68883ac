/* SPDX-License-Identifier: MIT */
#include "draw.h"

#include "fail.h"
#include "image_decode.h"
#include "load_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 4 }; /* columns between two pictures */

static void blend(picture *p, int64_t x, int64_t y, colour ink, double cover)
{
    if (x < 0 || y < 0 || x >= p->width || y >= p->height || !(cover > 0))
        return;
    const double share = cover < 1 ? cover : 1;
    const uint8_t rgb[3] = { ink.r, ink.g, ink.b };
    uint8_t *at = p->pixels + ((size_t)y * (size_t)p->width + (size_t)x) * 3;
    for (int i = 0; i < 3; i++)
        at[i] = (uint8_t)(at[i] + share * (rgb[i] - at[i]) + 0.5);
}

/* A picture at w x h in colour, with its upper left corner at (left, 0). */
static tvis_status paste(picture *to, const picture *from, int32_t left, int32_t w, int32_t h, const char *name,
                         tvis_diag *diag)
{
    const tvis_preprocess p = {
        .filter = TVIS_FILTER_BILINEAR, .fit = TVIS_FIT_STRETCH, .channels = 3, .crop = 1, .std = { 1, 1, 1 }
    };
    const tvis_image view = picture_view(from);
    picture copy;
    size_t bytes;
    tvis_status s = picture_alloc(&copy, w, h, 3, name, diag);
    if (s)
        return s;
    s = tvis_preprocess_size(&p, &view, h, w, &bytes, diag);
    void *work = s ? NULL : memory_aligned(bytes);
    if (!s && !work)
        s = tool_fail_value(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, name, "the picture", (int64_t)bytes, -1);
    if (!s)
        s = tvis_preprocess_u8(&p, &view, h, w, copy.pixels, work, bytes, diag);
    for (int32_t y = 0; !s && y < h; y++)
        memcpy(to->pixels + ((size_t)y * (size_t)to->width + (size_t)left) * 3, copy.pixels + (size_t)y * (size_t)w * 3,
               (size_t)w * 3);
    free(work);
    picture_free(&copy);
    return s;
}

static int32_t shrunk(int32_t side, double by)
{
    const int32_t n = (int32_t)(side * by + 0.5);
    return n < 1 ? 1 : n;
}

tvis_status canvas_make(canvas *c, const picture *a, const picture *b, const char *name, tvis_diag *diag)
{
    const picture *both[2] = { a, b };
    int32_t w[2] = { 0, 0 }, h[2] = { 0, 0 }, left[2] = { 0, 0 };
    const int count = b ? 2 : 1;
    *c = (canvas){ 0 };
    for (int i = 0; i < count; i++) {
        const int32_t longer = both[i]->width > both[i]->height ? both[i]->width : both[i]->height;
        const double by = longer > DRAW_MAX_SIDE ? DRAW_MAX_SIDE / (double)longer : 1;
        w[i] = shrunk(both[i]->width, by);
        h[i] = shrunk(both[i]->height, by);
        left[i] = i ? w[0] + GAP : 0;
        c->scale[i] = w[i] / (double)both[i]->width;
        c->left[i] = left[i] + 0.5 * c->scale[i] - 0.5; /* centres of pixels stay centres */
        c->top[i] = 0.5 * c->scale[i] - 0.5;
    }
    tvis_status s = picture_alloc(&c->image, left[count - 1] + w[count - 1], h[0] > h[1] ? h[0] : h[1], 3, name, diag);
    if (s)
        return s;
    memset(c->image.pixels, 32, (size_t)c->image.width * (size_t)c->image.height * 3);
    for (int i = 0; i < count && !s; i++)
        s = paste(&c->image, both[i], left[i], w[i], h[i], name, diag);
    if (s)
        picture_free(&c->image);
    return s;
}

static void place(const canvas *c, int which, double x, double y, double out[2])
{
    out[0] = x * c->scale[which] + c->left[which];
    out[1] = y * c->scale[which] + c->top[which];
}

void canvas_dot(canvas *c, int which, double x, double y, double radius, colour ink, double opacity)
{
    double at[2];
    place(c, which, x, y, at);
    for (int64_t j = (int64_t)(at[1] - radius - 1); j <= (int64_t)(at[1] + radius + 1); j++)
        for (int64_t i = (int64_t)(at[0] - radius - 1); i <= (int64_t)(at[0] + radius + 1); i++) {
            const double away = hypot((double)i - at[0], (double)j - at[1]), cover = radius + 0.5 - away;
            blend(&c->image, i, j, ink, (cover < 1 ? cover : 1) * opacity);
        }
}

/* Column by column, or row by row where the line is steep. */
void canvas_line(canvas *c, const float a[2], const float b[2], double width, colour ink, double opacity)
{
    double p[2], q[2];
    place(c, 0, (double)a[0], (double)a[1], p);
    place(c, 1, (double)b[0], (double)b[1], q);
    const int major = fabs(q[0] - p[0]) >= fabs(q[1] - p[1]) ? 0 : 1, minor = 1 - major;
    const double *from = p[major] < q[major] ? p : q, *to = from == p ? q : p;
    const double run = to[major] - from[major], slope = run > 0 ? (to[minor] - from[minor]) / run : 0;
    const double half = 0.5 * width * hypot(1, slope);
    for (int64_t i = (int64_t)floor(from[major] + 0.5); i <= (int64_t)floor(to[major] + 0.5); i++) {
        const double centre = from[minor] + slope * ((double)i - from[major]);
        for (int64_t j = (int64_t)floor(centre - half); j <= (int64_t)ceil(centre + half); j++) {
            const double cover = half + 0.5 - fabs((double)j - centre);
            blend(&c->image, major == 0 ? i : j, major == 0 ? j : i, ink, (cover < 1 ? cover : 1) * opacity);
        }
    }
}
