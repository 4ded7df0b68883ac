/* SPDX-License-Identifier: MIT */
/* Fully connected layer over the last dimension: x (…, k), weights (n, 1, 1, k), bias (n), add (…, n): y (…, n). */
#include "core/port.h"
#include "ops/matmul.h"

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
    s = tvis_plan_vector(p, 2, TVIS_F32, w->dims[0]);
    if (s)
        return s;
    for (int i = 0; i < 3; i++)
        p->out_dims[0][i] = x[i];
    p->out_dims[0][3] = w->dims[0];
    if (p->node->in_count > 3 && p->in[3]) {
        if (p->in[3]->dtype != TVIS_F32 || memcmp(p->in_dims[3], p->out_dims[0], sizeof p->out_dims[0]) != 0)
            return tvis_plan_fail_shape(p, "the tensor to add", p->out_dims[0], p->in_dims[3]);
        p->in_place = 3;
    }
    const tvis_matrix shape = { .n = w->dims[0], .k = x[3], .groups = 1 };
    return tvis_matmul_plan(p, tvis_elements(x) / x[3], &shape, false);
}

static void pack(const tvis_node_plan *p, uint32_t node, void *out)
{
    const tvis_matrix shape = { .n = p->in[1]->dims[0], .k = p->in[1]->dims[3], .groups = 1 };
    tvis_matrix_pack(p, node, 1, &shape, out);
}

static void run(const tvis_node_run *r)
{
    const int32_t *x = r->in_dims[0];
    tvis_matmul mm = {
        .run = r,
        .mx = { .n = r->in_dims[1][0], .k = x[3], .groups = 1 },
        .x = r->x[0],
        .bias = r->x[2],
        .add = r->x[3],
        .y = r->y[0],
        .m = x[0] * x[1] * x[2],
    };
    tvis_matrix_bind(&mm.mx, r, 0, 1);
    tvis_matmul_run(&mm);
}

const tvis_op tvis_op_linear_f32 = { TVIS_OP_LINEAR, TVIS_F32, "linear", plan, pack, run, NULL };
