/* SPDX-License-Identifier: MIT */
#include "quant/channel_groups_hosted.h"

#include <stdlib.h>

static uint32_t find(const tvis_channel_groups *s, uint32_t id)
{
    while (s->root[id] != id)
        id = s->root[id];
    return id;
}

static void fix(tvis_channel_groups *s, uint32_t id)
{
    s->fixed[find(s, id)] = true;
}

/* Channels of both are the same ones. */
static void join(tvis_channel_groups *s, uint32_t a, uint32_t b)
{
    const uint32_t x = find(s, a), y = find(s, b), to = x < y ? x : y, from = x < y ? y : x;
    s->root[from] = to;
    if (s->width[to] != s->width[from] || s->parts[a] != s->parts[b])
        s->fixed[to] = true;
    s->fixed[to] = s->fixed[to] || s->fixed[from];
}

static bool is_constant(const tvis_graph *g, uint32_t id)
{
    return id != TVIS_NONE && g->tensor[id].constant;
}

static void fix_all(tvis_channel_groups *s, const tvis_graph *g, const tvis_gnode *n)
{
    for (uint32_t k = 0; k < n->in_count; k++)
        if (n->in[k] != TVIS_NONE && !is_constant(g, n->in[k]))
            fix(s, n->in[k]);
    for (uint32_t k = 0; k < n->out_count; k++)
        fix(s, n->out[k]);
}

static void visit_layer(tvis_channel_groups *s, const tvis_graph *g, const tvis_gnode *n)
{
    if (n->op == TVIS_OP_DEPTHWISE)
        join(s, n->in[0], n->out[0]);
    if (!is_constant(g, n->in[1]) || (n->op == TVIS_OP_CONV2D && n->p.conv.groups != 1) ||
        tvis_graph_uses(g, n->in[1]) != 1)
        fix_all(s, g, n);
    if (n->in_count > 3 && n->in[3] != TVIS_NONE)
        join(s, n->in[3], n->out[0]);
}

/* Queries, keys and values are one linear layer's, the values go into one: then heads are units. */
static void visit_attention(tvis_channel_groups *s, const tvis_graph *g, const tvis_gnode *n)
{
    const tvis_gnode *before = tvis_graph_producer(g, n->in[0]);
    const bool known = before && before->op == TVIS_OP_LINEAR && is_constant(g, before->in[1]) &&
                       find(s, n->in[0]) == n->in[0] && find(s, n->out[0]) == n->out[0];
    if (!known || n->p.attention.maps || tvis_graph_uses(g, n->in[0]) != 1) {
        fix_all(s, g, n);
        return;
    }
    s->parts[n->in[0]] = 3;
    s->width[n->in[0]] = s->width[n->out[0]] = g->tensor[before->in[1]].dims[0] / 3 / n->p.attention.heads;
    const uint32_t to = n->in[0] < n->out[0] ? n->in[0] : n->out[0];
    s->root[n->in[0]] = s->root[n->out[0]] = to;
    s->fixed[to] = s->fixed[n->in[0]] || s->fixed[n->out[0]];
}

static void visit(tvis_channel_groups *s, const tvis_graph *g, const tvis_gnode *n)
{
    switch (n->op) {
    case TVIS_OP_CONV2D:
    case TVIS_OP_DEPTHWISE:
    case TVIS_OP_LINEAR:
        visit_layer(s, g, n);
        break;
    case TVIS_OP_ADD:
    case TVIS_OP_SCALE:
        join(s, n->in[0], n->out[0]);
        join(s, n->in[1], n->out[0]);
        break;
    case TVIS_OP_BATCH_NORM:
    case TVIS_OP_ACTIVATION:
    case TVIS_OP_GLOBAL_AVG_POOL:
    case TVIS_OP_MAX_POOL:
    case TVIS_OP_SLICE:
        join(s, n->in[0], n->out[0]);
        break;
    case TVIS_OP_ATTENTION:
        visit_attention(s, g, n);
        break;
    default:
        fix_all(s, g, n);
    }
}

static void count_units(tvis_channel_groups *s, const tvis_graph *g, const tvis_gnode *n)
{
    if (n->op != TVIS_OP_CONV2D && n->op != TVIS_OP_DEPTHWISE && n->op != TVIS_OP_LINEAR)
        return;
    if (!is_constant(g, n->in[1]))
        return;
    const int32_t *w = g->tensor[n->in[1]].dims;
    const uint32_t x = s->root[n->in[0]], y = s->root[n->out[0]];
    const int32_t groups = n->op == TVIS_OP_CONV2D ? n->p.conv.groups : 1;
    s->units[x] = w[3] * groups / s->width[x] / s->parts[n->in[0]];
    s->units[y] = w[n->op == TVIS_OP_DEPTHWISE ? 3 : 0] / s->width[y] / s->parts[n->out[0]];
}

tvis_status tvis_channel_groups_find(tvis_channel_groups *s, const tvis_graph *g)
{
    const size_t n = (size_t)g->tensor_count + 1;
    *s = (tvis_channel_groups){ .count = g->tensor_count };
    s->root = malloc(n * sizeof *s->root);
    s->parts = malloc(n * sizeof *s->parts);
    s->width = malloc(n * sizeof *s->width);
    s->fixed = calloc(n, sizeof *s->fixed);
    s->units = calloc(n, sizeof *s->units);
    s->keep = calloc(n, sizeof *s->keep);
    if (!s->root || !s->parts || !s->width || !s->fixed || !s->units || !s->keep)
        return TVIS_ENOMEM;
    for (uint32_t i = 0; i < s->count; i++) {
        s->root[i] = i;
        s->parts[i] = s->width[i] = 1;
    }
    for (uint32_t i = 0; i < g->input_count; i++)
        fix(s, g->input[i]);
    for (uint32_t i = 0; i < g->node_count; i++)
        visit(s, g, &g->node[i]);
    for (uint32_t i = 0; i < g->output_count; i++)
        fix(s, g->output[i]);
    for (uint32_t i = 0; i < s->count; i++)
        s->root[i] = find(s, i);
    for (uint32_t i = 0; i < g->node_count; i++)
        count_units(s, g, &g->node[i]);
    return TVIS_OK;
}

void tvis_channel_groups_free(tvis_channel_groups *s)
{
    for (uint32_t i = 0; s->keep && i < s->count; i++)
        free(s->keep[i]);
    free(s->root);
    free(s->parts);
    free(s->width);
    free(s->fixed);
    free(s->units);
    free(s->keep);
    *s = (tvis_channel_groups){ .count = 0 };
}
