/* SPDX-License-Identifier: MIT */
/* Layer by layer, in the order in which they run: the remaining weights and the bias are fitted so that the layer
 * computes from what the pruned layers before it give what the plain model's layer computes. (Least squares on layers'
 * inputs is Frantar & Alistarh 2022, 2023: arXiv 2208.11580, 2301.00774; here inputs and targets belong to two
 * networks, so that errors of the layers before are made up for too.) */
#include "ops/conv_shape.h"
#include "core/array_hosted.h"
#include "quant/lsq_hosted.h"
#include "quant/linalg_hosted.h"
#include "quant/prune.h"
#include "quant/tap_hosted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_GROUP_ROWS = 4096,
    MOST_ROWS = 16384, /* of all pictures together */
    VIEWS = 2          /* of each picture: as it is, and mirrored; both are in the same half */
};

/* One layer while it is fitted. Weights are (groups * n, k). */
typedef struct fitted {
    tvis_pruner *p;
    const tvis_graph *plain; /* as the model was */
    const tvis_gnode *node;
    int32_t groups, n, k;
    int32_t wide;                /* k of the plain layer, which may have more channels */
    int32_t *from;               /* (groups): channels of the plain layer, where it is depthwise */
    float *x, *plain_x, *y;      /* rows of inputs, of the plain model's inputs, of targets */
    float *before, *now, *panel; /* weights, before those of the plain layer that write what is still there */
    tvis_lsq lsq;
    tvis_tap tap[2]; /* the plain model and the pruned one up to the layer */
    const tvis_tensor *in;
} fitted;

static bool is_depthwise(const fitted *l)
{
    return l->node->op == TVIS_OP_DEPTHWISE;
}

/* Weights as they are stored to (groups * n, k), or back. */
static void arrange(const fitted *l, float *stored, float *rows, bool back)
{
    const ptrdiff_t all = (ptrdiff_t)l->groups * l->n * l->k;
    for (ptrdiff_t i = 0; i < all; i++) {
        const ptrdiff_t at = is_depthwise(l) ? i % l->k * l->groups + i / l->k : i;
        if (back)
            stored[at] = rows[i];
        else
            rows[i] = stored[at];
    }
}

static bool keeps(const fitted *l, uint32_t tensor, int32_t channel)
{
    return l->p->groups.count == 0 || tvis_keeps(&l->p->groups, tensor, channel);
}

static const int32_t *plain_dims(const fitted *l)
{
    return l->plain->tensor[l->node->in[1]].dims;
}

/* Rows of the plain weights whose channels are still there. */
static void arrange_plain(const fitted *l)
{
    const float *w = l->plain->tensor[l->node->in[1]].data;
    const int32_t outs = plain_dims(l)[is_depthwise(l) ? 3 : 0];
    float *to = l->before;
    for (int32_t o = 0; o < outs; o++)
        for (int32_t i = 0; keeps(l, l->node->out[0], o) && i < l->wide; i++)
            *to++ = w[is_depthwise(l) ? (ptrdiff_t)i * outs + o : (ptrdiff_t)o * l->wide + i];
}

static void fill_from(const fitted *l)
{
    int32_t at = 0;
    for (int32_t i = 0; is_depthwise(l) && i < plain_dims(l)[3]; i++)
        if (keeps(l, l->node->in[0], i))
            l->from[at++] = i;
}

static void describe(fitted *l)
{
    const int32_t *w = l->p->g->tensor[l->node->in[1]].dims, *plain = plain_dims(l);
    l->groups = is_depthwise(l) ? w[3] : l->node->op == TVIS_OP_CONV2D ? l->node->p.conv.groups : 1;
    l->n = is_depthwise(l) ? 1 : w[0] / l->groups;
    l->k = w[1] * w[2] * (is_depthwise(l) ? 1 : w[3]);
    l->wide = plain[1] * plain[2] * (is_depthwise(l) ? 1 : plain[3]);
}

static bool allocate(fitted *l)
{
    const uint64_t groups = (uint64_t)l->groups, out = groups * (uint64_t)l->n, wide = (uint64_t)l->wide,
                   k = (uint64_t)l->k;
    l->x = tvis_array(groups * k * TVIS_LSQ_ROWS, sizeof *l->x);
    l->plain_x = tvis_array(groups * wide * TVIS_LSQ_ROWS, sizeof *l->plain_x);
    l->y = tvis_array(out * TVIS_LSQ_ROWS, sizeof *l->y);
    l->from = tvis_array(groups, sizeof *l->from);
    l->before = tvis_array(out * wide, sizeof *l->before);
    l->now = tvis_array(out * k, sizeof *l->now);
    l->panel = tvis_array(wide * TVIS_PRODUCT_COLUMNS, sizeof *l->panel);
    return tvis_lsq_begin(&l->lsq, l->groups, l->n, l->k, l->p->cpu) && l->x && l->plain_x && l->y && l->from &&
           l->before && l->now && l->panel;
}

