/* SPDX-License-Identifier: MIT */
/* int8 static quantization: weights symmetric by output channel, activations asymmetric by tensor, biases corrected for
 * what rounding the weights does to the mean (Nagel et al. 2019). docs/quantization.md has the formulas. */
#include "quant/int8_hosted.h"
#include "ops/act.h"
#include "ops/requant.h"
#include "quant/calibrate_hosted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* `from` is the float model with activations on their own, `to` what is made of it. Tensors that are activations have
 * the same numbers in both; those of `to` that lie behind them are new. */
typedef struct maker {
    const tvis_model *m;
    const tvis_quantize_config *c;
    tvis_graph *from, *to;
    tvis_calibration k;
    tvis_quantize_report report;
    double signal, noise;
    const char *worst; /* in the split graph */
    uint32_t input;    /* the quantized input */
} maker;

static void fail(maker *q, tvis_status s, tvis_diag_code code, const char *name, const char *why)
{
    if (!q->to->status)
        q->to->status = tvis_fail(q->to->diag, s, code, name, why);
}

static bool is_clamp(uint8_t act)
{
    return act <= TVIS_ACT_RELU6;
}

/* ---- the float model with its activations, but for clamps, as nodes of their own ---- */

static void split_node(tvis_graph *g, const tvis_gnode *n)
{
    if (is_clamp(n->act) || n->op == TVIS_OP_ACTIVATION) {
        tvis_graph_add_node(g, n->name, n->op, n->in, n->in_count, n->out, n->out_count, &n->p);
        if (!g->status)
            g->node[g->node_count - 1].act = n->act;
        return;
    }
    const uint32_t before = tvis_graph_add_tensor(g, n->name, TVIS_F32);
    tvis_graph_add_node(g, n->name, n->op, n->in, n->in_count, &before, 1, &n->p);
    tvis_graph_add_node(g, n->name, TVIS_OP_ACTIVATION, &before, 1, n->out, 1, NULL);
    if (!g->status)
        g->node[g->node_count - 1].act = n->act;
}

static void copy_tensors(tvis_graph *to, const tvis_graph *from)
{
    for (uint32_t i = 0; i < from->tensor_count; i++) {
        const uint32_t id = tvis_graph_add_tensor(to, from->tensor[i].name, from->tensor[i].dtype);
        if (id == TVIS_NONE)
            return;
        char *name = to->tensor[id].name;
        to->tensor[id] = from->tensor[i];
        to->tensor[id].name = name;
        to->tensor[id].borrowed = true;
    }
}

static void copy_meta(tvis_graph *to, const tvis_graph *from)
{
    to->arch = from->arch;
    to->classes = from->classes;
    to->h = from->h;
    to->w = from->w;
    to->min_side = from->min_side;
    to->max_side = from->max_side;
    to->multiple = from->multiple;
    to->preprocess = from->preprocess;
    to->labels = from->labels;
    to->input_count = from->input_count;
    memcpy(to->input, from->input, sizeof to->input);
    to->output_count = from->output_count;
    memcpy(to->output, from->output, sizeof to->output);
}

/* ---- scales ---- */

static void set_range(maker *q, uint32_t id, tvis_range r)
{
    tvis_gtensor *t = &q->to->tensor[id];
    const double scale = r.hi > r.lo ? (r.hi - r.lo) / 255.0 : 1.0;
    const double zero = floor(-128.0 - r.lo / scale + 0.5);
    t->dtype = TVIS_S8;
    t->scale = (float)scale;
    t->zero = (int32_t)fmin(fmax(zero, -128.0), 127.0);
}

static void set_ranges(maker *q)
{
    for (uint32_t i = 0; i < q->from->tensor_count; i++)
        if (!q->from->tensor[i].constant)
            set_range(q, i, tvis_statistics_range(&q->k.tensor[i].s, q->c->observer, q->c->percentile));
}

/* The int8 tensor that stands for a tensor of the float model. */
static uint32_t made_of(const maker *q, uint32_t id)
{
    return id == q->from->input[0] ? q->input : id;
}

static double scale_of(const maker *q, uint32_t id)
{
    return (double)q->to->tensor[made_of(q, id)].scale;
}

