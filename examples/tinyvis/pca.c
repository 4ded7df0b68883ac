/* SPDX-License-Identifier: MIT */
/* Subspace iteration (Rutishauser 1969) with a few vectors more than are wanted: the covariance is never formed. */
#include "pca.h"

#include "fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { K = PCA_COMPONENTS + 5, MOST_STEPS = 200 };

typedef struct work {
    size_t rows, cols;
    double *x;        /* (rows, cols), without the mean */
    double *v, *next; /* (K, cols): an orthonormal basis, and the covariance times it */
    double *xv;       /* (rows, K) */
    double value[K];  /* falling */
} work;

static bool reserve(work *w)
{
    w->x = malloc(w->rows * w->cols * sizeof *w->x);
    w->v = malloc(K * w->cols * sizeof *w->v);
    w->next = malloc(K * w->cols * sizeof *w->next);
    w->xv = malloc(w->rows * K * sizeof *w->xv);
    return w->x && w->v && w->next && w->xv;
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void add(double *y, const double *x, double factor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += factor * x[i];
}

/* Sum of squares. */
static double centre(work *w, const float *x)
{
    double total = 0;
    for (size_t k = 0; k < w->cols; k++) {
        double mean = 0;
        for (size_t i = 0; i < w->rows; i++)
            mean += (double)x[i * w->cols + k];
        mean /= (double)w->rows;
        for (size_t i = 0; i < w->rows; i++)
            w->x[i * w->cols + k] = (double)x[i * w->cols + k] - mean;
    }
    for (size_t i = 0; i < w->rows; i++)
        total += dot(w->x + i * w->cols, w->x + i * w->cols, w->cols);
    return total;
}

/* Any fixed numbers that no data is at right angles to. */
static void start(work *w)
{
    uint32_t state = 1;
    for (size_t i = 0; i < K * w->cols; i++) {
        state = state * 1664525u + 1013904223u;
        w->v[i] = (double)(state >> 8) / 8388608.0 - 1.0;
    }
}

/* Gram and Schmidt, twice; a vector that depends on those before it becomes 0. */
static void orthonormalise(double *v, size_t n)
{
    for (size_t a = 0; a < K; a++) {
        double *at = v + a * n;
        const double before = sqrt(dot(at, at, n));
        for (int pass = 0; pass < 2; pass++)
            for (size_t b = 0; b < a; b++)
                add(at, v + b * n, -dot(at, v + b * n, n), n);
        const double length = sqrt(dot(at, at, n));
        const double factor = length > 1e-12 * before && length > 0 ? 1 / length : 0;
        for (size_t i = 0; i < n; i++)
            at[i] *= factor;
    }
}

/* next = x^T (x v) */
static void multiply(work *w)
{
    const size_t n = w->cols;
    memset(w->next, 0, K * n * sizeof *w->next);
    for (size_t i = 0; i < w->rows; i++)
        for (size_t a = 0; a < K; a++) {
            w->xv[i * K + a] = dot(w->x + i * n, w->v + a * n, n);
            add(w->next + a * n, w->x + i * n, w->xv[i * K + a], n);
        }
}

/* One rotation of Jacobi's method: element (p, q) of m becomes 0. Rows of r take part. */
static void rotate(double m[K][K], double r[K][K], size_t p, size_t q)
{
    const double angle = 0.5 * atan2(2 * m[p][q], m[p][p] - m[q][q]), c = cos(angle), s = sin(angle);
    for (size_t i = 0; i < K; i++) {
        const double a = m[i][p], b = m[i][q];
        m[i][p] = c * a + s * b;
        m[i][q] = c * b - s * a;
    }
    for (size_t i = 0; i < K; i++) {
        const double a = m[p][i], b = m[q][i], e = r[p][i], f = r[q][i];
        m[p][i] = c * a + s * b;
        m[q][i] = c * b - s * a;
        r[p][i] = c * e + s * f;
        r[q][i] = c * f - s * e;
    }
}

/* Eigenvectors of the symmetric m to the rows of r, by falling values. */
static void diagonalise(double m[K][K], double r[K][K], double *value)
{
    for (size_t i = 0; i < K; i++)
        for (size_t j = 0; j < K; j++)
            r[i][j] = i == j;
    for (int sweep = 0; sweep < 30; sweep++)
        for (size_t p = 0; p < K; p++)
            for (size_t q = p + 1; q < K; q++)
                rotate(m, r, p, q);
    for (size_t i = 0; i < K; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < K; j++)
            if (m[j][j] > m[best][best])
                best = j;
        value[i] = m[best][best];
        m[best][best] = m[i][i];
        for (size_t k = 0; k < K; k++) {
            const double swap = r[i][k];
            r[i][k] = r[best][k];
            r[best][k] = swap;
        }
    }
}

