/* SPDX-License-Identifier: MIT */
#include "quant/s4_hosted.h"
#include "core/half.h"
#include "core/s4.h"
#include "quant/compensate_hosted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

typedef struct matrix {
    uint8_t *out;
    size_t bytes; /* of a row */
    float scale;  /* of the group that is being rounded */
} matrix;

static uint8_t *group_at(const matrix *r, int32_t row, int32_t at)
{
    return r->out + (size_t)row * r->bytes + (size_t)(at / TVIS_S4_GROUP) * TVIS_S4_GROUP_BYTES;
}

static void begin_compensated(void *user, int32_t row, int32_t at, const float *ideal, const float *importance,
                              int32_t n)
{
    matrix *r = user;
    r->scale = begin_group(group_at(r, row, at), ideal, importance, n);
}

static float round_compensated(void *user, int32_t row, int32_t i, float v)
{
    const matrix *r = user;
    const int32_t q = tvis_s4_round(v, r->scale);
    put(group_at(r, row, i), i % TVIS_S4_GROUP, q);
    return (float)q * r->scale;
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
    else if (!tvis_compensate(w, n, h, begin_compensated, round_compensated, &(matrix){ .out = out, .bytes = row }))
        return tvis_graph_out_of_memory(g);
    measure(w, out, n, k, e);
    return id;
}
