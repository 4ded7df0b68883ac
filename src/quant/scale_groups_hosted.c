/* SPDX-License-Identifier: MIT */
#include "quant/equalize_hosted.h"

#include <stdlib.h>

static uint32_t find(const tvis_scale_groups *s, uint32_t id)
{
    while (s->root[id] != id)
        id = s->root[id];
    return id;
}

static void fix(tvis_scale_groups *s, uint32_t id)
{
    s->fixed[find(s, id)] = true;
}

static void join(tvis_scale_groups *s, uint32_t a, uint32_t b)
{
    const uint32_t x = find(s, a), y = find(s, b), to = x < y ? x : y, from = x < y ? y : x;
    s->root[from] = to;
    s->fixed[to] = s->fixed[to] || s->fixed[from];
}

/* f(s x) = s f(x) for s > 0. Of ReLU6, where the value is below 6 and stays so: see balance_six(). */
static bool is_homogeneous(uint8_t act)
{
    return act == TVIS_ACT_NONE || act == TVIS_ACT_RELU || act == TVIS_ACT_RELU6;
}

static bool has_constant(const tvis_graph *g, const tvis_gnode *n, uint32_t k)
{
    return k < n->in_count && n->in[k] != TVIS_NONE && g->tensor[n->in[k]].constant;
}

/* Weights absorb factors on both sides; a tensor that is added has its channels in common with the output. */
static void visit_layer(tvis_scale_groups *s, const tvis_graph *g, const tvis_gnode *n)
{
    if (!has_constant(g, n, 1)) {
        fix(s, n->in[0]);
        fix(s, n->out[0]);
    }
    if (n->in_count > 3 && n->in[3] != TVIS_NONE)
        join(s, n->in[3], n->out[0]);
}

static void visit_other(tvis_scale_groups *s, const tvis_graph *g, const tvis_gnode *n)
{
    for (uint32_t k = 0; k < n->in_count; k++)
        if (n->in[k] != TVIS_NONE && !g->tensor[n->in[k]].constant)
            fix(s, n->in[k]);
    for (uint32_t k = 0; n->op != TVIS_OP_LAYER_NORM && k < n->out_count; k++)
        fix(s, n->out[k]);
}

static void visit(tvis_scale_groups *s, const tvis_graph *g, const tvis_gnode *n)
{
    const bool activation = n->op == TVIS_OP_ACTIVATION && is_homogeneous(n->act);
    if (n->op == TVIS_OP_CONV2D || n->op == TVIS_OP_DEPTHWISE || n->op == TVIS_OP_LINEAR)
        visit_layer(s, g, n);
    else if (activation || n->op == TVIS_OP_MAX_POOL || n->op == TVIS_OP_GLOBAL_AVG_POOL || n->op == TVIS_OP_ADD ||
             n->op == TVIS_OP_SCALE || n->op == TVIS_OP_SLICE)
        join(s, n->in[0], n->out[0]);
    else
        visit_other(s, g, n);
    if (n->op == TVIS_OP_ADD)
        join(s, n->in[1], n->out[0]);
    if (n->op == TVIS_OP_SCALE)
        fix(s, n->in[1]);
    if (!is_homogeneous(n->act))
        fix(s, n->out[0]);
    if (n->act == TVIS_ACT_RELU6)
        s->six[n->out[0]] = true;
}

tvis_status tvis_scale_groups_find(tvis_scale_groups *s, const tvis_graph *g)
{
    s->count = g->tensor_count;
    s->root = malloc((g->tensor_count + 1) * sizeof *s->root);
    s->fixed = calloc(g->tensor_count + 1, sizeof *s->fixed);
    s->six = calloc(g->tensor_count + 1, sizeof *s->six);
    if (!s->root || !s->fixed || !s->six)
        return TVIS_ENOMEM;
    for (uint32_t i = 0; i < s->count; i++)
        s->root[i] = i;
    for (uint32_t i = 0; i < g->input_count; i++)
        fix(s, g->input[i]);
    for (uint32_t i = 0; i < g->output_count; i++)
        fix(s, g->output[i]);
    for (uint32_t i = 0; i < g->node_count; i++)
        visit(s, g, &g->node[i]);
    for (uint32_t i = 0; i < s->count; i++)
        s->root[i] = find(s, i);
    return TVIS_OK;
}

void tvis_scale_groups_free(tvis_scale_groups *s)
{
    free(s->root);
    free(s->fixed);
    free(s->six);
    *s = (tvis_scale_groups){ NULL, NULL, NULL, 0 };
}
