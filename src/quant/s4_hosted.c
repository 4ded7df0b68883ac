/* SPDX-License-Identifier: MIT */
#include "quant/s4_hosted.h"
#include "core/half.h"
#include "core/s4.h"
#include "quant/linalg_hosted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAMPING 0.01

/* Nearest integer, halves to even, of less than 2^22. */
static float nearest(float v)
{
    const float shift = 12582912.0f; /* 1.5 * 2^23 */
    return (v + shift) - shift;
}

static float clamp(float v)
{
    return v < -8.0f ? -8.0f : v > 7.0f ? 7.0f : v;
}

int32_t tvis_s4_round(float w, float scale)
{
    const bool none = !(scale < 0.0f || scale > 0.0f);
    return none ? 0 : (int32_t)nearest(clamp(w / scale));
}

/* How much less a group's error is with the integers that come of 1 / scale and the best scale for them, which it
 * returns in *scale. */
static double gain(const float *w, const float *importance, int32_t n, float inverse, double *scale)
{
    double product = 0.0, square = 0.0;
    for (int32_t i = 0; i < n; i++) {
        const double q = (double)nearest(clamp(w[i] * inverse)), cost = importance ? (double)importance[i] : 1.0;
        product += cost * (double)w[i] * q;
        square += cost * q * q;
    }
    *scale = square > 0.0 ? product / square : 0.0;
    return square > 0.0 ? product * product / square : 0.0;
}

/* Of either sign: the side that holds the largest weight may have the 8. */
uint16_t tvis_s4_scale(const float *w, const float *importance, int32_t n)
{
    static const float ends[] = { 8.8f, 8.4f, 8.0f, 7.7f, 7.4f, 7.1f, 6.8f, 6.5f, 6.2f, 5.8f, 5.4f, 4.9f };
    double best = 0.0, chosen = 0.0, scale;
    float largest = 0.0f;
    for (int32_t i = 0; i < n; i++)
        if (fabsf(w[i]) > fabsf(largest))
            largest = w[i];
    if (!(fabsf(largest) > 1e-30f))
        return 0;
    for (size_t i = 0; i < 2 * sizeof ends / sizeof *ends; i++) {
        const float inverse = (i % 2 ? ends[i / 2] : -ends[i / 2]) / largest;
        const double g = gain(w, importance, n, inverse, &scale);
        if (g > best) {
            best = g;
            chosen = scale;
        }
    }
    return tvis_half_from((float)fmin(fmax(chosen, -(double)TVIS_HALF_MAX), (double)TVIS_HALF_MAX));
}

static void put(uint8_t *group, int32_t i, int32_t q)
{
    group[2 + i / 2] = (uint8_t)(group[2 + i / 2] | (uint32_t)(q + TVIS_S4_ZERO) << i % 2 * 4);
}

/* A group's scale, into its place in the row. */
static float begin_group(uint8_t *group, const float *w, const float *importance, int32_t n)
{
    const uint16_t half = tvis_s4_scale(w, importance, n);
    float scale;
    group[0] = (uint8_t)(half & 0xffu);
    group[1] = (uint8_t)(half >> 8);
    tvis_half_expand(&half, 1, &scale);
    return scale;
}

static int32_t group_size(int32_t k, int32_t at)
{
    return k - at < TVIS_S4_GROUP ? k - at : TVIS_S4_GROUP;
}

static void round_row(const float *w, int32_t k, uint8_t *row)
{
    for (int32_t at = 0; at < k; at += TVIS_S4_GROUP, row += TVIS_S4_GROUP_BYTES) {
        const int32_t n = group_size(k, at);
        const float scale = begin_group(row, w + at, NULL, n);
        for (int32_t i = 0; i < n; i++)
            put(row, i, tvis_s4_round(w[at + i], scale));
    }
}

/* ---- errors made up for ---- */

enum { ROWS = 128 }; /* that are rounded together */

/* Where a matrix is: its factor l (k, k), lower triangle. The square of what a row's errors e do to the layer's outputs
 * is |l * e|^2; row i of it is 0 if w[i] becomes w[i] + (sum over j < i of l[i][j] * e[j]) / l[i][i]. */
