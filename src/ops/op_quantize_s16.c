/* SPDX-License-Identifier: MIT */
/* Between floats and int16: y = clamp(round(x / scale)), halves upwards, NaN as 0; x = y * scale. Division, difference
 * and product are single IEEE operations: the same bits everywhere. */
#include "core/op.h"
#include "core/port.h"

enum { BLOCK = 64 };

static tvis_status check(tvis_node_plan *p, uint8_t from, uint8_t to)
{
    const uint16_t out = tvis_ids(p->model)[p->node->ids + p->node->in_count];
    tvis_status s = tvis_plan_arity(p, 1, 1);
    if (!s && (p->in[0]->dtype != from || tvis_tensors(p->model)[out].dtype != to || p->node->act != TVIS_ACT_NONE))
        s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "floats on one side and int16 on the other are needed");
    if (!s && tvis_elements(p->in_dims[0]) > INT32_MAX)
        s = tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 elements");
    memcpy(p->out_dims[0], p->in_dims[0], sizeof p->out_dims[0]);
    p->kernel_name = "c";
    return s;
}

static tvis_status plan_quantize(tvis_node_plan *p)
{
    return check(p, TVIS_F32, TVIS_S16);
}

static tvis_status plan_dequantize(tvis_node_plan *p)
{
    return check(p, TVIS_S16, TVIS_F32);
}

static int16_t to_int16(float v)
{
    enum { MOST = 1 << 16 }; /* beyond the limits of int16, and v less its whole part is exact below it */
    v = v >= -(float)MOST ? v : v < 0.0f ? -(float)MOST : 0.0f;
    v = v <= (float)MOST ? v : (float)MOST;
    int32_t q = (int32_t)v;
    const float rest = v - (float)q;
    q += (rest >= 0.5f) - (rest < -0.5f);
    q = q < INT16_MIN ? INT16_MIN : q;
    return (int16_t)(q > INT16_MAX ? INT16_MAX : q);
}

static void quantize_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t n = (int32_t)tvis_elements(r->in_dims[0]), end = tvis_part(n, part + 1, r->parts, BLOCK);
    const float *x = r->x[0], scale = r->out[0]->scale;
    int16_t *y = r->y[0];
    for (int32_t i = tvis_part(n, part, r->parts, BLOCK); i < end; i++)
        y[i] = to_int16(x[i] / scale);
}

/* Called with a constant n where it can be: compilers then take several values at a time. */
TVIS_INLINE void dequantize(const int16_t *x, float scale, const int32_t n, float *y)
{
    for (int32_t i = 0; i < n; i++)
        y[i] = (float)x[i] * scale;
}

static void dequantize_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t n = (int32_t)tvis_elements(r->in_dims[0]), end = tvis_part(n, part + 1, r->parts, BLOCK);
    const float scale = r->in[0]->scale;
    const int16_t *x = r->x[0];
    float *y = r->y[0];
    int32_t i = tvis_part(n, part, r->parts, BLOCK);
    for (; end - i >= BLOCK; i += BLOCK)
        dequantize(x + i, scale, BLOCK, y + i);
    dequantize(x + i, scale, end - i, y + i);
}

static void run_quantize(const tvis_node_run *r)
{
    tvis_run_parts(r, quantize_part, (void *)(uintptr_t)r);
}

static void run_dequantize(const tvis_node_run *r)
{
    tvis_run_parts(r, dequantize_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_quantize_s16 = {
    TVIS_OP_QUANTIZE, TVIS_S16, "quantize", plan_quantize, NULL, run_quantize, NULL
};
const tvis_op tvis_op_dequantize_s16 = { TVIS_OP_DEQUANTIZE, TVIS_S16, "dequantize", plan_dequantize, NULL,
                                         run_dequantize,     NULL };
