/* SPDX-License-Identifier: MIT */
/* In which order the inputs of a layer are left out when the weights of those that stay make up for them. With H the
 * covariance of the inputs, leaving out input c costs sum_o W[o][c]^2 / H^-1[c][c], after which W and H^-1 are those of
 * what is left (optimal brain surgeon: Hassibi & Stork 1993, here for a whole column of W). */
#include "core/array_hosted.h"
#include "quant/prune_order_hosted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of the mean variance of the inputs: what has been seen in few rows may not be so. */
static const double DAMPING = 0.02;

typedef struct elimination {
    ptrdiff_t n, k;
    double *inverse; /* (k, k), of H */
    float *w;        /* (n, k): rows over the deviation of their outputs */
    double *column;  /* (k): sums of the squares of the columns of w */
    bool *gone;      /* (k) */
} elimination;

/* Each output counts the same. e->q is used. */
static void fill_weights(elimination *d, tvis_equations *e, const float *w)
{
    tvis_equations_multiply(e, w, e->q);
    for (ptrdiff_t o = 0; o < d->n; o++) {
        double energy = 0.0;
        for (ptrdiff_t i = 0; i < d->k; i++)
            energy += (double)e->q[o * d->k + i] * (double)w[o * d->k + i];
        const float scale = energy > 0.0 ? (float)(1.0 / sqrt(energy)) : 0.0f;
        for (ptrdiff_t i = 0; i < d->k; i++)
            d->w[o * d->k + i] = w[o * d->k + i] * scale;
    }
}

/* By Gauss and Jordan; H is positive, so that no pivot is 0. */
static void invert(elimination *d, const float *h)
{
    const ptrdiff_t k = d->k;
    double *a = d->inverse, trace = 0.0;
    for (ptrdiff_t i = 0; i < k; i++)
        trace += fmax((double)h[i * k + i], 0.0);
    for (ptrdiff_t i = 0; i < k * k; i++)
        a[i] = (double)h[i] + (i % (k + 1) == 0 ? DAMPING * trace / (double)k + 1e-12 : 0.0);
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

static void leave_out(elimination *d, ptrdiff_t c)
{
    const ptrdiff_t k = d->k;
    const double *row = d->inverse + c * k, pivot = 1.0 / fmax(row[c], 1e-30);
    d->gone[c] = true;
    memset(d->column, 0, (size_t)k * sizeof *d->column);
    for (ptrdiff_t o = 0; o < d->n; o++) {
        float *w = d->w + o * k;
        const double factor = (double)w[c] * pivot;
        for (ptrdiff_t j = 0; j < k; j++) {
            w[j] -= (float)(factor * row[j]);
            d->column[j] += (double)w[j] * (double)w[j];
        }
    }
    for (ptrdiff_t i = 0; i < k; i++) {
        const double factor = d->inverse[i * k + c] * pivot;
        for (ptrdiff_t j = 0; j < k && !d->gone[i]; j++)
            d->inverse[i * k + j] -= factor * row[j];
    }
}

/* place[c]: how many go before input c. The last eighth stays in any case. */
static void eliminate(elimination *d, int32_t *place)
{
    int32_t next = 0;
    for (; next < d->k - d->k / 8; next++) {
        ptrdiff_t best = -1;
        double least = INFINITY;
        for (ptrdiff_t c = 0; c < d->k; c++) {
            const double cost = d->column[c] / fmax(d->inverse[c * d->k + c], 1e-30);
            if (!d->gone[c] && (best < 0 || cost < least)) {
                best = c;
                least = cost;
            }
        }
        place[best] = next;
        leave_out(d, best);
    }
    for (ptrdiff_t c = 0; c < d->k; c++)
        if (!d->gone[c])
            place[c] = next++;
}

bool tvis_prune_order(tvis_lsq *f, const float *w, int32_t *place)
{
    const uint64_t n = (uint64_t)f->n, k = (uint64_t)f->k;
    elimination d = { .n = f->n, .k = f->k };
    tvis_equations e;
    d.inverse = tvis_array(k * k, sizeof *d.inverse);
    d.w = tvis_array(n * k, sizeof *d.w);
    d.column = tvis_array(k, sizeof *d.column);
    d.gone = tvis_array(k, sizeof *d.gone);
    const bool ok = tvis_equations_begin(&e, f->n, f->k, f->cpu) && d.inverse && d.w && d.column && d.gone;
    if (ok) {
        tvis_lsq_fill_both(f, 0, &e);
        fill_weights(&d, &e, w);
        for (uint64_t i = 0; i < n * k; i++)
            d.column[i % k] += (double)d.w[i] * (double)d.w[i];
        invert(&d, e.a);
        eliminate(&d, place);
    }
    tvis_equations_free(&e);
    free(d.inverse);
    free(d.w);
    free(d.column);
    free(d.gone);
    return ok;
}
