/* SPDX-License-Identifier: MIT */
/* The tokens of a vision transformer: x (n, h, w, c), the class token with its position (c), position embedding
 * (1, grid, grid, c), registers (1, 1, r, c) or none, each floats or halves; y (n, 1, 1 + r + h * w, c) in this order.
 * The embedding is stretched to h x w a row at a time and never stored. */
#include "core/half.h"
#include "core/op.h"
#include "core/port.h"
#include "ops/stretch.h"

/* Input i is a constant of this shape. */
static tvis_status constant(const tvis_node_plan *p, uint32_t i, const int32_t *want)
{
    const tvis_blob_tensor *t = p->in[i];
    if ((t->dtype != TVIS_F32 && t->dtype != TVIS_F16) || t->producer != TVIS_NONE || t->last_use != TVIS_NONE ||
        t->pack != TVIS_PACK_PLAIN)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "constant float embeddings are needed");
    return memcmp(t->dims, want, sizeof t->dims) == 0 ? TVIS_OK : tvis_plan_fail_shape(p, "embedding", want, t->dims);
}

static bool same_grid(const tvis_tokens_params *t, const int32_t *x)
{
    return t->grid[0] == x[1] && t->grid[1] == x[2];
}

static tvis_status plan(tvis_node_plan *p)
{
    const tvis_tokens_params *t = &p->node->p.tokens;
    const int32_t *x = p->in_dims[0], registers = t->registers;
    const int32_t position[4] = { 1, t->grid[0], t->grid[1], x[3] }, first[4] = { 1, 1, 1, x[3] },
                  extra[4] = { 1, 1, registers, x[3] };
    const uint32_t inputs = registers ? 4 : 3;
    tvis_status s = tvis_plan_arity(p, inputs, inputs);
    if (!s && (p->in[0]->dtype != TVIS_F32 || p->node->act != TVIS_ACT_NONE))
        s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "float input and no activation are needed");
    if (!s)
        s = constant(p, 1, first);
    if (!s)
        s = constant(p, 2, position);
    if (!s && registers)
        s = constant(p, 3, extra);
    if (s)
        return s;
    const uint64_t scratch = same_grid(t, x) ? 0 : ((uint64_t)t->grid[1] + 1) * (uint64_t)x[3] * sizeof(float);
    if (scratch > INT32_MAX || (int64_t)x[1] * x[2] > TVIS_MAX_DIM - 1 - registers)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^24 tokens, or an embedding over 2 GiB");
    const int32_t y[4] = { x[0], 1, 1 + registers + x[1] * x[2], x[3] };
    memcpy(p->out_dims[0], y, sizeof y);
    p->scratch = (uint32_t)scratch;
    p->kernel_name = "c";
    return TVIS_OK;
}

enum { SLICE = 64 };

/* Floats, or halves that are expanded a slice at a time. */
typedef struct values {
    const void *data;
    bool half;
} values;

static values constant_values(const tvis_node_run *r, uint32_t i)
{
    return (values){ r->x[i], r->in[i]->dtype == TVIS_F16 };
}

static size_t slice_of(size_t left)
{
    return left < SLICE ? left : SLICE;
}

/* Elements from `at` on, n <= SLICE of them. */
static const float *read(values v, size_t at, size_t n, float *slice)
{
    if (!v.half)
        return (const float *)v.data + at;
    tvis_half_expand((const uint16_t *)v.data + at, n, slice);
    return slice;
}

/* out = sum of the taps' rows of x, which are `step` elements apart; n of each. */
static void blend(const tvis_taps *t, values x, int32_t grid, size_t step, size_t n, float *out)
{
    float slice[SLICE];
    for (int32_t j = 0; j < t->count; j++) {
        const int32_t at = t->first + j, inside = at < 0 ? 0 : at < grid ? at : grid - 1;
        const float weight = tvis_stretch_weight(t, j);
        for (size_t k = 0; k < n; k += SLICE) {
            const size_t count = slice_of(n - k);
            const float *row = read(x, (size_t)inside * step + k, count, slice);
            for (size_t c = 0; c < count; c++)
                out[k + c] = j == 0 ? weight * row[c] : out[k + c] + weight * row[c];
        }
    }
}

/* Adds the position of patch (i, j) in every picture: elements from `at` on. */
static void place(const tvis_node_run *r, int32_t i, int32_t j, values position, size_t at)
{
    float slice[SLICE];
    const int32_t *d = r->in_dims[0];
    const size_t c = (size_t)d[3], patches = (size_t)d[1] * (size_t)d[2], tokens = (size_t)r->out_dims[0][2];
    const size_t patch = (size_t)i * (size_t)d[2] + (size_t)j;
    for (size_t n = 0; n < (size_t)d[0]; n++) {
        const float *x = (const float *)r->x[0] + (n * patches + patch) * c;
        float *y = (float *)r->y[0] + (n * tokens + tokens - patches + patch) * c;
        for (size_t k = 0; k < c; k += SLICE) {
            const size_t count = slice_of(c - k);
            const float *add = read(position, at + k, count, slice);
            for (size_t e = 0; e < count; e++)
                y[k + e] = x[k + e] + add[e];
        }
    }
}

static void stretched_row(const tvis_node_run *r, int32_t i, float *scratch)
{
    const tvis_tokens_params *p = &r->node->p.tokens;
    const int32_t *d = r->in_dims[0];
    const size_t c = (size_t)d[3], row = p->grid[1] * c;
    const tvis_taps down = tvis_stretch_taps(p->stretch, p->grid[0], d[1], i);
    blend(&down, constant_values(r, 2), p->grid[0], row, row, scratch);
    for (int32_t j = 0; j < d[2]; j++) {
        const tvis_taps across = tvis_stretch_taps(p->stretch, p->grid[1], d[2], j);
        blend(&across, (values){ scratch, false }, p->grid[1], c, c, scratch + row);
        place(r, i, j, (values){ scratch + row, false }, 0);
    }
}

static void copy(values v, size_t n, float *y)
{
    if (v.half)
        tvis_half_expand(v.data, n, y);
    else
        memcpy(y, v.data, n * sizeof *y);
}

static void first_tokens(const tvis_node_run *r)
{
    const size_t c = (size_t)r->in_dims[0][3], tokens = (size_t)r->out_dims[0][2];
    for (size_t n = 0; n < (size_t)r->in_dims[0][0]; n++) {
        float *y = (float *)r->y[0] + n * tokens * c;
        copy(constant_values(r, 1), c, y);
        if (r->node->p.tokens.registers)
            copy(constant_values(r, 3), r->node->p.tokens.registers * c, y + c);
    }
}

static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t *d = r->in_dims[0];
    float *scratch = (float *)(void *)(r->scratch + (size_t)part * r->scratch_bytes);
    if (part == 0)
        first_tokens(r);
    for (int32_t i = tvis_part(d[1], part, r->parts, 1); i < tvis_part(d[1], part + 1, r->parts, 1); i++) {
        if (!same_grid(&r->node->p.tokens, d)) {
            stretched_row(r, i, scratch);
            continue;
        }
        for (int32_t j = 0; j < d[2]; j++)
            place(r, i, j, constant_values(r, 2), ((size_t)i * (size_t)d[2] + (size_t)j) * (size_t)d[3]);
    }
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_tokens_f32 = { TVIS_OP_TOKENS, TVIS_F32, "tokens", plan, NULL, run, NULL };