typedef struct rounding {
    const float *l, *w;
    int32_t k;
    float *errors, *sums, *panel; /* (ROWS, k), (ROWS, group), of tvis_product */
    uint8_t *out;                 /* of the first row */
    uint32_t cpu;
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

static void round_group(const rounding *r, const float *w, float *errors, const float *sums, int32_t first,
                        uint8_t *group)
{
    const int32_t n = group_size(r->k, first);
    float ideal[TVIS_S4_GROUP], importance[TVIS_S4_GROUP];
    for (int32_t i = 0; i < n; i++) { /* as if they needed no rounding */
        const float l = r->l[(ptrdiff_t)(first + i) * r->k + first + i];
        ideal[i] = made_up(r, errors, first, first + i, w[first + i], sums[i]);
        errors[first + i] = w[first + i] - ideal[i];
        importance[i] = l * l;
    }
    const float scale = begin_group(group, ideal, importance, n);
    for (int32_t i = 0; i < n; i++) {
        const float v = made_up(r, errors, first, first + i, w[first + i], sums[i]);
        const int32_t q = tvis_s4_round(v, scale);
        put(group, i, q);
        errors[first + i] = w[first + i] - (float)q * scale;
    }
}

/* At most ROWS rows from `row` on, group by group. */
static void round_rows(const rounding *r, int32_t row, int32_t rows)
{
    const size_t bytes = (size_t)tvis_s4_row_bytes((uint64_t)r->k);
    const float *w = r->w + (ptrdiff_t)row * r->k;
    uint8_t *out = r->out + (size_t)row * bytes;
    for (int32_t at = 0; at < r->k; at += TVIS_S4_GROUP, out += TVIS_S4_GROUP_BYTES) {
        memset(r->sums, 0, ROWS * TVIS_S4_GROUP * sizeof *r->sums);
        tvis_product_add(&(tvis_product){ .y = r->sums,
                                          .x = r->errors,
                                          .w = r->l + (ptrdiff_t)at * r->k,
                                          .m = rows,
                                          .n = group_size(r->k, at),
                                          .k = at,
                                          .ldy = TVIS_S4_GROUP,
                                          .ldx = r->k,
                                          .ldw = r->k,
                                          .sign = 1,
                                          .panel = r->panel,
                                          .cpu = r->cpu });
        for (int32_t i = 0; i < rows; i++)
            round_group(r, w + (ptrdiff_t)i * r->k, r->errors + (ptrdiff_t)i * r->k, r->sums + i * TVIS_S4_GROUP, at,
                        out + (size_t)i * bytes);
    }
}

static bool compensate(const float *w, int32_t n, uint8_t *out, tvis_hessian *h)
{
    const int32_t k = h->k, each = n / h->groups;
    const size_t floats = tvis_cholesky_floats(k),
                 own = (size_t)k * (ROWS + TVIS_PRODUCT_COLUMNS) + ROWS * TVIS_S4_GROUP;
    float *memory = malloc((floats > own ? floats : own) * sizeof *memory);
    for (int32_t group = 0; memory && group < h->groups; group++) {
        float *l = h->h + (size_t)group * (size_t)k * (size_t)k;
        tvis_cholesky_from_last(l, k, DAMPING, memory, h->cpu);
        rounding r = { .l = l, .k = k, .errors = memory, .cpu = h->cpu };
        r.sums = r.errors + (size_t)k * ROWS;
        r.panel = r.sums + ROWS * TVIS_S4_GROUP;
        r.w = w + (size_t)group * (size_t)each * (size_t)k;
        r.out = out + (size_t)group * (size_t)each * (size_t)tvis_s4_row_bytes((uint64_t)k);
        for (int32_t row = 0; row < each; row += ROWS)
            round_rows(&r, row, each - row < ROWS ? each - row : ROWS);
    }
    free(memory);
    return memory != NULL;
}

/* ---- whole matrices ---- */

static bool all_fit(const float *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(w[i]) <= TVIS_HALF_MAX))
            return false;
    return true;
}

static void measure(const float *w, const uint8_t *rows, int32_t n, int32_t k, tvis_energy *e)
{
    float back[TVIS_S4_GROUP];
    *e = (tvis_energy){ 0.0, 0.0 };
    for (int32_t j = 0; j < n; j++, w += k, rows += tvis_s4_row_bytes((uint64_t)k))
        for (int32_t at = 0; at < k; at += TVIS_S4_GROUP) {
            const int32_t count = group_size(k, at);
            tvis_s4_expand(rows, at, count, back);
            for (int32_t i = 0; i < count; i++) {
                const double lost = (double)w[at + i] - (double)back[i];
                e->signal += (double)w[at + i] * (double)w[at + i];
                e->noise += lost * lost;
            }
        }
}

uint32_t tvis_to_s4(tvis_graph *g, const tvis_gtensor *from, tvis_hessian *h, tvis_energy *e)
{
    const float *w = from->data;
    const int32_t n = from->dims[0], k = from->dims[1] * from->dims[2] * from->dims[3];
    if (!all_fit(w, from->bytes / sizeof *w)) {
        g->status = tvis_fail(g->diag, TVIS_EMODEL, TVIS_DIAG_VALUE, from->name,
                              "a weight is beyond the largest half, 65504, or not a number");
        return TVIS_NONE;
    }
    const uint32_t id = tvis_graph_constant(g, from->name, TVIS_S4, from->dims);
    if (id == TVIS_NONE)
        return id;
    uint8_t *out = g->tensor[id].data;
    const size_t row = (size_t)tvis_s4_row_bytes((uint64_t)k);
    if (!h)
        for (int32_t j = 0; j < n; j++)
            round_row(w + (size_t)j * (size_t)k, k, out + (size_t)j * row);
    else if (!compensate(w, n, out, h))
        return tvis_graph_out_of_memory(g);
    measure(w, out, n, k, e);
    return id;
}
