/* SPDX-License-Identifier: MIT */
#include "ops/conv_shape.h"
#include "core/port.h"

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

tvis_conv_shape tvis_conv_geometry(const tvis_conv_params *p, const int32_t *in, const int32_t *weights, uint32_t size)
{
    tvis_conv_shape s = { .ih = in[1], .iw = in[2], .ic = in[3], .kh = weights[1], .kw = weights[2], .size = size };
    for (int a = 0; a < 2; a++) {
        s.stride[a] = p->stride[a];
        s.dilation[a] = p->dilation[a];
    }
    s.oh = axis(p, 0, s.ih, s.kh, &s.top);
    s.ow = axis(p, 1, s.iw, s.kw, &s.left);
    return s;
}

tvis_conv_shape tvis_pool_geometry(const tvis_pool_params *p, const int32_t *in)
{
    const int32_t window[4] = { 0, p->kernel[0], p->kernel[1], 0 };
    const tvis_conv_params as_conv = {
        .stride = { p->stride[0], p->stride[1] },
        .dilation = { 1, 1 },
        .pad = { p->pad[0], p->pad[1], p->pad[2], p->pad[3] },
    };
    return tvis_conv_geometry(&as_conv, in, window, sizeof(float));
}

tvis_status tvis_conv_plan(tvis_node_plan *p, tvis_conv_shape *s, uint32_t size)
{
    const tvis_blob_tensor *w = p->in[1];
    if (size == sizeof(float) && (p->in[0]->dtype != TVIS_F32 || !tvis_plan_float_weights(p, 1)))
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "float input and constant float weights are needed");
    if (w->dims[1] > (int32_t)TVIS_MAX_KERNEL || w->dims[2] > (int32_t)TVIS_MAX_KERNEL)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "a kernel side of more than 32");
    *s = tvis_conv_geometry(&p->node->p.conv, p->in_dims[0], w->dims, size);
    if (s->oh < 1 || s->ow < 1)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_SHAPE, "the kernel is larger than the padded input");
    p->out_dims[0][0] = p->in_dims[0][0];
    p->out_dims[0][1] = s->oh;
    p->out_dims[0][2] = s->ow;
    return TVIS_OK;
}

bool tvis_conv_is_direct(const tvis_conv_shape *s)
{
    return s->kh == 1 && s->kw == 1 && s->stride[0] == 1 && s->stride[1] == 1 && s->oh == s->ih && s->ow == s->iw;
}

const void *tvis_conv_row(const tvis_conv_shape *s, const void *picture, int32_t oy, int32_t ky)
{
    const size_t line = (size_t)s->iw * (size_t)s->ic * s->size;
    const int32_t iy = oy * s->stride[0] - s->top + ky * s->dilation[0];
    return iy >= 0 && iy < s->ih ? (const uint8_t *)picture + (size_t)iy * line : NULL;
}

/* Sizes of a few channels as two of a size that the compiler knows, which may overlap. */
static inline uint8_t *copy(const uint8_t *from, size_t bytes, uint8_t *out)
{
    if (bytes >= 8 && bytes <= 16) {
        memcpy(out, from, 8);
        memcpy(out + bytes - 8, from + bytes - 8, 8);
    } else if (bytes > 16 && bytes <= 32) {
        memcpy(out, from, 16);
        memcpy(out + bytes - 16, from + bytes - 16, 16);
    } else if ((TVIS_X86 || TVIS_AARCH64) && bytes > 32 && bytes <= 64) {
        memcpy(out, from, 32);
        memcpy(out + bytes - 32, from + bytes - 32, 32);
    } else {
        memcpy(out, from, bytes);
    }
    return out + bytes;
}

static uint8_t *put(uint8_t fill, size_t bytes, uint8_t *out)
{
    memset(out, fill, bytes);
    return out + bytes;
}

/* One kernel row of a patch, pixel by pixel; row: its first channel. */
static uint8_t *gather_row(const tvis_conv_shape *s, const uint8_t *row, int32_t x0, size_t bytes, uint8_t fill,
                           uint8_t *out)
{
    for (int32_t kx = 0; kx < s->kw; kx++) {
        const int32_t ix = x0 + kx * s->dilation[1];
        const bool inside = ix >= 0 && ix < s->iw;
        out = inside ? copy(row + (size_t)ix * (size_t)s->ic * s->size, bytes, out) : put(fill, bytes, out);
    }
    return out;
}

