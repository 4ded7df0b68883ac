/* SPDX-License-Identifier: MIT */
/* Global average pool where a side is S16, the other S8 or S16: the sum of the values less their zero points,
 * requantised by mul / (h * w), one rounding. Maximum pool of S16: input and output have the same scale. */
#include "core/port.h"
#include "ops/max_pool.h"
#include "ops/mixed.h"
#include "ops/moves.h"

static tvis_status plan_average(tvis_node_plan *p)
{
    const int32_t *x = p->in_dims[0], y[4] = { x[0], 1, 1, x[3] };
    tvis_status s = tvis_plan_mixed(p, 1, 1);
    const int32_t most = !s && p->in[0]->dtype == TVIS_S16 ? (1 << 16) - 1 : (1 << 23) - 1; /* sums are below 2^31 */
    if (!s && (int64_t)x[1] * x[2] > most)
        s = tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^16 pixels, or 2^23 of int8");
    memcpy(p->out_dims[0], y, sizeof y);
    tvis_plan_mixed_kernel(p);
    return s;
}

static void add_rows(const tvis_mixed *x, size_t at, int32_t pixels, int32_t c, int32_t n, int32_t *sum)
{
    int32_t v[TVIS_MIXED_BLOCK];
    memset(sum, 0, (size_t)n * sizeof *sum);
    for (int32_t i = 0; i < pixels; i++, at += (size_t)c) {
        tvis_mixed_load(x, at, n, v);
        for (int32_t k = 0; k < n; k++)
            sum[k] += v[k];
    }
}

/* Channels [first, last) of a picture. */
static void average(const tvis_node_run *r, int32_t picture, int32_t first, int32_t last)
{
    const int32_t *d = r->in_dims[0], c = d[3], pixels = d[1] * d[2];
    const tvis_mixed x = tvis_mixed_in(r, 0);
    tvis_mixed_out out;
    int32_t mul, shift, sum[TVIS_MIXED_BLOCK];
    tvis_requant_divide(r->node->q.mul, r->node->q.shift, pixels, &mul, &shift);
    tvis_mixed_begin(r, mul, shift, &out);
    for (int32_t k = first, n; k < last; k += n) {
        n = last - k < TVIS_MIXED_BLOCK ? last - k : TVIS_MIXED_BLOCK;
        add_rows(&x, (size_t)picture * (size_t)pixels * (size_t)c + (size_t)k, pixels, c, n, sum);
        tvis_mixed_write(r, &out, (size_t)picture * (size_t)c + (size_t)k, n, sum);
    }
}

static void average_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t c = r->in_dims[0][3];
    for (int32_t n = 0; n < r->in_dims[0][0]; n++)
        average(r, n, tvis_part(c, part, r->parts, 16), tvis_part(c, part + 1, r->parts, 16));
}

static void run_average(const tvis_node_run *r)
{
    tvis_run_parts(r, average_part, (void *)(uintptr_t)r);
}

static tvis_status plan_max(tvis_node_plan *p)
{
    tvis_status status = tvis_plan_moves(p);
    if (status)
        return status;
    const tvis_conv_shape s = tvis_pool_geometry(&p->node->p.pool, p->in_dims[0]);
    if (s.oh < 1 || s.ow < 1)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_SHAPE, "the window is larger than the padded input");
    const int32_t y[4] = { p->in_dims[0][0], s.oh, s.ow, s.ic };
    memcpy(p->out_dims[0], y, sizeof y);
    p->kernel_name = "c";
    return TVIS_OK;
}

static void max_pixel(const tvis_conv_shape *s, const int16_t *picture, int32_t oy, int32_t ox, int16_t *y)
{
    for (int32_t c = 0; c < s->ic; c++)
        y[c] = INT16_MIN;
    for (int32_t ky = 0; ky < s->kh; ky++)
        for (int32_t kx = 0; kx < s->kw; kx++) {
            const int32_t iy = oy * s->stride[0] - s->top + ky, ix = ox * s->stride[1] - s->left + kx;
            if (iy < 0 || iy >= s->ih || ix < 0 || ix >= s->iw)
                continue;
            const int16_t *x = picture + ((size_t)iy * (size_t)s->iw + (size_t)ix) * (size_t)s->ic;
            for (int32_t c = 0; c < s->ic; c++)
                y[c] = x[c] > y[c] ? x[c] : y[c];
        }
}

static void max_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_conv_shape s = tvis_pool_geometry(&r->node->p.pool, r->in_dims[0]);
    const int32_t total = r->out_dims[0][0] * s.oh;
    const size_t picture = (size_t)s.ih * (size_t)s.iw * (size_t)s.ic;
    const int32_t end = tvis_part(total, part + 1, r->parts, 1);
    for (int32_t i = tvis_part(total, part, r->parts, 1); i < end; i++)
        for (int32_t ox = 0; ox < s.ow; ox++)
            max_pixel(&s, (const int16_t *)r->x[0] + (size_t)(i / s.oh) * picture, i % s.oh, ox,
                      (int16_t *)r->y[0] + ((size_t)i * (size_t)s.ow + (size_t)ox) * (size_t)s.ic);
}

static void run_max(const tvis_node_run *r)
{
    tvis_run_parts(r, max_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_global_avg_pool_s16 = {
    TVIS_OP_GLOBAL_AVG_POOL, TVIS_S16, "global_avg_pool", plan_average, NULL, run_average, NULL
};
const tvis_op tvis_op_max_pool_s16 = { TVIS_OP_MAX_POOL, TVIS_S16, "max_pool", plan_max, NULL, run_max, NULL };
