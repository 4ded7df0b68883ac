/* SPDX-License-Identifier: MIT */
#include "quant/compensate_hosted.h"
#include "quant/linalg_hosted.h"

#include <stdlib.h>
#include <string.h>

#define DAMPING 0.01

enum {
    GROUP = TVIS_COMPENSATE_GROUP,
    ROWS = 128 /* that are rounded together */
};

/* Where a matrix is: its factor l (k, k), lower triangle. The square of what a row's errors e do to the layer's outputs
 * is |l * e|^2; row i of it is 0 if w[i] becomes w[i] + (sum over j < i of l[i][j] * e[j]) / l[i][i]. */
typedef struct rounding {
    const float *l, *w;
    int32_t k, first;             /* first: row of the whole matrix that w begins with */
    float *errors, *sums, *panel; /* (ROWS, k), (ROWS, GROUP), of tvis_product */
    uint32_t cpu;
    tvis_compensate_begin begin;
    tvis_compensate_round round;
    void *user;
} rounding;

/* What column i of a row has to become for the errors before it, of which those from `first` on are not in `sum` yet.
 */
static float made_up(const rounding *r, const float *errors, int32_t first, int32_t i, float w, float sum)
{
    const float *l = r->l + (ptrdiff_t)i * r->k;
    for (int32_t j = first; j < i; j++)
        sum += l[j] * errors[j];
    return w + sum / l[i];
}

static void begin_group(const rounding *r, int32_t row, float *errors, const float *sums, int32_t at, int32_t n)
{
    const float *w = r->w + (ptrdiff_t)row * r->k;
    float ideal[GROUP], importance[GROUP];
    for (int32_t i = 0; i < n; i++) {
        const float l = r->l[(ptrdiff_t)(at + i) * r->k + at + i];
        ideal[i] = made_up(r, errors, at, at + i, w[at + i], sums[i]);
        errors[at + i] = w[at + i] - ideal[i];
        importance[i] = l * l;
    }
    r->begin(r->user, r->first + row, at, ideal, importance, n);
}

static void round_group(const rounding *r, int32_t row, int32_t at, int32_t n)
{
    const float *w = r->w + (ptrdiff_t)row * r->k, *sums = r->sums + row % ROWS * GROUP;
    float *errors = r->errors + (ptrdiff_t)(row % ROWS) * r->k;
    if (r->begin)
        begin_group(r, row, errors, sums, at, n);
    for (int32_t i = at; i < at + n; i++)
        errors[i] = w[i] - r->round(r->user, r->first + row, i, made_up(r, errors, at, i, w[i], sums[i - at]));
}

/* At most ROWS rows from `row` on, a multiple of ROWS, group by group. */
static void round_rows(const rounding *r, int32_t row, int32_t rows)
{
    for (int32_t at = 0; at < r->k; at += GROUP) {
        const int32_t n = r->k - at < GROUP ? r->k - at : GROUP;
        memset(r->sums, 0, ROWS * GROUP * sizeof *r->sums);
        tvis_product_add(&(tvis_product){ .y = r->sums,
                                          .x = r->errors,
                                          .w = r->l + (ptrdiff_t)at * r->k,
                                          .m = rows,
                                          .n = n,
                                          .k = at,
                                          .ldy = GROUP,
                                          .ldx = r->k,
                                          .ldw = r->k,
                                          .sign = 1,
                                          .panel = r->panel,
                                          .cpu = r->cpu });
        for (int32_t i = 0; i < rows; i++)
            round_group(r, row + i, at, n);
    }
}

bool tvis_compensate(const float *w, int32_t n, tvis_hessian *h, tvis_compensate_begin begin,
                     tvis_compensate_round round, void *user)
{
    const int32_t k = h->k, each = n / h->groups;
    const size_t floats = tvis_cholesky_floats(k), own = (size_t)k * (ROWS + TVIS_PRODUCT_COLUMNS) + ROWS * GROUP;
    float *memory = malloc((floats > own ? floats : own) * sizeof *memory);
    for (int32_t group = 0; memory && group < h->groups; group++) {
        float *l = h->h + (size_t)group * (size_t)k * (size_t)k;
        tvis_cholesky_from_last(l, k, DAMPING, memory, h->cpu);
        rounding r = { .l = l, .k = k, .errors = memory, .cpu = h->cpu, .begin = begin, .round = round, .user = user };
        r.sums = r.errors + (size_t)k * ROWS;
        r.panel = r.sums + ROWS * GROUP;
        r.first = group * each;
        r.w = w + (size_t)r.first * (size_t)k;
        for (int32_t row = 0; row < each; row += ROWS)
            round_rows(&r, row, each - row < ROWS ? each - row : ROWS);
    }
    free(memory);
    return memory != NULL;
}
