/* SPDX-License-Identifier: MIT */
#include "quant/lsq_equations_hosted.h"
#include "core/array_hosted.h"
#include "quant/linalg_hosted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool begin_half(tvis_lsq_sums *s, uint64_t groups, uint64_t n, uint64_t k)
{
    s->squares = tvis_array(groups * k * k, sizeof *s->squares);
    s->cross = tvis_array(groups * n * k, sizeof *s->cross);
    s->x = tvis_array(groups * k, sizeof *s->x);
    s->y = tvis_array(groups * n, sizeof *s->y);
    return s->squares && s->cross && s->x && s->y;
}

bool tvis_lsq_begin(tvis_lsq *f, int32_t groups, int32_t n, int32_t k, uint32_t cpu)
{
    *f = (tvis_lsq){ .groups = groups, .n = n, .k = k, .cpu = cpu };
    f->work = tvis_array(((uint64_t)n + (uint64_t)k + TVIS_PRODUCT_COLUMNS) * TVIS_LSQ_ROWS, sizeof *f->work);
    const bool first = begin_half(&f->half[0], (uint64_t)groups, (uint64_t)n, (uint64_t)k);
    return begin_half(&f->half[1], (uint64_t)groups, (uint64_t)n, (uint64_t)k) && first && f->work;
}

void tvis_lsq_free(tvis_lsq *f)
{
    for (int h = 0; h < 2; h++) {
        free(f->half[h].squares);
        free(f->half[h].cross);
        free(f->half[h].x);
        free(f->half[h].y);
    }
    free(f->work);
    *f = (tvis_lsq){ .groups = 0 };
}

/* (rows, n of every ld) to (n, TVIS_LSQ_ROWS), and its columns' sums. */
static void transpose(const float *x, int32_t rows, int32_t n, ptrdiff_t ld, float *to, double *sums)
{
    for (int32_t c = 0; c < n; c++)
        for (int32_t r = 0; r < rows; r++) {
            to[(ptrdiff_t)c * TVIS_LSQ_ROWS + r] = x[r * ld + c];
            sums[c] += (double)x[r * ld + c];
        }
}

void tvis_lsq_add(tvis_lsq *f, uint32_t half, const float *x, const float *y, int32_t rows)
{
    const ptrdiff_t n = f->n, k = f->k;
    tvis_lsq_sums *s = &f->half[half];
    float *xt = f->work, *yt = xt + k * TVIS_LSQ_ROWS, *panel = yt + n * TVIS_LSQ_ROWS;
    for (int32_t g = 0; g < f->groups; g++) {
        transpose(x + g * k, rows, f->k, f->groups * k, xt, s->x + g * k);
        transpose(y + g * n, rows, f->n, f->groups * n, yt, s->y + g * n);
        tvis_add_squares(s->squares + g * k * k, f->k, xt, rows, TVIS_LSQ_ROWS, panel, f->cpu);
        tvis_product_add(&(tvis_product){ .y = s->cross + g * n * k,
                                          .x = yt,
                                          .w = xt,
                                          .m = f->n,
                                          .n = f->k,
                                          .k = rows,
                                          .ldy = f->k,
                                          .ldx = TVIS_LSQ_ROWS,
                                          .ldw = TVIS_LSQ_ROWS,
                                          .sign = 1,
                                          .panel = panel,
                                          .cpu = f->cpu });
    }
    s->rows += (uint64_t)rows;
}

static void merge(const tvis_lsq *f, tvis_lsq_sums *to, const tvis_lsq_sums *from)
{
    const size_t k = (size_t)f->k, columns = (size_t)f->groups * k, outs = (size_t)f->groups * (size_t)f->n;
    for (size_t i = 0; i < columns * k; i++)
        to->squares[i] += from->squares[i];
    for (size_t i = 0; i < outs * k; i++)
        to->cross[i] += from->cross[i];
    for (size_t i = 0; i < columns; i++)
        to->x[i] += from->x[i];
    for (size_t i = 0; i < outs; i++)
        to->y[i] += from->y[i];
    to->rows += from->rows;
}