static void release(fitted *l)
{
    free(l->x);
    free(l->plain_x);
    free(l->from);
    free(l->y);
    free(l->before);
    free(l->now);
    free(l->panel);
    tvis_lsq_free(&l->lsq);
    tvis_tap_free(&l->tap[0]);
    tvis_tap_free(&l->tap[1]);
}

/* Row r of the layer's input in the plain model or the pruned one: what one output pixel sees. */
static void gather(const fitted *l, const tvis_tensor *x, bool plain, int64_t r, float *to)
{
    const int32_t k = plain ? l->wide : l->k;
    if (l->node->op == TVIS_OP_LINEAR) {
        memcpy(to, (const float *)x->data + r * k, (size_t)k * sizeof *to);
        return;
    }
    const int32_t all = is_depthwise(l) ? x->dims[3] : l->groups;
    const tvis_conv_shape s = tvis_conv_geometry(&l->node->p.conv, x->dims, plain_dims(l), sizeof(float));
    for (int32_t g = 0; g < l->groups; g++, to += k)
        tvis_conv_gather_rows(&s, x->data, (int32_t)r, 1, is_depthwise(l) && plain ? l->from[g] : g, all, 0,
                              (uint8_t *)to);
}

static int64_t rows_of(const fitted *l, const tvis_tensor *x)
{
    if (l->node->op == TVIS_OP_LINEAR)
        return tvis_elements(x->dims) / x->dims[3];
    const tvis_conv_shape s = tvis_conv_geometry(&l->node->p.conv, x->dims, plain_dims(l), sizeof(float));
    return (int64_t)x->dims[0] * s.oh * s.ow;
}

static bool has_bias(const tvis_gnode *n)
{
    return n->in_count > 2 && n->in[2] != TVIS_NONE;
}

/* y = what the plain layer makes of its inputs, where its channels are still there */
static void aim(fitted *l, int32_t rows)
{
    const float *bias = has_bias(l->node) ? l->plain->tensor[l->node->in[2]].data : NULL;
    const int32_t out = l->groups * l->n, channels = plain_dims(l)[is_depthwise(l) ? 3 : 0];
    int32_t at = 0;
    for (int32_t o = 0; o < channels; o++)
        if (keeps(l, l->node->out[0], o)) {
            for (ptrdiff_t i = 0; i < rows; i++)
                l->y[i * out + at] = bias ? bias[o] : 0.0f;
            at++;
        }
    for (ptrdiff_t g = 0; g < l->groups; g++)
        tvis_product_add(&(tvis_product){ .y = l->y + g * l->n,
                                          .x = l->plain_x + g * l->wide,
                                          .w = l->before + g * l->n * l->wide,
                                          .m = rows,
                                          .n = l->n,
                                          .k = l->wide,
                                          .ldy = out,
                                          .ldx = l->groups * l->wide,
                                          .ldw = l->wide,
                                          .sign = 1,
                                          .panel = l->panel,
                                          .cpu = l->p->cpu });
}

/* Rows of one view of a picture, spread evenly, other ones for each. */
static void add_view(fitted *l, uint32_t picture, uint32_t view, const tvis_tensor *plain, const tvis_tensor *pruned)
{
    const int64_t most = l->groups == 1 ? MOST_ROWS : MOST_GROUP_ROWS; /* of small groups there are fewer weights */
    const int64_t all = rows_of(l, plain), share = (most - 1) / ((int64_t)l->p->c->images * VIEWS) + 1;
    const int64_t count = all < share ? all : share;
    const double step = (double)all / (double)count,
                 shift = fmod((double)(picture * VIEWS + view) * 0.6180339887498949, 1.0);
    for (int64_t at = 0; at < count; at += TVIS_LSQ_ROWS) {
        const int32_t rows = (int32_t)(count - at < TVIS_LSQ_ROWS ? count - at : TVIS_LSQ_ROWS);
        for (int32_t i = 0; i < rows; i++) {
            const int64_t r = (int64_t)(((double)(at + i) + shift) * step);
            gather(l, plain, true, r, l->plain_x + (ptrdiff_t)i * l->groups * l->wide);
            gather(l, pruned, false, r, l->x + (ptrdiff_t)i * l->groups * l->k);
        }
        aim(l, rows);
        tvis_lsq_add(&l->lsq, picture % 2, l->x, l->y, rows);
    }
}

