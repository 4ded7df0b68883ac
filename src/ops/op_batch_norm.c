/* SPDX-License-Identifier: MIT */
/* Batch normalisation with stored statistics: y = act((x - mean) / sqrt(var + eps) * weight + bias) by channel; inputs
 * x, weight, bias, mean, var. Conversion folds it into the layer before it; this runs where there is none. Ioffe and
 * Szegedy 2015. */
#include "core/math.h"
#include "core/op.h"
#include "core/port.h"
#include "ops/act.h"

static tvis_status plan(tvis_node_plan *p)
{
    tvis_status s = tvis_plan_arity(p, 5, 5);
    for (uint32_t i = 1; !s && i < 5; i++)
        s = tvis_plan_vector(p, i, TVIS_F32, p->in_dims[0][3]);
    if (!s && p->in[0]->dtype != TVIS_F32)
        s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "float input is needed");
    if (s)
        return s;
    p->scratch = (uint32_t)p->in_dims[0][3] * 2 * (uint32_t)sizeof(float);
    p->macs = (uint64_t)tvis_elements(p->in_dims[0]);
    return tvis_plan_elementwise(p);
}

static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t *d = r->in_dims[0], c = d[3], rows = d[0] * d[1] * d[2];
    const float *weight = r->x[1], *bias = r->x[2], *mean = r->x[3], *var = r->x[4];
    float *scale = (float *)(void *)(r->scratch + (size_t)part * r->scratch_bytes), *shift = scale + c;
    float lo, hi;
    tvis_act_range(r->node->act, &lo, &hi);
    for (int32_t k = 0; k < c; k++) {
        scale[k] = weight[k] / tvis_sqrtf(var[k] + r->node->p.eps);
        shift[k] = bias[k] - mean[k] * scale[k];
    }
    for (int32_t i = tvis_part(rows, part, r->parts, 1); i < tvis_part(rows, part + 1, r->parts, 1); i++) {
        const float *x = (const float *)r->x[0] + (size_t)i * (size_t)c;
        float *y = (float *)r->y[0] + (size_t)i * (size_t)c;
        for (int32_t k = 0; k < c; k++) {
            float v = x[k] * scale[k] + shift[k];
            v = v < lo ? lo : v;
            y[k] = v > hi ? hi : v;
        }
        tvis_act_apply(r->cpu, r->node->act, y, 1, c, c);
    }
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_batch_norm_f32 = { TVIS_OP_BATCH_NORM, TVIS_F32, "batch_norm", plan, NULL, run, NULL };
