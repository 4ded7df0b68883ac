/* SPDX-License-Identifier: MIT */
/* The tokens of a vision transformer in integers: x (n, h, w, c) of S8 or S16, the class token with its position (c),
 * position embedding (1, grid, grid, c) of S16, registers (1, 1, r, c) or none; y (n, 1, 1 + r + h * w, c) of S8 or
 * S16, and class token and registers as it holds them. Patches: y = clamp(zero + R(x - zero(x)) + R'(position)), the
 * position stretched to h x w, a row at a time and never stored. */
#include "core/op.h"
#include "core/port.h"
#include "ops/requant.h"
#include "ops/stretch.h"

/* Bits behind the point of a tap's weight. The magnitudes of all taps' weights add up to less than 2.5, so that sums
 * stay below 2^15 * 2.5 * 2^13 < 2^30 down, and 2^15 * 2.5 * 2.5 * 2^13 < 2^31 across. */
enum { WEIGHT_BITS = 13 };

static bool is_integer(uint8_t dtype)
{
    return dtype == TVIS_S8 || dtype == TVIS_S16;
}

/* Input i is a constant of this type and shape. */
static tvis_status constant(const tvis_node_plan *p, uint32_t i, uint8_t dtype, const int32_t *want)
{
    const tvis_blob_tensor *t = p->in[i];
    if (t->dtype != dtype || t->producer != TVIS_NONE || t->last_use != TVIS_NONE || t->pack != TVIS_PACK_PLAIN)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE,
                              "constant embeddings of S16, and tokens of the output's type, are needed");
    return memcmp(t->dims, want, sizeof t->dims) == 0 ? TVIS_OK : tvis_plan_fail_shape(p, "embedding", want, t->dims);
}

static bool same_grid(const tvis_tokens_params *t, const int32_t *x)
{
    return t->grid[0] == x[1] && t->grid[1] == x[2];
}

static tvis_status check(const tvis_node_plan *p, uint8_t out)
{
    const tvis_tokens_params *t = &p->node->p.tokens;
    const int32_t c = p->in_dims[0][3], registers = t->registers, one[4] = { 1, 1, 1, c };
    const int32_t position[4] = { 1, t->grid[0], t->grid[1], c }, extra[4] = { 1, 1, registers, c };
    const uint32_t inputs = registers ? 4 : 3;
    tvis_status s = tvis_plan_arity(p, inputs, inputs);
    if (!s && (!is_integer(p->in[0]->dtype) || !is_integer(out) || p->node->act != TVIS_ACT_NONE))
        s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "integers on both sides and no activation are needed");
    if (!s)
        s = constant(p, 1, out, one);
    if (!s)
        s = constant(p, 2, TVIS_S16, position);
    return s || !registers ? s : constant(p, 3, out, extra);
}

static tvis_status plan(tvis_node_plan *p)
{
    const tvis_tokens_params *t = &p->node->p.tokens;
    const int32_t *x = p->in_dims[0], registers = t->registers;
    tvis_status s = check(p, tvis_tensors(p->model)[tvis_ids(p->model)[p->node->ids + p->node->in_count]].dtype);
    if (s)
        return s;
    const uint64_t rows = same_grid(t, x) ? 1 : (uint64_t)t->grid[1] + 1;
    const uint64_t scratch = rows * (uint64_t)x[3] * sizeof(int32_t);
    if (scratch > INT32_MAX || (int64_t)x[1] * x[2] > TVIS_MAX_DIM - 1 - registers)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^24 tokens, or an embedding over 2 GiB");
    const int32_t y[4] = { x[0], 1, 1 + registers + x[1] * x[2], x[3] };
    memcpy(p->out_dims[0], y, sizeof y);
    p->scratch = (uint32_t)scratch;
    p->kernel_name = "c";
    return TVIS_OK;
}

/* Of sizes alone: a damaged embedding can't change it. */
static int32_t weight_of(const tvis_taps *t, int32_t j)
{
    const float one = (float)(1 << WEIGHT_BITS), w = tvis_stretch_weight(t, j);
    return (int32_t)((w + 4.0f) * one + 0.5f) - 4 * (1 << WEIGHT_BITS);
}

static size_t inside_of(const tvis_taps *t, int32_t j, int32_t grid)
{
    const int32_t at = t->first + j;
    return (size_t)(at < 0 ? 0 : at < grid ? at : grid - 1);
}

