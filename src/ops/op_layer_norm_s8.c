/* SPDX-License-Identifier: MIT */
/* Layer normalisation of integers over the last dimension: x (…, c) of S8 or S16, weight and bias (c) of S32, y (…, c)
 * of S8 or S16. src/ops/layer_norm_s8.h says what the constants are. */
#include "ops/layer_norm_s8.h"
#include "ops/mixed.h"

/* epsilon * (c / scale)^2: single IEEE operations. */
static float scaled_eps(float eps, float scale, int32_t c)
{
    float e = eps / scale;
    e = e / scale;
    e = e * (float)c;
    return e * (float)c;
}

static tvis_status plan(tvis_node_plan *p)
{
    const int32_t *x = p->in_dims[0];
    tvis_status s = tvis_plan_mixed(p, 3, 1);
    for (uint32_t i = 1; !s && i < 3; i++)
        s = tvis_plan_vector(p, i, TVIS_S32, x[3]);
    if (!s && x[3] > TVIS_LAYER_NORM_S8_MAX_C)
        s = tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 16384 channels");
    if (!s && !(scaled_eps(p->node->p.eps, p->in[0]->scale, x[3]) < 1e38f))
        s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_VALUE, "epsilon is too large for the input's scale");
    if (s)
        return s;
    tvis_plan_mixed_like(p);
    while (tvis_layer_norm_s8[p->choice[0].kernel].k.cpu & ~p->config->cpu)
        p->choice[0].kernel++;
    p->kernel_name = tvis_layer_norm_s8[p->choice[0].kernel].k.name;
    return TVIS_OK;
}

static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t *d = r->in_dims[0], total = d[0] * d[1] * d[2];
    const int32_t first = tvis_part(total, part, r->parts, 1), last = tvis_part(total, part + 1, r->parts, 1);
    const size_t at = (size_t)first * (size_t)d[3];
    const bool x_wide = r->in[0]->dtype == TVIS_S16, y_wide = r->out[0]->dtype == TVIS_S16;
    const tvis_layer_norm_s8_args a = {
        .x = (const int8_t *)r->x[0] + (x_wide ? 2 * at : at),
        .weight = r->x[1],
        .bias = r->x[2],
        .y = (int8_t *)r->y[0] + (y_wide ? 2 * at : at),
        .rows = last - first,
        .c = d[3],
        .shift = r->node->q.shift,
        .eps = tvis_scaled_of(scaled_eps(r->node->p.eps, r->in[0]->scale, d[3])),
        .x_wide = x_wide,
        .y_wide = y_wide,
    };
    tvis_layer_norm_s8[r->kernel[0]].run(&a);
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_layer_norm_s8 = { TVIS_OP_LAYER_NORM, TVIS_S8, "layer_norm", plan, NULL, run, NULL };
const tvis_op tvis_op_layer_norm_s16 = { TVIS_OP_LAYER_NORM, TVIS_S16, "layer_norm", plan, NULL, run, NULL };
