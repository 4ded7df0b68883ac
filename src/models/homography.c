/* SPDX-License-Identifier: MIT */
/* RANSAC (Fischler and Bolles 1981) with a truncated quadratic cost (Torr and Zisserman 2000) and a least squares fit
 * to what agrees each time a sample is better than those before (Chum, Matas and Kittler 2003). */
#include "core/diag.h"
#include "core/math.h"
#include "core/port.h"
#include "models/homography_fit.h"

#include <float.h>

enum { SAMPLE = 4 };

typedef struct search {
    const tvis_homography_config *c;
    const tvis_pair *pairs;
    uint32_t n;
    uint64_t random;
    uint8_t *flags; /* of the matrix that is looked at */
    uint8_t *best;  /* of the best */
    double h[9];    /* the best */
    double cost;
    uint32_t inliers;
    bool general; /* a sample in general position was found */
} search;

static tvis_status bad(tvis_diag *d, const char *what, const char *why, int64_t expected, int64_t found)
{
    return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, what, why, expected, found);
}

tvis_status tvis_homography_size(const tvis_homography_config *c, uint32_t n, size_t *bytes, tvis_diag *diag)
{
    if (!c || c->struct_size != sizeof *c)
        return bad(diag, "config", "is NULL or of another version (struct_size)", -1, -1);
    if (!(c->threshold > 0.0f && c->threshold <= FLT_MAX))
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_VALUE, "threshold", "is over 0");
    if (c->min_inliers < SAMPLE)
        return bad(diag, "min_inliers", "is at least 4", SAMPLE, c->min_inliers);
    if (c->max_samples < 1)
        return bad(diag, "max_samples", "is at least 1", 1, c->max_samples);
    if (n > TVIS_MATCH_MAX_POINTS)
        return tvis_fail_value(diag, TVIS_EINVAL, TVIS_DIAG_LIMIT, "pairs", NULL, TVIS_MATCH_MAX_POINTS, n);
    if (!bytes)
        return bad(diag, "bytes", "is NULL", -1, -1);
    *bytes = n;
    return TVIS_OK;
}

/* splitmix64 (Steele, Lea and Flood 2014); below n. */
static uint32_t random_below(search *s, uint32_t n)
{
    uint64_t x = s->random += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)(((x ^ (x >> 31)) >> 32) * n >> 32);
}

static void draw(search *s, tvis_pair sample[SAMPLE])
{
    uint32_t index[SAMPLE];
    for (uint32_t i = 0; i < SAMPLE; i++) {
        /* one of those that are left, counted past the ones taken, which are in order */
        uint32_t at = random_below(s, s->n - i), k = 0;
        for (; k < i && index[k] <= at; k++)
            at++;
        memmove(index + k + 1, index + k, (i - k) * sizeof *index);
        index[k] = at;
    }
    for (uint32_t i = 0; i < SAMPLE; i++)
        sample[i] = s->pairs[index[i]];
}

/* Twice the area of a triangle, 0 where its corners nearly lie on a line. */
static double area(const float *p, const float *q, const float *r)
{
    const double ux = (double)q[0] - (double)p[0], uy = (double)q[1] - (double)p[1];
    const double vx = (double)r[0] - (double)p[0], vy = (double)r[1] - (double)p[1], cross = ux * vy - uy * vx;
    return cross * cross > 1e-6 * (ux * ux + uy * uy) * (vx * vx + vy * vy) ? cross : 0.0;
}

/* No three on a line, and all triangles turn the same way in both pictures, or all the other way: else no homography
 * takes one side to the other with all points in front of the camera. */
static bool is_general(const tvis_pair *s)
{
    static const uint8_t corner[4][3] = { { 0, 1, 2 }, { 0, 1, 3 }, { 0, 2, 3 }, { 1, 2, 3 } };
    int turned = 0;
    for (int i = 0; i < 4; i++) {
        const tvis_pair *p = &s[corner[i][0]], *q = &s[corner[i][1]], *r = &s[corner[i][2]];
        const double a = area(p->a, q->a, r->a), b = area(p->b, q->b, r->b);
        if (a == 0.0 || b == 0.0)
            return false;
        turned += (a > 0.0) != (b > 0.0);
    }
    return turned == 0 || turned == 4;
}

/* Squared distance of p from where h takes q; a large number where that is behind the camera. */
static double off(const double h[9], const float *q, const float *p)
{
    const double x = (double)q[0], y = (double)q[1], w = h[6] * x + h[7] * y + h[8];
    if (!(w > 0.0))
        return DBL_MAX;
    const double dx = (h[0] * x + h[1] * y + h[2]) / w - (double)p[0];
    const double dy = (h[3] * x + h[4] * y + h[5]) / w - (double)p[1];
    return dx * dx + dy * dy;
}

/* Keeps h if it costs less than the best. */
static bool offer(search *s, const double h[9])
{
    const double limit = (double)s->c->threshold * (double)s->c->threshold;
    double inverse[9], cost = 0;
    uint32_t count = 0;
    if (!tvis_homography_invert(h, inverse))
        return false;
    for (uint32_t i = 0; i < s->n && cost < s->cost; i++) {
        const tvis_pair *p = &s->pairs[i];
        double e = off(h, p->a, p->b);
        if (s->c->symmetric && e <= limit) {
            const double back = off(inverse, p->b, p->a);
            e = back > e ? back : e;
        }
        s->flags[i] = e <= limit;
        count += s->flags[i];
        cost += e <= limit ? e : limit;
    }
    if (!(cost < s->cost))
        return false;
    memcpy(s->h, h, sizeof s->h);
    memcpy(s->best, s->flags, s->n);
    s->cost = cost;
    s->inliers = count;
    return true;
}

