/* SPDX-License-Identifier: MIT */
/* Activation on its own, and the sum of two tensors: y = act(x), y = act(a + b). Conversion fuses most of them away. */
#include "core/op.h"
#include "core/port.h"
#include "ops/act.h"

static tvis_status check(tvis_node_plan *p, uint32_t inputs)
{
    tvis_status s = tvis_plan_arity(p, inputs, inputs);
    for (uint32_t i = 0; !s && i < inputs; i++)
        if (p->in[i]->dtype != TVIS_F32)
            s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "float input is needed");
    if (!s && memcmp(p->in_dims[0], p->in_dims[inputs - 1], sizeof p->x_dims) != 0)
        s = tvis_plan_fail_shape(p, "both sides of the sum", p->in_dims[0], p->in_dims[inputs - 1]);
    if (!s && tvis_elements(p->in_dims[0]) > INT32_MAX)
        s = tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 elements");
    return s ? s : tvis_plan_elementwise(p);
}

static tvis_status plan_activation(tvis_node_plan *p)
{
    return check(p, 1);
}

static tvis_status plan_add(tvis_node_plan *p)
{
    return check(p, 2);
}

/* b is NULL for an activation. */
static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t n = (int32_t)tvis_elements(r->in_dims[0]);
    const float *a = r->x[0], *b = r->node->in_count > 1 ? r->x[1] : NULL;
    float *y = r->y[0], lo, hi;
    tvis_act_range(r->node->act, &lo, &hi);
    const int32_t first = tvis_part(n, part, r->parts, 16), last = tvis_part(n, part + 1, r->parts, 16);
    for (int32_t i = first; i < last; i++) {
        float v = b ? a[i] + b[i] : a[i];
        v = v < lo ? lo : v;
        y[i] = v > hi ? hi : v;
    }
    tvis_act_apply(r->cpu, r->node->act, y + first, 1, last - first, last - first);
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_activation_f32 = { TVIS_OP_ACTIVATION, TVIS_F32, "activation", plan_activation, NULL, run, NULL };
const tvis_op tvis_op_add_f32 = { TVIS_OP_ADD, TVIS_F32, "add", plan_add, NULL, run, NULL };
