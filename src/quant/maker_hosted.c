/* SPDX-License-Identifier: MIT */
#include "quant/maker.h"
#include "ops/act.h"
#include "ops/requant.h"
#include "ops/table16.h"
#include "quant/halve_hosted.h"

#include <math.h>
#include <string.h>

void tvis_maker_fail(tvis_maker *q, tvis_status s, tvis_diag_code code, const char *name, const char *why)
{
    if (!q->to->status)
        q->to->status = tvis_fail(q->to->diag, s, code, name, why);
}

bool tvis_has_weights(const tvis_graph *g, const tvis_gnode *n)
{
    return (n->op == TVIS_OP_CONV2D || n->op == TVIS_OP_DEPTHWISE || n->op == TVIS_OP_LINEAR) && n->in_count > 1 &&
           g->tensor[n->in[1]].constant;
}

/* ---- tensors ---- */

/* 16 bits have room for all values that were seen, and for some that were not. */
static double largest_of(const tvis_maker *q, uint32_t original)
{
    const tvis_statistics *s = &q->k->tensor[original].s;
    return 1.25 * fmax(fabs((double)s->min), fabs((double)s->max));
}

/* Of tensor id of `to`, which holds values of tensor `original` of `from`. */
static void set_form(tvis_maker *q, uint32_t id, uint32_t original, tvis_form form)
{
    const tvis_range r = q->made[original].range;
    static const uint8_t dtypes[] = { TVIS_S8, TVIS_S16, TVIS_F32 };
    tvis_gtensor *t = &q->to->tensor[id];
    t->dtype = dtypes[form];
    t->scale = 0.0f;
    t->zero = 0;
    if (form == TVIS_FORM_S8) {
        const double scale = r.hi > r.lo ? (r.hi - r.lo) / 255.0 : 1.0, zero = floor(-128.0 - r.lo / scale + 0.5);
        t->scale = (float)scale;
        t->zero = (int32_t)fmin(fmax(zero, -128.0), 127.0);
    } else if (form == TVIS_FORM_S16) {
        const double largest = original < q->k->count ? largest_of(q, original) : fmax(r.hi, -r.lo);
        t->scale = largest > 0.0 ? (float)(largest / 32767.0) : 1.0f;
    }
}

uint32_t tvis_maker_out(tvis_maker *q, uint32_t id, tvis_form form)
{
    set_form(q, id, id, form);
    q->made[id].as[form] = id;
    q->made[id].form = (uint8_t)form;
    return id;
}

uint32_t tvis_maker_out_like(tvis_maker *q, uint32_t id, uint32_t like)
{
    const tvis_gtensor *from = &q->to->tensor[like];
    const tvis_form form = from->dtype == TVIS_S8    ? TVIS_FORM_S8
                           : from->dtype == TVIS_S16 ? TVIS_FORM_S16
                                                     : TVIS_FORM_F32;
    tvis_maker_out(q, id, form);
    q->to->tensor[id].scale = from->scale;
    q->to->tensor[id].zero = from->zero;
    return id;
}

/* The arithmetic of a node that turns tensor `from` into tensor `made`. */
static tvis_quant requantize(tvis_maker *q, uint32_t from, uint32_t made)
{
    const char *name = q->to->tensor[made].name;
    tvis_quant k = { 0 };
    tvis_maker_limits(q, TVIS_ACT_NONE, made, &k);
    tvis_maker_choose(q, name, tvis_maker_scale(q, from) / tvis_maker_scale(q, made), UINT16_MAX, &k.mul, &k.shift);
    return k;
}

static void convert(tvis_maker *q, uint32_t id, tvis_form form)
{
    tvis_made *m = &q->made[id];
    const uint32_t from = m->as[m->form];
    const bool integers = m->form != TVIS_FORM_F32 && form != TVIS_FORM_F32;
    const uint8_t op = integers ? TVIS_OP_REQUANTIZE : form == TVIS_FORM_F32 ? TVIS_OP_DEQUANTIZE : TVIS_OP_QUANTIZE;
    static const char *const names[] = { "quantize", "dequantize", "requantize" };
    uint32_t made = tvis_graph_add_tensor(q->to, q->from->tensor[id].name, TVIS_F32);
    if (made == TVIS_NONE)
        return;
    set_form(q, made, id, form);
    const tvis_quant k = integers ? requantize(q, from, made) : (tvis_quant){ 0 };
    tvis_graph_add_node(q->to, names[op - TVIS_OP_QUANTIZE], op, &from, 1, &made, 1, NULL);
    if (!q->to->status)
        q->to->node[q->to->node_count - 1].q = k;
    m->as[form] = made;
}

uint32_t tvis_maker_in(tvis_maker *q, uint32_t id, tvis_form form)
{
    if (!q->to->status && q->made[id].as[form] == TVIS_NONE)
        convert(q, id, form);
    return q->to->status ? TVIS_NONE : q->made[id].as[form];
}

