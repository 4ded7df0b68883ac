/* SPDX-License-Identifier: MIT */
/* Operators that move values and compute nothing: one function for floats, S8 and S16. */
#ifndef TVIS_OPS_MOVES_H
#define TVIS_OPS_MOVES_H

#include "core/op.h"

/* One input and one output of the same type, of integers with the same scale and zero point, and no activation. */
static inline tvis_status tvis_plan_moves(const tvis_node_plan *p)
{
    const tvis_blob_tensor *x = p->in[0];
    tvis_status s = tvis_plan_arity(p, 1, 1);
    if (s)
        return s;
    const tvis_blob_tensor *y = &tvis_tensors(p->model)[tvis_ids(p->model)[p->node->ids + p->node->in_count]];
    const bool known = x->dtype == TVIS_F32 || x->dtype == TVIS_S8 || x->dtype == TVIS_S16;
    if (!known || y->dtype != x->dtype || p->node->act != TVIS_ACT_NONE)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE,
                              "floats or integers, the same on both sides, and no activation are needed");
    if (y->zero != x->zero || y->scale < x->scale || y->scale > x->scale)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_VALUE,
                              "the same scale and zero point are needed on both sides");
    return TVIS_OK;
}

static inline size_t tvis_moved_size(const tvis_node_run *r)
{
    return tvis_dtype_size((tvis_dtype)r->in[0]->dtype);
}

#endif
