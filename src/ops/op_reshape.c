/* SPDX-License-Identifier: MIT */
/* Reshape of the elements in their NHWC order, and flatten in PyTorch's order (channels outermost). In place where the
 * order does not change and the input ends here. */
#include "core/port.h"
#include "ops/moves.h"

static tvis_status plan(tvis_node_plan *p)
{
    const tvis_reshape_params *want = &p->node->p.reshape;
    const int32_t *x = p->in_dims[0];
    int32_t *y = p->out_dims[0];
    tvis_status s = tvis_plan_moves(p);
    if (s)
        return s;
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

/* (pixels, channels) to (channels, pixels), elements of `size` bytes. */
static inline void transpose(const uint8_t *x, uint8_t *y, size_t hw, size_t c, size_t size)
{
    for (size_t i = 0; i < hw; i++)
        for (size_t k = 0; k < c; k++)
            memcpy(y + (k * hw + i) * size, x + (i * c + k) * size, size);
}

static void run(const tvis_node_run *r)
{
    const int32_t *d = r->in_dims[0];
    const size_t hw = (size_t)d[1] * (size_t)d[2], c = (size_t)d[3], size = tvis_moved_size(r);
    const uint8_t *x = r->x[0];
    uint8_t *y = r->y[0];
    if (!r->node->p.reshape.flatten || hw == 1 || c == 1) {
        if (x != y)
            memcpy(y, x, (size_t)tvis_elements(d) * size);
        return;
    }
    for (int32_t n = 0; n < d[0]; n++, x += hw * c * size, y += hw * c * size)
        if (size == sizeof(float))
            transpose(x, y, hw, c, sizeof(float));
        else
            transpose(x, y, hw, c, size);
}

const tvis_op tvis_op_reshape_f32 = { TVIS_OP_RESHAPE, TVIS_F32, "reshape", plan, NULL, run, NULL };
const tvis_op tvis_op_reshape_s8 = { TVIS_OP_RESHAPE, TVIS_S8, "reshape", plan, NULL, run, NULL };
const tvis_op tvis_op_reshape_s16 = { TVIS_OP_RESHAPE, TVIS_S16, "reshape", plan, NULL, run, NULL };
