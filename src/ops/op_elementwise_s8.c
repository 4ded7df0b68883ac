/* SPDX-License-Identifier: MIT */
/* Sum, product by channel and table in int8. Add: y = clamp(zero + R(a - zero(a)) + R(b - zero(b))). Scale
 * (squeeze-excite): x (n, h, w, c), s (n, 1, 1, c): y = clamp(zero + R((x - zero(x)) * (s - zero(s)))). Activation: y =
 * table[x + 128], inputs x, table. */
#include "core/op.h"
#include "core/port.h"
#include "ops/requant.h"

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
    return s ? s : tvis_plan_elementwise(p);
}

static tvis_status plan_add(tvis_node_plan *p)
{
    tvis_status s = check(p, 2);
    if (!s && memcmp(p->in_dims[0], p->in_dims[1], sizeof p->in_dims[0]) != 0)
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
    return s ? s : tvis_plan_vector(p, 1, TVIS_S8, 256);
}

static tvis_requant limits(const tvis_node_run *r)
{
    return (tvis_requant){ .zero = r->node->q.zero, .lo = r->node->q.lo, .hi = r->node->q.hi };
}

static void add_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_requant q = limits(r);
    const tvis_quant *k = &r->node->q;
    const int32_t n = (int32_t)tvis_elements(r->in_dims[0]), az = r->in[0]->zero, bz = r->in[1]->zero;
    const int8_t *a = r->x[0], *b = r->x[1];
    int8_t *y = r->y[0];
    const int32_t end = tvis_part(n, part + 1, r->parts, 64);
    for (int32_t i = tvis_part(n, part, r->parts, 64); i < end; i++) {
        const int64_t v = (int64_t)tvis_requant_scale(a[i] - az, k->mul, k->shift) +
                          tvis_requant_scale(b[i] - bz, k->add_mul, k->add_shift);
        y[i] = tvis_requant_clamp(v, &q);
    }
}

static void scale_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_requant q = limits(r);
    const int32_t *d = r->in_dims[0], c = d[3], rows = d[0] * d[1] * d[2], pixels = d[1] * d[2];
    const int32_t xz = r->in[0]->zero, sz = r->in[1]->zero;
    const int32_t end = tvis_part(rows, part + 1, r->parts, 1);
    for (int32_t i = tvis_part(rows, part, r->parts, 1); i < end; i++) {
        const int8_t *x = (const int8_t *)r->x[0] + (size_t)i * (size_t)c;
        const int8_t *s = (const int8_t *)r->x[1] + (size_t)(i / pixels) * (size_t)c;
        int8_t *y = (int8_t *)r->y[0] + (size_t)i * (size_t)c;
        for (int32_t k = 0; k < c; k++)
            y[k] =
                tvis_requant_clamp(tvis_requant_scale((x[k] - xz) * (s[k] - sz), r->node->q.mul, r->node->q.shift), &q);
    }
}

static void table_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t n = (int32_t)tvis_elements(r->in_dims[0]);
    const int8_t *x = r->x[0], *table = r->x[1];
    int8_t *y = r->y[0];
    const int32_t end = tvis_part(n, part + 1, r->parts, 64);
    for (int32_t i = tvis_part(n, part, r->parts, 64); i < end; i++)
        y[i] = table[x[i] + 128];
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
