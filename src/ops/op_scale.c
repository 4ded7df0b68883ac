/* SPDX-License-Identifier: MIT */
/* Each channel times a factor of its picture: x (n, h, w, c), s (n, 1, 1, c), y = x * s (squeeze-excite; Hu et al.
 * 2018).
 */
#include "core/op.h"
#include "core/port.h"
#include "ops/channels.h"

static tvis_status plan(tvis_node_plan *p)
{
    tvis_status s = tvis_plan_arity(p, 2, 2);
    if (s)
        return s;
    if (p->in[0]->dtype != TVIS_F32 || p->in[1]->dtype != TVIS_F32 || p->node->act != TVIS_ACT_NONE)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "float inputs and no activation are needed");
    const int32_t *x = p->in_dims[0], want[4] = { x[0], 1, 1, x[3] };
    if (memcmp(p->in_dims[1], want, sizeof want) != 0)
        return tvis_plan_fail_shape(p, "factors of the channels", want, p->in_dims[1]);
    if ((int64_t)x[0] * x[1] * x[2] > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 pixels");
    s = tvis_plan_elementwise(p);
    p->choice[0].kernel = tvis_channels_choose(p->config->cpu);
    p->kernel_name = tvis_channels_f32[p->choice[0].kernel].k.name;
    return s;
}

/* Pixels [first, last) of the whole batch. */
static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t *d = r->in_dims[0], c = d[3], picture = d[1] * d[2], pixels = d[0] * picture;
    const int32_t last = tvis_part(pixels, part + 1, r->parts, 1);
    for (int32_t i = tvis_part(pixels, part, r->parts, 1), count; i < last; i += count) {
        const size_t at = (size_t)i * (size_t)c;
        const float *s = (const float *)r->x[1] + (size_t)(i / picture) * (size_t)c;
        count = picture - i % picture < last - i ? picture - i % picture : last - i;
        tvis_channels_f32[r->kernel[0]].scale((const float *)r->x[0] + at, s, count, c, (float *)r->y[0] + at);
    }
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_scale_f32 = { TVIS_OP_SCALE, TVIS_F32, "scale", plan, NULL, run, NULL };
