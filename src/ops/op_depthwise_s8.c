/* SPDX-License-Identifier: MIT */
/* Depthwise convolution in int8, as op_depthwise.c; inputs as in dense_s8.h, but nothing is added, and the bias holds
 * nothing for the zero point of x. */
#include "core/port.h"
#include "ops/conv_shape.h"
#include "ops/dense_s8.h"
#include "ops/depthwise_s8.h"

static bool usable(const tvis_kernel *k, const tvis_node_plan *p)
{
    const int32_t *w = p->in[1]->dims;
    return !(k->cpu & ~p->config->cpu) && tvis_depthwise_s8_fits(k, w[1], w[2], p->node->p.conv.dilation[1]);
}

static uint32_t packed_bytes(const tvis_kernel *k, const int32_t *w)
{
    return k->pack == TVIS_PACK_PLAIN ? 0 : (uint32_t)tvis_depthwise_s8_packed(w[1], w[2], w[3], k->pack);
}

static tvis_status plan(tvis_node_plan *p)
{
    tvis_conv_shape s;
    tvis_status status = tvis_plan_arity(p, 2, 6);
    if (!status)
        status = tvis_conv_plan(p, &s, 1);
    if (status)
        return status;
    const int32_t *w = p->in[1]->dims, want[4] = { 1, w[1], w[2], s.ic };
    if (w[0] != 1 || w[3] != s.ic || p->node->p.conv.groups != 1 || p->in[TVIS_S8_ADD])
        return tvis_plan_fail_shape(p, "weights", want, w);
    p->out_dims[0][3] = s.ic;
    status = tvis_s8_check(p, s.ic);
    if (!status && ((int64_t)p->out_dims[0][0] * s.oh > INT32_MAX || p->in[1]->bytes > INT32_MAX / 16))
        status = tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 rows or 2^27 weights");
    if (status)
        return status;
    tvis_choice *choice = &p->choice[0];
    while (!usable(&tvis_depthwise_s8[choice->kernel].k, p))
        choice->kernel++;
    const tvis_kernel *kern = &tvis_depthwise_s8[choice->kernel].k;
    choice->pack = kern->pack;
    choice->pack_bytes = packed_bytes(kern, w);
    p->scratch = choice->pack_bytes && !tvis_plan_packed(p, 0, kern->pack) ? choice->pack_bytes : 0;
    p->kernel_name = kern->name;
    p->macs = (uint64_t)tvis_elements(p->out_dims[0]) * (uint64_t)w[1] * (uint64_t)w[2];
    return TVIS_OK;
}

static void pack(const tvis_node_plan *p, uint32_t node, void *out)
{
    const int32_t *w = p->in[1]->dims;
    (void)node;
    tvis_depthwise_s8_pack((const int8_t *)(p->model->blob + p->in[1]->offset), w[1], w[2], w[3], p->choice[0].pack,
                           out);
}

/* In the kernel's order; packed into scratch where the session has none. */
static const int8_t *weights(const tvis_node_run *r, uint8_t *scratch)
{
    const tvis_kernel *kern = &tvis_depthwise_s8[r->kernel[0]].k;
    const int32_t *w = r->in_dims[1];
    if (kern->pack == TVIS_PACK_PLAIN)
        return r->x[1];
    if (r->packed[0])
        return r->packed[0];
    tvis_depthwise_s8_pack(r->x[1], w[1], w[2], w[3], kern->pack, (int8_t *)scratch);
    return (const int8_t *)scratch;
}

static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_conv_shape s = tvis_conv_geometry(&r->node->p.conv, r->in_dims[0], r->in_dims[1], 1);
    const int32_t total = r->out_dims[0][0] * s.oh;
    const size_t picture = (size_t)s.ih * (size_t)s.iw * (size_t)s.ic, out_row = (size_t)s.ow * (size_t)s.ic;
    const int8_t *rows[TVIS_MAX_KERNEL];
    tvis_depthwise_s8_args a = {
        .rows = rows,
        .w = weights(r, r->scratch + (size_t)part * r->scratch_bytes),
        .bias = r->x[TVIS_S8_BIAS],
        .iw = s.iw,
        .ow = s.ow,
        .c = s.ic,
        .kh = s.kh,
        .kw = s.kw,
        .stride = s.stride[1],
        .pad = s.left,
        .dilation = s.dilation[1],
        .x_zero = r->in[0]->zero,
        .q = tvis_s8_requant(r, 0),
    };
    const int32_t end = tvis_part(total, part + 1, r->parts, 1);
    for (int32_t i = tvis_part(total, part, r->parts, 1); i < end; i++) {
        for (int32_t ky = 0; ky < s.kh; ky++)
            rows[ky] = tvis_conv_row(&s, (const int8_t *)r->x[0] + (size_t)(i / s.oh) * picture, i % s.oh, ky);
        a.y = (int8_t *)r->y[0] + (size_t)i * out_row;
        tvis_depthwise_s8[r->kernel[0]].run(&a);
        tvis_s8_look_up(r, a.y, 1, (int32_t)out_row, 0);
    }
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_depthwise_s8 = { TVIS_OP_DEPTHWISE, TVIS_S8, "depthwise", plan, pack, run, NULL };
