/* SPDX-License-Identifier: MIT */
/* Sum, product by channel and table where a tensor is S16, the others S8 or S16. Add: y = clamp(zero + R(a - zero(a)) +
 * R'(b - zero(b))). Scale (squeeze-excite): x (n, h, w, c), s (n, 1, 1, c): y = clamp(zero + R((x - zero(x)) * (s -
 * zero(s)))). Activation: x, table of 513 S16: src/ops/table16.h; an S8 x counts 256 times. */
#include "core/port.h"
#include "ops/mixed.h"
#include "ops/table16.h"

static tvis_status plan_add(tvis_node_plan *p)
{
    tvis_status s = tvis_plan_mixed(p, 2, 2);
    if (!s && memcmp(p->in_dims[0], p->in_dims[1], sizeof p->in_dims[0]) != 0)
        s = tvis_plan_fail_shape(p, "both sides of the sum", p->in_dims[0], p->in_dims[1]);
    tvis_plan_mixed_like(p);
    return s;
}

static tvis_status plan_scale(tvis_node_plan *p)
{
    tvis_status s = tvis_plan_mixed(p, 2, 2);
    const int32_t *x = p->in_dims[0], want[4] = { x[0], 1, 1, x[3] };
    if (!s && memcmp(p->in_dims[1], want, sizeof want) != 0)
        s = tvis_plan_fail_shape(p, "a factor for each channel", want, p->in_dims[1]);
    tvis_plan_mixed_like(p);
    return s;
}

static tvis_status plan_table(tvis_node_plan *p)
{
    tvis_status s = tvis_plan_mixed(p, 2, 1);
    tvis_plan_mixed_like(p);
    return s ? s : tvis_plan_vector(p, 1, TVIS_S16, TVIS_TABLE16_ENTRIES);
}

static void add_block(const tvis_node_run *r, size_t at, int32_t n, const tvis_requant *q)
{
    const tvis_quant *k = &r->node->q;
    const tvis_mixed left = tvis_mixed_in(r, 0), right = tvis_mixed_in(r, 1);
    int32_t a[TVIS_MIXED_BLOCK], b[TVIS_MIXED_BLOCK];
    tvis_mixed_load(&left, at, n, a);
    tvis_mixed_load(&right, at, n, b);
    for (int32_t i = 0; i < n; i++)
        a[i] = tvis_requant_limit((int64_t)tvis_requant_scale(a[i], k->mul, k->shift) +
                                      tvis_requant_scale(b[i], k->add_mul, k->add_shift),
                                  q);
    tvis_mixed_store(r, at, n, a);
}

static void table_block(const tvis_node_run *r, size_t at, int32_t n)
{
    const tvis_mixed x = { r->x[0], 0, r->in[0]->dtype == TVIS_S16 };
    const int32_t times = x.wide ? 1 : 256;
    int32_t v[TVIS_MIXED_BLOCK];
    tvis_mixed_load(&x, at, n, v);
    for (int32_t i = 0; i < n; i++)
        v[i] = tvis_table16_at(r->x[1], v[i] * times);
    if (r->out[0]->dtype == TVIS_S8)
        for (int32_t i = 0; i < n; i++)
            v[i] = tvis_table16_narrow(v[i]);
    tvis_mixed_store(r, at, n, v);
}

static void add_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_requant q = tvis_mixed_limits(r);
    const int32_t total = (int32_t)tvis_elements(r->in_dims[0]);
    const int32_t end = tvis_part(total, part + 1, r->parts, TVIS_MIXED_BLOCK);
    for (int32_t i = tvis_part(total, part, r->parts, TVIS_MIXED_BLOCK); i < end; i += TVIS_MIXED_BLOCK)
        add_block(r, (size_t)i, end - i < TVIS_MIXED_BLOCK ? end - i : TVIS_MIXED_BLOCK, &q);
}

static void table_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t total = (int32_t)tvis_elements(r->in_dims[0]);
    const int32_t end = tvis_part(total, part + 1, r->parts, TVIS_MIXED_BLOCK);
    for (int32_t i = tvis_part(total, part, r->parts, TVIS_MIXED_BLOCK); i < end; i += TVIS_MIXED_BLOCK)
        table_block(r, (size_t)i, end - i < TVIS_MIXED_BLOCK ? end - i : TVIS_MIXED_BLOCK);
}

/* n channels from x + at, by factors from s + from. |product| <= 2^30 */
static void scale_block(const tvis_node_run *r, size_t at, size_t from, int32_t n, const tvis_requant *q)
{
    const tvis_mixed left = tvis_mixed_in(r, 0), right = tvis_mixed_in(r, 1);
    int32_t x[TVIS_MIXED_BLOCK], s[TVIS_MIXED_BLOCK];
    tvis_mixed_load(&left, at, n, x);
    tvis_mixed_load(&right, from, n, s);
    for (int32_t i = 0; i < n; i++)
        x[i] = tvis_requant_limit(tvis_requant_scale(x[i] * s[i], r->node->q.mul, r->node->q.shift), q);
    tvis_mixed_store(r, at, n, x);
}

static void scale_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_requant q = tvis_mixed_limits(r);
    const int32_t *d = r->in_dims[0], c = d[3], rows = d[0] * d[1] * d[2], pixels = d[1] * d[2];
    const int32_t end = tvis_part(rows, part + 1, r->parts, 1);
    for (int32_t i = tvis_part(rows, part, r->parts, 1); i < end; i++)
        for (int32_t k = 0; k < c; k += TVIS_MIXED_BLOCK)
            scale_block(r, (size_t)i * (size_t)c + (size_t)k, (size_t)(i / pixels) * (size_t)c + (size_t)k,
                        c - k < TVIS_MIXED_BLOCK ? c - k : TVIS_MIXED_BLOCK, &q);
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

const tvis_op tvis_op_add_s16 = { TVIS_OP_ADD, TVIS_S16, "add", plan_add, NULL, run_add, NULL };
const tvis_op tvis_op_scale_s16 = { TVIS_OP_SCALE, TVIS_S16, "scale", plan_scale, NULL, run_scale, NULL };
const tvis_op tvis_op_activation_s16 = {
    TVIS_OP_ACTIVATION, TVIS_S16, "activation", plan_table, NULL, run_table, NULL
};
