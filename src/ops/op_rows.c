/* SPDX-License-Identifier: MIT */
/* Planning and running of fused rows: each node is run by its own operator, on a band of its rows. */
#include "core/port.h"
#include "ops/rows.h"

/* Node k as if it stood alone; x: the shape of its input. */
static void describe(const tvis_node_plan *p, uint32_t k, const int32_t *x, tvis_node_plan *one)
{
    memset(one, 0, sizeof *one);
    one->model = p->model;
    one->config = p->config;
    one->node = p->node + k;
    one->diag = p->diag;
    one->in_place = -1;
    memcpy(one->in, p->in + k * TVIS_ROWS_IN, TVIS_ROWS_IN * sizeof *one->in);
    memcpy(one->in_dims, p->in_dims + k * TVIS_ROWS_IN, TVIS_ROWS_IN * sizeof *one->in_dims);
    memcpy(one->x_dims, x, sizeof one->x_dims);
    one->in_dims[0] = one->x_dims;
    if (k + 1 == p->fusion->nodes && p->fusion->adds_input) {
        one->in[TVIS_ROWS_ADD] = p->in[0];
        one->in_dims[TVIS_ROWS_ADD] = p->in_dims[0];
    }
}

static uint64_t bytes_of(const int32_t *dims, size_t row)
{
    return (uint64_t)dims[0] * (uint64_t)dims[1] * row;
}

/* What running the nodes takes together and one by one: bytes at the same time. */
typedef struct needs {
    uint64_t single, between;
} needs;

/* Plans every node; false in *fits where they cannot be fused. */
static tvis_status plan_stages(tvis_node_plan *p, tvis_pipeline *line, needs *need, bool *fits)
{
    int32_t x[4];
    memcpy(x, p->in_dims[0], sizeof x);
    uint64_t before = bytes_of(x, (size_t)x[2] * (size_t)x[3] * tvis_dtype_size((tvis_dtype)p->in[0]->dtype));
    const uint64_t held = p->fusion->adds_input ? before : 0;
    for (uint32_t k = 0; *fits && k < line->count; k++) {
        tvis_node_plan one;
        tvis_stage *s = &line->s[k];
        s->op = tvis_node_op(p->config->registry, p->model, p->node + k);
        *fits = s->op != NULL;
        if (!*fits)
            break;
        describe(p, k, x, &one);
        const tvis_status status = s->op->plan(&one);
        if (status)
            return status;
        tvis_rows_stage(s, p->model, p->node + k, x, one.in_dims[1]);
        memcpy(x, one.out_dims[0], sizeof x);
        /* Winograd's tiles are several rows high: bands would cut others */
        *fits = s->row <= INT32_MAX && !TVIS_PACK_IS_WINOGRAD(one.choice[0].pack);
        p->choice[k] = one.choice[0];
        p->macs += one.macs;
        p->in_place = one.in_place;
        const bool last = k + 1 == line->count;
        const uint64_t after = one.in_place < 0 ? bytes_of(x, s->row) : 0;
        const uint64_t scratch = tvis_align(one.scratch), all = before + after + scratch * p->config->threads;
        need->single = all + (k ? held : 0) > need->single ? all + (k ? held : 0) : need->single;
        before = bytes_of(x, s->row);
        need->between += last ? 0 : before;
    }
    memcpy(p->out_dims[0], x, sizeof x);
    return TVIS_OK;
}

/* Whether the output may take x's place: output rows lie no further than the rows of x that are used up by the time
 * they are written. (Several threads would read each other's rows.) */
static bool may_overwrite(const tvis_node_plan *p, const tvis_pipeline *line)
{
    const int32_t *x = p->in_dims[0];
    const size_t row = (size_t)x[2] * (size_t)x[3] * tvis_dtype_size((tvis_dtype)p->in[0]->dtype);
    bool may = p->config->threads == 1 && tvis_conv_is_direct(&line->s[0].shape) &&
               line->s[line->count - 1].row <= row && (!p->fusion->adds_input || p->in_place == TVIS_ROWS_ADD);
    for (uint32_t k = 1; k < line->count; k++)
        may = may && line->s[k].shape.top < line->s[k].shape.kh && line->s[k].shape.oh <= line->s[k].shape.ih;
    return may;
}

