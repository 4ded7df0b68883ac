/* SPDX-License-Identifier: MIT */
#include "quant/gradients_hosted.h"
#include "core/array_hosted.h"
#include "quant/linalg_hosted.h"

#include <stdlib.h>
#include <string.h>

bool tvis_equations_begin(tvis_equations *e, int32_t n, int32_t k, uint32_t cpu)
{
    const uint64_t square = (uint64_t)k * (uint64_t)k, all = (uint64_t)n * (uint64_t)k;
    *e = (tvis_equations){ .n = n, .k = k, .cpu = cpu };
    e->a = tvis_array(square + 4 * all + TVIS_PRODUCT_COLUMNS * (uint64_t)k, sizeof *e->a);
    e->rho = tvis_array((uint64_t)n, sizeof *e->rho);
    if (!e->a || !e->rho)
        return false;
    e->b = e->a + square;
    e->r = e->b + all;
    e->p = e->r + all;
    e->q = e->p + all;
    e->panel = e->q + all;
    return true;
}

void tvis_equations_free(tvis_equations *e)
{
    free(e->a);
    free(e->rho);
}

void tvis_equations_multiply(const tvis_equations *e, const float *d, float *q)
{
    memset(q, 0, (size_t)e->n * (size_t)e->k * sizeof *q);
    tvis_product_add(&(tvis_product){ .y = q,
                                      .x = d,
                                      .w = e->a,
                                      .m = e->n,
                                      .n = e->k,
                                      .k = e->k,
                                      .ldy = e->k,
                                      .ldx = e->k,
                                      .ldw = e->k,
                                      .sign = 1,
                                      .panel = e->panel,
                                      .cpu = e->cpu });
}

/* The residual over the diagonal. */
static float scaled(const tvis_equations *e, const float *r, int32_t c)
{
    return r[c] / e->a[(ptrdiff_t)c * e->k + c];
}

static bool is_held(float pattern)
{
    return !(pattern < 0.0f || pattern > 0.0f);
}

static double start(tvis_equations *e, const float *pattern)
{
    double sum = 0.0;
    tvis_equations_multiply(e, e->w, e->q);
    for (int32_t i = 0; i < e->n; i++) {
        const ptrdiff_t row = (ptrdiff_t)i * e->k;
        e->rho[i] = 0.0;
        for (int32_t c = 0; c < e->k; c++) {
            e->r[row + c] = is_held(pattern[row + c]) ? 0.0f : e->b[row + c] - e->q[row + c];
            e->p[row + c] = scaled(e, e->r + row, c);
            e->rho[i] += (double)e->r[row + c] * (double)e->p[row + c];
        }
        sum += e->rho[i];
    }
    return sum;
}

static void step_row(tvis_equations *e, const float *pattern, int32_t i)
{
    const ptrdiff_t row = (ptrdiff_t)i * e->k;
    float *w = e->w + row, *r = e->r + row, *p = e->p + row;
    const float *q = e->q + row;
    double curvature = 0.0, rho = 0.0;
    for (int32_t c = 0; c < e->k; c++)
        curvature += (double)p[c] * (double)q[c];
    if (!(curvature > 0.0) || !(e->rho[i] > 0.0))
        return;
    const float alpha = (float)(e->rho[i] / curvature);
    for (int32_t c = 0; c < e->k; c++) {
        w[c] += alpha * p[c];
        r[c] -= is_held(pattern[row + c]) ? 0.0f : alpha * q[c];
        rho += (double)r[c] * (double)scaled(e, r, c);
    }
    const float beta = (float)(rho / e->rho[i]);
    for (int32_t c = 0; c < e->k; c++)
        p[c] = scaled(e, r, c) + beta * p[c];
    e->rho[i] = rho;
}

void tvis_equations_solve(tvis_equations *e, const float *pattern, int32_t steps)
{
    const double first = start(e, pattern);
    double now = first;
    for (int32_t s = 0; s < steps && now > first * 1e-8; s++) {
        tvis_equations_multiply(e, e->p, e->q);
        now = 0.0;
        for (int32_t i = 0; i < e->n; i++) {
            step_row(e, pattern, i);
            now += e->rho[i];
        }
    }
}
