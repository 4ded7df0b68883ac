/* SPDX-License-Identifier: MIT */
/* Fully connected layer over the last dimension: x (…, k), weights (n, 1, 1, k), bias (n), add (…, n): y (…, n). */
#include "core/port.h"
#include "ops/dense.h"

static tvis_status plan(tvis_node_plan *p)
{
    tvis_status s = tvis_plan_arity(p, 2, 4);
    if (s)
        return s;
    const tvis_blob_tensor *w = p->in[1];
    const int32_t *x = p->in_dims[0], want[4] = { w->dims[0], 1, 1, x[3] };
    if (p->in[0]->dtype != TVIS_F32 || !tvis_plan_float_weights(p, 1))
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "float input and constant float weights are needed");
    if (memcmp(w->dims, want, sizeof want) != 0)
        return tvis_plan_fail_shape(p, "weights", want, w->dims);
    for (int i = 0; i < 3; i++)
        p->out_dims[0][i] = x[i];
    p->out_dims[0][3] = w->dims[0];
    const tvis_matrix shape = { .n = w->dims[0], .k = x[3], .groups = 1 };
    return tvis_dense_plan(p, tvis_pixels(x), &shape, NULL);
}

static void pack(const tvis_node_plan *p, uint32_t node, void *out)
{
    const tvis_matrix shape = { .n = p->in[1]->dims[0], .k = p->in[1]->dims[3], .groups = 1 };
    tvis_matrix_pack(p, node, 1, &shape, out);
}

static void run(const tvis_node_run *r)
{
    const int32_t *x = r->in_dims[0];
    const tvis_matrix shape = { .n = r->in_dims[1][0], .k = x[3], .groups = 1 };
    tvis_dense_run(r, shape, x[0] * x[1] * x[2], NULL, NULL);
}

const tvis_op tvis_op_linear_f32 = { TVIS_OP_LINEAR, TVIS_F32, "linear", plan, pack, run, NULL };
