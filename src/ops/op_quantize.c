/* SPDX-License-Identifier: MIT */
/* Between floats and int8: y = clamp(round(x / scale) + zero), halves upwards, NaN as 0; x = (y - zero) * scale.
 * Division and product are single IEEE operations: the same bits everywhere. */
#include "core/op.h"
#include "core/port.h"

static tvis_status check(tvis_node_plan *p, uint8_t from, uint8_t to)
{
    const uint16_t out = tvis_ids(p->model)[p->node->ids + p->node->in_count];
    tvis_status s = tvis_plan_arity(p, 1, 1);
    if (!s && (p->in[0]->dtype != from || tvis_tensors(p->model)[out].dtype != to || p->node->act != TVIS_ACT_NONE))
        s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "floats on one side and int8 on the other are needed");
    if (!s && tvis_elements(p->in_dims[0]) > INT32_MAX)
        s = tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 elements");
    memcpy(p->out_dims[0], p->in_dims[0], sizeof p->out_dims[0]);
    p->kernel_name = "c";
    return s;
}

static tvis_status plan_quantize(tvis_node_plan *p)
{
    return check(p, TVIS_F32, TVIS_S8);
}

static tvis_status plan_dequantize(tvis_node_plan *p)
{
    return check(p, TVIS_S8, TVIS_F32);
}

static int8_t to_int8(float v, int32_t zero)
{
    union {
        float f;
        uint32_t u;
    } bits = { v };
    const uint32_t size = bits.u & 0x7fffffffu;
    if (size > 0x44000000u) /* 512 */
        v = size > 0x7f800000u ? 0.0f : bits.u >> 31 ? -512.0f : 512.0f;
    int32_t q = (int32_t)(v + 512.5f) - 512 + zero;
    q = q < INT8_MIN ? INT8_MIN : q;
    return (int8_t)(q > INT8_MAX ? INT8_MAX : q);
}

static void quantize_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t n = (int32_t)tvis_elements(r->in_dims[0]), zero = r->out[0]->zero;
    const float *x = r->x[0], scale = r->out[0]->scale;
    int8_t *y = r->y[0];
    const int32_t end = tvis_part(n, part + 1, r->parts, 64);
    for (int32_t i = tvis_part(n, part, r->parts, 64); i < end; i++)
        y[i] = to_int8(x[i] / scale, zero);
}

static void dequantize_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t n = (int32_t)tvis_elements(r->in_dims[0]), zero = r->in[0]->zero;
    const float scale = r->in[0]->scale;
    const int8_t *x = r->x[0];
    float *y = r->y[0];
    const int32_t end = tvis_part(n, part + 1, r->parts, 64);
    for (int32_t i = tvis_part(n, part, r->parts, 64); i < end; i++)
        y[i] = (float)(x[i] - zero) * scale;
}

static void run_quantize(const tvis_node_run *r)
{
    tvis_run_parts(r, quantize_part, (void *)(uintptr_t)r);
}

static void run_dequantize(const tvis_node_run *r)
{
    tvis_run_parts(r, dequantize_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_quantize_s8 = { TVIS_OP_QUANTIZE, TVIS_S8, "quantize", plan_quantize, NULL, run_quantize, NULL };
const tvis_op tvis_op_dequantize_f32 = { TVIS_OP_DEQUANTIZE, TVIS_F32, "dequantize", plan_dequantize, NULL,
                                         run_dequantize,     NULL };
