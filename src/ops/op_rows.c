/* SPDX-License-Identifier: MIT */
/* Planning and running of fused rows. */
#include "core/port.h"
#include "ops/act.h"
#include "ops/channels.h"
#include "ops/max_pool.h"
#include "ops/rows.h"
#include "ops/winograd.h"

static tvis_status plan_kernels(tvis_node_plan *p, tvis_pipeline *line)
{
    line->panel = line->taps = 0;
    for (uint32_t k = 0; k < line->count; k++) {
        tvis_stage *s = &line->s[k];
        const int64_t rows = (int64_t)p->in_dims[0][0] * s->shape.oh * s->shape.ow;
        const uint32_t input = TVIS_ROWS_WEIGHTS + 2 * k;
        if (s->node->op == TVIS_OP_CONV2D) {
            uint32_t panel;
            tvis_status status = tvis_matrix_plan(p, k, input, rows, &s->mx, &panel);
            if (!status)
                status = tvis_plan_vector(p, input + 1, TVIS_F32, s->channels);
            if (status)
                return status;
            line->panel = panel / sizeof(float) > line->panel ? panel / sizeof(float) : line->panel;
        } else if (s->node->op == TVIS_OP_DEPTHWISE) {
            tvis_status status = tvis_plan_vector(p, input + 1, TVIS_F32, s->channels);
            if (status)
                return status;
            if (p->in[input]->bytes > INT32_MAX / 2)
                return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "weights of more than 1 GiB");
            line->taps = tvis_depthwise_scratch(p->in[input]) / sizeof(float); /* of the only depthwise stage */
            p->choice[k].kernel = tvis_depthwise_choose(p->config->cpu);
            p->macs += (uint64_t)rows * (uint64_t)s->channels * (uint64_t)s->shape.kh * (uint64_t)s->shape.kw;
        } else {
            p->choice[k].kernel = tvis_channels_choose(p->config->cpu);
        }
    }
    return TVIS_OK;
}

/* Whether a stage is faster in a form that takes several rows at a time, alone. */
static bool is_better_alone(tvis_node_plan *p, const tvis_pipeline *line)
{
    for (uint32_t k = 0; k < line->count; k++)
        if (line->s[k].node->op == TVIS_OP_CONV2D &&
            tvis_winograd_plan(p, k, TVIS_ROWS_WEIGHTS + 2 * k, &line->s[k].shape))
            return true;
    return false;
}

/* What the tensors between the stages would take. */
static uint64_t between(const tvis_node_plan *p, const tvis_pipeline *line)
{
    uint64_t floats = 0;
    for (uint32_t k = 0; k + 1 < line->count; k++)
        floats += (uint64_t)p->in_dims[0][0] * (uint64_t)line->s[k].shape.oh * line->s[k].row;
    return floats * sizeof(float);
}

/* Whether the output may take x's place: output rows lie no further than the rows of x that are expanded by the time
 * they are written. (Several threads would read each other's rows.) */
static bool may_overwrite(const tvis_pipeline *line, const int32_t *x)
{
    const tvis_conv_shape *first = &line->s[0].shape, *second = &line->s[1].shape, *third = &line->s[2].shape;
    return (line->count < 3 || tvis_conv_is_direct(third)) && line->s[1].node->op == TVIS_OP_DEPTHWISE &&
           tvis_conv_is_direct(first) && second->stride[0] == 1 && second->oh == second->ih &&
           second->top < second->kh && line->s[line->count - 1].row <= (size_t)x[2] * (size_t)x[3];
}

