/* SPDX-License-Identifier: MIT */
/* 2-D convolution as a matrix product over gathered patches: x (n, h, w, c), weights (o, kh, kw, c / groups), bias (o),
 * add (n, oh, ow, o): y = act(x * w + bias + add). The definition is PyTorch's Conv2d (cross-correlation). */
#include "core/port.h"
#include "ops/conv_shape.h"
#include "ops/dense.h"
#include "ops/winograd.h"

static tvis_matrix matrix(const tvis_conv_params *p, const int32_t *w)
{
    return (tvis_matrix){ .n = w[0] / p->groups, .k = w[1] * w[2] * w[3], .groups = p->groups };
}

static tvis_status plan(tvis_node_plan *p)
{
    tvis_conv_shape s;
    const int32_t groups = p->node->p.conv.groups;
    tvis_status status = tvis_plan_arity(p, 2, 4);
    if (!status)
        status = tvis_conv_plan(p, &s, sizeof(float));
    if (status)
        return status;
    const int32_t *w = p->in[1]->dims;
    const int32_t want[4] = { w[0], w[1], w[2], s.ic / groups };
    if (s.ic % groups || w[0] % groups || w[3] != want[3])
        return tvis_plan_fail_shape(p, "weights do not fit input channels and groups", want, w);
    if ((int64_t)w[1] * w[2] * w[3] > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 weights an output");
    p->out_dims[0][3] = w[0];
    int64_t rows = (int64_t)p->out_dims[0][0] * s.oh * s.ow; /* dimensions are at most 2^24, batch 2^16: no overflow */
    const tvis_matrix shape = matrix(&p->node->p.conv, w);
    status = tvis_dense_plan(p, rows, &shape, tvis_conv_is_direct(&s) ? NULL : &s);
    if (!status)
        (void)tvis_winograd_plan(p, 0, 1, &s);
    return status;
}

static void gather(const tvis_matmul *mm, int32_t row, int32_t count, int32_t group, void *out)
{
    if (TVIS_LINES && mm->pitch)
        tvis_conv_gather_lines(mm->shape, mm->pitch, mm->x, row, count, 0, out);
    else
        tvis_conv_gather_rows(mm->shape, mm->x, row, count, group, mm->groups, 0, out);
}

static void pack(const tvis_node_plan *p, uint32_t node, void *out)
{
    const tvis_matrix shape = matrix(&p->node->p.conv, p->in[1]->dims);
    if (TVIS_PACK_IS_WINOGRAD(p->choice[node].pack))
        tvis_winograd_pack_node(p, node, 1, out);
    else
        tvis_matrix_pack(p, node, 1, &shape, out);
}

static void run(const tvis_node_run *r)
{
    const int32_t *y = r->out_dims[0];
    const tvis_conv_shape s = tvis_conv_geometry(&r->node->p.conv, r->in_dims[0], r->in_dims[1], sizeof(float));
    if (tvis_winograd_runs(r->kernel[0])) {
        tvis_winograd_run(r, &s);
        return;
    }
    tvis_dense_run(r, matrix(&r->node->p.conv, r->in_dims[1]), y[0] * y[1] * y[2],
                   tvis_conv_is_direct(&s) ? NULL : gather, &s);
}

const tvis_op tvis_op_conv2d_f32 = { TVIS_OP_CONV2D, TVIS_F32, "conv2d", plan, pack, run, NULL };
