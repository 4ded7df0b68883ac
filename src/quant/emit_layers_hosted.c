/* SPDX-License-Identifier: MIT */
/* Layers with weights in integers: weights symmetric by output channel, biases corrected for what rounding the weights
 * does to the mean (Nagel et al. 2019). */
#include "quant/maker.h"
#include "ops/requant.h"
#include "ops/table16.h"

#include <math.h>
#include <stdlib.h>

enum { W = 1, BIAS = 2, ADD = 3, MUL = 4, TABLE = 5, INPUTS = 6 };

typedef struct layer {
    const tvis_gnode *n;
    const tvis_refit *refit; /* or NULL */
    const float *w, *bias;
    const double *shift; /* or NULL */
    int32_t channels, taps, inputs; /* a channel's weights: (taps, inputs) */
    bool depthwise;                 /* then inputs is 1, and taps are `channels` apart */
} layer;

static layer read_layer(const tvis_maker *q, const tvis_gnode *n)
{
    const tvis_gtensor *w = &q->from->tensor[n->in[1]];
    layer l = { .n = n, .w = w->data, .depthwise = n->op == TVIS_OP_DEPTHWISE };
    l.bias = n->in_count > 2 && n->in[2] != TVIS_NONE ? q->from->tensor[n->in[2]].data : NULL;
    l.shift = q->shift ? q->shift[n - q->from->node] : NULL;
    l.refit = q->refit ? q->refit[n - q->from->node] : NULL;
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
static double mean_at(const tvis_maker *q, const layer *l, int32_t channel, int32_t i)
{
    const tvis_observed *o = &q->k->tensor[l->n->in[0]];
    const int32_t groups = l->n->op == TVIS_OP_CONV2D ? l->n->p.conv.groups : 1;
    const int32_t c = l->depthwise ? channel : channel / (l->channels / groups) * l->inputs + i % l->inputs;
    return o->pixels ? o->sums[c] / (double)o->pixels : 0.0;
}

typedef struct quantized {
    double x, y;    /* scales of input and output */
    int32_t zero;   /* of the input */
    int32_t lo, hi; /* lo <= x - zero <= hi, lo <= 0 <= hi */
    bool wide;      /* the input is S16 */
    int8_t *w;
    int32_t *bias;
    double *factor;       /* x * w_scale / y */
    int64_t bound;        /* of |accumulator| */
    double signal, noise; /* energy of the weights, and of their rounding */
} quantized;

/* The largest |sum of x * w| where positive weights add up to `up` and negative ones to -`down`. */
static double largest_sum(const quantized *z, double up, double down)
{
    return fmax(z->hi * up - z->lo * down, z->hi * down - z->lo * up);
}

double tvis_row_scale(const float *w, int32_t n)
{
    float largest = 0.0f;
    for (int32_t i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(w[i]));
    return largest > 0.0f ? (double)largest / 127.0 : 1.0;
}

/* Biases stay below 2^24, however small the weights are. With S16 a sum may take all of its bits: then the scale is one
 * that leaves sum and bias below 2^31, whatever is rounded up, less 2^26 for what the bias is corrected by. */
static double least_scale(const quantized *z, int32_t n, double up, double down, double bias)
{
    const double room = 2147483648.0 - 67108864.0 - fmax(z->hi, -z->lo) * (n / 2.0);
    return z->wide ? (fabs(bias) / z->x + largest_sum(z, up, down)) / room : fabs(bias) / (z->x * (1 << 24));
}

static double weight_scale(const layer *l, int32_t c, const quantized *z, double bias)
{
    const int32_t n = l->taps * l->inputs;
    double largest = 0.0, up = 0.0, down = 0.0;
    for (int32_t i = 0; i < n; i++) {
        const double w = (double)l->w[weight_at(l, c, i)];
        largest = fmax(largest, fabs(w));
        up += fmax(w, 0.0);
        down += fmax(-w, 0.0);
    }
    const double scale = fmax(largest / 127.0, least_scale(z, n, up, down, bias));
    return scale > 0.0 ? scale : 1.0;
}

/* A channel's fitted integers, if nothing asks for a larger scale than that which they were chosen for. */
static const int8_t *fitted(const layer *l, int32_t c, const quantized *z)
{
    const int32_t n = l->taps * l->inputs;
    if (!l->refit)
        return NULL;
    const int8_t *q = l->refit->q + (size_t)c * (size_t)n;
    const double scale = l->refit->scale[c];
    double up = 0.0, down = 0.0;
    for (int32_t i = 0; i < n; i++)
        *(q[i] > 0 ? &up : &down) += scale * abs(q[i]);
    const bool empty = !(up + down > 0.0); /* then its scale means nothing */
    return !empty && least_scale(z, n, up, down, (double)l->refit->bias[c]) <= scale ? q : NULL;
}

static void quantize_channel(const tvis_maker *q, const layer *l, int32_t c, quantized *z)
{
    const int8_t *rounded = fitted(l, c, z);
    const double given = l->bias ? (double)l->bias[c] : 0.0, bias = rounded ? (double)l->refit->bias[c] : given;
    const double scale = rounded ? l->refit->scale[c] : weight_scale(l, c, z, bias);
    double lost = 0.0, up = 0.0, down = 0.0;
    int64_t sum = 0;
    for (int32_t i = 0; i < l->taps * l->inputs; i++) {
        const double w = (double)l->w[weight_at(l, c, i)], r = rounded ? rounded[i] : floor(w / scale + 0.5);
        z->w[weight_at(l, c, i)] = (int8_t)r;
        lost += rounded ? 0.0 : (w - r * scale) * mean_at(q, l, c, i);
        z->signal += w * w;
        z->noise += (w - r * scale) * (w - r * scale);
        sum += (int64_t)r;
        up += fmax(r, 0.0);
        down += fmax(-r, 0.0);
    }
    const double shift = l->shift && !rounded ? l->shift[c] : 0.0;
    const double b = floor((bias + lost + shift) / (z->x * scale) + 0.5);
    const int64_t zero = l->depthwise ? 0 : z->zero * sum;
    const int64_t bound = (int64_t)(fabs(b) + largest_sum(z, up, down));
    z->bias[c] = (int32_t)((int64_t)fmin(fmax(b, -1073741824.0), 1073741824.0) - zero);
    z->factor[c] = z->x * scale / z->y;
    z->bound = bound > z->bound ? bound : z->bound;
}

/* The values that an S16 tensor can have: between the limits of what writes it, or among the entries of its table. */
static void values_of(tvis_graph *g, uint32_t id, int32_t *lo, int32_t *hi)
{
    const tvis_gnode *n = tvis_graph_producer(g, id);
    const bool sum = n && (tvis_has_weights(g, n) || n->op == TVIS_OP_ADD || n->op == TVIS_OP_REQUANTIZE);
    *lo = sum ? tvis_quant_lo16(&n->q) : INT16_MIN;
    *hi = sum ? tvis_quant_hi16(&n->q) : INT16_MAX;
    if (sum && tvis_has_weights(g, n) && n->in_count > TABLE && n->in[TABLE] != TVIS_NONE) {
        const int16_t *entry = g->tensor[n->in[TABLE]].data;
        *lo = *hi = 0;
        for (int32_t i = 0; i < TVIS_TABLE16_ENTRIES; i++) {
            *lo = entry[i] < *lo ? entry[i] : *lo;
            *hi = entry[i] > *hi ? entry[i] : *hi;
        }
    }
    *lo = *lo < 0 ? *lo : 0;
    *hi = *hi > 0 ? *hi : 0;
}

static void quantize_weights(tvis_maker *q, const layer *l, const uint32_t *in, uint32_t mul, uint32_t out,
                             uint8_t *shift)
{
    const tvis_gtensor *x = &q->to->tensor[in[0]];
    quantized z = { .x = (double)x->scale,
                    .y = tvis_maker_scale(q, out),
                    .zero = x->zero,
                    .lo = -255,
                    .hi = 255,
                    .wide = x->dtype == TVIS_S16,
                    .w = q->to->tensor[in[1]].data,
                    .bias = q->to->tensor[in[2]].data,
                    .factor = malloc((size_t)l->channels * sizeof(double)) };
    int32_t s = 0;
    if (!z.factor) {
        tvis_graph_out_of_memory(q->to);
        return;
    }
    if (z.wide)
        values_of(q->to, in[0], &z.lo, &z.hi);
    for (int32_t c = 0; c < l->channels; c++)
        quantize_channel(q, l, c, &z);
    if (tvis_requant_choose(z.factor, l->channels, z.bound, q->to->tensor[mul].data, &s))
        tvis_maker_fail(q, TVIS_EMODEL, TVIS_DIAG_VALUE, l->n->name,
                        "its sums do not fit 32 bits, or its scales are too far apart");
    *shift = (uint8_t)s;
    free(z.factor);
    tvis_maker_note(q, l->n->name, z.signal, z.noise, (uint64_t)l->channels * (uint64_t)(l->taps * l->inputs));
}

/* The table behind a layer, if it is in integers too. */
static const tvis_gnode *table_of(const tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = tvis_maker_table_after(q, i);
    return n && q->precision[i + 1].x != TVIS_FORM_F32 ? n : NULL;
}

static void add_factor(tvis_maker *q, const tvis_gnode *n, uint32_t add, uint32_t out, tvis_quant *k)
{
    const int64_t most = q->to->tensor[add].dtype == TVIS_S8 ? 255 : 32768;
    tvis_maker_choose(q, n->name, tvis_maker_scale(q, add) / tvis_maker_scale(q, out), most, &k->add_mul,
                      &k->add_shift);
}

uint32_t tvis_emit_layer(tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i], *table = table_of(q, i);
    const layer l = read_layer(q, n);
    const uint32_t add = n->in_count > ADD ? n->in[ADD] : TVIS_NONE;
    const tvis_form x_form = (tvis_form)q->precision[i].x, y_form = (tvis_form)q->precision[table ? i + 1 : i].y;
    /* What goes into a table has 16 bits: it would be rounded twice. */
    const uint32_t out = tvis_maker_out(q, n->out[0], table ? TVIS_FORM_S16 : y_form);
    const uint32_t y = table ? tvis_maker_out(q, table->out[0], y_form) : out;
    uint32_t in[INPUTS] = { tvis_maker_in(q, n->in[0], x_form), TVIS_NONE, TVIS_NONE, add, TVIS_NONE, TVIS_NONE };
    tvis_quant k = { 0 };
    if (add != TVIS_NONE)
        in[ADD] = tvis_maker_in(q, add, y_form);
    in[W] = tvis_graph_constant(q->to, q->from->tensor[n->in[W]].name, TVIS_S8, q->from->tensor[n->in[W]].dims);
    in[BIAS] = tvis_maker_vector(q, n->name, TVIS_S32, l.channels);
    in[MUL] = tvis_maker_vector(q, n->name, TVIS_S32, l.channels);
    if (table)
        in[TABLE] = tvis_maker_table16(q, table->name, table->act, out, y);
    if (q->to->status)
        return 1;
    quantize_weights(q, &l, in, in[MUL], out, &k.shift);
    tvis_maker_limits(q, n->act, out, &k);
    if (add != TVIS_NONE)
        add_factor(q, n, in[ADD], out, &k);
    tvis_maker_node(q, n, in, INPUTS, &y, &k);
    return table ? 2 : 1;
}
