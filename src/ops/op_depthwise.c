/* SPDX-License-Identifier: MIT */
/* Depthwise convolution: x (n, h, w, c), weights (1, kh, kw, c), bias (c): y (n, oh, ow, c). */
#include "core/half.h"
#include "core/port.h"
#include "ops/act.h"
#include "ops/conv_shape.h"
#include "ops/depthwise.h"

static tvis_status plan(tvis_node_plan *p)
{
    tvis_conv_shape s;
    tvis_status status = tvis_plan_arity(p, 2, 3);
    if (!status)
        status = tvis_conv_plan(p, &s, sizeof(float));
    if (status)
        return status;
    const int32_t *w = p->in[1]->dims, want[4] = { 1, w[1], w[2], s.ic };
    if (w[0] != 1 || w[3] != s.ic || p->in[1]->pack != TVIS_PACK_PLAIN || p->node->p.conv.groups != 1)
        return tvis_plan_fail_shape(p, "weights", want, w);
    p->out_dims[0][3] = s.ic;
    status = tvis_plan_vector(p, 2, TVIS_F32, s.ic);
    if (status)
        return status;
    p->choice[0].kernel = tvis_depthwise_choose(p->config->cpu);
    p->kernel_name = tvis_depthwise_f32[p->choice[0].kernel].k.name;
    if ((int64_t)p->out_dims[0][0] * s.oh > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 rows");
    if (p->in[1]->bytes > INT32_MAX / 2)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "weights of more than 1 GiB");
    p->scratch = tvis_depthwise_scratch(p->in[1]);
    p->macs = (uint64_t)tvis_elements(p->out_dims[0]) * (uint64_t)w[1] * (uint64_t)w[2];
    return TVIS_OK;
}

tvis_depthwise_f32_args tvis_conv_depthwise_args(const tvis_conv_shape *s, const float *w, const float *bias,
                                                 const float *const *rows)
{
    return (tvis_depthwise_f32_args){
        .rows = rows,
        .w = w,
        .bias = bias,
        .iw = s->iw,
        .ow = s->ow,
        .c = s->ic,
        .kh = s->kh,
        .kw = s->kw,
        .stride = s->stride[1],
        .pad = s->left,
        .dilation = s->dilation[1],
    };
}

static size_t elements(const tvis_blob_tensor *w)
{
    return (size_t)w->dims[1] * (size_t)w->dims[2] * (size_t)w->dims[3];
}

uint32_t tvis_depthwise_scratch(const tvis_blob_tensor *w)
{
    return w->dtype == TVIS_F16 ? (uint32_t)(elements(w) * sizeof(float))
                                : 0; /* twice the blob's bytes: plan refuses more than 2^31 */
}

const float *tvis_depthwise_weights(const tvis_blob_tensor *w, const void *data, float *scratch)
{
    if (w->dtype == TVIS_F32)
        return data;
    tvis_half_expand(data, elements(w), scratch);
    return scratch;
}

uint16_t tvis_depthwise_choose(uint32_t cpu)
{
    uint16_t i = 0;
    while (tvis_depthwise_f32[i].k.cpu & ~cpu)
        i++;
    return i;
}

/* Output rows from i on: as many as there are before `end` in the same picture where the kernel takes them at once.
 * Returns how many. */
static int32_t run_rows(const tvis_node_run *r, const tvis_conv_shape *s, tvis_depthwise_f32_args *a, int32_t i,
                        int32_t end)
{
    const tvis_depthwise_f32_variant *v = &tvis_depthwise_f32[r->kernel[0]];
    const float *x = (const float *)r->x[0] + (size_t)(i / s->oh) * (size_t)s->ih * (size_t)s->iw * (size_t)s->ic;
    const float *rows[TVIS_MAX_KERNEL];
    const int32_t oy = i % s->oh, left = s->oh - oy < end - i ? s->oh - oy : end - i;
    if (v->run_picture) {
        const tvis_depthwise_f32_picture p = { x, s->ih, oy, left, s->stride[0], s->top, s->dilation[0] };
        v->run_picture(a, &p);
        return left;
    }
    for (int32_t ky = 0; ky < s->kh; ky++)
        rows[ky] = tvis_conv_row(s, x, oy, ky);
    a->rows = rows;
    v->run(a);
    return 1;
}

/* Rows [first, last) of all pictures of the batch. */
static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_conv_shape s = tvis_conv_geometry(&r->node->p.conv, r->in_dims[0], r->in_dims[1], sizeof(float));
    const int32_t total = r->out_dims[0][0] * s.oh, end = tvis_part(total, part + 1, r->parts, 1);
    const size_t out_row = (size_t)s.ow * (size_t)s.ic;
    float *scratch = (float *)(void *)(r->scratch + (size_t)part * r->scratch_bytes);
    const float *w = tvis_depthwise_weights(r->in[1], r->x[1], scratch);
    tvis_depthwise_f32_args a = tvis_conv_depthwise_args(&s, w, r->x[2], NULL);
    tvis_act_range(r->node->act, &a.lo, &a.hi);
    for (int32_t i = tvis_part(total, part, r->parts, 1), some; i < end; i += some) {
        a.y = (float *)r->y[0] + (size_t)i * out_row;
        some = run_rows(r, &s, &a, i, end);
        tvis_act_apply(r->cpu, r->node->act, a.y, some * s.ow, s.ic, s.ic);
    }
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_depthwise_f32 = { TVIS_OP_DEPTHWISE, TVIS_F32, "depthwise", plan, NULL, run, NULL };