static void limits(const maker *q, const tvis_gnode *n, uint32_t out, tvis_quant *k)
{
    const tvis_gtensor *t = &q->to->tensor[out];
    k->zero = (int8_t)t->zero;
    k->lo = INT8_MIN;
    k->hi = INT8_MAX;
    if (n->act == TVIS_ACT_RELU || n->act == TVIS_ACT_RELU6)
        k->lo = (int8_t)t->zero;
    if (n->act == TVIS_ACT_RELU6)
        k->hi = (int8_t)fmin(t->zero + floor(6.0 / (double)t->scale + 0.5), INT8_MAX);
}

/* One multiplier for a real factor. */
static void choose(maker *q, const char *name, double factor, int64_t bound, int32_t *mul, uint8_t *shift)
{
    int32_t s = 0;
    if (tvis_requant_choose(&factor, 1, bound, mul, &s))
        fail(q, TVIS_EMODEL, TVIS_DIAG_VALUE, name, "scales of its inputs and output are too far apart for int8");
    *shift = (uint8_t)s;
}

/* ---- layers with weights ---- */

typedef struct layer {
    const float *w, *bias;
    const double *mean;             /* of the input's channels */
    int32_t channels, taps, inputs; /* a channel's weights: (taps, inputs) */
    bool depthwise;                 /* then inputs is 1, and taps are `channels` apart */
} layer;

static layer read_layer(const maker *q, const tvis_gnode *n)
{
    const tvis_gtensor *w = &q->from->tensor[n->in[1]];
    layer l = { .w = w->data, .depthwise = n->op == TVIS_OP_DEPTHWISE };
    l.bias = n->in_count > 2 && n->in[2] != TVIS_NONE ? q->from->tensor[n->in[2]].data : NULL;
    l.channels = w->dims[l.depthwise ? 3 : 0];
    l.taps = w->dims[1] * w->dims[2];
    l.inputs = l.depthwise ? 1 : w->dims[3];
    return l;
}

static size_t weight_at(const layer *l, int32_t channel, int32_t i)
{
    return l->depthwise ? (size_t)i * (size_t)l->channels + (size_t)channel
                        : (size_t)channel * (size_t)(l->taps * l->inputs) + (size_t)i;
}

/* The mean of the input that weight i of a channel meets. */
static double mean_at(const maker *q, const tvis_gnode *n, const layer *l, int32_t channel, int32_t i)
{
    const tvis_observed *o = &q->k.tensor[n->in[0]];
    const int32_t groups = n->op == TVIS_OP_CONV2D ? n->p.conv.groups : 1;
    const int32_t c = l->depthwise ? channel : channel / (l->channels / groups) * l->inputs + i % l->inputs;
    return o->pixels ? o->sums[c] / (double)o->pixels : 0.0;
}

typedef struct quantized {
    int8_t *w;
    int32_t *bias;
    double *factor;       /* x_scale * w_scale / y_scale */
    int64_t bound;        /* of |accumulator| */
    double signal, noise; /* energy of the weights, and of their rounding */
} quantized;

static void quantize_channel(maker *q, const tvis_gnode *n, const layer *l, int32_t c, uint32_t out, quantized *z)
{
    enum { BIAS_BITS = 24 }; /* biases stay below 2^24, however small the weights are */
    const double x = scale_of(q, n->in[0]), bias = l->bias ? (double)l->bias[c] : 0.0;
    const int32_t count = l->taps * l->inputs;
    double largest = 0.0, lost = 0.0;
    for (int32_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)l->w[weight_at(l, c, i)]));
    double scale = fmax(largest / 127.0, fabs(bias) / (x * (1 << BIAS_BITS)));
    if (!(scale > 0.0))
        scale = 1.0;
    int64_t sum = 0, magnitude = 0;
    for (int32_t i = 0; i < count; i++) {
        const double w = (double)l->w[weight_at(l, c, i)], r = floor(w / scale + 0.5);
        z->w[weight_at(l, c, i)] = (int8_t)r;
        lost += (w - r * scale) * mean_at(q, n, l, c, i);
        z->signal += w * w;
        z->noise += (w - r * scale) * (w - r * scale);
        sum += (int64_t)r;
        magnitude += (int64_t)fabs(r);
    }
    const double b = floor((bias + lost) / (x * scale) + 0.5);
    const int64_t zero = l->depthwise ? 0 : q->to->tensor[made_of(q, n->in[0])].zero * sum;
    const int64_t bound = (int64_t)fabs(b) + 255 * magnitude;
    z->bias[c] = (int32_t)((int64_t)fmin(fmax(b, -1073741824.0), 1073741824.0) - zero);
    z->factor[c] = x * scale / scale_of(q, out);
    z->bound = bound > z->bound ? bound : z->bound;
}

