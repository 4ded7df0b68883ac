/* SPDX-License-Identifier: MIT */
/* Sum, product by channel and table in int8. Add: y = clamp(zero + R(a - zero(a)) + R(b - zero(b))). Scale
 * (squeeze-excite): x (n, h, w, c), s (n, 1, 1, c): y = clamp(zero + R((x - zero(x)) * (s - zero(s)))). Activation: y =
 * table[x + 128], inputs x, table. */
#include "core/op.h"
#include "core/port.h"
#include "ops/look_up_s8.h"
#include "ops/pointwise_s8.h"

static tvis_status check(tvis_node_plan *p, uint32_t inputs)
{
    const uint16_t out = tvis_ids(p->model)[p->node->ids + p->node->in_count];
    tvis_status s = tvis_plan_arity(p, inputs, inputs);
    for (uint32_t i = 0; !s && i < inputs; i++)
        if (p->in[i]->dtype != TVIS_S8)
            s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "int8 inputs are needed");
    if (!s && (tvis_tensors(p->model)[out].dtype != TVIS_S8 || p->node->act != TVIS_ACT_NONE))
        s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "an int8 output and no activation are needed");
    if (!s && tvis_elements(p->in_dims[0]) > INT32_MAX)
        s = tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 elements");
    if (!s)
        s = tvis_plan_elementwise(p);
    p->choice[0].kernel = tvis_pointwise_s8_choose(p->config->cpu);
    p->kernel_name = tvis_pointwise_s8[p->choice[0].kernel].k.name;
    return s;
}

static tvis_status plan_add(tvis_node_plan *p)
{
    tvis_status s = check(p, 2);
    if (!s && memcmp(p->in_dims[0], p->in_dims[1], sizeof p->x_dims) != 0)
        s = tvis_plan_fail_shape(p, "both sides of the sum", p->in_dims[0], p->in_dims[1]);
    return s;
}

static tvis_status plan_scale(tvis_node_plan *p)
{
    tvis_status s = check(p, 2);
    const int32_t *x = p->in_dims[0], want[4] = { x[0], 1, 1, x[3] };
    if (!s && memcmp(p->in_dims[1], want, sizeof want) != 0)
        s = tvis_plan_fail_shape(p, "a factor for each channel", want, p->in_dims[1]);
    return s;
}

static tvis_status plan_table(tvis_node_plan *p)
{
    tvis_status s = check(p, 2);
    p->choice[0].kernel = tvis_look_up_s8_choose(p->config->cpu);
    p->kernel_name = tvis_look_up_s8[p->choice[0].kernel].k.name;
    return s ? s : tvis_plan_vector(p, 1, TVIS_S8, 256);
}

static tvis_requant limits(const tvis_node_run *r)
{
    return (tvis_requant){ .mul = &r->node->q.mul,
                           .shift = r->node->q.shift,
                           .zero = r->node->q.zero,
                           .lo = r->node->q.lo,
                           .hi = r->node->q.hi };
}

static void add_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_quant *q = &r->node->q;
    const int32_t n = (int32_t)tvis_elements(r->in_dims[0]), first = tvis_part(n, part, r->parts, 64);
    const tvis_add_s8_args a = {
        .a = (const int8_t *)r->x[0] + first,
        .b = (const int8_t *)r->x[1] + first,
        .y = (int8_t *)r->y[0] + first,
        .n = tvis_part(n, part + 1, r->parts, 64) - first,
        .a_q = { q->mul, q->shift, r->in[0]->zero },
        .b_q = { q->add_mul, q->add_shift, r->in[1]->zero },
        .q = limits(r),
    };
    tvis_pointwise_s8[r->kernel[0]].add(&a);
}

/* Pixels of the batch, at most those of a picture at a time. */
static void scale_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t *d = r->in_dims[0], rows = d[0] * d[1] * d[2], pixels = d[1] * d[2];
    const int32_t end = tvis_part(rows, part + 1, r->parts, 1);
    tvis_scale_s8_args a = { .c = d[3], .x_zero = r->in[0]->zero, .s_zero = r->in[1]->zero, .q = limits(r) };
    for (int32_t i = tvis_part(rows, part, r->parts, 1); i < end; i += a.pixels) {
        const int32_t left = pixels - i % pixels;
        const ptrdiff_t at = (ptrdiff_t)i * a.c;
        a.pixels = end - i < left ? end - i : left;
        a.x = (const int8_t *)r->x[0] + at;
        a.s = (const int8_t *)r->x[1] + (ptrdiff_t)(i / pixels) * a.c;
        a.y = (int8_t *)r->y[0] + at;
        tvis_pointwise_s8[r->kernel[0]].scale(&a);
    }
}

static void table_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t n = (int32_t)tvis_elements(r->in_dims[0]), first = tvis_part(n, part, r->parts, 64);
    const int32_t count = tvis_part(n, part + 1, r->parts, 64) - first;
    const tvis_look_up_s8_args a = { r->x[1], (const int8_t *)r->x[0] + first, (int8_t *)r->y[0] + first, 1, count,
                                     count };
    tvis_look_up_s8[r->kernel[0]].run(&a);
}

static void run_add(const tvis_node_run *r)
{
    tvis_run_parts(r, add_part, (void *)(uintptr_t)r);
}

static void run_scale(const tvis_node_run *r)
{
    tvis_run_parts(r, scale_part, (void *)(uintptr_t)r);
}

static void run_table(const tvis_node_run *r)
{
    tvis_run_parts(r, table_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_add_s8 = { TVIS_OP_ADD, TVIS_S8, "add", plan_add, NULL, run_add, NULL };
const tvis_op tvis_op_scale_s8 = { TVIS_OP_SCALE, TVIS_S8, "scale", plan_scale, NULL, run_scale, NULL };
const tvis_op tvis_op_activation_s8 = { TVIS_OP_ACTIVATION, TVIS_S8, "activation", plan_table, NULL, run_table, NULL };
