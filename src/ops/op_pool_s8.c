/* SPDX-License-Identifier: MIT */
/* Global average pool in int8: the sum of the values less their zero points, requantised by mul / (h * w), one
 * rounding. Maximum pool in int8: input and output have the same scale and zero point. */
#include "core/port.h"
#include "ops/max_pool.h"
#include "ops/pointwise_s8.h"

static tvis_status check(tvis_node_plan *p)
{
    const uint16_t out = tvis_ids(p->model)[p->node->ids + p->node->in_count];
    tvis_status s = tvis_plan_arity(p, 1, 1);
    if (!s &&
        (p->in[0]->dtype != TVIS_S8 || tvis_tensors(p->model)[out].dtype != TVIS_S8 || p->node->act != TVIS_ACT_NONE))
        s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "int8 on both sides is needed");
    p->choice[0].kernel = tvis_pointwise_s8_choose(p->config->cpu);
    p->kernel_name = tvis_pointwise_s8[p->choice[0].kernel].k.name;
    return s;
}

static tvis_status plan_average(tvis_node_plan *p)
{
    enum { MOST = (1 << 23) - 1 }; /* pixels: their sum is below 2^31 */
    const int32_t *x = p->in_dims[0], y[4] = { x[0], 1, 1, x[3] };
    tvis_status s = check(p);
    if (!s && (int64_t)x[1] * x[2] > MOST)
        s = tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^23 pixels");
    memcpy(p->out_dims[0], y, sizeof y);
    p->scratch = (uint32_t)x[3] * (uint32_t)sizeof(int32_t);
    return s;
}

/* The multiplier of an average over `pixels`: mul * 2^shift / pixels, again even and below 2^31. */
static void divide(const tvis_quant *q, int32_t pixels, int32_t *mul, int32_t *shift)
{
    uint64_t m = (((uint64_t)q->mul << q->shift) + (uint64_t)pixels / 2) / (uint64_t)pixels; /* < 2^62 */
    *shift = 0;
    for (; m >= 0x7fffffffu; m = (m + 1) / 2)
        (*shift)++;
    *mul = (int32_t)((m + 1) & ~(uint64_t)1);
}

/* Channels [first, last) of picture n. */
static void average(const tvis_node_run *r, int32_t n, int32_t first, int32_t last, int32_t *sum)
{
    const int32_t *d = r->in_dims[0], c = d[3], pixels = d[1] * d[2];
    const int8_t *x = (const int8_t *)r->x[0] + (size_t)n * (size_t)pixels * (size_t)c;
    int8_t *y = (int8_t *)r->y[0] + (size_t)n * (size_t)c;
    const tvis_requant q = { .zero = r->node->q.zero, .lo = r->node->q.lo, .hi = r->node->q.hi };
    int32_t mul, shift;
    divide(&r->node->q, pixels, &mul, &shift);
    tvis_pointwise_s8[r->kernel[0]].sum(x + first, c, pixels, last - first, sum + first);
    for (int32_t k = first; k < last; k++)
        y[k] = tvis_requant_clamp(tvis_requant_scale(sum[k] - pixels * r->in[0]->zero, mul, shift), &q);
}

static void average_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t c = r->in_dims[0][3];
    int32_t *sum = (int32_t *)(void *)(r->scratch + (size_t)part * r->scratch_bytes);
    for (int32_t n = 0; n < r->in_dims[0][0]; n++)
        average(r, n, tvis_part(c, part, r->parts, 64), tvis_part(c, part + 1, r->parts, 64), sum);
}

static void run_average(const tvis_node_run *r)
{
    tvis_run_parts(r, average_part, (void *)(uintptr_t)r);
}

static tvis_status plan_max(tvis_node_plan *p)
{
    tvis_status status = check(p);
    if (status)
        return status;
    const tvis_conv_shape s = tvis_pool_geometry(&p->node->p.pool, p->in_dims[0]);
    if (s.kh > (int32_t)TVIS_MAX_KERNEL || s.oh < 1 || s.ow < 1)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_SHAPE,
                              "the window is over 32 rows or larger than the padded input");
    const int32_t y[4] = { p->in_dims[0][0], s.oh, s.ow, s.ic };
    memcpy(p->out_dims[0], y, sizeof y);
    return TVIS_OK;
}

/* Row i of the outputs. Padding is less than the window, so that some of it is inside. */
static void max_row(const tvis_node_run *r, const tvis_conv_shape *s, int32_t i)
{
    const int8_t *rows[TVIS_MAX_KERNEL], *window[TVIS_MAX_KERNEL];
    const int8_t *picture = (const int8_t *)r->x[0] + (ptrdiff_t)(i / s->oh) * s->ih * s->iw * s->ic;
    const int32_t y0 = i % s->oh * s->stride[0] - s->top, y1 = y0 + s->kh < s->ih ? y0 + s->kh : s->ih;
    int8_t *y = (int8_t *)r->y[0] + (ptrdiff_t)i * s->ow * s->ic;
    int32_t count = 0;
    for (int32_t iy = y0 < 0 ? 0 : y0; iy < y1; iy++)
        rows[count++] = picture + (ptrdiff_t)iy * s->iw * s->ic;
    for (int32_t ox = 0; ox < s->ow; ox++, y += s->ic) {
        const int32_t x0 = ox * s->stride[1] - s->left, x1 = x0 + s->kw < s->iw ? x0 + s->kw : s->iw;
        const int32_t first = x0 < 0 ? 0 : x0;
        for (int32_t k = 0; k < count; k++)
            window[k] = rows[k] + (ptrdiff_t)first * s->ic;
        tvis_pointwise_s8[r->kernel[0]].max(window, count, x1 - first, s->ic, y);
    }
}

static void max_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const tvis_conv_shape s = tvis_pool_geometry(&r->node->p.pool, r->in_dims[0]);
    const int32_t total = r->out_dims[0][0] * s.oh, end = tvis_part(total, part + 1, r->parts, 1);
    for (int32_t i = tvis_part(total, part, r->parts, 1); i < end; i++)
        max_row(r, &s, i);
}

static void run_max(const tvis_node_run *r)
{
    tvis_run_parts(r, max_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_global_avg_pool_s8 = {
    TVIS_OP_GLOBAL_AVG_POOL, TVIS_S8, "global_avg_pool", plan_average, NULL, run_average, NULL
};
const tvis_op tvis_op_max_pool_s8 = { TVIS_OP_MAX_POOL, TVIS_S8, "max_pool", plan_max, NULL, run_max, NULL };