/* The normal equations of a group; means taken off where there is a bias to hold them. */
static void fill(const tvis_lsq *f, const tvis_lsq_sums *s, int32_t g, bool centred, tvis_equations *e)
{
    const ptrdiff_t n = f->n, k = f->k;
    const float *a = s->squares + g * k * k, *b = s->cross + g * n * k;
    const double *x = s->x + g * k, *y = s->y + g * n, part = centred ? 1.0 / (double)s->rows : 0.0;
    for (ptrdiff_t i = 0; i < k; i++)
        for (ptrdiff_t j = 0; j <= i; j++)
            e->a[j * k + i] = e->a[i * k + j] = (float)((double)a[i * k + j] - x[i] * x[j] * part);
    for (ptrdiff_t i = 0; i < n * k; i++)
        e->b[i] = (float)((double)b[i] - y[i / k] * x[i % k] * part);
}

void tvis_lsq_damp(tvis_equations *e, double damping, const float *before)
{
    const ptrdiff_t n = e->n, k = e->k;
    double trace = 0.0;
    for (ptrdiff_t i = 0; i < k; i++)
        trace += fmax((double)e->a[i * k + i], 0.0);
    const float added = (float)fmax(damping * trace / (double)k, 1e-12);
    for (ptrdiff_t i = 0; i < k; i++)
        e->a[i * k + i] += added;
    for (ptrdiff_t i = 0; i < n * k; i++)
        e->b[i] += added * before[i];
}

void tvis_lsq_fill_both(const tvis_lsq *f, int32_t g, tvis_equations *e)
{
    const ptrdiff_t n = f->n, k = f->k;
    const tvis_lsq_sums *s = &f->half[0], *t = &f->half[1];
    const float *a[2] = { s->squares + g * k * k, t->squares + g * k * k };
    const float *b[2] = { s->cross + g * n * k, t->cross + g * n * k };
    const double part = 1.0 / fmax((double)(s->rows + t->rows), 1.0);
    const double *x[2] = { s->x + g * k, t->x + g * k }, *y[2] = { s->y + g * n, t->y + g * n };
    for (ptrdiff_t i = 0; i < k; i++)
        for (ptrdiff_t j = 0; j <= i; j++)
            e->a[j * k + i] = e->a[i * k + j] = (float)((double)a[0][i * k + j] + (double)a[1][i * k + j] -
                                                        (x[0][i] + x[1][i]) * (x[0][j] + x[1][j]) * part);
    for (ptrdiff_t i = 0; i < n * k; i++)
        e->b[i] = (float)((double)b[0][i] + (double)b[1][i] -
                          (y[0][i / k] + y[1][i / k]) * (x[0][i % k] + x[1][i % k]) * part);
}

static double bias_of(const tvis_lsq *f, const tvis_lsq_sums *s, int32_t row, const float *w)
{
    const double *x = s->x + (ptrdiff_t)(row / f->n) * f->k;
    double b = s->y[row];
    for (int32_t c = 0; c < f->k; c++)
        b -= (double)w[c] * x[c];
    return b / (double)s->rows;
}

/* What the second half makes of weights and biases that are the first half's, but for what does not depend on them. */
static double loss(const tvis_lsq *f, int32_t g, bool centred, tvis_equations *e)
{
    const tvis_lsq_sums *s = &f->half[1];
    double sum = 0.0;
    fill(f, s, g, false, e);
    tvis_equations_multiply(e, e->w, e->q);
    for (int32_t i = 0; i < f->n; i++) {
        const float *w = e->w + (ptrdiff_t)i * f->k, *q = e->q + (ptrdiff_t)i * f->k, *b = e->b + (ptrdiff_t)i * f->k;
        const double bias = centred ? bias_of(f, &f->half[0], g * f->n + i, w) : 0.0;
        double mean = 0.0;
        for (int32_t c = 0; c < f->k; c++) {
            sum += (double)w[c] * ((double)q[c] - 2.0 * (double)b[c]);
            mean += (double)w[c] * s->x[(ptrdiff_t)g * f->k + c];
        }
        sum += bias * (2.0 * mean - 2.0 * s->y[g * f->n + i] + bias * (double)s->rows);
    }
    return sum;
}