static uint32_t new_vector(maker *q, const char *name, uint8_t dtype, int32_t n)
{
    const int32_t dims[4] = { 1, 1, 1, n };
    return tvis_graph_constant(q->to, name, dtype, dims);
}

/* q[x + 128] = quantized act(dequantized x). */
static uint32_t make_table(maker *q, const char *name, uint8_t act, uint32_t from, uint32_t out)
{
    const uint32_t id = new_vector(q, name, TVIS_S8, 256);
    const tvis_gtensor *x = &q->to->tensor[from], *y = &q->to->tensor[out];
    if (id == TVIS_NONE)
        return id;
    for (int32_t i = 0; i < 256; i++) {
        float v = (float)(i - 128 - x->zero) * x->scale;
        tvis_act_f32_c(&(tvis_act_f32_args){ &v, 1, 1, 1, act });
        const double r = floor((double)v / (double)y->scale + 0.5) + y->zero;
        ((int8_t *)q->to->tensor[id].data)[i] = (int8_t)fmin(fmax(r, -128.0), 127.0);
    }
    return id;
}

/* The activation that alone reads `id`, if it needs a table. */
static const tvis_gnode *table_after(const maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i], *next = n + 1;
    const bool there = i + 1 < q->from->node_count && next->op == TVIS_OP_ACTIVATION && next->in[0] == n->out[0];
    return there && !is_clamp(next->act) && tvis_graph_uses(q->from, n->out[0]) == 1 ? next : NULL;
}

static double decibel(double signal, double noise)
{
    return noise > 0.0 ? 10.0 * log10(signal / noise) : INFINITY;
}

static void note(maker *q, const char *name, const quantized *z, uint64_t elements)
{
    q->signal += z->signal;
    q->noise += z->noise;
    q->report.tensors++;
    q->report.elements += elements;
    if (decibel(z->signal, z->noise) < q->report.worst_db) {
        q->report.worst_db = decibel(z->signal, z->noise);
        q->worst = name;
    }
}

/* Returns whether the next node was taken in. */
static bool make_layer(maker *q, uint32_t i)
{
    enum { BIAS = 2, ADD = 3, MUL = 4, TABLE = 5, INPUTS = 6 };
    const tvis_gnode *n = &q->from->node[i], *table = table_after(q, i);
    const layer l = read_layer(q, n);
    const uint32_t add = n->in_count > ADD ? n->in[ADD] : TVIS_NONE, out = n->out[0],
                   last = table ? table->out[0] : out;
    const char *name = n->name;
    uint32_t in[INPUTS] = { made_of(q, n->in[0]), TVIS_NONE, TVIS_NONE, add, TVIS_NONE, TVIS_NONE };
    tvis_quant k = { 0 };
    quantized z = { 0 };
    in[1] = tvis_graph_constant(q->to, q->from->tensor[n->in[1]].name, TVIS_S8, q->from->tensor[n->in[1]].dims);
    in[BIAS] = new_vector(q, name, TVIS_S32, l.channels);
    in[MUL] = new_vector(q, name, TVIS_S32, l.channels);
    z.factor = malloc((size_t)l.channels * sizeof *z.factor);
    if (!z.factor)
        tvis_graph_out_of_memory(q->to);
    if (table)
        in[TABLE] = make_table(q, table->name, table->act, out, last);
    if (q->to->status) {
        free(z.factor);
        return false;
    }
    z.w = q->to->tensor[in[1]].data;
    z.bias = q->to->tensor[in[BIAS]].data;
    for (int32_t c = 0; c < l.channels; c++)
        quantize_channel(q, n, &l, c, out, &z);
    int32_t shift = 0;
    if (tvis_requant_choose(z.factor, l.channels, z.bound, q->to->tensor[in[MUL]].data, &shift))
        fail(q, TVIS_EMODEL, TVIS_DIAG_VALUE, name, "its sums do not fit 32 bits, or its scales are too far apart");
    k.shift = (uint8_t)shift;
    limits(q, n, out, &k);
    if (add != TVIS_NONE)
        choose(q, name, scale_of(q, add) / scale_of(q, out), 255, &k.add_mul, &k.add_shift);
    free(z.factor);
    note(q, name, &z, (uint64_t)l.channels * (uint64_t)(l.taps * l.inputs));
    tvis_graph_add_node(q->to, name, n->op, in, INPUTS, &last, 1, &n->p);
    if (!q->to->status)
        q->to->node[q->to->node_count - 1].q = k;
    return table != NULL;
}

