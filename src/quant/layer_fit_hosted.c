/* SPDX-License-Identifier: MIT */
#include "quant/layer_fit_hosted.h"
#include "core/array_hosted.h"
#include "quant/compensate_hosted.h"
#include "quant/linalg_hosted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool tvis_layer_fit_begin(tvis_layer_fit *f, uint32_t cpu)
{
    const uint64_t groups = (uint64_t)f->rows.groups, k = (uint64_t)f->rows.k;
    f->x = tvis_array(groups * k * TVIS_LSQ_ROWS, sizeof *f->x);
    f->exact = tvis_array(groups * k * TVIS_LSQ_ROWS, sizeof *f->exact);
    f->y = tvis_array((uint64_t)f->n * TVIS_LSQ_ROWS, sizeof *f->y);
    f->room = tvis_array(k, sizeof *f->room);
    f->panel = tvis_array(k * TVIS_PRODUCT_COLUMNS, sizeof *f->panel);
    f->errors = tvis_array(TVIS_HESSIAN_ROWS, sizeof *f->errors);
    return tvis_lsq_begin(&f->lsq, f->rows.groups, f->n / f->rows.groups, f->rows.k, cpu) && f->x && f->exact && f->y &&
           f->room && f->panel && f->errors;
}

void tvis_layer_fit_free(tvis_layer_fit *f)
{
    tvis_lsq_free(&f->lsq);
    free(f->x);
    free(f->exact);
    free(f->y);
    free(f->room);
    free(f->panel);
    free(f->errors);
}

static size_t row_floats(const tvis_layer_fit *f)
{
    return (size_t)f->rows.groups * (size_t)f->rows.k;
}

static void gather(const tvis_layer_fit *f, const float *x, int32_t i, float *to)
{
    const size_t k = (size_t)f->rows.k;
    for (int32_t g = 0; g < f->rows.groups; g++)
        memcpy(to + (size_t)g * k, tvis_layer_row(&f->rows, x, i, g, f->room), k * sizeof *to);
}

/* Row `to` of the batch, and how much of it the quantized model has lost, as a share of its energy. */
static double gather_pair(const tvis_layer_fit *f, const float *exact, const float *x, int32_t i, int32_t to)
{
    const size_t k = row_floats(f);
    float *a = f->exact + (size_t)to * k, *b = f->x + (size_t)to * k;
    double lost = 0.0, all = 1e-30;
    gather(f, exact, i, a);
    gather(f, x, i, b);
    for (size_t c = 0; c < k; c++) {
        lost += ((double)a[c] - (double)b[c]) * ((double)a[c] - (double)b[c]);
        all += (double)a[c] * (double)a[c];
    }
    return lost / all;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Least squares would bend the layer for the few pixels whose values were clipped, on purpose, and spoil it for all
 * others. */
static double most_to_lose(const tvis_layer_fit *f, const float *exact, const float *x, int32_t first, int32_t step)
{
    int32_t count = 0;
    for (int32_t i = first; i < f->rows.count; i += step)
        f->errors[count++] = gather_pair(f, exact, x, i, 0);
    qsort(f->errors, (size_t)count, sizeof *f->errors, compare_doubles);
    return count ? 2.0 * f->errors[count / 2] : 0.0;
}

/* What the float layer makes of its inputs is what the quantized one should make of those that it has. */
static void add_batch(tvis_layer_fit *f, uint32_t half, int32_t rows)
{
    const ptrdiff_t k = f->rows.k, groups = f->rows.groups, n = f->n / groups;
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t c = 0; c < f->n; c++)
            f->y[i * f->n + c] = f->bias ? f->bias[c] : 0.0f;
    for (ptrdiff_t g = 0; g < groups; g++)
        tvis_product_add(&(tvis_product){ .y = f->y + g * n,
                                          .x = f->exact + g * k,
                                          .w = f->w + g * n * k,
                                          .m = rows,
                                          .n = (int32_t)n,
                                          .k = f->rows.k,
                                          .ldy = f->n,
                                          .ldx = (int32_t)(groups * k),
                                          .ldw = f->rows.k,
                                          .sign = 1,
                                          .panel = f->panel,
                                          .cpu = f->lsq.cpu });
    tvis_lsq_add(&f->lsq, half, f->x, f->y, rows);
}

