/* SPDX-License-Identifier: MIT */
/* ResNet's shortcut without weights ("option A": He et al. 2016): every stride-th pixel of x (n, h, w, c), and zero
 * channels in front and behind: y (n, ceil(h / stride), ceil(w / stride), before + c + after). */
#include "core/op.h"
#include "core/port.h"

static tvis_status plan(tvis_node_plan *p)
{
    tvis_status status = tvis_plan_arity(p, 1, 1);
    if (status)
        return status;
    if (p->in[0]->dtype != TVIS_F32 || p->node->act != TVIS_ACT_NONE)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "float input and no activation are needed");
    const tvis_shortcut_params *s = &p->node->p.shortcut;
    const int32_t *x = p->in_dims[0];
    const int32_t y[4] = { x[0], (x[1] - 1) / s->stride + 1, (x[2] - 1) / s->stride + 1, s->before + x[3] + s->after };
    if ((int64_t)y[0] * y[1] > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 rows");
    memcpy(p->out_dims[0], y, sizeof y);
    p->kernel_name = "c";
    return TVIS_OK;
}

static float *zeros(float *y, uint16_t n)
{
    memset(y, 0, n * sizeof *y);
    return y + n;
}

/* Output rows [first, last) of the whole batch. */
static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_shortcut_params *s = &r->node->p.shortcut;
    const int32_t *in = r->in_dims[0], *out = r->out_dims[0], rows = out[0] * out[1];
    const size_t c = (size_t)in[3], row = (size_t)in[2] * c;
    const int32_t last = tvis_part(rows, part + 1, r->parts, 1);
    for (int32_t i = tvis_part(rows, part, r->parts, 1); i < last; i++) {
        const size_t from = (size_t)(i / out[1]) * (size_t)in[1] + (size_t)(i % out[1]) * s->stride;
        const float *x = (const float *)r->x[0] + from * row;
        float *y = (float *)r->y[0] + (size_t)i * (size_t)out[2] * (size_t)out[3];
        for (int32_t j = 0; j < out[2]; j++) {
            y = zeros(y, s->before);
            memcpy(y, x + (size_t)j * s->stride * c, c * sizeof *y);
            y = zeros(y + c, s->after);
        }
    }
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_shortcut_f32 = { TVIS_OP_SHORTCUT, TVIS_F32, "shortcut", plan, NULL, run, NULL };