static tvis_status open_taps(fitted *l)
{
    const uint32_t end = (uint32_t)(l->node - l->p->g->node), *tensor = &l->node->in[0], cpu = l->p->cpu;
    tvis_status s = tvis_tap_open(&l->tap[0], l->plain, end, tensor, 1, cpu, l->p->g->diag);
    return s ? s : tvis_tap_open(&l->tap[1], l->p->g, end, tensor, 1, cpu, l->p->g->diag);
}

/* Left to right. */
static void mirror(const tvis_tensor *x)
{
    const ptrdiff_t w = x->dims[2], c = x->dims[3];
    float *row = x->data;
    for (int32_t y = 0; y < x->dims[1]; y++, row += w * c)
        for (ptrdiff_t i = 0; i < w / 2 * c; i++) {
            float *other = &row[(w - 1 - i / c) * c + i % c];
            const float was = row[i];
            row[i] = *other;
            *other = was;
        }
}

static tvis_status run_view(fitted *l, uint32_t picture, uint32_t view)
{
    tvis_status s = TVIS_OK;
    for (uint32_t k = 0; !s && k < 2; k++)
        s = tvis_tap_run(&l->tap[k], l->in->data, l->p->g->diag);
    if (s)
        return s;
    const tvis_tensor plain = tvis_tap_view(&l->tap[0], 0, l->in->data),
                      pruned = tvis_tap_view(&l->tap[1], 0, l->in->data);
    add_view(l, picture, view, &plain, &pruned);
    return TVIS_OK;
}

static tvis_status run_pictures(fitted *l)
{
    const tvis_prune_config *c = l->p->c;
    tvis_status s = open_taps(l);
    for (uint32_t i = 0; !s && i < c->images; i++) {
        s = c->input(c->input_user, i, l->in, l->p->g->diag);
        for (uint32_t view = 0; !s && view < VIEWS; view++) {
            if (view)
                mirror(l->in);
            s = run_view(l, i, view);
        }
    }
    return s;
}

static void begin_layer(fitted *l)
{
    describe(l);
    if (!allocate(l)) {
        tvis_graph_out_of_memory(l->p->g);
        return;
    }
    arrange_plain(l);
    fill_from(l);
    arrange(l, l->p->g->tensor[l->node->in[1]].data, l->now, false);
}

static void end_layer(fitted *l)
{
    tvis_graph *g = l->p->g;
    float *w = tvis_prune_writable(l->p, l->node->in[1]);
    float *bias = has_bias(l->node) ? tvis_prune_writable(l->p, l->node->in[2]) : NULL;
    if (g->status)
        return;
    if (!tvis_lsq_solve(&l->lsq, l->now, bias))
        tvis_graph_out_of_memory(g);
    arrange(l, w, l->now, true);
}

static void fit_layer(fitted *l)
{
    tvis_graph *g = l->p->g;
    begin_layer(l);
    if (!g->status)
        g->status = run_pictures(l);
    if (!g->status)
        end_layer(l);
    release(l);
}

/* in: the network's input in memory of its own, for one picture. */
static void fit_layers(tvis_pruner *p, const tvis_graph *plain, const tvis_tensor *in)
{
    for (uint32_t i = 0; i < p->count && !p->g->status; i++) {
        fitted l = { .p = p, .plain = plain, .node = &p->g->node[p->chosen[i]], .in = in };
        if (p->c->progress)
            p->c->progress(p->c->input_user, "fitting layers", i, p->count);
        fit_layer(&l);
    }
}

void tvis_prune_recover(tvis_pruner *p)
{
    tvis_graph plain;
    tvis_tensor in = { NULL, { 1, p->g->h, p->g->w, p->g->tensor[p->g->input[0]].dims[3] }, TVIS_F32, TVIS_NHWC };
    in.data = tvis_array((uint64_t)tvis_elements(in.dims), sizeof(float));
    tvis_graph_init(&plain, p->g->diag);
    tvis_graph_read(&plain, p->m);
    if (!in.data)
        tvis_graph_out_of_memory(p->g);
    if (plain.status)
        p->g->status = plain.status;
    if (!p->g->status)
        fit_layers(p, &plain, &in);
    tvis_graph_free(&plain);
    free(in.data);
}