void tvis_layer_fit_add(tvis_layer_fit *f, const float *exact, const float *x, uint32_t picture, uint32_t pictures)
{
    const int32_t step = tvis_hessian_step(f->rows.count, pictures), first = (int32_t)(picture % (uint32_t)step);
    const double most = most_to_lose(f, exact, x, first, step);
    int32_t count = 0;
    for (int32_t i = first; i < f->rows.count; i += step) {
        count += gather_pair(f, exact, x, i, count) <= most;
        if (count == TVIS_LSQ_ROWS) {
            add_batch(f, picture % 2, count);
            count = 0;
        }
    }
    if (count)
        add_batch(f, picture % 2, count);
}

bool tvis_layer_fit_is_determined(const tvis_layer_fit *f)
{
    return f->lsq.half[0].rows + f->lsq.half[1].rows >= (uint64_t)f->rows.k;
}

typedef struct matrix {
    const float *w; /* as they were: zeros stay, for sparse models */
    const double *scale;
    int8_t *out;
    int32_t k;
} matrix;

static float round_weight(void *user, int32_t row, int32_t i, float v)
{
    const matrix *m = user;
    const size_t at = (size_t)row * (size_t)m->k + (size_t)i;
    const bool zero = !(fabsf(m->w[at]) > 0.0f);
    const double q = zero ? 0.0 : fmin(fmax(floor((double)v / m->scale[row] + 0.5), -127.0), 127.0);
    m->out[at] = (int8_t)q;
    return (float)(q * m->scale[row]);
}

/* Sums of squares about the means, which the biases take care of. */
static void centre(const tvis_layer_fit *f, const tvis_lsq_sums *s)
{
    const ptrdiff_t k = f->rows.k;
    for (ptrdiff_t g = 0; g < f->rows.groups; g++)
        for (ptrdiff_t i = 0; i < k; i++)
            for (ptrdiff_t j = 0; j <= i; j++)
                s->squares[(g * k + i) * k + j] -= (float)(s->x[g * k + i] * s->x[g * k + j] / (double)s->rows);
}

static void choose_biases(const tvis_layer_fit *f, const tvis_lsq_sums *s, tvis_refit *r)
{
    const ptrdiff_t k = f->rows.k;
    for (ptrdiff_t i = 0; i < f->n; i++) {
        const double *x = s->x + i / (f->n / f->rows.groups) * k;
        double b = s->y[i];
        for (ptrdiff_t c = 0; c < k; c++)
            b -= r->q[i * k + c] * r->scale[i] * x[c];
        r->bias[i] = (float)(b / (double)s->rows);
    }
}

bool tvis_layer_fit_solve(tvis_layer_fit *f, tvis_refit *r)
{
    const int32_t k = f->rows.k;
    const tvis_lsq_sums *s = &f->lsq.half[1]; /* of all rows, once that is solved */
    float *w = tvis_array((uint64_t)f->n * (uint64_t)k, sizeof *w);
    if (w)
        memcpy(w, f->w, (size_t)f->n * (size_t)k * sizeof *w);
    bool done = w && tvis_lsq_solve(&f->lsq, w, r->bias);
    for (int32_t i = 0; done && i < f->n; i++)
        r->scale[i] = tvis_row_scale(w + (ptrdiff_t)i * k, k);
    if (done) {
        tvis_hessian h = { .k = k, .groups = f->rows.groups, .h = s->squares, .cpu = f->lsq.cpu };
        centre(f, s);
        done = tvis_compensate(w, f->n, &h, NULL, round_weight, &(matrix){ f->w, r->scale, r->q, k });
    }
    if (done)
        choose_biases(f, s, r);
    free(w);
    return done;
}
