/* SPDX-License-Identifier: MIT */
#include "quant/equalize_hosted.h"
#include "quant/maker.h"

const tvis_gnode *tvis_sole_layer_before(const tvis_graph *g, uint32_t id)
{
    const tvis_gnode *n = tvis_graph_producer(g, id);
    const bool ok = n && n->op == TVIS_OP_LINEAR && tvis_has_weights(g, n) && n->act == TVIS_ACT_NONE &&
                    tvis_graph_uses(g, id) == 1 && (n->in_count < 4 || n->in[3] == TVIS_NONE);
    return ok ? n : NULL;
}

const tvis_gnode *tvis_sole_layer_behind(const tvis_graph *g, uint32_t id)
{
    for (uint32_t i = 0; i < g->node_count; i++)
        if (g->node[i].in[0] == id && g->node[i].op == TVIS_OP_LINEAR && tvis_has_weights(g, &g->node[i]) &&
            tvis_graph_uses(g, id) == 1)
            return &g->node[i];
    return NULL;
}

/* What channel c of a tensor is multiplied with: 1 / factor, or factor when that is taken back. */
typedef struct side {
    const double *factor; /* NULL: nothing */
    bool divides;
} side;

static double at(side s, int32_t c)
{
    return s.factor ? s.divides ? 1.0 / s.factor[c] : s.factor[c] : 1.0;
}

static void scale(float *x, double by)
{
    *x = (float)((double)*x * by);
}

/* Rows [first, first + rows) of the weights (and biases) by `out`, columns by `in`. */
static void scale_layer(tvis_graph *g, const tvis_gnode *n, side in, side out, int32_t first, int32_t rows)
{
    const tvis_gtensor *w = &g->tensor[n->in[1]];
    const int32_t groups = n->op == TVIS_OP_CONV2D ? n->p.conv.groups : 1, each = w->dims[3];
    const size_t row = (size_t)w->dims[1] * (size_t)w->dims[2] * (size_t)each;
    float *bias = n->in_count > 2 && n->in[2] != TVIS_NONE ? g->tensor[n->in[2]].data : NULL;
    for (int32_t o = 0; o < rows; o++) {
        float *x = (float *)w->data + (size_t)(first + o) * row;
        const int32_t base = (first + o) / (w->dims[0] / groups) * each;
        for (size_t i = 0; i < row; i++)
            scale(&x[i], at(out, o) * at(in, base + (int32_t)(i % (size_t)each)));
        if (bias)
            scale(&bias[first + o], at(out, o));
    }
}

static void scale_depthwise(tvis_graph *g, const tvis_gnode *n, side in, side out)
{
    const tvis_gtensor *w = &g->tensor[n->in[1]];
    const int32_t channels = w->dims[3], taps = w->dims[1] * w->dims[2];
    float *x = w->data, *bias = n->in_count > 2 && n->in[2] != TVIS_NONE ? g->tensor[n->in[2]].data : NULL;
    for (int32_t i = 0; i < taps; i++)
        for (int32_t c = 0; c < channels; c++, x++)
            scale(x, at(out, c) * at(in, c));
    for (int32_t c = 0; bias && c < channels; c++)
        scale(&bias[c], at(out, c));
}

static void scale_norm(tvis_graph *g, const tvis_gnode *n, side out)
{
    for (uint32_t k = 1; k <= 2; k++)
        for (int32_t c = 0; c < g->tensor[n->in[k]].dims[3]; c++)
            scale((float *)g->tensor[n->in[k]].data + c, at(out, c));
}

static void scale_attention(const tvis_equalization *e, tvis_graph *g, uint32_t node, bool back)
{
    const tvis_gnode *n = &g->node[node], *before = tvis_sole_layer_before(g, n->in[0]),
                     *behind = tvis_sole_layer_behind(g, n->out[0]);
    const side none = { NULL, false };
    const int32_t c = g->tensor[before->in[1]].dims[0] / 3;
    scale_layer(g, before, none, (side){ e->query[node], !back }, 0, c);
    scale_layer(g, before, none, (side){ e->query[node], back }, c, c);
    scale_layer(g, before, none, (side){ e->value[node], !back }, 2 * c, c);
    scale_layer(g, behind, (side){ e->value[node], back }, none, 0, g->tensor[behind->in[1]].dims[0]);
}

void tvis_equalization_apply(const tvis_equalization *e, tvis_graph *g, bool back)
{
    for (uint32_t i = 0; i < g->tensor_count; i++)
        g->tensor[i].factors = !back && e->factor[e->groups.root[i]];
    for (uint32_t i = 0; i < g->node_count; i++) {
        const tvis_gnode *n = &g->node[i];
        const side in = { e->factor[e->groups.root[n->in[0]]], back },
                   out = { e->factor[e->groups.root[n->out[0]]], !back };
        if (n->op == TVIS_OP_ATTENTION && e->query[i])
            scale_attention(e, g, i, back);
        if (n->op == TVIS_OP_ATTENTION && e->query[i])
            g->tensor[n->in[0]].factors = g->tensor[n->out[0]].factors = !back;
        if (n->op == TVIS_OP_LAYER_NORM && out.factor)
            scale_norm(g, n, out);
        if (!tvis_has_weights(g, n) || (!in.factor && !out.factor))
            continue;
        if (n->op == TVIS_OP_DEPTHWISE)
            scale_depthwise(g, n, in, out);
        else
            scale_layer(g, n, in, out, 0, g->tensor[n->in[1]].dims[0]);
    }
}
