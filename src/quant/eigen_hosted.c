/* SPDX-License-Identifier: MIT */
#include "quant/eigen_hosted.h"
#include "quant/linalg_hosted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct space {
    const float *s;
    int32_t n, count;
    float *q, *z;  /* (count, n) */
    double *b, *v; /* (count, count): what s is in the space, its eigenvectors as rows */
    float *panel;
    uint32_t cpu;
} space;

static void fill_randomly(float *q, size_t count)
{
    uint32_t seed = 1;
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        q[i] = (float)(int32_t)seed * 0x1p-31f;
    }
}

static double dot(const float *a, const float *b, int32_t n)
{
    double sum = 0.0;
    for (int32_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Gram and Schmidt's, twice for each row, so that rounding leaves right angles. What has no length becomes 0. */
static void straighten(float *q, int32_t count, int32_t n)
{
    for (int32_t i = 0; i < count; i++) {
        float *row = q + (ptrdiff_t)i * n;
        const double before = dot(row, row, n);
        for (int32_t again = 0; again < 2; again++)
            for (int32_t k = 0; k < i; k++) {
                const float *other = q + (ptrdiff_t)k * n;
                const float part = (float)dot(row, other, n);
                for (int32_t c = 0; c < n; c++)
                    row[c] -= part * other[c];
            }
        const double length = dot(row, row, n);
        const float scale = length > 1e-12 * before && length > 0.0 ? (float)(1.0 / sqrt(length)) : 0.0f;
        for (int32_t c = 0; c < n; c++)
            row[c] *= scale;
    }
}

/* Rows i and j of a turned by an angle. */
static void turn_rows(double *a, int32_t n, int32_t i, int32_t j, double cosine, double sine)
{
    double *x = a + (ptrdiff_t)i * n, *y = a + (ptrdiff_t)j * n;
    for (int32_t c = 0; c < n; c++) {
        const double was = x[c];
        x[c] = cosine * was - sine * y[c];
        y[c] = sine * was + cosine * y[c];
    }
}

/* b[i][j] becomes 0. */
static void rotate(space *p, int32_t i, int32_t j)
{
    const int32_t n = p->count;
    double *b = p->b, *at = b + (ptrdiff_t)i * n + j;
    const double tau = (b[(ptrdiff_t)j * n + j] - b[(ptrdiff_t)i * n + i]) / (2.0 * *at);
    const double tangent = (tau >= 0.0 ? 1.0 : -1.0) / (fabs(tau) + sqrt(1.0 + tau * tau));
    const double cosine = 1.0 / sqrt(1.0 + tangent * tangent), sine = tangent * cosine;
    turn_rows(b, n, i, j, cosine, sine);
    for (int32_t r = 0; r < n; r++) {
        double *x = b + (ptrdiff_t)r * n;
        const double was = x[i];
        x[i] = cosine * was - sine * x[j];
        x[j] = sine * was + cosine * x[j];
    }
    turn_rows(p->v, n, i, j, cosine, sine);
}

/* Jacobi's method: sweeps over all pairs until none is left that matters. */
static void diagonalize(space *p)
{
    enum { SWEEPS = 20 };
    const int32_t n = p->count;
    double trace = 0.0;
    memset(p->v, 0, (size_t)n * (size_t)n * sizeof *p->v);
    for (int32_t i = 0; i < n; i++) {
        p->v[(ptrdiff_t)i * n + i] = 1.0;
        trace += fabs(p->b[(ptrdiff_t)i * n + i]);
    }
    const double least = 1e-9 * trace / (double)n;
    bool turned = true;
    for (int sweep = 0; sweep < SWEEPS && turned; sweep++) {
        turned = false;
        for (int32_t i = 0; i < n; i++)
            for (int32_t j = i + 1; j < n; j++)
                if (fabs(p->b[(ptrdiff_t)i * n + j]) > least) {
                    rotate(p, i, j);
                    turned = true;
                }
    }
}

/* The eigenvectors by falling eigenvalues: rows of v times q. */
static void sort_out(space *p, float *vectors, double *values)
{
    const int32_t n = p->count;
    for (int32_t to = 0; to < n; to++) {
        int32_t best = 0;
        for (int32_t i = 1; i < n; i++)
            if (p->b[(ptrdiff_t)i * n + i] > p->b[(ptrdiff_t)best * n + best])
                best = i;
        values[to] = fmax(p->b[(ptrdiff_t)best * n + best], 0.0);
        p->b[(ptrdiff_t)best * n + best] = -INFINITY;
        float *y = vectors + (ptrdiff_t)to * p->n;
        for (int32_t c = 0; c < p->n; c++) {
            double sum = 0.0;
            for (int32_t i = 0; i < n; i++)
                sum += p->v[(ptrdiff_t)best * n + i] * (double)p->q[(ptrdiff_t)i * p->n + c];
            y[c] = (float)sum;
        }
    }
}

static void iterate(space *p, float *small)
{
    enum { TIMES = 6 };
    const size_t all = (size_t)p->count * (size_t)p->n, square = (size_t)p->count * (size_t)p->count;
    fill_randomly(p->q, all);
    straighten(p->q, p->count, p->n);
    for (int32_t i = 0; i < TIMES; i++) {
        tvis_product_of(p->q, p->s, p->count, p->n, p->n, p->panel, p->cpu, p->z);
        memcpy(p->q, p->z, all * sizeof *p->q);
        straighten(p->q, p->count, p->n);
    }
    tvis_product_of(p->q, p->s, p->count, p->n, p->n, p->panel, p->cpu, p->z);
    tvis_product_of(p->z, p->q, p->count, p->count, p->n, p->panel, p->cpu, small);
    for (size_t i = 0; i < square; i++)
        p->b[i] = (double)small[i];
    diagonalize(p);
}

bool tvis_eigen_largest(const float *s, int32_t n, int32_t count, float *vectors, double *values, uint32_t cpu)
{
    const size_t all = (size_t)count * (size_t)n, square = (size_t)count * (size_t)count;
    float *floats = malloc((2 * all + square + (size_t)n * TVIS_PRODUCT_COLUMNS) * sizeof *floats);
    double *doubles = malloc(2 * square * sizeof *doubles);
    if (floats && doubles) {
        space p = { s, n, count, floats, floats + all, doubles, doubles + square, floats + 2 * all + square, cpu };
        iterate(&p, floats + 2 * all);
        sort_out(&p, vectors, values);
    }
    const bool ok = floats && doubles;
    free(floats);
    free(doubles);
    return ok;
}
