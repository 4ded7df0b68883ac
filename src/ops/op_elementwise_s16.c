/* SPDX-License-Identifier: MIT */
/* Sum, product by channel and table where a tensor is S16, the others S8 or S16. Add: y = clamp(zero + R(a - zero(a)) +
 * R'(b - zero(b))). Scale (squeeze-excite): x (n, h, w, c), s (n, 1, 1, c): y = clamp(zero + R((x - zero(x)) * (s -
 * zero(s)))). Activation: x, table of 513 S16: src/ops/table16.h; an S8 x counts 256 times. */
#include "core/port.h"
#include "ops/mixed.h"

static tvis_status plan_add(tvis_node_plan *p)
{
    tvis_status s = tvis_plan_mixed(p, 2, 2);
    if (!s && memcmp(p->in_dims[0], p->in_dims[1], sizeof p->x_dims) != 0)
        s = tvis_plan_fail_shape(p, "both sides of the sum", p->in_dims[0], p->in_dims[1]);
    tvis_plan_mixed_like(p);
    tvis_plan_mixed_kernel(p);
    return s;
}

static tvis_status plan_scale(tvis_node_plan *p)
{
    tvis_status s = tvis_plan_mixed(p, 2, 2);
    const int32_t *x = p->in_dims[0], want[4] = { x[0], 1, 1, x[3] };
    if (!s && memcmp(p->in_dims[1], want, sizeof want) != 0)
        s = tvis_plan_fail_shape(p, "a factor for each channel", want, p->in_dims[1]);
    tvis_plan_mixed_like(p);
    tvis_plan_mixed_kernel(p);
    return s;
}

static tvis_status plan_table(tvis_node_plan *p)
{
    tvis_status s = tvis_plan_mixed(p, 2, 1);
    tvis_plan_mixed_like(p);
    tvis_plan_mixed_kernel(p);
    return s ? s : tvis_plan_vector(p, 1, TVIS_S16, TVIS_TABLE16_ENTRIES);
}

static void add_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_quant *k = &r->node->q;
    const tvis_mixed x = tvis_mixed_in(r, 0), b = tvis_mixed_in(r, 1);
    const int32_t total = (int32_t)tvis_elements(r->in_dims[0]);
    const int32_t end = tvis_part(total, part + 1, r->parts, TVIS_MIXED_BLOCK);
    tvis_mixed_out out;
    int32_t v[TVIS_MIXED_BLOCK];
    tvis_mixed_begin(r, k->mul, k->shift, &out);
    out.a.add_wide = b.wide;
    out.a.add_q = (tvis_requant_add){ k->add_mul, k->add_shift, b.zero };
    for (int32_t i = tvis_part(total, part, r->parts, TVIS_MIXED_BLOCK), n; i < end; i += n) {
        n = end - i < TVIS_MIXED_BLOCK ? end - i : TVIS_MIXED_BLOCK;
        tvis_mixed_load(&x, (size_t)i, n, v);
        out.a.add = (const int8_t *)b.data + (size_t)i * (b.wide ? 2 : 1);
        tvis_mixed_write(r, &out, (size_t)i, n, v);
    }
}

/* R of x << 2, or of 256 * x, by 2^30 is the value itself. */
static void table_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_mixed x = { r->x[0], 0, r->in[0]->dtype == TVIS_S16 };
    const int32_t total = (int32_t)tvis_elements(r->in_dims[0]);
    const int32_t end = tvis_part(total, part + 1, r->parts, TVIS_MIXED_BLOCK);
    tvis_mixed_out out;
    int32_t v[TVIS_MIXED_BLOCK];
    tvis_mixed_begin(r, 1 << 30, x.wide ? 2 : 10, &out);
    out.a.table = r->x[1];
    out.a.q.zero = 0;
    out.a.q.lo = INT16_MIN;
    out.a.q.hi = INT16_MAX;
    for (int32_t i = tvis_part(total, part, r->parts, TVIS_MIXED_BLOCK), n; i < end; i += n) {
        n = end - i < TVIS_MIXED_BLOCK ? end - i : TVIS_MIXED_BLOCK;
        tvis_mixed_load(&x, (size_t)i, n, v);
        tvis_mixed_write(r, &out, (size_t)i, n, v);
    }
}

/* Row i, by the factors of its picture. |product| <= 2^30 */
static void scale_row(const tvis_node_run *r, size_t i, size_t picture, tvis_mixed_out *out)
{
    const tvis_mixed left = tvis_mixed_in(r, 0), right = tvis_mixed_in(r, 1);
    const int32_t c = r->in_dims[0][3];
    int32_t x[TVIS_MIXED_BLOCK], s[TVIS_MIXED_BLOCK];
    for (int32_t k = 0, n; k < c; k += n) {
        n = c - k < TVIS_MIXED_BLOCK ? c - k : TVIS_MIXED_BLOCK;
        tvis_mixed_load(&left, i * (size_t)c + (size_t)k, n, x);
        tvis_mixed_load(&right, picture * (size_t)c + (size_t)k, n, s);
        for (int32_t j = 0; j < n; j++)
            x[j] *= s[j];
        tvis_mixed_write(r, out, i * (size_t)c + (size_t)k, n, x);
    }
}

static void scale_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t *d = r->in_dims[0], rows = d[0] * d[1] * d[2], pixels = d[1] * d[2];
    const int32_t end = tvis_part(rows, part + 1, r->parts, 1);
    tvis_mixed_out out;
    tvis_mixed_begin(r, r->node->q.mul, r->node->q.shift, &out);
    for (int32_t i = tvis_part(rows, part, r->parts, 1); i < end; i++)
        scale_row(r, (size_t)i, (size_t)(i / pixels), &out);
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
