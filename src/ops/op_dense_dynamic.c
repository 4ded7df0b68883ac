/* SPDX-License-Identifier: MIT */
/* Convolution and fully connected layer, as op_conv2d.c and op_linear.c, with weights in int8 and rows of the input
 * rounded on the way: a row is a pixel or token, or the patch under a larger kernel. */
#include "core/port.h"
#include "ops/conv_shape.h"
#include "ops/dense_dynamic.h"
#include "ops/dense_s8.h"

static tvis_status plan_conv2d(tvis_node_plan *p)
{
    tvis_conv_shape s;
    tvis_status status = tvis_plan_arity(p, 2, 6);
    if (!status)
        status = tvis_conv_plan(p, &s, 1);
    if (status)
        return status;
    const int32_t *w = p->in[1]->dims, groups = p->node->p.conv.groups;
    const int32_t want[4] = { w[0], w[1], w[2], s.ic / groups };
    if (s.ic % groups || w[0] % groups || w[3] != want[3] || (int64_t)w[1] * w[2] * w[3] > TVIS_DYNAMIC_MOST)
        return tvis_plan_fail_shape(p, "weights do not fit input channels and groups", want, w);
    p->out_dims[0][3] = w[0];
    return tvis_dense_dynamic_plan(p, (int64_t)p->out_dims[0][0] * s.oh * s.ow, w[0] / groups, w[1] * w[2] * w[3],
                                   groups, tvis_conv_is_direct(&s) ? NULL : &s);
}

static void gather(const tvis_matmul *mm, int32_t row, int32_t count, int32_t group, void *out)
{
    tvis_conv_gather_rows(mm->shape, mm->x, row, count, group, mm->groups, 0, out);
}

static void pack_conv2d(const tvis_node_plan *p, uint32_t node, void *out)
{
    const int32_t *w = p->in[1]->dims, groups = p->node->p.conv.groups;
    (void)node;
    tvis_dense_s8_pack(p, w[0] / groups, w[1] * w[2] * w[3], groups, out);
}

static void run_conv2d(const tvis_node_run *r)
{
    const int32_t *w = r->in_dims[1], *y = r->out_dims[0], groups = r->node->p.conv.groups;
    const tvis_conv_shape s = tvis_conv_geometry(&r->node->p.conv, r->in_dims[0], w, sizeof(float));
    tvis_dense_dynamic_run(r, y[0] * y[1] * y[2], w[0] / groups, w[1] * w[2] * w[3], groups,
                           tvis_conv_is_direct(&s) ? NULL : gather, &s);
}

static tvis_status plan_linear(tvis_node_plan *p)
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
    return tvis_dense_dynamic_plan(p, tvis_pixels(x), w[0], x[3], 1, false);
}

static void pack_linear(const tvis_node_plan *p, uint32_t node, void *out)
{
    (void)node;
    tvis_dense_s8_pack(p, p->in[1]->dims[0], p->in[1]->dims[3], 1, out);
}

static void run_linear(const tvis_node_run *r)
{
    const int32_t *x = r->in_dims[0];
    tvis_dense_dynamic_run(r, x[0] * x[1] * x[2], r->in_dims[1][0], x[3], 1, NULL, NULL);
}

const tvis_op tvis_op_conv2d_dynamic = { TVIS_OP_CONV2D, TVIS_DYNAMIC, "conv2d", plan_conv2d,
                                         pack_conv2d,    run_conv2d,   NULL };
const tvis_op tvis_op_linear_dynamic = { TVIS_OP_LINEAR, TVIS_DYNAMIC, "linear", plan_linear,
                                         pack_linear,    run_linear,   NULL };