/* One damping for all groups: steps from w on, and what the second half makes of them. */
static double attempt(const tvis_lsq *f, const tvis_lsq_sums *s, double damping, int32_t steps, bool centred,
                      const float *before, float *w, tvis_equations *e)
{
    const ptrdiff_t all = (ptrdiff_t)f->n * f->k;
    double sum = 0.0;
    for (int32_t g = 0; g < f->groups; g++) {
        e->w = w + g * all;
        if (steps) {
            fill(f, s, g, centred, e);
            tvis_lsq_damp(e, damping, before + g * all);
            tvis_equations_solve(e, before + g * all, steps);
        }
        if (s == &f->half[0])
            sum += loss(f, g, centred, e);
    }
    return sum;
}

/* From strong damping to weak, as long as the second half is the better for it. 0: the weights are best as they are. */
static double find_damping(const tvis_lsq *f, bool centred, const float *before, float *w, tvis_equations *e)
{
    enum { STEPS = 8 };
    double best = attempt(f, &f->half[0], 0.0, 0, centred, before, w, e), found = 0.0;
    for (double damping = 10.0; damping > 1e-3; damping /= 5.0) {
        const double now = attempt(f, &f->half[0], damping, STEPS, centred, before, w, e);
        if (!(now < best))
            break;
        best = now;
        found = damping;
    }
    return found;
}

void tvis_lsq_biases(const tvis_lsq *f, const float *w, float *bias)
{
    const tvis_lsq_sums *s = f->half;
    for (int32_t i = 0; i < f->groups * f->n; i++) {
        const ptrdiff_t at = (ptrdiff_t)(i / f->n) * f->k;
        double b = s[0].y[i] + s[1].y[i];
        for (int32_t c = 0; c < f->k; c++)
            b -= (double)w[(ptrdiff_t)i * f->k + c] * (s[0].x[at + c] + s[1].x[at + c]);
        bias[i] = (float)(b / fmax((double)(s[0].rows + s[1].rows), 1.0));
    }
}

static void solve(tvis_lsq *f, float *w, float *bias, float *before, tvis_equations *e)
{
    enum { STEPS = 30 };
    const size_t bytes = (size_t)f->groups * (size_t)f->n * (size_t)f->k * sizeof *w;
    double damping = 1.0;
    memcpy(before, w, bytes);
    if (f->half[0].rows && f->half[1].rows)
        damping = find_damping(f, bias != NULL, before, w, e);
    memcpy(w, before, bytes);
    merge(f, &f->half[1], &f->half[0]);
    if (f->half[1].rows == 0)
        return;
    if (damping > 0.0)
        (void)attempt(f, &f->half[1], damping, STEPS, bias != NULL, before, w, e);
    for (int32_t i = 0; bias && i < f->groups * f->n; i++)
        bias[i] = (float)bias_of(f, &f->half[1], i, w + (ptrdiff_t)i * f->k);
}

bool tvis_lsq_solve(tvis_lsq *f, float *w, float *bias)
{
    float *before = tvis_array((uint64_t)f->groups * (uint64_t)f->n * (uint64_t)f->k, sizeof *before);
    tvis_equations e;
    const bool ok = tvis_equations_begin(&e, f->n, f->k, f->cpu) && before;
    if (ok)
        solve(f, w, bias, before, &e);
    tvis_equations_free(&e);
    free(before);
    return ok;
}
