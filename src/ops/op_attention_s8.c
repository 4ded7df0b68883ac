/* SPDX-License-Identifier: MIT */
/* Multi-head self-attention in int8, as op_attention.c: x (n, 1, t, 3c) and y (n, 1, t, c) of S8; maps, if asked for,
 * (n, 1, heads, t) of S16 in units of 2^-15. The node's multiplier turns differences of scores into exponents of 2, its
 * second one v into y: docs/int8.md. */
#include "core/op.h"
#include "core/port.h"
#include "ops/attention_s8.h"

static tvis_status check(const tvis_node_plan *p)
{
    const tvis_attention_params *a = &p->node->p.attention;
    const uint16_t *out = tvis_ids(p->model) + p->node->ids + p->node->in_count;
    const tvis_blob_tensor *y = &tvis_tensors(p->model)[out[0]];
    const int32_t *x = p->in_dims[0];
    if (p->node->in_count != 1 || !p->in[0] || p->node->out_count != 1 + a->maps)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_GRAPH, "wrong number of inputs or outputs");
    if (p->in[0]->dtype != TVIS_S8 || y->dtype != TVIS_S8 || p->node->act != TVIS_ACT_NONE)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "int8 on both sides and no activation are needed");
    if (a->maps) {
        const tvis_blob_tensor *maps = &tvis_tensors(p->model)[out[1]];
        if (maps->dtype != TVIS_S16 || maps->scale * 32768.0f > 1.0f || maps->scale * 32768.0f < 1.0f)
            return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "maps are int16 with a scale of 2^-15");
    }
    if (x[1] != 1 || x[3] % 3 || x[3] / 3 % a->heads)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_SHAPE, "not tokens with q, k and v of every head");
    return TVIS_OK;
}

static tvis_status plan(tvis_node_plan *p)
{
    const int32_t *x = p->in_dims[0], c = x[3] / 3, heads = p->node->p.attention.heads;
    tvis_status s = check(p);
    if (s)
        return s;
    uint16_t *kernel = &p->choice[0].kernel;
    while (tvis_attention_s8[*kernel].k.cpu & ~p->config->cpu)
        ++*kernel;
    const tvis_kernel *row = &tvis_attention_s8[*kernel].k;
    if (x[2] > TVIS_ATTENTION_S8_MAX_KEYS || c / heads > TVIS_ATTENTION_S8_MAX_D)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^16 tokens, or heads wider than 2^14");
    const uint64_t scratch = tvis_attention_s8_scratch(row, x[2], c / heads);
    if (scratch > INT32_MAX || (int64_t)x[0] * heads * x[2] > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "heads of more than 2 GiB, or more than 2^31 queries");
    const int32_t y[4] = { x[0], 1, x[2], c }, maps[4] = { x[0], 1, heads, x[2] };
    memcpy(p->out_dims[0], y, sizeof y);
    memcpy(p->out_dims[1], maps, sizeof maps);
    p->scratch = (uint32_t)scratch;
    p->kernel_name = row->name;
    p->macs = 2 * (uint64_t)x[0] * (uint64_t)x[2] * (uint64_t)x[2] * (uint64_t)c;
    return TVIS_OK;
}

/* One head; its queries are set by run_block(). */
static tvis_attention_s8_args head_of(const tvis_node_run *r, int32_t n, int32_t head, void *scratch)
{
    const tvis_quant *k = &r->node->q;
    const int32_t *x = r->in_dims[0], c = x[3] / 3, d = c / r->node->p.attention.heads;
    const int8_t *q = (const int8_t *)r->x[0] + (size_t)n * (size_t)x[2] * (size_t)x[3] + (size_t)head * (size_t)d;
    return (tvis_attention_s8_args){
        .q = q,
        .k = q + c,
        .v = q + 2 * c,
        .y = (int8_t *)r->y[0] + (size_t)n * (size_t)x[2] * (size_t)c + (size_t)head * (size_t)d,
        .keys = x[2],
        .d = d,
        .ld = x[3],
        .ldy = c,
        .zero = r->in[0]->zero,
        .mul = k->mul,
        .shift = k->shift,
        .y_mul = k->add_mul,
        .y_shift = k->add_shift,
        .q_y = { .zero = k->zero, .lo = k->lo, .hi = k->hi },
        .scratch = scratch,
    };
}

static void run_block(const tvis_node_run *r, tvis_attention_s8_args a, int32_t map, int32_t first)
{
    const tvis_attention_s8_variant *v = &tvis_attention_s8[r->kernel[0]];
    a.q += (size_t)first * (size_t)a.ld;
    a.y += (size_t)first * (size_t)a.ldy;
    a.queries = a.keys - first < v->k.mr ? a.keys - first : v->k.mr;
    if (r->node->p.attention.maps && first == 0)
        a.map = (int16_t *)r->y[1] + (size_t)map * (size_t)a.keys;
    v->run(&a);
}

/* The work is cut by pictures, heads and blocks of queries. */
static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_attention_s8_variant *v = &tvis_attention_s8[r->kernel[0]];
    const int32_t heads = r->node->p.attention.heads, step = v->k.mr;
    const int32_t blocks = (r->in_dims[0][2] + step - 1) / step, total = r->in_dims[0][0] * heads * blocks;
    const int32_t begin = tvis_part(total, part, r->parts, 1), end = tvis_part(total, part + 1, r->parts, 1);
    for (int32_t i = begin; i < end; i++) {
        const int32_t head = i / blocks; /* of all pictures */
        const tvis_attention_s8_args a =
            head_of(r, head / heads, head % heads, r->scratch + (size_t)part * r->scratch_bytes);
        if (v->prepare && (i == begin || i % blocks == 0))
            v->prepare(&a);
        run_block(r, a, head, i % blocks * step);
    }
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_attention_s8 = { TVIS_OP_ATTENTION, TVIS_S8, "attention", plan, NULL, run, NULL };
