/* SPDX-License-Identifier: MIT */
/* Softmax of integers over the last dimension: x (…, c) and y (…, c) of S8 or S16. With t = R(max - x), of 22 bits
 * behind the point: y = 2^-t / sum of all 2^-t, in steps of 1/256 from -128 on, or of 1/32768. docs/int8.md has the
 * ranges and the error. */
#include "core/port.h"
#include "ops/mixed.h"
#include "ops/root.h"

enum { FRACTION = 22, ONE_BITS = 30, MOST = 1 << 20 };

static tvis_status plan(tvis_node_plan *p)
{
    const tvis_blob_tensor *y = &tvis_tensors(p->model)[tvis_ids(p->model)[p->node->ids + p->node->in_count]];
    const bool wide = y->dtype == TVIS_S16;
    const float scale = wide ? 1.0f / 32768.0f : 1.0f / 256.0f;
    tvis_status s = tvis_plan_mixed(p, 1, 1);
    if (!s && (y->scale < scale || y->scale > scale || y->zero != (wide ? 0 : -128)))
        s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_VALUE, "an output in steps of 1/256 from -128, or of 1/32768");
    if (!s && p->in_dims[0][3] > MOST)
        s = tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^20 channels");
    tvis_plan_mixed_like(p);
    p->scratch = (uint32_t)p->in_dims[0][3] * (uint32_t)sizeof(uint32_t);
    return s;
}

/* 2^-f of 30 bits, f = 0 … 2^30 - 1: off by at most 2^-23 of itself. */
static uint32_t power(uint32_t f)
{
    static const uint32_t by[] = { 1014583, 9884650, 59375086, 257891465, 744257403, 1u << ONE_BITS };
    uint64_t v = by[0];
    for (uint32_t i = 1; i < TVIS_COUNT(by); i++)
        v = by[i] - (v * f >> ONE_BITS);
    return (uint32_t)v;
}

/* Fills e with 2^-t of 30 bits, t = R(max - x) >= 0, and returns their sum. */
static uint64_t powers(const tvis_node_run *r, size_t at, int32_t c, int32_t max, uint32_t *e)
{
    const tvis_mixed x = tvis_mixed_in(r, 0);
    const int32_t mul = r->node->q.mul, shift = r->node->q.shift, most = INT32_MAX >> shift;
    int32_t v[TVIS_MIXED_BLOCK];
    uint64_t sum = 0;
    for (int32_t k = 0; k < c; k += TVIS_MIXED_BLOCK) {
        const int32_t n = c - k < TVIS_MIXED_BLOCK ? c - k : TVIS_MIXED_BLOCK;
        tvis_mixed_load(&x, at + (size_t)k, n, v);
        for (int32_t i = 0; i < n; i++) {
            const int32_t below = max - v[i] < most ? max - v[i] : most;
            const uint32_t t = (uint32_t)tvis_requant_scale(below, mul, shift), whole = t >> FRACTION;
            const uint32_t part = power((t & ((1u << FRACTION) - 1)) << (ONE_BITS - FRACTION));
            e[k + i] = whole < 31 ? part >> whole : 0;
            sum += e[k + i];
        }
    }
    return sum;
}

static int32_t largest(const tvis_node_run *r, size_t at, int32_t c)
{
    const tvis_mixed x = tvis_mixed_in(r, 0);
    int32_t v[TVIS_MIXED_BLOCK], max = INT32_MIN;
    for (int32_t k = 0; k < c; k += TVIS_MIXED_BLOCK) {
        const int32_t n = c - k < TVIS_MIXED_BLOCK ? c - k : TVIS_MIXED_BLOCK;
        tvis_mixed_load(&x, at + (size_t)k, n, v);
        for (int32_t i = 0; i < n; i++)
            max = v[i] > max ? v[i] : max;
    }
    return max;
}

/* sum >= 2^30: one of the e is 2^30. With m = sum / 2^drop of 31 bits, e / sum = e * (2^61 / m) / 2^(61 + drop). */
static void divide(const tvis_node_run *r, size_t at, int32_t c, uint64_t sum, const uint32_t *e)
{
    const bool wide = r->out[0]->dtype == TVIS_S16;
    const int32_t drop = tvis_bits(sum) - 31, right = 61 + drop - (wide ? 15 : 8), low = wide ? 0 : -128;
    const int32_t most = wide ? INT16_MAX : 255;
    const uint64_t m = sum >> drop, inverse = (((uint64_t)1 << 61) + m / 2) / m;
    int32_t v[TVIS_MIXED_BLOCK];
    for (int32_t k = 0; k < c; k += TVIS_MIXED_BLOCK) {
        const int32_t n = c - k < TVIS_MIXED_BLOCK ? c - k : TVIS_MIXED_BLOCK;
        for (int32_t i = 0; i < n; i++) {
            const uint64_t y = right < 63 ? (e[k + i] * inverse + ((uint64_t)1 << (right - 1))) >> right : 0;
            v[i] = (y < (uint64_t)most ? (int32_t)y : most) + low;
        }
        tvis_mixed_store(r, at + (size_t)k, n, v);
    }
}

static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t *d = r->in_dims[0], c = d[3], rows = d[0] * d[1] * d[2];
    const int32_t end = tvis_part(rows, part + 1, r->parts, 1);
    uint32_t *e = (uint32_t *)(void *)(r->scratch + (size_t)part * r->scratch_bytes);
    for (int32_t i = tvis_part(rows, part, r->parts, 1); i < end; i++) {
        const size_t at = (size_t)i * (size_t)c;
        divide(r, at, c, powers(r, at, c, largest(r, at, c), e), e);
    }
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_softmax_s8 = { TVIS_OP_SOFTMAX, TVIS_S8, "softmax", plan, NULL, run, NULL };
const tvis_op tvis_op_softmax_s16 = { TVIS_OP_SOFTMAX, TVIS_S16, "softmax", plan, NULL, run, NULL };