/* ---- the others ---- */

static void make_node(maker *q, const tvis_gnode *n, const uint32_t *in, uint32_t in_count, const tvis_quant *k)
{
    tvis_graph_add_node(q->to, n->name, n->op, in, in_count, n->out, 1, &n->p);
    if (!q->to->status)
        q->to->node[q->to->node_count - 1].q = *k;
}

static void make_other(maker *q, const tvis_gnode *n)
{
    uint32_t in[2] = { made_of(q, n->in[0]), n->in_count > 1 ? made_of(q, n->in[1]) : TVIS_NONE };
    const double y = scale_of(q, n->out[0]), a = scale_of(q, n->in[0]);
    tvis_quant k = { 0 };
    limits(q, n, n->out[0], &k);
    switch ((tvis_op_code)n->op) {
    case TVIS_OP_ADD:
        choose(q, n->name, a / y, 255, &k.mul, &k.shift);
        choose(q, n->name, scale_of(q, in[1]) / y, 255, &k.add_mul, &k.add_shift);
        make_node(q, n, in, 2, &k);
        break;
    case TVIS_OP_SCALE:
        choose(q, n->name, a * scale_of(q, in[1]) / y, 255 * 255, &k.mul, &k.shift);
        make_node(q, n, in, 2, &k);
        break;
    case TVIS_OP_GLOBAL_AVG_POOL:
        choose(q, n->name, a / y, 255, &k.mul, &k.shift);
        make_node(q, n, in, 1, &k);
        break;
    case TVIS_OP_MAX_POOL: /* the values stay what they are */
        q->to->tensor[n->out[0]].scale = q->to->tensor[in[0]].scale;
        q->to->tensor[n->out[0]].zero = q->to->tensor[in[0]].zero;
        limits(q, n, n->out[0], &k);
        make_node(q, n, in, 1, &k);
        break;
    case TVIS_OP_ACTIVATION:
        in[1] = make_table(q, n->name, n->act, in[0], n->out[0]);
        make_node(q, n, in, 2, &k);
        break;
    default:
        fail(q, TVIS_EUNSUP, TVIS_DIAG_NO_KERNEL, n->name, "this operator has no integer kernel");
    }
}

static bool has_weights(const maker *q, const tvis_gnode *n)
{
    return (n->op == TVIS_OP_CONV2D || n->op == TVIS_OP_DEPTHWISE || n->op == TVIS_OP_LINEAR) &&
           q->from->tensor[n->in[1]].constant;
}