uint8_t *tvis_conv_gather(const tvis_conv_shape *s, const void *const *rows, int32_t ox, int32_t count, int32_t first,
                          int32_t channels, uint8_t fill, uint8_t *out)
{
    const bool runs = channels == s->ic && s->dilation[1] == 1;
    const size_t pixel = (size_t)channels * s->size, line = (size_t)s->kw * pixel;
    for (; count > 0; count--, ox++) {
        const int32_t x0 = ox * s->stride[1] - s->left;
        const bool inside = x0 >= 0 && x0 + s->kw <= s->iw;
        for (int32_t ky = 0; ky < s->kh; ky++) {
            const uint8_t *row = rows[ky];
            if (!row)
                out = put(fill, line, out);
            else if (runs && inside)
                out = copy(row + (size_t)x0 * pixel, line, out);
            else
                out = gather_row(s, row + (size_t)first * s->size, x0, pixel, fill, out);
        }
    }
    return out;
}

void tvis_conv_gather_rows(const tvis_conv_shape *s, const void *x, int32_t row, int32_t count, int32_t group,
                           int32_t groups, uint8_t fill, uint8_t *out)
{
    const void *rows[TVIS_MAX_KERNEL];
    const int32_t channels = s->ic / groups;
    const size_t picture = (size_t)s->ih * (size_t)s->iw * (size_t)s->ic * s->size;
    while (count > 0) { /* pixels of one output row */
        const int32_t ox = row % s->ow, line = row / s->ow, pixels = s->ow - ox < count ? s->ow - ox : count;
        for (int32_t ky = 0; ky < s->kh; ky++)
            rows[ky] = tvis_conv_row(s, (const uint8_t *)x + (size_t)(line / s->oh) * picture, line % s->oh, ky);
        out = tvis_conv_gather(s, rows, ox, pixels, group * channels, channels, fill, out);
        row += pixels;
        count -= pixels;
    }
}

int32_t tvis_conv_line(const tvis_conv_shape *s, int32_t groups, const tvis_kernel *kern, uint8_t plan)
{
    enum { LEAST = 24, MOST = 1 << 19 }; /* pixels, as each row of the output reads all weights; elements of a line */
    const int32_t columns = (s->ow - 1) * s->stride[1] + s->kw; /* at most 2^24 and the padding */
    if (plan != TVIS_PLAN_FAST || groups != 1 || s->dilation[1] != 1 || s->kw == 1 || s->ow < LEAST ||
        !tvis_takes_lines(kern, s->size, s->kw * s->ic) || columns > MOST / s->ic)
        return 0;
    return columns * s->ic;
}

#if TVIS_LINES
static int32_t within(int32_t x, int32_t columns)
{
    return x < 0 ? 0 : x < columns ? x : columns;
}

void tvis_conv_gather_lines(const tvis_conv_shape *s, int32_t pitch, const void *x, int32_t row, int32_t count,
                            uint8_t fill, uint8_t *out)
{
    const int32_t ox = row % s->ow, line = row / s->ow, x0 = ox * s->stride[1] - s->left;
    const int32_t columns = (count - 1) * s->stride[1] + s->kw;
    const int32_t first = within(x0, s->iw), inside = within(x0 + columns, s->iw) - first;
    const int32_t before = inside ? first - x0 : columns; /* the piece may lie in the padding as a whole */
    const size_t pixel = (size_t)s->ic * s->size, picture = (size_t)s->ih * (size_t)s->iw * pixel;
    for (int32_t ky = 0; ky < s->kh; ky++, out += (size_t)pitch * s->size) {
        const uint8_t *from = tvis_conv_row(s, (const uint8_t *)x + (size_t)(line / s->oh) * picture, line % s->oh, ky);
        if (!from) {
            (void)put(fill, (size_t)columns * pixel, out);
            continue;
        }
        uint8_t *to = put(fill, (size_t)before * pixel, out);
        memcpy(to, from + (size_t)first * pixel, (size_t)inside * pixel);
        (void)put(fill, (size_t)(columns - before - inside) * pixel, to + (size_t)inside * pixel);
    }
}
#endif
