/* SPDX-License-Identifier: MIT */
/* Which weights of a layer go. Leaving out a few at a time while the others make up for them is what optimal brain
 * surgeon does one by one (Hassibi & Stork 1992); here in passes, with conjugate gradients instead of inverses. */
#include "core/array_hosted.h"
#include "quant/lsq_equations_hosted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 8 };
static const double DAMPING = 0.1;

typedef struct dropping {
    tvis_lsq *f;
    tvis_equations e;
    const float *before;
    float *w;
    float *unit;         /* of each output channel: what a square of a weight times a variance is divided by */
    float *worth, *copy; /* of each weight */
    size_t all;
} dropping;

/* The variance of a channel is not taken for less than a fiftieth of what independent inputs would give, nor for more.
 */
static void measure_channels(dropping *d, int32_t g)
{
    const tvis_equations *e = &d->e;
    tvis_equations_multiply(e, d->before + (ptrdiff_t)g * e->n * e->k, e->q);
    for (int32_t i = 0; i < e->n; i++) {
        const float *w = d->before + ((ptrdiff_t)g * e->n + i) * e->k, *q = e->q + (ptrdiff_t)i * e->k;
        double sum = 0.0, variance = 0.0;
        for (int32_t c = 0; c < e->k; c++) {
            sum += (double)w[c] * (double)w[c] * (double)e->a[(ptrdiff_t)c * e->k + c];
            variance += (double)w[c] * (double)q[c];
        }
        d->unit[g * e->n + i] = (float)fmax(fmin(fmax(variance, 0.02 * sum), sum), 1e-30);
    }
}

static void value(dropping *d, int32_t g)
{
    const tvis_equations *e = &d->e;
    for (int32_t i = 0; i < e->n; i++) {
        const ptrdiff_t at = ((ptrdiff_t)g * e->n + i) * e->k;
        for (int32_t c = 0; c < e->k; c++)
            d->worth[at + c] = d->w[at + c] * d->w[at + c] * e->a[(ptrdiff_t)c * e->k + c] / d->unit[g * e->n + i];
    }
}

/* The element that is in place `rank` when x is sorted. */
static float select(float *x, size_t count, size_t rank)
{
    size_t low = 0, high = count - 1;
    while (low < high) {
        const float pivot = x[low + (high - low) / 2];
        size_t i = low, j = high;
        while (i <= j) {
            while (x[i] < pivot)
                i++;
            while (x[j] > pivot)
                j--;
            if (i <= j) {
                const float was = x[i];
                x[i++] = x[j];
                x[j] = was;
                if (j-- == 0)
                    break;
            }
        }
        if (rank <= j && j < count)
            high = j;
        else if (rank >= i)
            low = i;
        else
            break;
    }
    return x[rank];
}

/* The first ones of those that are worth the same. */
static void clear_least(dropping *d, size_t count)
{
    memcpy(d->copy, d->worth, d->all * sizeof *d->copy);
    const float last = select(d->copy, d->all, count - 1);
    size_t ties = count;
    for (size_t i = 0; i < d->all; i++)
        ties -= d->worth[i] < last;
    for (size_t i = 0; i < d->all; i++)
        if (d->worth[i] < last)
            d->w[i] = 0.0f;
        else if (!(d->worth[i] > last) && ties > 0) {
            d->w[i] = 0.0f;
            ties--;
        }
}

/* Equations of a group over both halves; the weights are held at those of `before` that are still there. */
static void prepare(dropping *d, int32_t g, bool damped)
{
    const size_t each = (size_t)d->e.n * (size_t)d->e.k, at = (size_t)g * each;
    tvis_lsq_fill_both(d->f, g, &d->e);
    for (size_t i = 0; i < each; i++)
        d->copy[i] = d->w[at + i] < 0.0f || d->w[at + i] > 0.0f ? d->before[at + i] : 0.0f;
    if (damped)
        tvis_lsq_damp(&d->e, DAMPING, d->copy);
}

static void refit(dropping *d)
{
    for (int32_t g = 0; g < d->f->groups; g++) {
        const ptrdiff_t at = (ptrdiff_t)g * d->e.n * d->e.k;
        prepare(d, g, true);
        d->e.w = d->w + at;
        tvis_equations_solve(&d->e, d->copy, STEPS);
    }
}

/* Shares of what is to go in the end that are gone after each pass: smaller steps near the end. */
static size_t gone_after(size_t count, int32_t pass, int32_t passes)
{
    const double left = 1.0 - (double)(pass + 1) / (double)passes;
    return pass + 1 == passes ? count : (size_t)((1.0 - left * left) * (double)count);
}

static void drop(dropping *d, size_t count, int32_t passes)
{
    for (int32_t pass = 0; pass < passes; pass++) {
        const size_t gone = gone_after(count, pass, passes);
        if (gone == 0)
            continue;
        for (int32_t g = 0; g < d->f->groups; g++) {
            tvis_lsq_fill_both(d->f, g, &d->e);
            if (pass == 0)
                measure_channels(d, g);
        }
        for (int32_t g = 0; g < d->f->groups; g++) {
            if (d->f->groups > 1)
                tvis_lsq_fill_both(d->f, g, &d->e);
            value(d, g);
        }
        clear_least(d, gone);
        if (pass + 1 < passes)
            refit(d);
    }
}

static bool begin(dropping *d, tvis_lsq *f, const float *before, float *w)
{
    const uint64_t outs = (uint64_t)f->groups * (uint64_t)f->n, all = outs * (uint64_t)f->k;
    *d = (dropping){ .f = f, .before = before, .w = w, .all = (size_t)all };
    d->unit = tvis_array(outs, sizeof *d->unit);
    d->worth = tvis_array(all, sizeof *d->worth);
    d->copy = tvis_array(all, sizeof *d->copy);
    return tvis_equations_begin(&d->e, f->n, f->k, f->cpu) && d->unit && d->worth && d->copy;
}

static void end(dropping *d)
{
    tvis_equations_free(&d->e);
    free(d->unit);
    free(d->worth);
    free(d->copy);
}

bool tvis_lsq_drop(tvis_lsq *f, float *w, size_t count, int32_t passes)
{
    const uint64_t all = (uint64_t)f->groups * (uint64_t)f->n * (uint64_t)f->k;
    if (count == 0)
        return true;
    float *before = tvis_array(all, sizeof *before);
    dropping d;
    const bool ok = begin(&d, f, before, w) && before;
    if (ok) {
        memcpy(before, w, (size_t)all * sizeof *w);
        drop(&d, count, passes);
    }
    end(&d);
    free(before);
    return ok;
}

bool tvis_lsq_try(tvis_lsq *f, const float *before, float *w, float *bias)
{
    dropping d;
    const bool ok = begin(&d, f, before, w);
    if (ok)
        refit(&d);
    end(&d);
    if (ok && bias)
        tvis_lsq_biases(f, w, bias);
    return ok;
}
