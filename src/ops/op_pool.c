/* SPDX-License-Identifier: MIT */
/* Global average pool: x (n, h, w, c), y (n, 1, 1, c). Sums of rows are added up, so that the error grows with h + w,
 * not h * w. */
#include "core/op.h"
#include "core/port.h"
#include "ops/channels.h"

static tvis_status plan(tvis_node_plan *p)
{
    tvis_status s = tvis_plan_arity(p, 1, 1);
    if (s)
        return s;
    if (p->in[0]->dtype != TVIS_F32)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "float input is needed");
    if (p->node->act != TVIS_ACT_NONE)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_ENUM, "no activation can follow");
    const int32_t *x = p->in_dims[0];
    const int32_t y[4] = { x[0], 1, 1, x[3] };
    memcpy(p->out_dims[0], y, sizeof y);
    p->choice[0].kernel = tvis_channels_choose(p->config->cpu);
    p->kernel_name = tvis_channels_f32[p->choice[0].kernel].k.name;
    return TVIS_OK;
}

/* Channels [first, last) of every picture. */
static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t *d = r->in_dims[0], first = tvis_part(d[3], part, r->parts, 64);
    const int32_t count = tvis_part(d[3], part + 1, r->parts, 64) - first;
    const size_t c = (size_t)d[3], row = (size_t)d[2] * c;
    for (int32_t n = 0; n < d[0] && count > 0; n++) {
        const float *x = (const float *)r->x[0] + (size_t)n * (size_t)d[1] * row + first;
        float *y = (float *)r->y[0] + (size_t)n * c + first;
        memset(y, 0, (size_t)count * sizeof *y);
        for (int32_t i = 0; i < d[1]; i++)
            tvis_channels_f32[r->kernel[0]].sum(x + (size_t)i * row, (ptrdiff_t)c, d[2], count, y);
        for (int32_t k = 0; k < count; k++)
            y[k] /= (float)d[1] * (float)d[2];
    }
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_global_avg_pool_f32 = {
    TVIS_OP_GLOBAL_AVG_POOL, TVIS_F32, "global_avg_pool", plan, NULL, run, NULL
};
