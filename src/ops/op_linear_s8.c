/* SPDX-License-Identifier: MIT */
/* Fully connected layer in int8, as op_linear.c. */
#include "core/port.h"
#include "ops/dense_s8.h"

static tvis_status plan(tvis_node_plan *p)
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
    return tvis_dense_s8_plan(p, tvis_elements(x) / x[3], w[0], x[3], 1, false);
}

static void pack(const tvis_node_plan *p, uint32_t node, void *out)
{
    (void)node;
    tvis_dense_s8_pack(p, p->in[1]->dims[0], p->in[1]->dims[3], 1, out);
}

static void run(const tvis_node_run *r)
{
    const int32_t *x = r->in_dims[0];
    tvis_dense_s8_run(r, x[0] * x[1] * x[2], r->in_dims[1][0], x[3], 1, NULL, NULL);
}

const tvis_op tvis_op_linear_s8 = { TVIS_OP_LINEAR, TVIS_S8, "linear", plan, pack, run, NULL };
