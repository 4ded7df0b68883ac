/* SPDX-License-Identifier: MIT */
#include "models/homography_fit.h"
#include "core/math.h"
#include "core/port.h"

#include <float.h>

enum { MAX = 9 };

/* x' = (x - centre) * scale: the centre of the points becomes 0, their mean distance from it sqrt(2). */
typedef struct frame {
    double centre[2], scale;
} frame;

typedef struct frames {
    frame a, b;
} frames;

static void measure(const tvis_pair *pairs, const uint8_t *flags, uint32_t n, bool second, frame *f)
{
    double sum[2] = { 0, 0 }, away = 0, count = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!flags || flags[i]) {
            const float *p = second ? pairs[i].b : pairs[i].a;
            sum[0] += (double)p[0];
            sum[1] += (double)p[1];
            count++;
        }
    f->centre[0] = sum[0] / count;
    f->centre[1] = sum[1] / count;
    for (uint32_t i = 0; i < n; i++)
        if (!flags || flags[i]) {
            const float *p = second ? pairs[i].b : pairs[i].a;
            const double x = (double)p[0] - f->centre[0], y = (double)p[1] - f->centre[1];
            away += tvis_sqrt(x * x + y * y);
        }
    f->scale = away > 0.0 ? 1.4142135623730951 * count / away : 0.0;
}

static bool measure_both(const tvis_pair *pairs, const uint8_t *flags, uint32_t n, frames *f)
{
    measure(pairs, flags, n, false, &f->a);
    measure(pairs, flags, n, true, &f->b);
    return f->a.scale > 0.0 && f->b.scale > 0.0;
}

static void into(const frame *f, const float p[2], double out[2])
{
    out[0] = ((double)p[0] - f->centre[0]) * f->scale;
    out[1] = ((double)p[1] - f->centre[1]) * f->scale;
}

/* m becomes L D L^T: L below the diagonal, D on it. False where m is not positive definite. */
static bool factorize(double m[MAX][MAX], int n)
{
    for (int j = 0; j < n; j++)
        for (int i = j; i < n; i++) {
            double v = m[i][j];
            for (int k = 0; k < j; k++)
                v -= m[i][k] * m[j][k] * m[k][k];
            m[i][j] = i > j ? v / m[j][j] : v;
            if (i == j && !(v > 0.0 && v <= DBL_MAX))
                return false;
        }
    return true;
}

static void solve(double m[MAX][MAX], int n, double *x)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++)
            x[i] -= m[i][k] * x[k];
    for (int i = 0; i < n; i++)
        x[i] /= m[i][i];
    for (int i = n - 1; i >= 0; i--)
        for (int k = i + 1; k < n; k++)
            x[i] -= m[k][i] * x[k];
}

/* m += row^T row, below the diagonal. */
static void accumulate(double m[MAX][MAX], int n, const double *row)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++)
            m[i][j] += row[i] * row[j];
}

/* The eigenvector of the smallest eigenvalue, of length 1, by inverse iteration. The shift is far below any eigenvalue
 * but the smallest, and keeps the matrix definite where that is 0. */
static bool smallest(double m[MAX][MAX], double v[MAX])
{
    double trace = 0;
    for (int i = 0; i < MAX; i++) {
        trace += m[i][i];
        v[i] = 1.0 - 0.05 * i;
    }
    for (int i = 0; i < MAX; i++)
        m[i][i] += 1e-14 * trace;
    if (!factorize(m, MAX))
        return false;
    for (int pass = 0; pass < 5; pass++) {
        double sum = 0;
        solve(m, MAX, v);
        for (int i = 0; i < MAX; i++)
            sum += v[i] * v[i];
        const double length = tvis_sqrt(sum);
        for (int i = 0; i < MAX; i++)
            v[i] /= length;
    }
    return v[0] - v[0] == 0.0;
}

/* h for pixels from h for frames: b's frame backwards, times h, times a's frame. */
static void leave_frames(const frames *f, double h[9])
{
    const double s = f->a.scale, *c = f->a.centre;
    for (int i = 0; i < 3; i++) {
        h[3 * i + 2] -= s * (h[3 * i] * c[0] + h[3 * i + 1] * c[1]);
        h[3 * i] *= s;
        h[3 * i + 1] *= s;
    }
    for (int j = 0; j < 3; j++)
        for (int i = 0; i < 2; i++)
            h[3 * i + j] = h[3 * i + j] / f->b.scale + f->b.centre[i] * h[6 + j];
}

static void enter_frames(const frames *f, double h[9])
{
    const double s = f->a.scale, *c = f->a.centre;
    for (int j = 0; j < 3; j++)
        for (int i = 0; i < 2; i++)
            h[3 * i + j] = (h[3 * i + j] - f->b.centre[i] * h[6 + j]) * f->b.scale;
    for (int i = 0; i < 3; i++) {
        h[3 * i + 2] += h[3 * i] * c[0] + h[3 * i + 1] * c[1];
        h[3 * i] /= s;
        h[3 * i + 1] /= s;
    }
}

