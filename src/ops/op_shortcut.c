/* SPDX-License-Identifier: MIT */
/* ResNet's shortcut without weights ("option A": He et al. 2016): every stride-th pixel of x (n, h, w, c), and zero
 * channels in front and behind: y (n, ceil(h / stride), ceil(w / stride), before + c + after). In int8, zero is the
 * zero point. */
#include "core/port.h"
#include "ops/moves.h"

static tvis_status plan(tvis_node_plan *p)
{
    tvis_status status = tvis_plan_moves(p);
    if (status)
        return status;
    const tvis_shortcut_params *s = &p->node->p.shortcut;
    const int32_t *x = p->in_dims[0];
    const int32_t y[4] = { x[0], (x[1] - 1) / s->stride + 1, (x[2] - 1) / s->stride + 1, s->before + x[3] + s->after };
    if ((int64_t)y[0] * y[1] > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 rows");
    memcpy(p->out_dims[0], y, sizeof y);
    p->kernel_name = "c";
    return TVIS_OK;
}

/* Zero points are 0 but for bytes. */
static uint8_t *zeros(uint8_t *y, size_t bytes, int32_t zero)
{
    memset(y, (uint8_t)zero, bytes);
    return y + bytes;
}

/* Output rows [first, last) of the whole batch. */
static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_shortcut_params *s = &r->node->p.shortcut;
    const int32_t *in = r->in_dims[0], *out = r->out_dims[0], rows = out[0] * out[1];
    const size_t size = tvis_moved_size(r), c = (size_t)in[3] * size, row = (size_t)in[2] * c;
    const int32_t zero = r->in[0]->zero;
    const int32_t last = tvis_part(rows, part + 1, r->parts, 1);
    for (int32_t i = tvis_part(rows, part, r->parts, 1); i < last; i++) {
        const size_t from = (size_t)(i / out[1]) * (size_t)in[1] + (size_t)(i % out[1]) * s->stride;
        const uint8_t *x = (const uint8_t *)r->x[0] + from * row;
        uint8_t *y = (uint8_t *)r->y[0] + (size_t)i * (size_t)out[2] * (size_t)out[3] * size;
        for (int32_t j = 0; j < out[2]; j++) {
            y = zeros(y, s->before * size, zero);
            memcpy(y, x + (size_t)j * s->stride * c, c);
            y = zeros(y + c, s->after * size, zero);
        }
    }
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_shortcut_f32 = { TVIS_OP_SHORTCUT, TVIS_F32, "shortcut", plan, NULL, run, NULL };
const tvis_op tvis_op_shortcut_s8 = { TVIS_OP_SHORTCUT, TVIS_S8, "shortcut", plan, NULL, run, NULL };
const tvis_op tvis_op_shortcut_s16 = { TVIS_OP_SHORTCUT, TVIS_S16, "shortcut", plan, NULL, run, NULL };
