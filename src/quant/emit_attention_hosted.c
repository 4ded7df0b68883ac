/* SPDX-License-Identifier: MIT */
/* Self-attention in integers. Probabilities never become int8; the maps are int16 in units of 2^-15. */
#include "quant/maker.h"

#include <math.h>

/* From a difference of scores to an exponent of 2 in units of 2^-15. */
static double exponent(double x, int32_t d)
{
    return x * x / sqrt((double)d) / log(2.0) * 32768.0;
}

uint32_t tvis_emit_attention(tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i];
    const uint32_t x = tvis_maker_in(q, n->in[0], TVIS_FORM_S8);
    const uint32_t y[2] = { tvis_maker_out(q, n->out[0], TVIS_FORM_S8),
                            n->p.attention.maps ? tvis_maker_out(q, n->out[1], TVIS_FORM_S16) : TVIS_NONE };
    const int32_t d = (int32_t)(q->k->tensor[n->in[0]].channels / 3 / n->p.attention.heads);
    const double scale = tvis_maker_scale(q, x);
    tvis_quant k = { 0 };
    if (q->to->status)
        return 1;
    if (n->p.attention.maps)
        q->to->tensor[y[1]].scale = 1.0f / 32768.0f;
    tvis_maker_limits(q, n->act, y[0], &k);
    tvis_maker_choose(q, n->name, exponent(scale, d), 1, &k.mul, &k.shift); /* differences are limited to what fits */
    tvis_maker_choose(q, n->name, scale / tvis_maker_scale(q, y[0]), 255, &k.add_mul, &k.add_shift);
    tvis_maker_node(q, n, &x, 1, y, &k);
    return 1;
}