static tvis_status plan(tvis_node_plan *p)
{
    enum { CACHE = 512 * 1024 }; /* above it, what lies between the stages leaves the second-level cache */
    tvis_pipeline line;
    memset(&line, 0, sizeof line);
    p->declined = true;
    if (p->config->no_fusion || !tvis_rows_shapes(&line, p->node, p->fusion, (const int32_t(*)[4])p->in_dims))
        return TVIS_OK;
    tvis_rows_size(&line);
    const tvis_stage *end = &line.s[line.count - 1];
    const int32_t y[4] = { p->in_dims[0][0], end->shape.oh, end->shape.ow, end->channels };
    const int32_t *add = p->fusion->adds_input ? p->in_dims[0] : p->in[TVIS_ROWS_ADD] ? p->in_dims[TVIS_ROWS_ADD] : y;
    if (memcmp(add, y, sizeof y) != 0 || (int64_t)y[0] * y[1] > INT32_MAX)
        return TVIS_OK;
    const bool alone = is_better_alone(p, &line);
    tvis_status status = alone ? TVIS_OK : plan_kernels(p, &line);
    if (status)
        return status;
    const uint64_t scratch = (line.rings + line.gather + line.taps + line.panel) * sizeof(float);
    const uint64_t stored = between(p, &line), all = scratch * p->config->threads;
    if (alone || scratch > INT32_MAX ||
        (p->config->plan == TVIS_PLAN_SMALL ? all > stored / 2 : stored <= CACHE || all > stored)) {
        p->macs = 0;
        p->scratch = 0;
        memset(p->choice, 0, sizeof p->choice);
        return TVIS_OK;
    }
    p->declined = false;
    p->kernel_name = "rows";
    p->scratch = (uint32_t)scratch;
    memcpy(p->out_dims[0], y, sizeof y);
    p->in_place = p->in[TVIS_ROWS_ADD] ? TVIS_ROWS_ADD : -1;
    if (p->config->threads == 1 && may_overwrite(&line, p->in_dims[0]))
        p->in_place = 0;
    return TVIS_OK;
}

static void pack(const tvis_node_plan *p, uint32_t node, void *out)
{
    const int32_t *w = p->in[TVIS_ROWS_WEIGHTS + 2 * node]->dims;
    const tvis_matrix shape = { .n = w[0], .k = w[1] * w[2] * w[3], .groups = 1 };
    tvis_matrix_pack(p, node, TVIS_ROWS_WEIGHTS + 2 * node, &shape, out);
}

/* One part's pass over the output rows of one picture. */
typedef struct pass {
    const tvis_node_run *run;
    tvis_pipeline line;
    const float *x, *add; /* of the picture; add may be NULL */
    float *y, *gather, *panel;
} pass;

static const float *input_row(const pass *p, uint32_t k, int32_t row)
{
    const tvis_conv_shape *s = &p->line.s[k].shape;
    const tvis_stage *before = k ? &p->line.s[k - 1] : NULL;
    if (before)
        return before->rows + (size_t)(row % before->ring) * before->row;
    return p->x + (size_t)row * (size_t)s->iw * (size_t)s->ic;
}

static float *output_row(const pass *p, const tvis_stage *s, int32_t row)
{
    return s->ring ? s->rows + (size_t)(row % s->ring) * s->row : p->y + (size_t)row * s->row;
}

/* Rows from `row` on, at most `count`, that lie in one run of a ring. */
static int32_t run_length(int32_t ring, int32_t row, int32_t count)
{
    const int32_t left = ring ? ring - row % ring : count;
    return left < count ? left : count;
}

static void convolve(const pass *p, uint32_t k, int32_t row, int32_t count, const float *x)
{
    const tvis_stage *s = &p->line.s[k];
    const size_t at = (size_t)row * s->row;
    const tvis_gemm_f32_args a = {
        .x = x,
        .bias = s->bias,
        .add = !s->ring && p->add ? p->add + at : NULL,
        .y = output_row(p, s, row),
        .m = count * s->shape.ow,
        .n = s->channels,
        .ldx = s->mx.k,
        .ldy = s->channels,
    };
    tvis_matrix_multiply(&s->mx, a, 0, 0, s->node->act, p->run->cpu, p->panel);
}

/* A row of a layer whose kernel covers several rows of its input. */
static void compute_row(const pass *p, uint32_t k, int32_t row)
{
    const tvis_stage *s = &p->line.s[k];
    const float *rows[TVIS_MAX_KERNEL];
    const void *bytes[TVIS_MAX_KERNEL];
    for (int32_t ky = 0; ky < s->shape.kh; ky++) {
        const int32_t iy = row * s->shape.stride[0] - s->shape.top + ky;
        bytes[ky] = rows[ky] = iy >= 0 && iy < s->shape.ih ? input_row(p, k, iy) : NULL;
    }
    if (s->node->op == TVIS_OP_CONV2D) {
        tvis_conv_gather(&s->shape, bytes, 0, s->shape.ow, 0, s->shape.ic, 0, (uint8_t *)p->gather);
        convolve(p, k, row, 1, p->gather);
    } else if (s->node->op == TVIS_OP_DEPTHWISE) {
        tvis_depthwise_f32_args a = tvis_conv_depthwise_args(&s->shape, s->w, s->bias, rows);
        tvis_act_range(s->node->act, &a.lo, &a.hi);
        a.y = output_row(p, s, row);
        tvis_depthwise_f32[p->run->kernel[k]].run(&a);
        tvis_act_apply(p->run->cpu, s->node->act, a.y, s->shape.ow, s->channels, s->channels);
    } else {
        tvis_max_pool_row(&s->shape, rows, p->run->kernel[k], output_row(p, s, row));
    }
}

