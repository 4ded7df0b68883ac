/* SPDX-License-Identifier: MIT */
/* Rewriting a graph before it is written: the layers that run are fewer than those that were trained. */
#include "core/graph_hosted.h"
#include "core/math.h"

static bool is_conv(const tvis_gnode *n)
{
    return n->op == TVIS_OP_CONV2D || n->op == TVIS_OP_DEPTHWISE || n->op == TVIS_OP_LINEAR;
}

/* The node before `n` along input k, if it may be changed: nobody else reads its output, and it has no activation. */
static tvis_gnode *sole_producer(const tvis_graph *g, const tvis_gnode *n, uint32_t k)
{
    tvis_gnode *p = tvis_graph_producer(g, n->in[k]);
    return p && p->act == TVIS_ACT_NONE && tvis_graph_uses(g, n->in[k]) == 1 ? p : NULL;
}

/* `p` writes what `n` wrote; `n` is gone. */
static void absorb(tvis_gnode *p, tvis_gnode *n)
{
    p->out[0] = n->out[0];
    p->act = n->act;
    n->dead = true;
}

static const float *data(const tvis_graph *g, uint32_t id)
{
    return g->tensor[id].data;
}

/* Weights are read by one node only in the graphs that builders make; a second reader would see them changed. */
static bool foldable(const tvis_graph *g, const tvis_gnode *conv)
{
    return conv && is_conv(conv) && tvis_graph_uses(g, conv->in[1]) == 1 &&
           (conv->in_count < 4 || conv->in[3] == TVIS_NONE);
}

/* w'[o] = w[o] * s, b'[o] = (b[o] - mean) * s + beta with s = gamma / sqrt(var + eps), in double. */
static void fold(tvis_graph *g, tvis_gnode *conv, const tvis_gnode *bn, float *bias)
{
    tvis_gtensor *w = &g->tensor[conv->in[1]];
    const bool depthwise = conv->op == TVIS_OP_DEPTHWISE; /* the channel is the last dimension, else the first */
    const size_t channels = (size_t)w->dims[depthwise ? 3 : 0], each = w->bytes / sizeof(float) / channels;
    const float *gamma = data(g, bn->in[1]), *beta = data(g, bn->in[2]), *mean = data(g, bn->in[3]),
                *var = data(g, bn->in[4]);
    float *x = w->data;
    for (size_t o = 0; o < channels; o++) {
        const double s = (double)gamma[o] / tvis_sqrt((double)var[o] + (double)bn->p.eps);
        for (size_t i = 0; i < each; i++) {
            float *at = depthwise ? &x[i * channels + o] : &x[o * each + i];
            *at = (float)((double)*at * s);
        }
        bias[o] = (float)(((double)bias[o] - (double)mean[o]) * s + (double)beta[o]);
    }
}

static void check_finite(tvis_graph *g, uint32_t id)
{
    const float *x = data(g, id);
    for (size_t i = 0; !g->status && i < g->tensor[id].bytes / sizeof *x; i++)
        if (!(x[i] - x[i] == 0.0f))
            g->status = tvis_fail(g->diag, TVIS_EMODEL, TVIS_DIAG_VALUE, g->tensor[id].name,
                                  "not finite with the batch norm after it, whose variance may not be positive");
}

void tvis_pass_fold_batch_norm(tvis_graph *g)
{
    for (uint32_t i = 0; i < g->node_count && !g->status; i++) {
        tvis_gnode *bn = &g->node[i];
        if (bn->dead || bn->op != TVIS_OP_BATCH_NORM)
            continue;
        tvis_gnode *conv = sole_producer(g, bn, 0);
        if (!foldable(g, conv))
            continue;
        if (conv->in_count < 3)
            conv->in[conv->in_count++] = TVIS_NONE;
        if (conv->in[2] == TVIS_NONE || tvis_graph_uses(g, conv->in[2]) > 1) {
            uint32_t old = conv->in[2];
            uint32_t id = tvis_graph_constant(g, g->tensor[bn->in[2]].name, TVIS_F32, g->tensor[bn->in[2]].dims);
            if (id == TVIS_NONE)
                return;
            for (int32_t k = 0; old != TVIS_NONE && k < g->tensor[id].dims[3]; k++)
                ((float *)g->tensor[id].data)[k] = data(g, old)[k];
            conv->in[2] = id;
        }
        fold(g, conv, bn, g->tensor[conv->in[2]].data);
        check_finite(g, conv->in[1]);
        check_finite(g, conv->in[2]);
        absorb(conv, bn);
    }
}

void tvis_pass_fuse_activation(tvis_graph *g)
{
    for (uint32_t i = 0; i < g->node_count; i++) {
        tvis_gnode *act = &g->node[i];
        if (act->dead || act->op != TVIS_OP_ACTIVATION)
            continue;
        tvis_gnode *p = sole_producer(g, act, 0);
        if (p && (is_conv(p) || p->op == TVIS_OP_ADD || p->op == TVIS_OP_BATCH_NORM))
            absorb(p, act);
    }
}

/* The later of the two nodes before the sum can take it in: the other side is there when it runs. */
static tvis_gnode *adder(const tvis_graph *g, const tvis_gnode *add, uint32_t side)
{
    tvis_gnode *p = sole_producer(g, add, side);
    const tvis_gnode *other = tvis_graph_producer(g, add->in[1 - side]);
    bool able = p && (p->op == TVIS_OP_CONV2D || p->op == TVIS_OP_LINEAR) && (p->in_count < 4 || p->in[3] == TVIS_NONE);
    return able && (!other || other < p) ? p : NULL;
}

void tvis_pass_fuse_add(tvis_graph *g)
{
    for (uint32_t i = 0; i < g->node_count; i++) {
        tvis_gnode *add = &g->node[i];
        if (add->dead || add->op != TVIS_OP_ADD || add->in[0] == add->in[1])
            continue;
        uint32_t side = 1;
        tvis_gnode *p = adder(g, add, side);
        if (!p)
            p = adder(g, add, side = 0);
        if (!p)
            continue;
        while (p->in_count < 4)
            p->in[p->in_count++] = TVIS_NONE;
        p->in[3] = add->in[1 - side];
        absorb(p, add);
    }
}

static bool needed(const tvis_graph *g, const tvis_gnode *n)
{
    for (uint32_t k = 0; k < n->out_count; k++)
        if (tvis_graph_uses(g, n->out[k]) > 0)
            return true;
    return false;
}

void tvis_pass_remove_dead(tvis_graph *g)
{
    for (uint32_t i = g->node_count; i-- > 0;)
        if (!needed(g, &g->node[i]))
            g->node[i].dead = true;
}
