/* SPDX-License-Identifier: MIT */
#include "ops/mixed.h"
#include "core/port.h"

static const tvis_blob_tensor *output(const tvis_node_plan *p)
{
    return &tvis_tensors(p->model)[tvis_ids(p->model)[p->node->ids + p->node->in_count]];
}

tvis_status tvis_plan_mixed(tvis_node_plan *p, uint32_t inputs, uint32_t mixed)
{
    tvis_status s = tvis_plan_arity(p, inputs, inputs);
    bool ok = !s && tvis_is_mixed(output(p)) && p->node->act == TVIS_ACT_NONE;
    for (uint32_t i = 0; ok && i < mixed; i++)
        ok = tvis_is_mixed(p->in[i]);
    if (!s && !ok)
        s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "integers on both sides and no activation are needed");
    if (!s && tvis_elements(p->in_dims[0]) > INT32_MAX)
        s = tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 elements");
    p->kernel_name = "c";
    return s;
}

void tvis_plan_mixed_like(tvis_node_plan *p)
{
    memcpy(p->out_dims[0], p->in_dims[0], sizeof p->out_dims[0]);
    p->in_place = output(p)->dtype == p->in[0]->dtype ? 0 : -1;
}

void tvis_plan_mixed_kernel(tvis_node_plan *p)
{
    p->choice[0].kernel = tvis_narrow_choose(p->config->cpu);
    p->kernel_name = tvis_narrow[p->choice[0].kernel].k.name;
}

void tvis_mixed_begin(const tvis_node_run *r, int32_t mul, int32_t shift, tvis_mixed_out *out)
{
    const tvis_quant *q = &r->node->q;
    const bool wide = r->out[0]->dtype == TVIS_S16;
    for (int32_t i = 0; i < TVIS_MIXED_BLOCK; i++)
        out->mul[i] = mul;
    out->a = (tvis_narrow_args){ .m = 1, .wide = wide };
    out->a.q = (tvis_requant){ .mul = out->mul,
                               .shift = shift,
                               .zero = wide ? 0 : q->zero,
                               .lo = wide ? tvis_quant_lo16(q) : q->lo,
                               .hi = wide ? tvis_quant_hi16(q) : q->hi };
}

void tvis_mixed_write(const tvis_node_run *r, tvis_mixed_out *out, size_t at, int32_t n, const int32_t *v)
{
    out->a.x = v;
    out->a.y = (int8_t *)r->y[0] + (out->a.wide ? 2 * at : at);
    out->a.n = out->a.ldx = out->a.ldy = n;
    tvis_narrow[r->kernel[0]].run(&out->a);
}

/* A block with a constant length is one that compilers take several values of at a time. */
TVIS_INLINE void load(const tvis_mixed *x, size_t at, const int32_t n, int32_t *out)
{
    const int32_t zero = x->zero;
    if (x->wide) {
        const int16_t *from = (const int16_t *)x->data + at;
        for (int32_t i = 0; i < n; i++)
            out[i] = from[i] - zero;
    } else {
        const int8_t *from = (const int8_t *)x->data + at;
        for (int32_t i = 0; i < n; i++)
            out[i] = from[i] - zero;
    }
}

void tvis_mixed_load(const tvis_mixed *x, size_t at, int32_t n, int32_t *out)
{
    if (n == TVIS_MIXED_BLOCK)
        load(x, at, TVIS_MIXED_BLOCK, out);
    else
        load(x, at, n, out);
}

void tvis_mixed_store(const tvis_node_run *r, size_t at, int32_t n, const int32_t *v)
{
    if (r->out[0]->dtype == TVIS_S16) {
        int16_t *y = (int16_t *)r->y[0] + at;
        for (int32_t i = 0; i < n; i++)
            y[i] = (int16_t)v[i];
    } else {
        int8_t *y = (int8_t *)r->y[0] + at;
        for (int32_t i = 0; i < n; i++)
            y[i] = (int8_t)v[i];
    }
}