/* Output rows of stage k up to `end`. */
static void produce(pass *p, uint32_t k, int32_t end)
{
    tvis_stage *s = &p->line.s[k];
    const bool direct = s->node->op == TVIS_OP_CONV2D && tvis_conv_is_direct(&s->shape);
    while (s->have < end) {
        int32_t count = 1;
        if (direct) {
            count = run_length(s->ring, s->have, end - s->have);
            count = run_length(k ? p->line.s[k - 1].ring : 0, s->have, count);
            convolve(p, k, s->have, count, input_row(p, k, s->have));
        } else {
            compute_row(p, k, s->have);
        }
        s->have += count;
    }
}

static int32_t clip(int32_t v, int32_t most)
{
    return v < 0 ? 0 : v > most ? most : v;
}

/* Output rows [first, last) of a picture. */
static void run_band(pass *p, int32_t first, int32_t last)
{
    const uint32_t count = p->line.count;
    int32_t end[TVIS_MAX_FUSED];
    p->line.s[count - 1].have = first;
    for (uint32_t k = count - 1; k > 0; k--) {
        const tvis_conv_shape *s = &p->line.s[k].shape;
        p->line.s[k - 1].have = clip(p->line.s[k].have * s->stride[0] - s->top, s->ih);
    }
    for (int32_t row = first; row < last; row += p->line.step) {
        end[count - 1] = row + p->line.step < last ? row + p->line.step : last;
        for (uint32_t k = count - 1; k > 0; k--) {
            const tvis_conv_shape *s = &p->line.s[k].shape;
            end[k - 1] = clip((end[k] - 1) * s->stride[0] - s->top + s->kh, s->ih);
        }
        for (uint32_t k = 0; k < count; k++)
            produce(p, k, end[k]);
    }
}

static void bind(pass *p, const tvis_node_run *r, float *scratch)
{
    memset(p, 0, sizeof *p);
    p->run = r;
    tvis_rows_shapes(&p->line, r->node, r->fusion, r->in_dims);
    tvis_rows_size(&p->line);
    for (uint32_t k = 0; k < p->line.count; k++) {
        tvis_stage *s = &p->line.s[k];
        s->rows = scratch;
        scratch += (size_t)s->ring * s->row;
        const uint32_t input = TVIS_ROWS_WEIGHTS + 2 * k;
        s->bias = r->x[input + 1];
        if (s->node->op == TVIS_OP_CONV2D) {
            tvis_matrix_bind(&s->mx, r, k, input);
        } else if (s->node->op == TVIS_OP_DEPTHWISE) {
            s->w = tvis_depthwise_weights(r->in[input], r->x[input], scratch);
            scratch += tvis_depthwise_scratch(r->in[input]) / sizeof(float);
        }
    }
    p->gather = scratch;
    p->panel = scratch + (size_t)p->line.gather;
}

static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    pass p;
    bind(&p, r, (float *)(void *)(r->scratch + (size_t)part * r->scratch_bytes));
    const tvis_stage *last = &p.line.s[p.line.count - 1];
    const int32_t oh = last->shape.oh, total = r->in_dims[0][0] * oh, end = tvis_part(total, part + 1, r->parts, 1);
    const size_t in = (size_t)r->in_dims[0][1] * (size_t)r->in_dims[0][2] * (size_t)r->in_dims[0][3];
    const size_t out = (size_t)oh * last->row;
    for (int32_t row = tvis_part(total, part, r->parts, 1); row < end;) {
        const int32_t n = row / oh, first = row % oh, rows = end - row < oh - first ? end - row : oh - first;
        p.x = (const float *)r->x[0] + (size_t)n * in;
        p.add = r->fusion->adds_input ? p.x
                : r->x[TVIS_ROWS_ADD] ? (const float *)r->x[TVIS_ROWS_ADD] + (size_t)n * out
                                      : NULL;
        p.y = (float *)r->y[0] + (size_t)n * out;
        run_band(&p, first, first + rows);
        row += rows;
    }
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_rows_f32 = { TVIS_OP_COUNT_, TVIS_F32, "rows", plan, pack, run, tvis_rows_match };
