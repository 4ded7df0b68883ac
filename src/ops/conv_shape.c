/* SPDX-License-Identifier: MIT */
#include "ops/conv_shape.h"

/* Output size along one axis; *before gets the padding in front. Values stay below 2^26. */
static int32_t axis(const tvis_conv_params *p, int a, int32_t in, int32_t kernel, int32_t *before)
{
    const int32_t stride = p->stride[a], span = p->dilation[a] * (kernel - 1) + 1;
    if (p->same) {
        int32_t out = (in + stride - 1) / stride, total = (out - 1) * stride + span - in;
        *before = total > 0 ? total / 2 : 0;
        return out;
    }
    *before = p->pad[a];
    int32_t room = in + p->pad[a] + p->pad[a + 2] - span;
    return room < 0 ? 0 : room / stride + 1;
}

tvis_conv_shape tvis_conv_geometry(const tvis_conv_params *p, const int32_t *in, const int32_t *weights)
{
    tvis_conv_shape s = { .ih = in[1], .iw = in[2], .ic = in[3], .kh = weights[1], .kw = weights[2] };
    for (int a = 0; a < 2; a++) {
        s.stride[a] = p->stride[a];
        s.dilation[a] = p->dilation[a];
    }
    s.oh = axis(p, 0, s.ih, s.kh, &s.top);
    s.ow = axis(p, 1, s.iw, s.kw, &s.left);
    return s;
}

tvis_status tvis_conv_plan(tvis_node_plan *p, tvis_conv_shape *s)
{
    const tvis_blob_tensor *w = p->in[1];
    if (p->in[0]->dtype != TVIS_F32 || w->dtype != TVIS_F32 || w->producer != TVIS_NONE || w->last_use != TVIS_NONE)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "float input and constant float weights are needed");
    if (w->dims[1] > (int32_t)TVIS_MAX_KERNEL || w->dims[2] > (int32_t)TVIS_MAX_KERNEL)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "a kernel side of more than 32");
    *s = tvis_conv_geometry(&p->node->p.conv, p->in_dims[0], w->dims);
    if (s->oh < 1 || s->ow < 1)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_SHAPE, "the kernel is larger than the padded input");
    p->out_dims[0][0] = p->in_dims[0][0];
    p->out_dims[0][1] = s->oh;
    p->out_dims[0][2] = s->ow;
    return TVIS_OK;
}
