/* SPDX-License-Identifier: MIT */
/* Reshape of the elements in their NHWC order, and flatten in PyTorch's order (channels outermost). In place where the
 * order does not change and the input ends here. */
#include "core/op.h"
#include "core/port.h"

static tvis_status plan(tvis_node_plan *p)
{
    const tvis_reshape_params *want = &p->node->p.reshape;
    const int32_t *x = p->in_dims[0];
    int32_t *y = p->out_dims[0];
    tvis_status s = tvis_plan_arity(p, 1, 1);
    if (s)
        return s;
    if (p->in[0]->dtype != TVIS_F32 || p->node->act != TVIS_ACT_NONE)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "float input and no activation are needed");
    for (int i = 0; i < 4; i++)
        y[i] = want->dims[i] ? want->dims[i] : x[i];
    if (want->flatten) {
        if ((int64_t)x[1] * x[2] * x[3] > TVIS_MAX_DIM)
            return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^24 elements a picture");
        y[1] = y[2] = 1;
        y[3] = x[1] * x[2] * x[3];
    }
    int64_t left = tvis_elements(x);
    for (int i = 0; i < 4; i++)
        left = y[i] && left % y[i] == 0 ? left / y[i] : 0;
    if (left != 1)
        return tvis_plan_fail_shape(p, "another number of elements", y, x);
    p->kernel_name = "c";
    p->in_place = want->flatten && x[1] * x[2] > 1 && x[3] > 1 ? -1 : 0;
    return TVIS_OK;
}

static void run(const tvis_node_run *r)
{
    const int32_t *d = r->in_dims[0];
    const size_t hw = (size_t)d[1] * (size_t)d[2], c = (size_t)d[3];
    const float *x = r->x[0];
    float *y = r->y[0];
    if (!r->node->p.reshape.flatten || hw == 1 || c == 1) {
        if (x != y)
            memcpy(y, x, (size_t)tvis_elements(d) * sizeof *y);
        return;
    }
    for (int32_t n = 0; n < d[0]; n++, x += hw * c, y += hw * c)
        for (size_t i = 0; i < hw; i++)
            for (size_t k = 0; k < c; k++)
                y[k * hw + i] = x[i * c + k];
}

const tvis_op tvis_op_reshape_f32 = { TVIS_OP_RESHAPE, TVIS_F32, "reshape", plan, NULL, run, NULL };
