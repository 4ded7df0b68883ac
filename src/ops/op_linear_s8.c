/* SPDX-License-Identifier: MIT */
/* Fully connected layer in int8 and int16, as op_linear.c. */
#include "core/port.h"
#include "ops/dense_s16.h"

static tvis_status plan_as(tvis_node_plan *p, tvis_dense_planner *dense)
{
    tvis_status s = tvis_plan_arity(p, 2, 6);
    if (s)
        return s;
    const int32_t *x = p->in_dims[0], *w = p->in[1]->dims, want[4] = { w[0], 1, 1, x[3] };
    if (memcmp(w, want, sizeof want) != 0)
        return tvis_plan_fail_shape(p, "weights", want, w);
    for (int i = 0; i < 3; i++)
        p->out_dims[0][i] = x[i];
    p->out_dims[0][3] = w[0];
    return dense(p, tvis_pixels(x), w[0], x[3], 1, NULL);
}

static tvis_status plan_s8(tvis_node_plan *p)
{
    return plan_as(p, tvis_dense_s8_plan);
}

static tvis_status plan_s16(tvis_node_plan *p)
{
    return plan_as(p, tvis_dense_s16_plan);
}

static void pack(const tvis_node_plan *p, uint32_t node, void *out)
{
    (void)node;
    tvis_dense_s8_pack(p, p->in[1]->dims[0], p->in[1]->dims[3], 1, out);
}

static void run_as(const tvis_node_run *r, tvis_dense_runner *dense)
{
    const int32_t *x = r->in_dims[0];
    dense(r, x[0] * x[1] * x[2], r->in_dims[1][0], x[3], 1, NULL, NULL);
}

static void run_s8(const tvis_node_run *r)
{
    run_as(r, tvis_dense_s8_run);
}

static void run_s16(const tvis_node_run *r)
{
    run_as(r, tvis_dense_s16_run);
}

const tvis_op tvis_op_linear_s8 = { TVIS_OP_LINEAR, TVIS_S8, "linear", plan_s8, pack, run_s8, NULL };
const tvis_op tvis_op_linear_s16 = { TVIS_OP_LINEAR, TVIS_S16, "linear", plan_s16, pack, run_s16, NULL };
