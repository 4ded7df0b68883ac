/* SPDX-License-Identifier: MIT */
/* In which order the inputs of a layer can be left out when the weights of those that stay make up for them. With H the
 * covariance of the inputs, leaving out input c costs sum_o W[o][c]^2 / H^-1[c][c], after which W and H^-1 are those of
 * what is left (optimal brain surgeon: Hassibi & Stork 1993, here for a whole column of W). */
#include "quant/prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct elimination {
    int32_t n, k;
    double *h, *inverse; /* (k, k) */
    double *w;           /* (n, k): rows over the deviation of their outputs */
    bool *gone;          /* (k) */
} elimination;

static void fill_covariance(elimination *e, const float *squares, uint64_t rows, const tvis_moments *m)
{
    const ptrdiff_t k = e->k;
    double trace = 0.0;
    for (ptrdiff_t i = 0; i < k; i++)
        for (ptrdiff_t j = 0; j <= i; j++) {
            const double mean = m->sum[i] / (double)m->pixels * (m->sum[j] / (double)m->pixels);
            e->h[i * k + j] = e->h[j * k + i] = (double)squares[i * k + j] / (double)rows - mean;
        }
    for (ptrdiff_t i = 0; i < k; i++)
        trace += fmax(e->h[i * k + i], 0.0);
    /* What has been seen in few rows may not be so. */
    const double damping = (0.01 + (double)k / (double)rows) * trace / (double)k + 1e-12;
    for (ptrdiff_t i = 0; i < k; i++)
        e->h[i * k + i] = fmax(e->h[i * k + i], 0.0) + damping;
}

/* Each output counts the same: its row is divided by what it varies by. */
static void fill_weights(elimination *e, const float *w)
{
    const ptrdiff_t k = e->k;
    for (ptrdiff_t o = 0; o < e->n; o++) {
        double energy = 0.0;
        for (ptrdiff_t i = 0; i < k; i++) {
            double sum = 0.0;
            for (ptrdiff_t j = 0; j < k; j++)
                sum += e->h[i * k + j] * (double)w[o * k + j];
            energy += sum * (double)w[o * k + i];
        }
        const double scale = energy > 0.0 ? 1.0 / sqrt(energy * (double)e->n) : 0.0;
        for (ptrdiff_t i = 0; i < k; i++)
            e->w[o * k + i] = (double)w[o * k + i] * scale;
    }
}

/* h to its inverse, by Gauss and Jordan; h is positive, so that no pivot is 0. */
static void invert(elimination *e)
{
    const ptrdiff_t k = e->k;
    double *a = e->inverse;
    memcpy(a, e->h, (size_t)(k * k) * sizeof *a);
    for (ptrdiff_t p = 0; p < k; p++) {
        double *row = a + p * k;
        const double pivot = 1.0 / fmax(row[p], 1e-30);
        row[p] = 1.0;
        for (ptrdiff_t j = 0; j < k; j++)
            row[j] *= pivot;
        for (ptrdiff_t i = 0; i < k; i++) {
            const double factor = a[i * k + p];
            if (i == p)
                continue;
            a[i * k + p] = 0.0;
            for (ptrdiff_t j = 0; j < k; j++)
                a[i * k + j] -= factor * row[j];
        }
    }
}

static double cost_of(const elimination *e, ptrdiff_t c)
{
    double sum = 0.0;
    for (ptrdiff_t o = 0; o < e->n; o++)
        sum += e->w[o * e->k + c] * e->w[o * e->k + c];
    return sum / fmax(e->inverse[c * e->k + c], 1e-30);
}

static void leave_out(elimination *e, ptrdiff_t c)
{
    const ptrdiff_t k = e->k;
    const double *row = e->inverse + c * k, pivot = 1.0 / fmax(row[c], 1e-30);
    e->gone[c] = true;
    for (ptrdiff_t o = 0; o < e->n; o++) {
        const double factor = e->w[o * k + c] * pivot;
        for (ptrdiff_t j = 0; j < k; j++)
            e->w[o * k + j] -= factor * row[j];
    }
    for (ptrdiff_t i = 0; i < k; i++) {
        const double factor = e->inverse[i * k + c] * pivot;
        if (e->gone[i] || !(fabs(factor) > 0.0))
            continue;
        for (ptrdiff_t j = 0; j < k; j++)
            e->inverse[i * k + j] -= factor * row[j];
    }
}

static void eliminate(elimination *e, double *worth)
{
    double last = 0.0;
    for (int32_t left = e->k; left > 0; left--) {
        ptrdiff_t best = -1;
        double least = 0.0;
        for (ptrdiff_t c = 0; c < e->k; c++) {
            const double cost = e->gone[c] ? 0.0 : cost_of(e, c);
            if (!e->gone[c] && (best < 0 || cost < least)) {
                best = c;
                least = cost;
            }
        }
        last = fmax(last * (1.0 + 1e-12), least); /* rising, so that the order is kept */
        worth[best] = last;
        leave_out(e, best);
    }
}

bool tvis_prune_redundancy(const float *w, int32_t n, const tvis_hessian *h, const tvis_moments *in, double *worth)
{
    const size_t k = (size_t)h->k, square = k * k;
    double *memory = malloc((2 * square + (size_t)n * k) * sizeof *memory);
    bool *gone = calloc(k, sizeof *gone);
    const bool ok = memory && gone;
    if (ok) {
        elimination e = { n, h->k, memory, memory + square, memory + 2 * square, gone };
        fill_covariance(&e, h->h, h->rows, in);
        fill_weights(&e, w);
        invert(&e);
        eliminate(&e, worth);
    }
    free(memory);
    free(gone);
    return ok;
}
