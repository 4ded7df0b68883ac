/* SPDX-License-Identifier: MIT */
#include "quant/linalg_hosted.h"
#include "ops/gemm.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 64 };

static void pack(const tvis_product *p, int32_t first, int32_t n, int32_t nr)
{
    for (int32_t j = 0; j < nr; j++) {
        const float *w = p->w + (ptrdiff_t)(first + j) * p->ldw;
        for (int32_t i = 0; i < p->k; i++)
            p->panel[(ptrdiff_t)i * nr + j] = j < n ? p->sign * w[i] : 0.0f;
    }
}

void tvis_product_add(const tvis_product *p)
{
    const tvis_gemm_f32_variant *v = tvis_gemm_f32_choose(p->cpu, TVIS_PRODUCT_COLUMNS);
    const int32_t nr = v->k.nr;
    tvis_gemm_f32_args a = {
        .x = p->x,
        .w = p->panel,
        .m = p->m,
        .k = p->k,
        .ldx = p->ldx,
        .ldy = p->ldy,
        .lo = -INFINITY,
        .hi = INFINITY,
    };
    if (p->m == 0 || p->k == 0)
        return;
    for (int32_t j = 0; j < p->n; j += nr) {
        a.n = p->n - j < nr ? p->n - j : nr;
        a.y = p->y + j;
        a.add = a.y;
        pack(p, j, a.n, nr);
        v->run(&a);
    }
}

void tvis_product_of(const float *x, const float *w, int32_t m, int32_t n, int32_t k, float *panel, uint32_t cpu,
                     float *y)
{
    memset(y, 0, (size_t)m * (size_t)n * sizeof *y);
    tvis_product_add(&(tvis_product){ .y = y,
                                      .x = x,
                                      .w = w,
                                      .m = m,
                                      .n = n,
                                      .k = k,
                                      .ldy = n,
                                      .ldx = k,
                                      .ldw = k,
                                      .sign = 1,
                                      .panel = panel,
                                      .cpu = cpu });
}

/* Rows of the triangle, BLOCK at a time; a little above the diagonal is computed too. */
static void triangle(tvis_product p, int32_t n)
{
    enum { ROWS = 4 * BLOCK };
    float *a = p.y;
    const float *x = p.x;
    for (int32_t i = 0; i < n; i += ROWS) {
        p.m = n - i < ROWS ? n - i : ROWS;
        p.n = i + p.m;
        p.y = a + (ptrdiff_t)i * p.ldy;
        p.x = x + (ptrdiff_t)i * p.ldx;
        tvis_product_add(&p);
    }
}

void tvis_add_squares(float *a, int32_t n, const float *x, int32_t count, int32_t ld, float *panel, uint32_t cpu)
{
    triangle(
        (tvis_product){
            .y = a, .x = x, .w = x, .k = count, .ldy = n, .ldx = ld, .ldw = ld, .sign = 1, .panel = panel, .cpu = cpu },
        n);
}

size_t tvis_cholesky_floats(int32_t n)
{
    return (size_t)BLOCK * ((size_t)n + TVIS_PRODUCT_COLUMNS);
}

/* Rows [first, end), of which later ones are done, within themselves. */
static void factor_rows(float *a, int32_t n, int32_t first, int32_t end, float least)
{
    for (int32_t k = end - 1; k >= first; k--) {
        float *row = a + (ptrdiff_t)k * n;
        const float pivot = sqrtf(row[k] > least ? row[k] : least);
        row[k] = pivot;
        for (int32_t j = 0; j < k; j++)
            row[j] /= pivot;
        for (int32_t i = first; i < k; i++) {
            const float factor = row[i];
            float *to = a + (ptrdiff_t)i * n;
            for (int32_t j = 0; j <= i; j++)
                to[j] -= factor * row[j];
        }
    }
}

void tvis_cholesky_from_last(float *a, int32_t n, double damping, float *scratch, uint32_t cpu)
{
    double trace = 0.0;
    for (int32_t i = 0; i < n; i++)
        trace += (double)a[(ptrdiff_t)i * n + i];
    const float added = trace > 0.0 ? (float)(damping * trace / n) : 1.0f;
    for (int32_t i = 0; i < n; i++)
        a[(ptrdiff_t)i * n + i] += added;
    for (int32_t end = n; end > 0; end -= BLOCK) {
        const int32_t first = end > BLOCK ? end - BLOCK : 0, rows = end - first;
        factor_rows(a, n, first, end, added * 1e-3f);
        for (int32_t i = 0; i < first; i++)
            for (int32_t r = 0; r < rows; r++)
                scratch[(ptrdiff_t)i * BLOCK + r] = a[(ptrdiff_t)(first + r) * n + i];
        triangle((tvis_product){ .y = a,
                                 .x = scratch,
                                 .w = scratch,
                                 .k = rows,
                                 .ldy = n,
                                 .ldx = BLOCK,
                                 .ldw = BLOCK,
                                 .sign = -1,
                                 .panel = scratch + (ptrdiff_t)n * BLOCK,
                                 .cpu = cpu },
                 first);
    }
}