bool tvis_homography_fit(const tvis_pair *pairs, const uint8_t *flags, uint32_t n, double h[9])
{
    frames f;
    double m[MAX][MAX] = { { 0 } };
    if (!measure_both(pairs, flags, n, &f))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (flags && !flags[i])
            continue;
        double a[2], b[2];
        into(&f.a, pairs[i].a, a);
        into(&f.b, pairs[i].b, b);
        const double u[MAX] = { a[0], a[1], 1, 0, 0, 0, -b[0] * a[0], -b[0] * a[1], -b[0] };
        const double v[MAX] = { 0, 0, 0, a[0], a[1], 1, -b[1] * a[0], -b[1] * a[1], -b[1] };
        accumulate(m, MAX, u);
        accumulate(m, MAX, v);
    }
    if (!smallest(m, h))
        return false;
    for (int i = 0; h[8] < 0.0 && i < 9; i++)
        h[i] = -h[i];
    leave_frames(&f, h);
    return true;
}

/* The 8 unknowns of a homography whose h[8] is 1, and what least squares makes of them. */
typedef struct problem {
    const tvis_pair *pairs;
    const uint8_t *flags;
    uint32_t n;
    frames f;
    double scale;                      /* squared, of b's frame */
    double m[MAX][MAX], gradient[MAX]; /* J^T W J and J^T W r */
} problem;

/* Sum over the pairs of e / (1 + e / scale), e their squared distances (Geman and McClure 1987): a far one hardly
 * pulls. Fills m and gradient if asked to. */
static double distances(problem *p, const double h[9], bool derive)
{
    double sum = 0;
    if (derive) {
        memset(p->m, 0, sizeof p->m);
        memset(p->gradient, 0, sizeof p->gradient);
    }
    for (uint32_t i = 0; i < p->n; i++) {
        if (p->flags && !p->flags[i])
            continue;
        double a[2], b[2];
        into(&p->f.a, p->pairs[i].a, a);
        into(&p->f.b, p->pairs[i].b, b);
        const double w = h[6] * a[0] + h[7] * a[1] + h[8];
        if (!(w > 0.0))
            return DBL_MAX;
        const double at[2] = { (h[0] * a[0] + h[1] * a[1] + h[2]) / w, (h[3] * a[0] + h[4] * a[1] + h[5]) / w };
        const double off[2] = { at[0] - b[0], at[1] - b[1] }, e = off[0] * off[0] + off[1] * off[1];
        const double root = 1.0 / (1.0 + e / p->scale), by = root / w; /* root^2 is the weight */
        sum += e * root;
        for (int k = 0; derive && k < 2; k++) {
            double j[MAX] = { 0 };
            j[3 * k] = a[0] * by;
            j[3 * k + 1] = a[1] * by;
            j[3 * k + 2] = by;
            j[6] = -at[k] * a[0] * by;
            j[7] = -at[k] * a[1] * by;
            accumulate(p->m, 8, j);
            for (int c = 0; c < 8; c++)
                p->gradient[c] += j[c] * off[k] * root;
        }
    }
    return sum;
}

/* One damped step; false where the matrix cannot be solved. */
static bool step(const problem *p, double damping, const double h[9], double next[9])
{
    double m[MAX][MAX], x[MAX];
    memcpy(m, p->m, sizeof m);
    memcpy(x, p->gradient, sizeof x);
    for (int i = 0; i < 8; i++)
        m[i][i] *= 1.0 + damping;
    if (!factorize(m, 8))
        return false;
    solve(m, 8, x);
    for (int i = 0; i < 9; i++)
        next[i] = i < 8 ? h[i] - x[i] : h[i];
    return true;
}

bool tvis_homography_refine(const tvis_pair *pairs, const uint8_t *flags, uint32_t n, double scale, double h[9])
{
    enum { STEPS = 20 };
    problem p = { .pairs = pairs, .flags = flags, .n = n };
    double at[9], next[9], damping = 1e-3;
    if (!measure_both(pairs, flags, n, &p.f))
        return false;
    p.scale = scale * scale * p.f.b.scale * p.f.b.scale;
    memcpy(at, h, sizeof at);
    enter_frames(&p.f, at);
    const double last = at[8];
    if (!(last > 0.0))
        return false;
    for (int i = 0; i < 9; i++)
        at[i] /= last;
    double now = distances(&p, at, true);
    if (now == DBL_MAX)
        return false;
    for (int i = 0; i < STEPS && step(&p, damping, at, next); i++) {
        const double then = distances(&p, next, false);
        if (!(then < now)) {
            damping *= 10.0;
            continue;
        }
        memcpy(at, next, sizeof at);
        now = distances(&p, at, true);
        damping *= 0.1;
    }
    memcpy(h, at, sizeof at);
    leave_frames(&p.f, h);
    return true;
}

bool tvis_homography_invert(const double h[9], double inverse[9])
{
    const double cofactor[9] = {
        h[4] * h[8] - h[5] * h[7], h[2] * h[7] - h[1] * h[8], h[1] * h[5] - h[2] * h[4],
        h[5] * h[6] - h[3] * h[8], h[0] * h[8] - h[2] * h[6], h[2] * h[3] - h[0] * h[5],
        h[3] * h[7] - h[4] * h[6], h[1] * h[6] - h[0] * h[7], h[0] * h[4] - h[1] * h[3],
    };
    const double det = h[0] * cofactor[0] + h[1] * cofactor[3] + h[2] * cofactor[6];
    for (int i = 0; i < 9; i++) {
        inverse[i] = cofactor[i] / det;
        if (!(inverse[i] - inverse[i] == 0.0))
            return false;
    }
    return true;
}