/* What the session's first input takes, with its int8 copy where nodes are integers and it has one: no plan needs less,
 * so that nothing is gained where nodes do not need more. */
static uint64_t picture_bytes(const tvis_node_plan *p)
{
    const tvis_blob_header *h = tvis_header(p->model);
    const tvis_session_config *c = p->config;
    const uint64_t values = (uint64_t)(c->n ? c->n : 1) * (c->h ? c->h : h->h) * (c->w ? c->w : h->w) * h->c;
    const bool floats = p->in[0]->dtype == TVIS_F32, copied = !floats && c->threads > 1; /* else quantized in place */
    return values * (c->int8_input ? 1 : sizeof(float) + copied);
}

/* The least memory, or what lies between the nodes kept in the cache. ARMv6 prepares int8 depthwise weights for each
 * band: that takes longer than its memory would (4 % of MobileNetV2 in the model of docs/pizero.md). */
static bool is_worth(const tvis_node_plan *p, const needs *need, uint64_t ends, uint64_t scratch)
{
    enum { CACHE = 512 * 1024 }; /* above it, what lies between the stages leaves the second-level cache */
    const uint64_t all = scratch * p->config->threads;
    if (p->config->plan == TVIS_PLAN_SMALL)
        return need->single > picture_bytes(p) && ends + all < need->single;
    if ((p->config->cpu & TVIS_CPU_ARMV6) && p->in[0]->dtype != TVIS_F32)
        return false;
    return need->between > CACHE && all <= need->between;
}

/* Of the nodes, now that their bands are known. */
static uint64_t band_scratch(const tvis_node_plan *p, const tvis_pipeline *line)
{
    uint64_t most = 0;
    for (uint32_t k = 0; k < line->count; k++) {
        const tvis_stage *s = &line->s[k];
        const int32_t x[4] = { p->in_dims[0][0], s->shape.ih, s->shape.iw, s->shape.ic };
        tvis_node_plan one;
        describe(p, k, x, &one);
        one.band = k + 1 < line->count ? s->keep : line->step;
        if (s->op->plan(&one) == TVIS_OK && tvis_align(one.scratch) > most) /* it was OK before */
            most = tvis_align(one.scratch);
    }
    return most;
}

static tvis_status plan(tvis_node_plan *p)
{
    tvis_pipeline line = { .count = p->fusion->nodes };
    needs need = { 0, 0 };
    bool fits = !p->config->no_fusion;
    const tvis_status status = plan_stages(p, &line, &need, &fits);
    p->declined = true;
    if (status || !fits)
        return status;
    tvis_rows_size(&line, p->config->plan, p->config->cpu);
    const uint32_t add = (line.count - 1) * TVIS_ROWS_IN + TVIS_ROWS_ADD;
    const bool over = may_overwrite(p, &line), kept = p->in[add] && p->in_place == TVIS_ROWS_ADD;
    p->in_place = over ? 0 : kept ? (int8_t)add : -1;
    const tvis_stage *s = line.s, *last = s + line.count - 1;
    const uint64_t scratch = band_scratch(p, &line) + line.bytes;
    const uint64_t x = bytes_of(p->in_dims[0], (size_t)p->in_dims[0][2] * (size_t)p->in_dims[0][3] *
                                                   tvis_dtype_size((tvis_dtype)p->in[0]->dtype));
    const uint64_t y = p->in_place < 0 ? bytes_of(p->out_dims[0], last->row) : 0;
    if (scratch > INT32_MAX || (int64_t)p->out_dims[0][0] * last->shape.oh > INT32_MAX ||
        !is_worth(p, &need, x + y, scratch))
        return TVIS_OK;
    p->declined = false;
    p->kernel_name = "rows";
    p->scratch = (uint32_t)scratch;
    return TVIS_OK;
}

static void pack(const tvis_node_plan *p, uint32_t node, void *out)
{
    tvis_node_plan one;
    describe(p, node, p->in_dims[0], &one); /* packing does not ask for the input's shape */
    one.choice[0] = p->choice[node];
    tvis_node_op(p->config->registry, p->model, one.node)->pack(&one, 0, out);
}

