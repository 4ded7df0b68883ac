/* SPDX-License-Identifier: MIT */
/* Each pixel's channels divided by their Euclidean norm, or by eps where that is larger: x (n, h, w, c), y (n, h, w,
 * c). A pixel whose divisor is 0 becomes 0. */
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

static void normalize(const float *x, float *y, int32_t c, float eps)
{
    float sum = 0.0f;
    for (int32_t k = 0; k < c; k++)
        sum += x[k] * x[k];
    const float norm = tvis_sqrtf(sum), by = norm < eps ? eps : norm;
    for (int32_t k = 0; k < c; k++)
        y[k] = by == 0.0f ? 0.0f : x[k] / by;
}

static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t *d = r->in_dims[0], c = d[3], rows = d[0] * d[1] * d[2];
    for (int32_t i = tvis_part(rows, part, r->parts, 1); i < tvis_part(rows, part + 1, r->parts, 1); i++)
        normalize((const float *)r->x[0] + (size_t)i * (size_t)c, (float *)r->y[0] + (size_t)i * (size_t)c, c,
                  r->node->p.eps);
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_l2_norm_f32 = { TVIS_OP_L2_NORM, TVIS_F32, "l2_norm", plan, NULL, run, NULL };
