/* SPDX-License-Identifier: MIT */
/* Softmax over the last dimension, with the maximum taken off first: x (…, c), y (…, c). */
#include "core/math.h"
#include "core/op.h"
#include "core/port.h"

static tvis_status plan(tvis_node_plan *p)
{
    tvis_status s = tvis_plan_arity(p, 1, 1);
    if (!s && p->in[0]->dtype != TVIS_F32)
        s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "float input is needed");
    if (!s && p->node->act != TVIS_ACT_NONE)
        s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_ENUM, "no activation can follow");
    return s ? s : tvis_plan_elementwise(p);
}

static void softmax(const float *x, float *y, int32_t c)
{
    float max = x[0], sum = 0.0f;
    for (int32_t k = 1; k < c; k++)
        max = x[k] > max ? x[k] : max;
    for (int32_t k = 0; k < c; k++) {
        y[k] = tvis_expf(x[k] - max);
        sum += y[k];
    }
    for (int32_t k = 0; k < c; k++)
        y[k] /= sum;
}

static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t *d = r->in_dims[0], c = d[3], rows = d[0] * d[1] * d[2];
    for (int32_t i = tvis_part(rows, part, r->parts, 1); i < tvis_part(rows, part + 1, r->parts, 1); i++)
        softmax((const float *)r->x[0] + (size_t)i * (size_t)c, (float *)r->y[0] + (size_t)i * (size_t)c, c);
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_softmax_f32 = { TVIS_OP_SOFTMAX, TVIS_F32, "softmax", plan, NULL, run, NULL };
