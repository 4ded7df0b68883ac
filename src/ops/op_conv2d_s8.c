/* SPDX-License-Identifier: MIT */
/* 2-D convolution in int8 and int16, as op_conv2d.c; pixels outside of the picture are the zero point. */
#include "ops/conv_shape.h"
#include "ops/dense_s16.h"
#include "ops/winograd_s8.h"

static tvis_status plan_as(tvis_node_plan *p, tvis_dense_planner *dense)
{
    tvis_conv_shape s;
    tvis_status status = tvis_plan_arity(p, 2, 6);
    if (!status)
        status = tvis_conv_plan(p, &s, 1);
    if (status)
        return status;
    const int32_t *w = p->in[1]->dims, groups = p->node->p.conv.groups;
    const int32_t want[4] = { w[0], w[1], w[2], s.ic / groups };
    if (s.ic % groups || w[0] % groups || w[3] != want[3] || (int64_t)w[1] * w[2] * w[3] > TVIS_GEMM_S8_MAX_K)
        return tvis_plan_fail_shape(p, "weights do not fit input channels and groups", want, w);
    p->out_dims[0][3] = w[0];
    status = dense(p, (int64_t)p->out_dims[0][0] * s.oh * s.ow, w[0] / groups, w[1] * w[2] * w[3], groups,
                   tvis_conv_is_direct(&s) ? NULL : &s);
    if (!status)
        (void)tvis_winograd_s8_plan(p, &s);
    return status;
}

static tvis_status plan_s8(tvis_node_plan *p)
{
    return plan_as(p, tvis_dense_s8_plan);
}

static tvis_status plan_s16(tvis_node_plan *p)
{
    return plan_as(p, tvis_dense_s16_plan);
}

static void gather(const tvis_matmul *mm, int32_t row, int32_t count, int32_t group, void *out)
{
    const uint8_t zero = (uint8_t)mm->run->in[0]->zero;
    if (TVIS_LINES && mm->pitch)
        tvis_conv_gather_lines(mm->shape, mm->pitch, mm->x, row, count, zero, out);
    else
        tvis_conv_gather_rows(mm->shape, mm->x, row, count, group, mm->groups, zero, out);
}

static void pack(const tvis_node_plan *p, uint32_t node, void *out)
{
    const int32_t *w = p->in[1]->dims, groups = p->node->p.conv.groups;
    (void)node;
    if (TVIS_PACK_IS_WINOGRAD(p->choice[0].pack))
        tvis_winograd_s8_pack((const int8_t *)(p->model->blob + p->in[1]->offset), w[0], w[3], p->choice[0].pack, out);
    else
        tvis_dense_s8_pack(p, w[0] / groups, w[1] * w[2] * w[3], groups, out);
}

static void run_as(const tvis_node_run *r, tvis_dense_runner *dense)
{
    const int32_t *w = r->in_dims[1], *y = r->out_dims[0], groups = r->node->p.conv.groups;
    const tvis_conv_shape s =
        tvis_conv_geometry(&r->node->p.conv, r->in_dims[0], w, r->in[0]->dtype == TVIS_S8 ? 1 : 2);
    if (tvis_winograd_s8_runs(r->kernel[0])) {
        tvis_winograd_s8_run(r, &s);
        return;
    }
    dense(r, y[0] * y[1] * y[2], w[0] / groups, w[1] * w[2] * w[3], groups, tvis_conv_is_direct(&s) ? NULL : gather,
          &s);
}

static void run_s8(const tvis_node_run *r)
{
    run_as(r, tvis_dense_s8_run);
}

static void run_s16(const tvis_node_run *r)
{
    run_as(r, tvis_dense_s16_run);
}

const tvis_op tvis_op_conv2d_s8 = { TVIS_OP_CONV2D, TVIS_S8, "conv2d", plan_s8, pack, run_s8, NULL };
const tvis_op tvis_op_conv2d_s16 = { TVIS_OP_CONV2D, TVIS_S16, "conv2d", plan_s16, pack, run_s16, NULL };
