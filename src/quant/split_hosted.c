/* SPDX-License-Identifier: MIT */
#include "quant/maker.h"

#include <string.h>

static void split_node(tvis_graph *g, const tvis_gnode *n)
{
    if (tvis_act_clamps(n->act) || n->op == TVIS_OP_ACTIVATION) {
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

static void copy_meta(tvis_graph *to, const tvis_graph *from)
{
    to->arch = from->arch;
    to->sparse = from->sparse;
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

void tvis_copy_tensors(tvis_graph *to, const tvis_graph *from)
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
    copy_meta(to, from);
}

void tvis_split_activations(tvis_graph *to, const tvis_graph *from)
{
    tvis_copy_tensors(to, from);
    for (uint32_t i = 0; i < from->node_count && !to->status; i++)
        split_node(to, &from->node[i]);
}
