/* SPDX-License-Identifier: MIT */
/* Normalisations and softmax in integers. What their constants mean is in src/ops/layer_norm_s8.h and docs/int8.md. */
#include "quant/maker.h"
#include "ops/layer_norm_s8.h"

#include <math.h>

/* Numbers of a normalisation while its constants are made. */
typedef struct norm {
    bool wide;
    int32_t zero;  /* of y */
    double steps;  /* of y, in 1 */
    double unit;   /* a weight is its factor times this times 2^shift */
    double weight; /* largest of them, to be reached by unit * 2^shift */
    int32_t shift;
} norm;

/* Not more channels than kernels take, nor an input of next to nothing. eps: in steps of x, squared. */
static bool fits(int32_t c, double eps)
{
    return c <= TVIS_LAYER_NORM_S8_MAX_C && eps < 1e37;
}

static norm norm_of(const tvis_maker *q, uint32_t y, int32_t c, bool by_length)
{
    const tvis_gtensor *t = &q->to->tensor[y];
    const bool wide = t->dtype == TVIS_S16;
    return (norm){ .wide = wide,
                   .zero = t->zero,
                   .steps = 1.0 / (double)t->scale,
                   .unit = wide ? ldexp(1.0, 32 - tvis_layer_norm_s8_bits(c, by_length))
                                : 1.0 / tvis_layer_norm_s8_unit(c, by_length),
                   .weight = wide ? 2147483646.0 : 32767.0 };
}

/* The largest shift at which the largest factor and sum of a norm fit, both in steps of y. */
static void choose_shift(tvis_maker *q, const char *name, double factor, double sum, norm *m)
{
    enum { MOST = 24 };
    for (m->shift = MOST; m->shift >= 0; m->shift--)
        if (ldexp(factor * m->unit, m->shift) < m->weight && ldexp(sum, m->shift) < 1073741823.0)
            return;
    m->shift = 0;
    tvis_maker_fail(q, TVIS_EMODEL, TVIS_DIAG_VALUE, name, "its factors are too large for the scale of its output");
}

/* factor: in steps of y */
static int32_t weight_of(const norm *m, double factor)
{
    const double v = ldexp(factor * m->unit, m->shift);
    return m->wide ? 2 * (int32_t)floor(v / 2.0 + 0.5) : (int32_t)floor(v + 0.5) & 0xffff;
}

static int32_t bias_of(const norm *m, double sum)
{
    return (int32_t)floor(ldexp(sum + m->zero + 0.5, m->shift) + 0.5);
}

static void fill(tvis_maker *q, const tvis_gnode *n, const uint32_t *in, int32_t c, norm *m)
{
    const float *gamma = q->from->tensor[n->in[1]].data, *beta = q->from->tensor[n->in[2]].data;
    double factor = 0.0, sum = 0.0;
    for (int32_t k = 0; k < c; k++) {
        factor = fmax(factor, fabs((double)gamma[k]) * m->steps);
        sum = fmax(sum, fabs((double)beta[k] * m->steps + m->zero) + 1.0);
    }
    choose_shift(q, n->name, factor, sum, m);
    for (int32_t k = 0; k < c && !q->to->status; k++) {
        ((int32_t *)q->to->tensor[in[1]].data)[k] = weight_of(m, (double)gamma[k] * m->steps);
        ((int32_t *)q->to->tensor[in[2]].data)[k] = bias_of(m, (double)beta[k] * m->steps);
    }
}

uint32_t tvis_emit_layer_norm(tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i];
    const int32_t c = q->from->tensor[n->in[1]].dims[3];
    const uint32_t x = tvis_maker_in(q, n->in[0], (tvis_form)q->precision[i].x);
    if (x == TVIS_NONE)
        return 1;
    if (!fits(c, (double)n->p.eps * pow(c / tvis_maker_scale(q, x), 2.0)))
        return tvis_emit_float(q, i);
    const uint32_t y = tvis_maker_out(q, n->out[0], (tvis_form)q->precision[i].y);
    const uint32_t in[3] = { x, tvis_maker_vector(q, q->from->tensor[n->in[1]].name, TVIS_S32, c),
                             tvis_maker_vector(q, q->from->tensor[n->in[2]].name, TVIS_S32, c) };
    norm m = norm_of(q, y, c, false);
    tvis_quant k = { 0 };
    if (q->to->status)
        return 1;
    fill(q, n, in, c, &m);
    tvis_maker_limits(q, TVIS_ACT_NONE, y, &k);
    k.shift = (uint8_t)m.shift;
    tvis_maker_node(q, n, in, 3, &y, &k);
    return 1;
}

uint32_t tvis_emit_l2_norm(tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i];
    const uint32_t x = tvis_maker_in(q, n->in[0], (tvis_form)q->precision[i].x);
    if (x == TVIS_NONE)
        return 1;
    if (!fits(1, pow((double)n->p.eps / tvis_maker_scale(q, x), 2.0)))
        return tvis_emit_float(q, i);
    const uint32_t y = tvis_maker_out(q, n->out[0], (tvis_form)q->precision[i].y);
    norm m = norm_of(q, y, 1, true);
    tvis_quant k = { 0 };
    choose_shift(q, n->name, m.steps, fabs((double)m.zero) + 1.0, &m);
    tvis_maker_limits(q, TVIS_ACT_NONE, y, &k);
    k.mul = weight_of(&m, m.steps);
    k.shift = (uint8_t)m.shift;
    tvis_maker_node(q, n, &x, 1, &y, &k);
    return 1;
}

/* Its output has a scale of its own. */
uint32_t tvis_emit_softmax(tvis_maker *q, uint32_t i)
{
    const double log2_e = 1.4426950408889634, one = 4194304.0; /* 2^22: src/ops/op_softmax_s8.c */
    const tvis_gnode *n = &q->from->node[i];
    const uint32_t x = tvis_maker_in(q, n->in[0], (tvis_form)q->precision[i].x);
    const uint32_t y = tvis_maker_out(q, n->out[0], (tvis_form)q->precision[i].y);
    tvis_gtensor *t = &q->to->tensor[y];
    tvis_quant k = { 0 };
    t->scale = t->dtype == TVIS_S16 ? 1.0f / 32768.0f : 1.0f / 256.0f;
    t->zero = t->dtype == TVIS_S16 ? 0 : INT8_MIN;
    tvis_maker_limits(q, TVIS_ACT_NONE, y, &k);
    tvis_maker_choose(q, n->name, tvis_maker_scale(q, x) * log2_e * one, 0, &k.mul, &k.shift);
    tvis_maker_node(q, n, &x, 1, &y, &k);
    return 1;
}
