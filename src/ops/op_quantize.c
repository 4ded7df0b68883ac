/* SPDX-License-Identifier: MIT */
/* Between floats and int8: y = clamp(round(x / scale) + zero), halves upwards, NaN as 0; x = (y - zero) * scale.
 * Division and product are single IEEE operations: the same bits everywhere. */
#include "core/op.h"
#include "core/port.h"
#include "ops/pointwise_s8.h"

static tvis_status check(tvis_node_plan *p, uint8_t from, uint8_t to)
{
    const uint16_t out = tvis_ids(p->model)[p->node->ids + p->node->in_count];
    tvis_status s = tvis_plan_arity(p, 1, 1);
    if (!s && (p->in[0]->dtype != from || tvis_tensors(p->model)[out].dtype != to || p->node->act != TVIS_ACT_NONE))
        s = tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "floats on one side and int8 on the other are needed");
    if (!s && tvis_elements(p->in_dims[0]) > INT32_MAX)
        s = tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 elements");
    memcpy(p->out_dims[0], p->in_dims[0], sizeof p->out_dims[0]);
    p->choice[0].kernel = tvis_pointwise_s8_choose(p->config->cpu);
    p->kernel_name = tvis_pointwise_s8[p->choice[0].kernel].k.name;
    return s;
}

/* One thread goes upwards, and int8 are written behind the floats that were read. (Kernels read the last block of a row
 * before its end, so that of few values it would be overwritten.) */
static tvis_status plan_quantize(tvis_node_plan *p)
{
    const tvis_status s = check(p, TVIS_F32, TVIS_S8);
    if (!s && p->config->threads == 1 && tvis_elements(p->in_dims[0]) >= TVIS_QUANTIZE_IN_PLACE)
        p->in_place = 0;
    return s;
}

static tvis_status plan_dequantize(tvis_node_plan *p)
{
    return check(p, TVIS_S8, TVIS_F32);
}

static void quantize_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t n = (int32_t)tvis_elements(r->in_dims[0]), first = tvis_part(n, part, r->parts, 64);
    tvis_pointwise_s8[r->kernel[0]].quantize((const float *)r->x[0] + first,
                                             tvis_part(n, part + 1, r->parts, 64) - first, r->out[0]->scale,
                                             r->out[0]->zero, (int8_t *)r->y[0] + first);
}

static void dequantize_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t n = (int32_t)tvis_elements(r->in_dims[0]), first = tvis_part(n, part, r->parts, 64);
    tvis_pointwise_s8[r->kernel[0]].dequantize((const int8_t *)r->x[0] + first,
                                               tvis_part(n, part + 1, r->parts, 64) - first, r->in[0]->scale,
                                               r->in[0]->zero, (float *)r->y[0] + first);
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
