/* SPDX-License-Identifier: MIT */
/* 2-D convolution as a matrix product over gathered patches: x (n, h, w, c), weights (o, kh, kw, c / groups), bias (o),
 * add (n, oh, ow, o): y = act(x * w + bias + add). The definition is PyTorch's Conv2d (cross-correlation). */
#include "core/port.h"
#include "ops/conv_shape.h"
#include "ops/matmul.h"

/* A 1x1 convolution reads its input as the matrix it is. */
static bool is_direct(const tvis_conv_shape *s)
{
    return s->kh == 1 && s->kw == 1 && s->stride[0] == 1 && s->stride[1] == 1 && s->oh == s->ih && s->ow == s->iw;
}

static int32_t depth(const int32_t *weights)
{
    return weights[1] * weights[2] * weights[3];
}

static tvis_status plan(tvis_node_plan *p)
{
    tvis_conv_shape s;
    const int32_t groups = p->node->p.conv.groups;
    tvis_status status = tvis_plan_arity(p, 2, 4);
    if (!status)
        status = tvis_conv_plan(p, &s);
    if (status)
        return status;
    const int32_t *w = p->in[1]->dims;
    const int32_t want[4] = { w[0], w[1], w[2], s.ic / groups };
    if (s.ic % groups || w[0] % groups || w[3] != want[3])
        return tvis_plan_fail_shape(p, "weights do not fit input channels and groups", want, w);
    if ((int64_t)w[1] * w[2] * w[3] > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 weights an output");
    p->out_dims[0][3] = w[0];
    status = tvis_plan_vector(p, 2, TVIS_F32, w[0]);
    if (status)
        return status;
    if (p->node->in_count > 3 && p->in[3]) {
        if (p->in[3]->dtype != TVIS_F32 || memcmp(p->in_dims[3], p->out_dims[0], sizeof p->out_dims[0]) != 0)
            return tvis_plan_fail_shape(p, "the tensor to add", p->out_dims[0], p->in_dims[3]);
        p->in_place = 3;
    }
    int64_t rows = (int64_t)p->out_dims[0][0] * s.oh * s.ow; /* dimensions are at most 2^24, batch 2^16: no overflow */
    return tvis_matmul_plan(p, rows, w[0] / groups, depth(w), groups, !is_direct(&s));
}

/* One kernel row of a patch: kw * channels values, zeros outside of the picture. */
static float *gather_row(const tvis_conv_shape *s, const float *row, int32_t x0, int32_t channels, float *out)
{
    for (int32_t kx = 0; kx < s->kw; kx++) {
        int32_t ix = x0 + kx * s->dilation[1];
        bool inside = row && ix >= 0 && ix < s->iw;
        const float *from = inside ? row + (size_t)ix * (size_t)s->ic : NULL;
        for (int32_t c = 0; c < channels; c++)
            out[c] = inside ? from[c] : 0.0f;
        out += channels;
    }
    return out;
}

/* The same where all of it is inside and lies in one run. */
static float *copy_row(const float *from, int32_t count, float *out)
{
    for (int32_t i = 0; i < count; i++)
        out[i] = from[i];
    return out + count;
}

static void gather(const tvis_matmul *mm, int32_t row, int32_t rows, int32_t group, float *out)
{
    const tvis_conv_shape *s = mm->shape;
    const int32_t channels = s->ic / mm->groups;
    const bool runs = mm->groups == 1 && s->dilation[1] == 1;
    int32_t ox = row % s->ow, oy = row / s->ow % s->oh, n = row / s->ow / s->oh;
    for (; rows > 0; rows--) {
        const int32_t x0 = ox * s->stride[1] - s->left;
        const bool inside = x0 >= 0 && x0 + s->kw <= s->iw;
        for (int32_t ky = 0; ky < s->kh; ky++) {
            const int32_t iy = oy * s->stride[0] - s->top + ky * s->dilation[0];
            const size_t at = ((size_t)n * (size_t)s->ih + (size_t)iy) * (size_t)s->iw * (size_t)s->ic;
            const float *line = iy >= 0 && iy < s->ih ? mm->x + at + (size_t)group * (size_t)channels : NULL;
            if (runs && inside && line)
                out = copy_row(line + (size_t)x0 * (size_t)s->ic, s->kw * s->ic, out);
            else
                out = gather_row(s, line, x0, channels, out);
        }
        if (++ox == s->ow) {
            ox = 0;
            if (++oy == s->oh) {
                oy = 0;
                n++;
            }
        }
    }
}

static void pack(const tvis_node_plan *p, const void *weights, void *out)
{
    const int32_t *w = p->in[1]->dims, groups = p->node->p.conv.groups;
    tvis_matmul_pack(p, w[0] / groups, depth(w), groups, weights, out);
}

static void run(const tvis_node_run *r)
{
    const int32_t *w = r->in_dims[1], *y = r->out_dims[0];
    const tvis_conv_shape s = tvis_conv_geometry(&r->node->p.conv, r->in_dims[0], w);
    tvis_matmul mm = {
        .run = r,
        .x = r->x[0],
        .w = r->x[1],
        .bias = r->x[2],
        .add = r->x[3],
        .y = r->y[0],
        .m = y[0] * y[1] * y[2],
        .groups = r->node->p.conv.groups,
        .k = depth(w),
        .act = r->node->act,
        .gather = is_direct(&s) ? NULL : gather,
        .shape = &s,
    };
    mm.n = w[0] / mm.groups;
    tvis_matmul_run(&mm);
}

const tvis_op tvis_op_conv2d_f32 = { TVIS_OP_CONV2D, TVIS_F32, "conv2d", plan, pack, run };