/* One part's pass over the output rows of one picture. */
typedef struct pass {
    const tvis_node_run *run;
    tvis_pipeline line;
    const uint8_t *x, *add; /* of the picture; add may be NULL */
    uint8_t *y, *scratch;
    size_t x_row;
} pass;

static uint16_t at_least_0(int32_t v)
{
    return (uint16_t)(v > 0 ? v : 0);
}

/* A copy of the node that makes output rows [first, end) of input rows [from, to), with no more padding than they need.
 */
static tvis_blob_node band_of(const tvis_stage *s, int32_t first, int32_t end, int32_t from, int32_t to)
{
    const tvis_conv_shape *g = &s->shape;
    const int32_t top = from - (first * g->stride[0] - g->top), rows = (end - first - 1) * g->stride[0] + g->kh;
    const int32_t right = (g->ow - 1) * g->stride[1] + (g->kw - 1) * g->dilation[1] + 1 - g->iw - g->left;
    tvis_blob_node n = *s->node;
    uint16_t *pad = n.op == TVIS_OP_MAX_POOL ? n.p.pool.pad : n.p.conv.pad;
    if (n.op == TVIS_OP_REQUANTIZE)
        return n;
    if (n.op != TVIS_OP_MAX_POOL)
        n.p.conv.same = 0;
    pad[0] = at_least_0(top);
    pad[1] = at_least_0(g->left);
    pad[2] = at_least_0(rows - pad[0] - (to - from));
    pad[3] = at_least_0(right);
    return n;
}

/* Output rows [first, end) of stage k. */
static void run_stage(const pass *p, uint32_t k, int32_t first, int32_t end)
{
    const tvis_node_run *r = p->run;
    const tvis_stage *s = &p->line.s[k], *before = s - 1;
    const bool last = k + 1 == p->line.count;
    int32_t from, to;
    tvis_rows_reach(&s->shape, first, end, &from, &to);
    const tvis_blob_node node = band_of(s, first, end, from, to);
    const tvis_blob_tensor *in[TVIS_ROWS_IN];
    const void *x[TVIS_ROWS_IN];
    const int32_t *in_dims[TVIS_ROWS_IN];
    const int32_t out_dims[1][4] = { { 1, end - first, s->shape.ow, s->channels } };
    const int32_t dims[4] = { 1, to - from, s->shape.iw, s->shape.ic };
    void *y = last ? p->y + (size_t)first * s->row : s->rows + (size_t)(first - s->first) * s->row;
    tvis_run_inputs(r, r->fusion->in + k * TVIS_ROWS_IN, TVIS_ROWS_IN, in, x, in_dims);
    in_dims[0] = dims;
    x[0] = k ? before->rows + (size_t)(from - before->first) * before->row : p->x + (size_t)from * p->x_row;
    if (last && p->add) {
        if (r->fusion->adds_input)
            in[TVIS_ROWS_ADD] = r->in[0];
        x[TVIS_ROWS_ADD] = p->add + (size_t)first * s->row;
        in_dims[TVIS_ROWS_ADD] = out_dims[0];
    }
    const tvis_blob_tensor *out = &tvis_tensors(r->model)[tvis_ids(r->model)[node.ids + node.in_count]];
    tvis_node_run one = *r;
    one.node = &node;
    one.in = in;
    one.out = last ? r->out : &out;
    one.x = x;
    one.y = &y;
    one.in_dims = in_dims;
    one.out_dims = out_dims;
    one.kernel[0] = r->kernel[k];
    one.packed[0] = r->packed[k];
    one.fusion = NULL;
    one.scratch = p->scratch;
    one.parts = 1;
    s->op->run(&one);
}

/* Lets go of the rows before `first`. */
static void slide(tvis_stage *s, int32_t first)
{
    if (s->have > first)
        memmove(s->rows, s->rows + (size_t)(first - s->first) * s->row, (size_t)(s->have - first) * s->row);
    else
        s->have = first;
    s->first = first;
}