/* The float input gets a quantized twin, the outputs float ones. */
static void make_nodes(maker *q)
{
    const uint32_t input = q->from->input[0];
    const tvis_gtensor *t = &q->to->tensor[input];
    const tvis_gtensor twin = *t;
    q->input = tvis_graph_add_tensor(q->to, twin.name, TVIS_S8);
    if (q->input == TVIS_NONE)
        return;
    q->to->tensor[q->input].scale = twin.scale;
    q->to->tensor[q->input].zero = twin.zero;
    q->to->tensor[input].dtype = TVIS_F32;
    q->to->tensor[input].scale = 0.0f;
    q->to->tensor[input].zero = 0;
    tvis_graph_add_node(q->to, "quantize", TVIS_OP_QUANTIZE, &input, 1, &q->input, 1, NULL);
    for (uint32_t i = 0; i < q->from->node_count && !q->to->status; i++)
        if (!has_weights(q, &q->from->node[i]))
            make_other(q, &q->from->node[i]);
        else
            i += make_layer(q, i);
    for (uint32_t k = 0; k < q->to->output_count && !q->to->status; k++) {
        const uint32_t id = q->to->output[k], f = tvis_graph_add_tensor(q->to, q->to->tensor[id].name, TVIS_F32);
        tvis_graph_add_node(q->to, "dequantize", TVIS_OP_DEQUANTIZE, &id, 1, &f, 1, NULL);
        q->to->output[k] = f;
    }
}

/* Names of the report live in the caller's blob. */
static void finish_report(maker *q)
{
    q->report.snr_db = decibel(q->signal, q->noise);
    for (uint32_t i = 0; q->worst && i < tvis_header(q->m)->node_count; i++) {
        const char *name = tvis_string(q->m, tvis_nodes(q->m)[i].name);
        if (strcmp(name, q->worst) == 0)
            q->report.worst = name;
    }
}

static tvis_status calibrated(maker *q, tvis_blob *blob, tvis_diag *diag)
{
    tvis_blob split;
    tvis_model m;
    tvis_status s = tvis_blob_write(q->from, &split, diag);
    if (s)
        return s;
    s = tvis_model_open(&m, split.data, split.size, diag);
    if (!s)
        s = tvis_calibrate(&q->k, &m, q->c, diag);
    if (!s) {
        tvis_graph g; /* numbered as the calibrated blob is */
        tvis_graph_init(&g, diag);
        tvis_graph_read(&g, &m);
        q->from = &g;
        tvis_graph_init(q->to, diag);
        copy_tensors(q->to, &g);
        copy_meta(q->to, &g);
        if (!q->to->status)
            set_ranges(q);
        if (!q->to->status)
            make_nodes(q);
        s = q->to->status ? q->to->status : tvis_blob_write(q->to, blob, diag);
        finish_report(q);
        tvis_graph_free(q->to);
        tvis_graph_free(&g);
    }
    tvis_calibration_free(&q->k);
    tvis_blob_free(&split);
    return s;
}

static void refuse_quantized(tvis_graph *g)
{
    for (uint32_t i = 0; i < g->tensor_count && !g->status; i++)
        if (g->tensor[i].dtype != TVIS_F32)
            g->status =
                tvis_fail(g->diag, TVIS_EINVAL, TVIS_DIAG_REFUSED, g->tensor[i].name, "the model is quantized already");
    if (!g->status && g->input_count != 1)
        g->status =
            tvis_fail(g->diag, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "inputs", "networks with one input can be calibrated");
}

tvis_status tvis_quantize_int8(const tvis_model *m, const tvis_quantize_config *c, tvis_blob *blob,
                               tvis_quantize_report *report, tvis_diag *diag)
{
    tvis_graph fused, split, made;
    maker q = { .m = m, .c = c, .from = &split, .to = &made, .report = { .worst_db = INFINITY } };
    if (c->observer >= TVIS_OBSERVER_COUNT_ || !(c->percentile > 0.0f && c->percentile <= 100.0f))
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ENUM, "observer", "unknown, or a percentile outside of 0 to 100");
    if (c->images == 0 || !c->input)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "calibration", "int8 needs pictures to calibrate on");
    tvis_graph_init(&fused, diag);
    tvis_graph_init(&split, diag);
    tvis_graph_read(&fused, m);
    refuse_quantized(&fused);
    copy_tensors(&split, &fused);
    copy_meta(&split, &fused);
    for (uint32_t i = 0; i < fused.node_count && !fused.status; i++)
        split_node(&split, &fused.node[i]);
    tvis_status s = fused.status ? fused.status : split.status ? split.status : calibrated(&q, blob, diag);
    if (!s && report)
        *report = q.report;
    tvis_graph_free(&split);
    tvis_graph_free(&fused);
    return s;
}
