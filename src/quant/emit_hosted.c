/* SPDX-License-Identifier: MIT */
/* Operators without weights in integers. */
#include "quant/maker.h"

/* Largest |value - zero point| of a tensor of `to`. */
static int64_t bound_of(const tvis_maker *q, uint32_t id)
{
    return id != TVIS_NONE && q->to->tensor[id].dtype == TVIS_S16 ? 32768 : 255;
}

/* A second input, in the integers that are there, or else in those of the first. */
static uint32_t second(tvis_maker *q, uint32_t i, uint32_t id)
{
    const uint8_t form = q->made[id].form;
    return tvis_maker_in(q, id, (tvis_form)(form == TVIS_FORM_F32 ? q->precision[i].x : form));
}

static uint32_t emit_add(tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i];
    const uint32_t in[2] = { tvis_maker_in(q, n->in[0], (tvis_form)q->precision[i].x), second(q, i, n->in[1]) };
    const uint32_t y = tvis_maker_out(q, n->out[0], (tvis_form)q->precision[i].y);
    const double scale = tvis_maker_scale(q, y);
    tvis_quant k = { 0 };
    tvis_maker_limits(q, n->act, y, &k);
    tvis_maker_choose(q, n->name, tvis_maker_scale(q, in[0]) / scale, bound_of(q, in[0]), &k.mul, &k.shift);
    tvis_maker_choose(q, n->name, tvis_maker_scale(q, in[1]) / scale, bound_of(q, in[1]), &k.add_mul, &k.add_shift);
    tvis_maker_node(q, n, in, 2, &y, &k);
    return 1;
}

static uint32_t emit_scale(tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i];
    const uint32_t in[2] = { tvis_maker_in(q, n->in[0], (tvis_form)q->precision[i].x), second(q, i, n->in[1]) };
    const uint32_t y = tvis_maker_out(q, n->out[0], (tvis_form)q->precision[i].y);
    const double factor = tvis_maker_scale(q, in[0]) * tvis_maker_scale(q, in[1]) / tvis_maker_scale(q, y);
    tvis_quant k = { 0 };
    tvis_maker_limits(q, n->act, y, &k);
    tvis_maker_choose(q, n->name, factor, bound_of(q, in[0]) * bound_of(q, in[1]), &k.mul, &k.shift);
    tvis_maker_node(q, n, in, 2, &y, &k);
    return 1;
}

static uint32_t emit_average(tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i];
    const uint32_t x = tvis_maker_in(q, n->in[0], (tvis_form)q->precision[i].x);
    const uint32_t y = tvis_maker_out(q, n->out[0], (tvis_form)q->precision[i].y);
    tvis_quant k = { 0 };
    tvis_maker_limits(q, n->act, y, &k);
    tvis_maker_choose(q, n->name, tvis_maker_scale(q, x) / tvis_maker_scale(q, y), bound_of(q, x), &k.mul, &k.shift);
    tvis_maker_node(q, n, &x, 1, &y, &k);
    return 1;
}

static uint32_t emit_activation(tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i];
    const tvis_form from = (tvis_form)q->precision[i].x, to = (tvis_form)q->precision[i].y;
    const uint32_t x = tvis_maker_in(q, n->in[0], from), y = tvis_maker_out(q, n->out[0], to);
    uint32_t in[2] = { x, TVIS_NONE };
    tvis_quant k = { 0 };
    if (x == TVIS_NONE)
        return 1;
    in[1] = from == TVIS_FORM_S8 && to == TVIS_FORM_S8 ? tvis_maker_table(q, n->name, n->act, x, y)
                                                       : tvis_maker_table16(q, n->name, n->act, x, y);
    tvis_maker_limits(q, TVIS_ACT_NONE, y, &k);
    tvis_maker_node(q, n, in, 2, &y, &k);
    return 1;
}

static const tvis_emit emitters[TVIS_OP_COUNT_] = {
    [TVIS_OP_CONV2D] = tvis_emit_layer,
    [TVIS_OP_DEPTHWISE] = tvis_emit_layer,
    [TVIS_OP_LINEAR] = tvis_emit_layer,
    [TVIS_OP_ACTIVATION] = emit_activation,
    [TVIS_OP_ADD] = emit_add,
    [TVIS_OP_GLOBAL_AVG_POOL] = emit_average,
    [TVIS_OP_SOFTMAX] = tvis_emit_softmax,
    [TVIS_OP_RESHAPE] = tvis_emit_move,
    [TVIS_OP_SCALE] = emit_scale,
    [TVIS_OP_MAX_POOL] = tvis_emit_move,
    [TVIS_OP_SHORTCUT] = tvis_emit_move,
    [TVIS_OP_LAYER_NORM] = tvis_emit_layer_norm,
    [TVIS_OP_ATTENTION] = tvis_emit_attention,
    [TVIS_OP_TOKENS] = tvis_emit_tokens,
    [TVIS_OP_SLICE] = tvis_emit_move,
    [TVIS_OP_L2_NORM] = tvis_emit_l2_norm,
};

tvis_emit tvis_emitter(const tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i];
    const bool layer = emitters[n->op] == tvis_emit_layer;
    return q->precision[i].x == TVIS_FORM_F32       ? tvis_emit_float
           : layer && !tvis_has_weights(q->from, n) ? NULL
                                                    : emitters[n->op];
}