double tvis_maker_scale(const tvis_maker *q, uint32_t id)
{
    return id == TVIS_NONE ? 1.0 : (double)q->to->tensor[id].scale;
}

uint32_t tvis_maker_vector(tvis_maker *q, const char *name, uint8_t dtype, int32_t n)
{
    const int32_t dims[4] = { 1, 1, 1, n };
    return tvis_graph_constant(q->to, name, dtype, dims);
}

/* ---- nodes ---- */

void tvis_maker_node(tvis_maker *q, const tvis_gnode *n, const uint32_t *in, uint32_t in_count, const uint32_t *y,
                     const tvis_quant *k)
{
    tvis_graph_add_node(q->to, n->name, n->op, in, in_count, y, n->out_count, &n->p);
    if (!q->to->status)
        q->to->node[q->to->node_count - 1].q = *k;
}

void tvis_maker_limits(const tvis_maker *q, uint8_t act, uint32_t y, tvis_quant *k)
{
    const tvis_gtensor *t = &q->to->tensor[y];
    const bool wide = t->dtype == TVIS_S16;
    int32_t lo = wide ? INT16_MIN : INT8_MIN, hi = wide ? INT16_MAX : INT8_MAX;
    if (act == TVIS_ACT_RELU || act == TVIS_ACT_RELU6)
        lo = t->zero;
    if (act == TVIS_ACT_RELU6)
        hi = (int32_t)fmin(t->zero + floor(6.0 / (double)t->scale + 0.5), hi);
    k->zero = (int8_t)t->zero;
    if (wide) {
        tvis_quant_set16(k, lo, hi);
    } else {
        k->lo = (int8_t)lo;
        k->hi = (int8_t)hi;
    }
}

void tvis_maker_choose(tvis_maker *q, const char *name, double factor, int64_t bound, int32_t *mul, uint8_t *shift)
{
    int32_t s = 0;
    if (tvis_requant_choose(&factor, 1, bound, mul, &s))
        tvis_maker_fail(q, TVIS_EMODEL, TVIS_DIAG_VALUE, name,
                        "scales of its inputs and output are too far apart for int8");
    *shift = (uint8_t)s;
}

uint32_t tvis_maker_table(tvis_maker *q, const char *name, uint8_t act, uint32_t from, uint32_t to)
{
    const uint32_t id = tvis_maker_vector(q, name, TVIS_S8, 256);
    if (id == TVIS_NONE)
        return id;
    const tvis_gtensor *x = &q->to->tensor[from], *y = &q->to->tensor[to];
    for (int32_t i = 0; i < 256; i++) {
        float v = (float)(i - 128 - x->zero) * x->scale;
        tvis_act_f32_c(&(tvis_act_f32_args){ &v, 1, 1, 1, act });
        const double r = floor((double)v / (double)y->scale + 0.5) + y->zero;
        ((int8_t *)q->to->tensor[id].data)[i] = (int8_t)fmin(fmax(r, -128.0), 127.0);
    }
    return id;
}

uint32_t tvis_maker_table16(tvis_maker *q, const char *name, uint8_t act, uint32_t from, uint32_t to)
{
    const uint32_t id = tvis_maker_vector(q, name, TVIS_S16, TVIS_TABLE16_ENTRIES);
    if (id == TVIS_NONE)
        return id;
    const tvis_gtensor *x = &q->to->tensor[from], *y = &q->to->tensor[to];
    const double step = x->dtype == TVIS_S16 ? 128.0 : 0.5, unit = y->dtype == TVIS_S16 ? 1.0 : 256.0;
    for (int32_t i = 0; i < TVIS_TABLE16_ENTRIES; i++) {
        float v = (float)(((i - 256) * step - x->zero) * (double)x->scale);
        tvis_act_f32_c(&(tvis_act_f32_args){ &v, 1, 1, 1, act });
        const double r = floor(((double)v / (double)y->scale + y->zero) * unit + 0.5);
        ((int16_t *)q->to->tensor[id].data)[i] = (int16_t)fmin(fmax(r, INT16_MIN), INT16_MAX);
    }
    return id;
}

const tvis_gnode *tvis_maker_table_after(const tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i], *next = n + 1;
    const bool there = i + 1 < q->from->node_count && next->op == TVIS_OP_ACTIVATION && next->in[0] == n->out[0];
    return there && !tvis_act_clamps(next->act) && tvis_graph_uses(q->from, n->out[0]) == 1 ? next : NULL;
}

void tvis_maker_note(tvis_maker *q, const char *name, double signal, double noise, uint64_t elements)
{
    q->signal += signal;
    q->noise += noise;
    q->report.snr_db = tvis_decibel((tvis_energy){ q->signal, q->noise });
    q->report.tensors++;
    q->report.elements += elements;
    const double db = tvis_decibel((tvis_energy){ signal, noise });
    if (db < q->report.worst_db) {
        q->report.worst_db = db;
        q->worst = name;
    }
}
