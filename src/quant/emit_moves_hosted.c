/* SPDX-License-Identifier: MIT */
/* Operators that move values, and the tokens of a vision transformer, in integers. */
#include "quant/maker.h"

#include <math.h>

uint32_t tvis_emit_move(tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i];
    const uint32_t x = tvis_maker_in(q, n->in[0], (tvis_form)q->precision[i].x);
    tvis_quant k = { 0 };
    if (x == TVIS_NONE)
        return 1;
    const uint32_t y = tvis_maker_out_like(q, n->out[0], x);
    tvis_maker_limits(q, TVIS_ACT_NONE, y, &k);
    tvis_maker_node(q, n, &x, 1, &y, &k);
    return 1;
}

/* A float constant in steps of `scale`. */
static uint32_t rounded(tvis_maker *q, uint32_t id, uint8_t dtype, float scale, int32_t zero)
{
    const tvis_gtensor *from = &q->from->tensor[id];
    const double lo = dtype == TVIS_S8 ? INT8_MIN : INT16_MIN, hi = dtype == TVIS_S8 ? INT8_MAX : INT16_MAX;
    const uint32_t made = tvis_graph_constant(q->to, from->name, dtype, from->dims);
    for (size_t i = 0; made != TVIS_NONE && i < from->bytes / sizeof(float); i++) {
        const double v = floor((double)((const float *)from->data)[i] / (double)scale + 0.5) + zero;
        const double limited = fmin(fmax(v, lo), hi);
        if (dtype == TVIS_S8)
            ((int8_t *)q->to->tensor[made].data)[i] = (int8_t)limited;
        else
            ((int16_t *)q->to->tensor[made].data)[i] = (int16_t)limited;
    }
    return made;
}

static float position_scale(const tvis_gtensor *t)
{
    double largest = 0.0;
    for (size_t i = 0; i < t->bytes / sizeof(float); i++)
        largest = fmax(largest, fabs((double)((const float *)t->data)[i]));
    return largest > 0.0 ? (float)(largest / INT16_MAX) : 1.0f;
}

uint32_t tvis_emit_tokens(tvis_maker *q, uint32_t i)
{
    enum { CLASS = 1, POSITION = 2, REGISTERS = 3, INPUTS = 4 };
    enum { STRETCHED = 204800 }; /* 2^15 * 2.5^2: src/ops/op_tokens_s8.c */
    const tvis_gnode *n = &q->from->node[i];
    const uint32_t x = tvis_maker_in(q, n->in[0], (tvis_form)q->precision[i].x);
    const uint32_t y = tvis_maker_out(q, n->out[0], (tvis_form)q->precision[i].y);
    const float scale = q->to->tensor[y].scale, position = position_scale(&q->from->tensor[n->in[POSITION]]);
    const uint8_t dtype = q->to->tensor[y].dtype;
    const int32_t zero = q->to->tensor[y].zero;
    uint32_t in[INPUTS] = { x };
    tvis_quant k = { 0 };
    if (x == TVIS_NONE)
        return 1;
    in[CLASS] = rounded(q, n->in[CLASS], dtype, scale, zero);
    in[POSITION] = rounded(q, n->in[POSITION], TVIS_S16, position, 0);
    if (n->in_count > REGISTERS)
        in[REGISTERS] = rounded(q, n->in[REGISTERS], dtype, scale, zero);
    tvis_maker_limits(q, n->act, y, &k);
    tvis_maker_choose(q, n->name, tvis_maker_scale(q, x) / (double)scale,
                      q->to->tensor[x].dtype == TVIS_S16 ? 32768 : 255, &k.mul, &k.shift);
    tvis_maker_choose(q, n->name, (double)position / (double)scale, STRETCHED, &k.add_mul, &k.add_shift);
    tvis_maker_node(q, n, in, n->in_count, &y, &k);
    return 1;
}