/* Each K-vector of the columns of v becomes r times it. */
static void turn(double *v, size_t n, double r[K][K])
{
    double column[K];
    for (size_t i = 0; i < n; i++) {
        for (size_t a = 0; a < K; a++) {
            column[a] = 0;
            for (size_t b = 0; b < K; b++)
                column[a] += r[a][b] * v[b * n + i];
        }
        for (size_t a = 0; a < K; a++)
            v[a * n + i] = column[a];
    }
}

/* Turns v within its own span so that each vector is as near to an eigenvector as the span allows, and next with it.
 * Returns how far the wanted ones are from that. */
static double align(work *w)
{
    const size_t n = w->cols;
    double m[K][K], r[K][K], worst = 0;
    for (size_t a = 0; a < K; a++)
        for (size_t b = 0; b <= a; b++)
            m[a][b] = m[b][a] = dot(w->v + a * n, w->next + b * n, n);
    diagonalise(m, r, w->value);
    turn(w->v, n, r);
    turn(w->next, n, r);
    for (size_t a = 0; a < PCA_COMPONENTS; a++) {
        double left = 0;
        for (size_t i = 0; i < n; i++) {
            const double e = w->next[a * n + i] - w->value[a] * w->v[a * n + i];
            left += e * e;
        }
        worst = fmax(worst, sqrt(left));
    }
    return worst;
}

static void iterate(work *w)
{
    start(w);
    orthonormalise(w->v, w->cols);
    multiply(w);
    for (int step = 0; align(w) > 1e-6 * w->value[0] && step < MOST_STEPS; step++) {
        double *swap = w->v;
        w->v = w->next;
        w->next = swap;
        orthonormalise(w->v, w->cols);
        multiply(w);
    }
}

static void fix_sign(double *v, size_t n)
{
    size_t largest = 0;
    for (size_t i = 1; i < n; i++)
        if (fabs(v[i]) > fabs(v[largest]))
            largest = i;
    const double sign = v[largest] < 0 ? -1 : 1;
    for (size_t i = 0; i < n; i++)
        v[i] *= sign;
}

tvis_status pca_of(pca *p, const float *x, size_t rows, size_t cols, tvis_diag *d)
{
    work w = { .rows = rows, .cols = cols };
    p->score = malloc(rows * PCA_COMPONENTS * sizeof *p->score);
    const bool room = reserve(&w) && p->score;
    if (room) {
        const double total = centre(&w, x);
        iterate(&w);
        for (size_t a = 0; a < PCA_COMPONENTS; a++) {
            p->share[a] = total > 0 ? w.value[a] / total : 0;
            fix_sign(w.v + a * cols, cols);
            for (size_t i = 0; i < rows; i++)
                p->score[i * PCA_COMPONENTS + a] = (float)dot(w.x + i * cols, w.v + a * cols, cols);
        }
    }
    free(w.x);
    free(w.v);
    free(w.next);
    free(w.xv);
    return room ? TVIS_OK : tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "principal components", NULL);
}

void pca_free(pca *p)
{
    free(p->score);
    p->score = NULL;
}