/* Least squares over what agrees, as long as it gets better. */
static void polish(search *s)
{
    enum { ROUNDS = 5 };
    double h[9];
    for (int i = 0; i < ROUNDS && s->inliers > SAMPLE; i++)
        if (!tvis_homography_fit(s->pairs, s->best, s->n, h) || !offer(s, h))
            return;
}

/* Samples after which a good one is missed once in a thousand times. */
static uint32_t enough(const search *s)
{
    const double share = (double)s->inliers / (double)s->n, miss = 1.0 - share * share * share * share;
    double left = 1.0;
    uint32_t k = 0;
    while (k < s->c->max_samples && left > 0.001) {
        left *= miss;
        k++;
    }
    return k;
}

static void run_samples(search *s)
{
    uint32_t most = s->c->max_samples;
    for (uint32_t i = 0; i < most; i++) {
        tvis_pair sample[SAMPLE];
        double h[9];
        draw(s, sample);
        if (!is_general(sample))
            continue;
        s->general = true;
        if (tvis_homography_fit(sample, NULL, SAMPLE, h) && offer(s, h)) {
            polish(s);
            most = enough(s);
        }
    }
}

/* What agrees decides where exactly the matrix lies, pairs that are far off little; then what agrees with that, once
 * more. */
static void settle(search *s)
{
    enum { ROUNDS = 2 };
    for (int i = 0; i < ROUNDS && s->inliers > SAMPLE; i++) {
        double h[9];
        memcpy(h, s->h, sizeof h);
        if (!tvis_homography_refine(s->pairs, s->best, s->n, 0.5 * (double)s->c->threshold, h))
            return;
        s->cost = DBL_MAX;
        (void)offer(s, h);
    }
}

/* Standard deviation across the line that fits the points best, squared. */
static double breadth(const search *s, bool second)
{
    double sum[2] = { 0, 0 }, xx = 0, xy = 0, yy = 0;
    const double count = (double)s->inliers;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < s->n; i++) {
            if (!s->best[i])
                continue;
            const float *p = second ? s->pairs[i].b : s->pairs[i].a;
            if (pass == 0) {
                sum[0] += (double)p[0] / count;
                sum[1] += (double)p[1] / count;
                continue;
            }
            const double x = (double)p[0] - sum[0], y = (double)p[1] - sum[1];
            xx += x * x / count;
            xy += x * y / count;
            yy += y * y / count;
        }
    return 0.5 * (xx + yy - tvis_sqrt((xx - yy) * (xx - yy) + 4.0 * xy * xy));
}

static tvis_homography_outcome judge(const search *s)
{
    const double narrow = (double)s->c->threshold / 3.0;
    if (s->n < SAMPLE)
        return TVIS_HOMOGRAPHY_FEW;
    if (!s->general)
        return TVIS_HOMOGRAPHY_DEGENERATE;
    if (s->inliers < s->c->min_inliers)
        return TVIS_HOMOGRAPHY_NONE;
    return breadth(s, false) < narrow * narrow || breadth(s, true) < narrow * narrow ? TVIS_HOMOGRAPHY_DEGENERATE
                                                                                     : TVIS_HOMOGRAPHY_FOUND;
}

/* h[8] = 1 where it is not next to nothing beside the others. */
static void scale(const double h[9], double out[9])
{
    double most = 0;
    for (int i = 0; i < 9; i++) {
        const double v = h[i] < 0.0 ? -h[i] : h[i];
        most = v > most ? v : most;
    }
    const double by = h[8] > 1e-12 * most || h[8] < -1e-12 * most ? h[8] : most;
    for (int i = 0; i < 9; i++)
        out[i] = h[i] / by;
}

tvis_status tvis_homography_run(const tvis_homography_config *c, const tvis_pair *pairs, uint32_t n, void *mem,
                                size_t bytes, uint8_t *inlier, tvis_homography *out, tvis_diag *diag)
{
    size_t need;
    tvis_status status = tvis_homography_size(c, n, &need, diag);
    if (!status && (!out || (n && (!pairs || !inlier || !mem))))
        status = bad(diag, "pairs", "or what is to be written is NULL", -1, -1);
    if (!status && bytes < need)
        status =
            tvis_fail_value(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "homography", NULL, (int64_t)need, (int64_t)bytes);
    if (status)
        return status;
    search s = { .c = c, .pairs = pairs, .n = n, .random = c->seed, .flags = mem, .best = inlier, .cost = DBL_MAX };
    memset(out, 0, sizeof *out);
    if (n)
        memset(inlier, 0, n);
    if (n >= SAMPLE)
        run_samples(&s);
    settle(&s);
    out->outcome = (uint8_t)judge(&s);
    if (out->outcome != TVIS_HOMOGRAPHY_FOUND) {
        if (n)
            memset(inlier, 0, n);
        return TVIS_OK;
    }
    out->inliers = s.inliers;
    scale(s.h, out->h);
    return TVIS_OK;
}