/* Output rows [row, end) of the last stage. */
static void run_band(pass *p, int32_t row, int32_t end)
{
    const uint32_t count = p->line.count;
    int32_t from[TVIS_MAX_FUSED], to[TVIS_MAX_FUSED];
    p->line.s[count - 1].have = from[count - 1] = row;
    to[count - 1] = end;
    for (uint32_t k = count - 1; k > 0; k--) {
        const int32_t have = p->line.s[k].have, first = have > from[k] ? have : from[k];
        from[k - 1] = to[k - 1] = p->line.s[k - 1].have;
        if (first < to[k])
            tvis_rows_reach(&p->line.s[k].shape, first, to[k], &from[k - 1], &to[k - 1]);
    }
    for (uint32_t k = 0; k < count; k++) {
        tvis_stage *s = &p->line.s[k];
        if (k + 1 < count)
            slide(s, from[k]);
        if (s->have < to[k])
            run_stage(p, k, s->have, to[k]);
        s->have = to[k];
    }
}

/* Of the weights of node k, which may have none. */
static const int32_t *weight_dims(const tvis_node_run *r, uint32_t k)
{
    const uint16_t id = r->fusion->in[k * TVIS_ROWS_IN + 1];
    return id == TVIS_NONE ? tvis_no_dims : tvis_tensors(r->model)[id].dims;
}

static void bind(pass *p, const tvis_node_run *r, uint8_t *scratch)
{
    int32_t x[4];
    memset(p, 0, sizeof *p);
    memcpy(x, r->in_dims[0], sizeof x);
    p->run = r;
    p->line.count = r->fusion->nodes;
    p->x_row = (size_t)x[2] * (size_t)x[3] * tvis_dtype_size((tvis_dtype)r->in[0]->dtype);
    for (uint32_t k = 0; k < p->line.count; k++) {
        tvis_stage *s = &p->line.s[k];
        s->op = tvis_node_op(r->registry, r->model, r->node + k);
        tvis_rows_stage(s, r->model, r->node + k, x, weight_dims(r, k));
        x[1] = s->shape.oh;
        x[2] = s->shape.ow;
        x[3] = s->channels;
    }
    tvis_rows_size(&p->line, r->plan, r->cpu);
    for (uint32_t k = 0; k < p->line.count; k++) {
        p->line.s[k].rows = scratch;
        scratch += tvis_align((uint32_t)((size_t)p->line.s[k].keep * p->line.s[k].row));
    }
    p->scratch = scratch;
}

/* By the last node; or NULL. */
static const void *what_is_added(const tvis_node_run *r)
{
    const tvis_fusion *f = r->fusion;
    const tvis_blob_tensor *record;
    const void *data;
    const int32_t *dims;
    if (f->adds_input)
        return r->x[0];
    tvis_run_inputs(r, &f->in[(f->nodes - 1) * TVIS_ROWS_IN + TVIS_ROWS_ADD], 1, &record, &data, &dims);
    return data;
}

static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    pass p;
    bind(&p, r, r->scratch + (size_t)part * r->scratch_bytes);
    const tvis_stage *last = &p.line.s[p.line.count - 1];
    const int32_t oh = last->shape.oh, total = r->in_dims[0][0] * oh, end = tvis_part(total, part + 1, r->parts, 1);
    const size_t out = (size_t)oh * last->row;
    const uint8_t *add = what_is_added(r);
    for (int32_t row = tvis_part(total, part, r->parts, 1), rows; row < end; row += rows) {
        const int32_t n = row / oh, first = row % oh, left = end - row < oh - first ? end - row : oh - first;
        rows = left < p.line.step ? left : p.line.step;
        if (first == 0 || p.y == NULL)
            for (uint32_t k = 0; k < p.line.count; k++)
                p.line.s[k].first = p.line.s[k].have = 0;
        p.x = (const uint8_t *)r->x[0] + (size_t)n * (size_t)r->in_dims[0][1] * p.x_row;
        p.add = add ? add + (size_t)n * out : NULL;
        p.y = (uint8_t *)r->y[0] + (size_t)n * out;
        run_band(&p, first, first + rows);
    }
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_rows_f32 = { TVIS_OP_COUNT_, TVIS_F32, "rows", plan, pack, run, tvis_rows_match_f32 };
const tvis_op tvis_op_rows_s8 = { TVIS_OP_COUNT_, TVIS_S8, "rows", plan, pack, run, tvis_rows_match_s8 };
