/* SPDX-License-Identifier: MIT */
/* Global average pool: x (n, h, w, c), y (n, 1, 1, c). Sums of rows are added up, so that the error grows with h + w,
 * not h * w. */
#include "core/op.h"
#include "core/port.h"

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
    p->kernel_name = "c";
    p->scratch = (uint32_t)x[3] * (uint32_t)sizeof(float);
    return TVIS_OK;
}

/* Channels [first, last) of picture n. */
static void pool(const tvis_node_run *r, int32_t n, int32_t first, int32_t last, float *row_sum)
{
    const int32_t *d = r->in_dims[0], h = d[1], w = d[2];
    const size_t c = (size_t)d[3];
    const float *x = (const float *)r->x[0] + (size_t)n * (size_t)h * (size_t)w * c;
    float *y = (float *)r->y[0] + (size_t)n * c;
    for (int32_t k = first; k < last; k++)
        y[k] = 0.0f;
    for (int32_t i = 0; i < h; i++) {
        for (int32_t k = first; k < last; k++)
            row_sum[k] = 0.0f;
        for (int32_t j = 0; j < w; j++, x += c)
            for (int32_t k = first; k < last; k++)
                row_sum[k] += x[k];
        for (int32_t k = first; k < last; k++)
            y[k] += row_sum[k];
    }
    for (int32_t k = first; k < last; k++)
        y[k] /= (float)h * (float)w;
}

static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t c = r->in_dims[0][3];
    float *row_sum = (float *)(void *)(r->scratch + (size_t)part * r->scratch_bytes);
    for (int32_t n = 0; n < r->in_dims[0][0]; n++)
        pool(r, n, tvis_part(c, part, r->parts, 16), tvis_part(c, part + 1, r->parts, 16), row_sum);
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_global_avg_pool_f32 = {
    TVIS_OP_GLOBAL_AVG_POOL, TVIS_F32, "global_avg_pool", plan, NULL, run, NULL
};
