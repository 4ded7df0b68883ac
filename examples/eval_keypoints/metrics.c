/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#include "../tinyvis/fail.h"
#include "../tinyvis/load_model.h"

#include <math.h>
#include <stdlib.h>

#define NEAR 3.0 /* pixels within which two points are the same one */

typedef struct spot {
    double x, y;
} spot;

static spot through(const double *h, double x, double y)
{
    const double w = h[6] * x + h[7] * y + h[8];
    return (spot){ (h[0] * x + h[1] * y + h[2]) / w, (h[3] * x + h[4] * y + h[5]) / w };
}

static void invert(const double *m, double *out)
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            const int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, e = (i + 2) % 3;
            out[i * 3 + j] = m[a * 3 + c] * m[b * 3 + e] - m[a * 3 + e] * m[b * 3 + c];
        }
}

static bool inside(const view_pair *v, spot s)
{
    return s.x >= 0 && s.y >= 0 && s.x <= v->width - 1 && s.y <= v->height - 1;
}

static double nearest(const features *f, spot s)
{
    double least = INFINITY;
    for (uint32_t i = 0; i < f->count; i++)
        least = fmin(least, hypot((double)f->at[i].x - s.x, (double)f->at[i].y - s.y));
    return least;
}

/* Of one direction: how many points the other picture shows too, and how many of those it has points near. */
typedef struct shared {
    uint32_t seen, found;
    double distance;
} shared;

static shared repeat(const view_pair *v, const features *from, const features *to, const double *h)
{
    shared s = { 0 };
    for (uint32_t i = 0; i < from->count; i++) {
        const spot there = through(h, (double)from->at[i].x, (double)from->at[i].y);
        if (!inside(v, there))
            continue;
        const double d = nearest(to, there);
        s.seen++;
        s.found += d <= NEAR;
        s.distance += d <= NEAR ? d : 0.0;
    }
    return s;
}

static tvis_status find_matches(const view_pair *v, tvis_match *match, uint32_t *count, tvis_diag *d)
{
    tvis_match_config c;
    size_t bytes;
    tvis_match_defaults(&c);
    c.max_distance = 0.0f;
    tvis_status s = tvis_match_size(&c, v->a.count, v->b.count, (uint32_t)v->a.dim, &bytes, d);
    void *work = s ? NULL : memory_aligned(bytes + 1);
    if (!s && !work)
        s = tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "matches", NULL);
    if (!s)
        s = tvis_match_run(&c, v->a.vector, v->a.count, v->b.vector, v->b.count, (uint32_t)v->a.dim, work, bytes, match,
                           count, d);
    free(work);
    return s;
}

/* The mean distance of the corners between the estimated and the true matrix. */
static double corner_error(const view_pair *v, const tvis_homography *h)
{
    double sum = 0.0;
    for (int i = 0; i < 4; i++) {
        const double x = i % 2 ? v->width - 1 : 0, y = i / 2 ? v->height - 1 : 0;
        const spot a = through(h->h, x, y), b = through(v->truth, x, y);
        sum += hypot(a.x - b.x, a.y - b.y);
    }
    return sum / 4;
}

static tvis_status estimate(metrics *m, const view_pair *v, const tvis_pair *pairs, uint32_t n, tvis_diag *d)
{
    static const double limits[METRICS_DISTANCES] = { 1, 3, 5 };
    tvis_homography_config c;
    tvis_homography h;
    size_t bytes;
    tvis_homography_defaults(&c);
    tvis_status s = tvis_homography_size(&c, n, &bytes, d);
    void *work = s ? NULL : memory_aligned(bytes + 1);
    uint8_t *inlier = malloc(n + 1);
    if (!s && (!work || !inlier))
        s = tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "homography", NULL);
    if (!s)
        s = tvis_homography_run(&c, pairs, n, work, bytes, inlier, &h, d);
    for (int i = 0; !s && h.outcome == TVIS_HOMOGRAPHY_FOUND && i < METRICS_DISTANCES; i++)
        m->right[i] += corner_error(v, &h) <= limits[i];
    free(work);
    free(inlier);
    return s;
}

static uint32_t correct(const view_pair *v, const tvis_pair *pairs, uint32_t n)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        const spot there = through(v->truth, (double)pairs[i].a[0], (double)pairs[i].a[1]);
        count += hypot((double)pairs[i].b[0] - there.x, (double)pairs[i].b[1] - there.y) <= NEAR;
    }
    return count;
}

static void add_repeated(metrics *m, const shared *ab, const shared *ba)
{
    m->repeatability += (double)(ab->found + ba->found) / (ab->seen + ba->seen);
    if (ab->found + ba->found) {
        m->error += (ab->distance + ba->distance) / (ab->found + ba->found);
        m->repeated++;
    }
}

tvis_status metrics_add(metrics *m, const view_pair *v, tvis_diag *d)
{
    const uint32_t most = (v->a.count < v->b.count ? v->a.count : v->b.count) + 1;
    tvis_match *match = malloc(most * sizeof *match);
    tvis_pair *pairs = malloc(most * sizeof *pairs);
    double back[9];
    uint32_t n = 0;
    invert(v->truth, back);
    const shared ab = repeat(v, &v->a, &v->b, v->truth), ba = repeat(v, &v->b, &v->a, back);
    tvis_status s =
        match && pairs ? find_matches(v, match, &n, d) : tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "matches", NULL);
    for (uint32_t i = 0; !s && i < n; i++) {
        const tvis_keypoint *a = &v->a.at[match[i].a], *b = &v->b.at[match[i].b];
        pairs[i] = (tvis_pair){ { a->x, a->y }, { b->x, b->y } };
    }
    if (!s)
        s = estimate(m, v, pairs, n, d);
    if (!s && ab.seen && ba.seen) {
        const double good = correct(v, pairs, n);
        m->measured++;
        m->matching += (good / ab.seen + good / ba.seen) / 2;
        add_repeated(m, &ab, &ba);
    }
    m->pairs++;
    m->points += (v->a.count + v->b.count) / 2.0;
    free(match);
    free(pairs);
    return s;
}
