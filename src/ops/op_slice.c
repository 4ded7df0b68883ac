/* SPDX-License-Identifier: MIT */
/* A range of tokens: x (n, 1, t, c), y (n, 1, count, c). */
#include "core/port.h"
#include "ops/moves.h"

static tvis_status plan(tvis_node_plan *p)
{
    tvis_status s = tvis_plan_moves(p);
    if (s)
        return s;
    const tvis_slice_params *range = &p->node->p.slice;
    const int32_t *x = p->in_dims[0], left = x[2] - range->begin;
    if (x[1] != 1 || left < 1 || range->count > left)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_SHAPE, "not tokens, or a range past the last of them");
    const int32_t y[4] = { x[0], 1, range->count ? range->count : left, x[3] };
    memcpy(p->out_dims[0], y, sizeof y);
    p->kernel_name = "c";
    return TVIS_OK;
}

static void run(const tvis_node_run *r)
{
    const size_t token = (size_t)r->in_dims[0][3] * tvis_moved_size(r), in = (size_t)r->in_dims[0][2] * token;
    const size_t out = (size_t)r->out_dims[0][2] * token;
    const uint8_t *x = (const uint8_t *)r->x[0] + (size_t)r->node->p.slice.begin * token;
    uint8_t *y = r->y[0];
    for (int32_t n = 0; n < r->in_dims[0][0]; n++, x += in, y += out)
        memcpy(y, x, out);
}

const tvis_op tvis_op_slice_f32 = { TVIS_OP_SLICE, TVIS_F32, "slice", plan, NULL, run, NULL };
const tvis_op tvis_op_slice_s8 = { TVIS_OP_SLICE, TVIS_S8, "slice", plan, NULL, run, NULL };
const tvis_op tvis_op_slice_s16 = { TVIS_OP_SLICE, TVIS_S16, "slice", plan, NULL, run, NULL };
