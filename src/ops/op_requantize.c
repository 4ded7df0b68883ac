/* SPDX-License-Identifier: MIT */
/* From S8 or S16 to another scale, zero point or width: y = clamp(zero + R(x - zero(x)), lo, hi). */
#include "ops/mixed.h"

static tvis_status plan(tvis_node_plan *p)
{
    const tvis_status s = tvis_plan_mixed(p, 1, 1);
    tvis_plan_mixed_like(p);
    tvis_plan_mixed_kernel(p);
    return s;
}

static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_mixed x = tvis_mixed_in(r, 0);
    const int32_t total = (int32_t)tvis_elements(r->in_dims[0]);
    const int32_t end = tvis_part(total, part + 1, r->parts, TVIS_MIXED_BLOCK);
    tvis_mixed_out out;
    int32_t v[TVIS_MIXED_BLOCK];
    tvis_mixed_begin(r, r->node->q.mul, r->node->q.shift, &out);
    for (int32_t i = tvis_part(total, part, r->parts, TVIS_MIXED_BLOCK), n; i < end; i += n) {
        n = end - i < TVIS_MIXED_BLOCK ? end - i : TVIS_MIXED_BLOCK;
        tvis_mixed_load(&x, (size_t)i, n, v);
        tvis_mixed_write(r, &out, (size_t)i, n, v);
    }
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_requantize_s8 = { TVIS_OP_REQUANTIZE, TVIS_S8, "requantize", plan, NULL, run, NULL };
const tvis_op tvis_op_requantize_s16 = { TVIS_OP_REQUANTIZE, TVIS_S16, "requantize", plan, NULL, run, NULL };
