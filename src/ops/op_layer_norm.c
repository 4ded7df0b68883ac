/* SPDX-License-Identifier: MIT */
/* Layer normalisation over the last dimension: x (…, c), weight (c), bias (c), y (…, c). */
#include "core/op.h"
#include "core/port.h"
#include "ops/layer_norm.h"

static tvis_status plan(tvis_node_plan *p)
{
    tvis_status s = tvis_plan_arity(p, 3, 3);
    const int32_t *x = p->in_dims[0];
    if (!s && (p->in[0]->dtype != TVIS_F32 || p->node->act != TVIS_ACT_NONE))
        s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "float input and no activation are needed");
    for (uint32_t i = 1; !s && i < 3; i++)
        s = tvis_plan_vector(p, i, TVIS_F32, x[3]);
    if (!s && (int64_t)x[0] * x[1] * x[2] > INT32_MAX)
        s = tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 rows");
    if (!s)
        s = tvis_plan_elementwise(p);
    if (s)
        return s;
    while (tvis_layer_norm_f32[p->choice[0].kernel].k.cpu & ~p->config->cpu)
        p->choice[0].kernel++;
    p->kernel_name = tvis_layer_norm_f32[p->choice[0].kernel].k.name;
    return TVIS_OK;
}

static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t *d = r->in_dims[0], total = d[0] * d[1] * d[2];
    const int32_t first = tvis_part(total, part, r->parts, 1), last = tvis_part(total, part + 1, r->parts, 1);
    const size_t at = (size_t)first * (size_t)d[3];
    const tvis_layer_norm_f32_args a = {
        .x = (const float *)r->x[0] + at,
        .weight = r->x[1],
        .bias = r->x[2],
        .y = (float *)r->y[0] + at,
        .rows = last - first,
        .c = d[3],
        .eps = r->node->p.eps,
    };
    tvis_layer_norm_f32[r->kernel[0]].run(&a);
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_layer_norm_f32 = { TVIS_OP_LAYER_NORM, TVIS_F32, "layer_norm", plan, NULL, run, NULL };
