/* SPDX-License-Identifier: MIT */
/* Each pixel's channels divided by their Euclidean norm, or by eps where that is larger: x (n, h, w, c), y (n, h, w,
 * c), each S8 or S16. The kernels are those of layer normalisation, with the same weight for each channel: q.mul,
 * q.shift as src/ops/layer_norm_s8.h has them. */
#include "ops/layer_norm_s8.h"
#include "ops/mixed.h"

/* (epsilon / scale)^2: single IEEE operations. */
static float scaled_eps(float eps, float scale)
{
    const float e = eps / scale;
    return e * e;
}

static tvis_status plan(tvis_node_plan *p)
{
    const int32_t *x = p->in_dims[0];
    tvis_status s = tvis_plan_mixed(p, 1, 1);
    if (!s && x[3] > TVIS_LAYER_NORM_S8_MAX_C)
        s = tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 16384 channels");
    if (!s && !(scaled_eps(p->node->p.eps, p->in[0]->scale) < 1e38f))
        s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_VALUE, "epsilon is too large for the input's scale");
    if (s)
        return s;
    tvis_plan_mixed_like(p);
    while (tvis_layer_norm_s8[p->choice[0].kernel].k.cpu & ~p->config->cpu)
        p->choice[0].kernel++;
    p->kernel_name = tvis_layer_norm_s8[p->choice[0].kernel].k.name;
    p->scratch = 2 * (uint32_t)x[3] * (uint32_t)sizeof(int32_t);
    return TVIS_OK;
}

/* (zero + 1/2) * 2^shift */
static int32_t bias_of(const tvis_quant *q)
{
    return (int32_t)(uint32_t)((uint64_t)(((int64_t)2 * q->zero + 1) * ((int64_t)1 << q->shift)) >> 1);
}

static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t *d = r->in_dims[0], total = d[0] * d[1] * d[2], c = d[3];
    const int32_t first = tvis_part(total, part, r->parts, 1), last = tvis_part(total, part + 1, r->parts, 1);
    const size_t at = (size_t)first * (size_t)c;
    const bool x_wide = r->in[0]->dtype == TVIS_S16, y_wide = r->out[0]->dtype == TVIS_S16;
    int32_t *constants = (int32_t *)(void *)(r->scratch + (size_t)part * r->scratch_bytes);
    for (int32_t k = 0; k < c; k++) {
        constants[k] = y_wide ? r->node->q.mul : r->node->q.mul & 0xffff;
        constants[c + k] = bias_of(&r->node->q);
    }
    const tvis_layer_norm_s8_args a = {
        .x = (const int8_t *)r->x[0] + (x_wide ? 2 * at : at),
        .weight = constants,
        .bias = constants + c,
        .y = (int8_t *)r->y[0] + (y_wide ? 2 * at : at),
        .rows = last - first,
        .c = c,
        .shift = r->node->q.shift,
        .eps = tvis_scaled_of(scaled_eps(r->node->p.eps, r->in[0]->scale)),
        .x_wide = x_wide,
        .y_wide = y_wide,
        .by_length = true,
        .zero = r->in[0]->zero,
    };
    tvis_layer_norm_s8[r->kernel[0]].run(&a);
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_l2_norm_s8 = { TVIS_OP_L2_NORM, TVIS_S8, "l2_norm", plan, NULL, run, NULL };
const tvis_op tvis_op_l2_norm_s16 = { TVIS_OP_L2_NORM, TVIS_S16, "l2_norm", plan, NULL, run, NULL };
