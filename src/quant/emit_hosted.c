/* SPDX-License-Identifier: MIT */
/* Operators without weights in integers. */
#include "quant/maker.h"

static uint32_t emit_add(tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i];
    const uint32_t in[2] = { tvis_maker_in(q, n->in[0], TVIS_FORM_S8), tvis_maker_in(q, n->in[1], TVIS_FORM_S8) };
    const uint32_t y = tvis_maker_out(q, n->out[0], TVIS_FORM_S8);
    const double scale = tvis_maker_scale(q, y);
    tvis_quant k = { 0 };
    tvis_maker_limits(q, n->act, y, &k);
    tvis_maker_choose(q, n->name, tvis_maker_scale(q, in[0]) / scale, 255, &k.mul, &k.shift);
    tvis_maker_choose(q, n->name, tvis_maker_scale(q, in[1]) / scale, 255, &k.add_mul, &k.add_shift);
    tvis_maker_node(q, n, in, 2, &y, &k);
    return 1;
}

static uint32_t emit_scale(tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i];
    const uint32_t in[2] = { tvis_maker_in(q, n->in[0], TVIS_FORM_S8), tvis_maker_in(q, n->in[1], TVIS_FORM_S8) };
    const uint32_t y = tvis_maker_out(q, n->out[0], TVIS_FORM_S8);
    const double factor = tvis_maker_scale(q, in[0]) * tvis_maker_scale(q, in[1]) / tvis_maker_scale(q, y);
    tvis_quant k = { 0 };
    tvis_maker_limits(q, n->act, y, &k);
    tvis_maker_choose(q, n->name, factor, 255 * 255, &k.mul, &k.shift);
    tvis_maker_node(q, n, in, 2, &y, &k);
    return 1;
}

static uint32_t emit_average(tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i];
    const uint32_t x = tvis_maker_in(q, n->in[0], TVIS_FORM_S8), y = tvis_maker_out(q, n->out[0], TVIS_FORM_S8);
    tvis_quant k = { 0 };
    tvis_maker_limits(q, n->act, y, &k);
    tvis_maker_choose(q, n->name, tvis_maker_scale(q, x) / tvis_maker_scale(q, y), 255, &k.mul, &k.shift);
    tvis_maker_node(q, n, &x, 1, &y, &k);
    return 1;
}

static uint32_t emit_max(tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i];
    const uint32_t x = tvis_maker_in(q, n->in[0], TVIS_FORM_S8);
    tvis_quant k = { 0 };
    if (x == TVIS_NONE)
        return 1;
    const uint32_t y = tvis_maker_out_like(q, n->out[0], x);
    tvis_maker_limits(q, n->act, y, &k);
    tvis_maker_node(q, n, &x, 1, &y, &k);
    return 1;
}

static uint32_t emit_activation(tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i];
    const uint32_t x = tvis_maker_in(q, n->in[0], TVIS_FORM_S8), y = tvis_maker_out(q, n->out[0], TVIS_FORM_S8);
    const uint32_t in[2] = { x, x == TVIS_NONE ? x : tvis_maker_table(q, n->name, n->act, x, y) };
    tvis_quant k = { 0 };
    tvis_maker_limits(q, n->act, y, &k);
    tvis_maker_node(q, n, in, 2, &y, &k);
    return 1;
}

static const tvis_emit emitters[TVIS_OP_COUNT_] = {
    [TVIS_OP_CONV2D] = tvis_emit_layer, [TVIS_OP_DEPTHWISE] = tvis_emit_layer,
    [TVIS_OP_LINEAR] = tvis_emit_layer, [TVIS_OP_ADD] = emit_add,
    [TVIS_OP_SCALE] = emit_scale,       [TVIS_OP_GLOBAL_AVG_POOL] = emit_average,
    [TVIS_OP_MAX_POOL] = emit_max,      [TVIS_OP_ACTIVATION] = emit_activation,
};

tvis_emit tvis_emitter(const tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i];
    const bool layer = emitters[n->op] == tvis_emit_layer;
    return q->precision[i].x == TVIS_FORM_F32       ? tvis_emit_float
           : layer && !tvis_has_weights(q->from, n) ? NULL
                                                    : emitters[n->op];
}
