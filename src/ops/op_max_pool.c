/* SPDX-License-Identifier: MIT */
/* Maximum pooling: x (n, h, w, c), y (n, oh, ow, c). Pixels outside of the picture do not count. */
#include "core/port.h"
#include "ops/channels.h"
#include "ops/max_pool.h"

void tvis_max_pool_row(const tvis_conv_shape *s, const float *const *rows, uint16_t kernel, float *y)
{
    const float *window[TVIS_MAX_KERNEL];
    for (int32_t ox = 0; ox < s->ow; ox++, y += s->ic) {
        const int32_t x0 = ox * s->stride[1] - s->left, x1 = x0 + s->kw < s->iw ? x0 + s->kw : s->iw;
        const int32_t first = x0 < 0 ? 0 : x0;
        int32_t count = 0;
        for (int32_t ky = 0; ky < s->kh; ky++)
            if (rows[ky])
                window[count++] = rows[ky] + (size_t)first * (size_t)s->ic;
        tvis_channels_f32[kernel].max(window, count, x1 - first, s->ic, y);
    }
}

static tvis_status plan(tvis_node_plan *p)
{
    tvis_status status = tvis_plan_arity(p, 1, 1);
    if (!status && (p->in[0]->dtype != TVIS_F32 || p->node->act != TVIS_ACT_NONE))
        status = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "float input and no activation are needed");
    if (status)
        return status;
    const tvis_conv_shape s = tvis_pool_geometry(&p->node->p.pool, p->in_dims[0]);
    if (s.kh > (int32_t)TVIS_MAX_KERNEL || s.oh < 1 || s.ow < 1)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_SHAPE,
                              "the window is over 32 rows or larger than the padded input");
    const int32_t y[4] = { p->in_dims[0][0], s.oh, s.ow, s.ic };
    memcpy(p->out_dims[0], y, sizeof y);
    p->choice[0].kernel = tvis_channels_choose(p->config->cpu);
    p->kernel_name = tvis_channels_f32[p->choice[0].kernel].k.name;
    return TVIS_OK;
}

static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_conv_shape s = tvis_pool_geometry(&r->node->p.pool, r->in_dims[0]);
    const int32_t total = r->out_dims[0][0] * s.oh;
    const size_t picture = (size_t)s.ih * (size_t)s.iw * (size_t)s.ic, row = (size_t)s.ow * (size_t)s.ic;
    const float *rows[TVIS_MAX_KERNEL];
    for (int32_t i = tvis_part(total, part, r->parts, 1); i < tvis_part(total, part + 1, r->parts, 1); i++) {
        for (int32_t ky = 0; ky < s.kh; ky++)
            rows[ky] = tvis_conv_row(&s, (const float *)r->x[0] + (size_t)(i / s.oh) * picture, i % s.oh, ky);
        tvis_max_pool_row(&s, rows, r->kernel[0], (float *)r->y[0] + (size_t)i * row);
    }
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_max_pool_f32 = { TVIS_OP_MAX_POOL, TVIS_F32, "max_pool", plan, NULL, run, NULL };
