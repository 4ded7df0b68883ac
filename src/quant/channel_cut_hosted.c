/* SPDX-License-Identifier: MIT */
/* Leaving channels out of the constants of a graph. */
#include "quant/channel_groups_hosted.h"

#include <stdlib.h>
#include <string.h>

static int32_t kept(const tvis_channel_groups *s, uint32_t tensor, int32_t channels)
{
    int32_t n = 0;
    for (int32_t c = 0; c < channels; c++)
        n += tvis_keeps(s, tensor, c);
    return n;
}

/* A constant (outer, taps, inner) without the rows that `out` and the columns that `in` do without; TVIS_NONE: all
 * stay. */
static void cut(const tvis_channel_groups *s, tvis_graph *g, uint32_t id, uint32_t out, uint32_t in)
{
    tvis_gtensor *t = &g->tensor[id];
    const int32_t outer = t->dims[0], taps = t->dims[1] * t->dims[2], inner = t->dims[3];
    const int32_t rows = out == TVIS_NONE ? outer : kept(s, out, outer);
    const int32_t columns = in == TVIS_NONE ? inner : kept(s, in, inner);
    const float *from = t->data;
    if (rows == outer && columns == inner)
        return;
    float *to = malloc((size_t)rows * (size_t)taps * (size_t)columns * sizeof *to), *at = to;
    if (!to) {
        tvis_graph_out_of_memory(g);
        return;
    }
    for (int32_t o = 0; o < outer; o++)
        for (int32_t i = 0; i < taps * inner; i++, from++)
            if ((out == TVIS_NONE || tvis_keeps(s, out, o)) && (in == TVIS_NONE || tvis_keeps(s, in, i % inner)))
                *at++ = *from;
    if (!t->borrowed)
        free(t->data);
    t->data = to;
    t->borrowed = false;
    t->dims[0] = rows;
    t->dims[3] = columns;
    t->bytes = (size_t)(at - to) * sizeof *to;
}

static bool is_layer(const tvis_gnode *n)
{
    return n->op == TVIS_OP_CONV2D || n->op == TVIS_OP_LINEAR;
}

static void cut_node(const tvis_channel_groups *s, tvis_graph *g, tvis_gnode *n)
{
    if (is_layer(n))
        cut(s, g, n->in[1], n->out[0], n->in[0]);
    else if (n->op == TVIS_OP_DEPTHWISE)
        cut(s, g, n->in[1], TVIS_NONE, n->out[0]);
    if (is_layer(n) || n->op == TVIS_OP_DEPTHWISE) {
        if (n->in_count > 2 && n->in[2] != TVIS_NONE)
            cut(s, g, n->in[2], TVIS_NONE, n->out[0]);
    } else if (n->op == TVIS_OP_BATCH_NORM) {
        for (uint32_t k = 1; k < n->in_count; k++)
            cut(s, g, n->in[k], TVIS_NONE, n->out[0]);
    } else if (n->op == TVIS_OP_ATTENTION && s->keep[s->root[n->out[0]]]) {
        n->p.attention.heads =
            (uint16_t)(kept(s, n->out[0], tvis_channels_of(s, n->out[0])) / s->width[s->root[n->out[0]]]);
    }
}

void tvis_channel_groups_cut(const tvis_channel_groups *s, tvis_graph *g)
{
    for (uint32_t i = 0; i < g->node_count && !g->status; i++)
        if (!s->fixed[s->root[g->node[i].out[0]]] || !s->fixed[s->root[g->node[i].in[0]]])
            cut_node(s, g, &g->node[i]);
}