static void narrow(int32_t *sum, size_t n)
{
    for (size_t k = 0; k < n; k++)
        sum[k] = (sum[k] + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS;
}

/* Between the rows of x, the stored embedding; n positions a row. */
static void blend_down(const tvis_taps *t, const int16_t *x, int32_t grid, size_t n, int32_t *out)
{
    memset(out, 0, n * sizeof *out);
    for (int32_t j = 0; j < t->count; j++) {
        const int32_t weight = weight_of(t, j);
        const int16_t *row = x + inside_of(t, j, grid) * n;
        for (size_t k = 0; k < n; k++)
            out[k] += weight * row[k];
    }
    narrow(out, n);
}

static void blend_across(const tvis_taps *t, const int32_t *x, int32_t grid, size_t n, int32_t *out)
{
    memset(out, 0, n * sizeof *out);
    for (int32_t j = 0; j < t->count; j++) {
        const int32_t weight = weight_of(t, j), *row = x + inside_of(t, j, grid) * n;
        for (size_t k = 0; k < n; k++)
            out[k] += weight * row[k];
    }
    narrow(out, n);
}

/* Value i of the input, less its zero point. */
static int32_t value(const tvis_node_run *r, size_t i)
{
    return r->in[0]->dtype == TVIS_S8 ? ((const int8_t *)r->x[0])[i] - r->in[0]->zero : ((const int16_t *)r->x[0])[i];
}

static void store(const tvis_node_run *r, size_t i, int64_t v)
{
    if (r->out[0]->dtype == TVIS_S8) {
        const tvis_requant q = { .zero = r->node->q.zero, .lo = INT8_MIN, .hi = INT8_MAX };
        ((int8_t *)r->y[0])[i] = tvis_requant_clamp(v, &q);
        return;
    }
    v = v < INT16_MIN ? INT16_MIN : v;
    ((int16_t *)r->y[0])[i] = (int16_t)(v > INT16_MAX ? INT16_MAX : v);
}

/* Adds the position of patch (i, j) in every picture. */
static void place(const tvis_node_run *r, int32_t i, int32_t j, const int32_t *position)
{
    const tvis_quant *q = &r->node->q;
    const int32_t *d = r->in_dims[0];
    const size_t c = (size_t)d[3], patches = (size_t)d[1] * (size_t)d[2], tokens = (size_t)r->out_dims[0][2];
    const size_t patch = (size_t)i * (size_t)d[2] + (size_t)j;
    for (size_t n = 0; n < (size_t)d[0]; n++) {
        const size_t x = (n * patches + patch) * c, y = (n * tokens + tokens - patches + patch) * c;
        for (size_t k = 0; k < c; k++)
            store(r, y + k,
                  (int64_t)tvis_requant_scale(value(r, x + k), q->mul, q->shift) +
                      tvis_requant_scale(position[k], q->add_mul, q->add_shift));
    }
}

static void stretched_row(const tvis_node_run *r, int32_t i, int32_t *scratch)
{
    const tvis_tokens_params *p = &r->node->p.tokens;
    const int32_t *d = r->in_dims[0];
    const size_t c = (size_t)d[3], row = p->grid[1] * c;
    const tvis_taps down = tvis_stretch_taps(p->stretch, p->grid[0], d[1], i);
    blend_down(&down, r->x[2], p->grid[0], row, scratch);
    for (int32_t j = 0; j < d[2]; j++) {
        const tvis_taps across = tvis_stretch_taps(p->stretch, p->grid[1], d[2], j);
        blend_across(&across, scratch, p->grid[1], c, scratch + row);
        place(r, i, j, scratch + row);
    }
}

static void stored_row(const tvis_node_run *r, int32_t i, int32_t *scratch)
{
    const size_t c = (size_t)r->in_dims[0][3];
    const int16_t *x = (const int16_t *)r->x[2] + (size_t)i * (size_t)r->in_dims[0][2] * c;
    for (int32_t j = 0; j < r->in_dims[0][2]; j++, x += c) {
        for (size_t k = 0; k < c; k++)
            scratch[k] = x[k];
        place(r, i, j, scratch);
    }
}

static void first_tokens(const tvis_node_run *r)
{
    const size_t token = (size_t)r->in_dims[0][3] * tvis_dtype_size((tvis_dtype)r->out[0]->dtype);
    const size_t tokens = (size_t)r->out_dims[0][2];
    for (size_t n = 0; n < (size_t)r->in_dims[0][0]; n++) {
        uint8_t *y = (uint8_t *)r->y[0] + n * tokens * token;
        memcpy(y, r->x[1], token);
        if (r->node->p.tokens.registers)
            memcpy(y + token, r->x[3], r->node->p.tokens.registers * token);
    }
}

static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t *d = r->in_dims[0];
    int32_t *scratch = (int32_t *)(void *)(r->scratch + (size_t)part * r->scratch_bytes);
    const bool stored = same_grid(&r->node->p.tokens, d);
    if (part == 0)
        first_tokens(r);
    for (int32_t i = tvis_part(d[1], part, r->parts, 1); i < tvis_part(d[1], part + 1, r->parts, 1); i++)
        if (stored)
            stored_row(r, i, scratch);
        else
            stretched_row(r, i, scratch);
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_tokens_s8 = { TVIS_OP_TOKENS, TVIS_S8, "tokens", plan, NULL, run, NULL };
const tvis_op tvis_op_tokens_s16 = { TVIS_OP_TOKENS, TVIS_S16, "tokens", plan, NULL, run, NULL };
