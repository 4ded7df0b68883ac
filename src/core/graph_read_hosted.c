/* SPDX-License-Identifier: MIT */
#include "core/graph_hosted.h"
#include "core/kernel.h"
#include "core/sparse.h"

#include <stdlib.h>
#include <string.h>

/* Constants that are stored compressed are plain in a graph. */
static void expand(tvis_graph *g, tvis_gtensor *t, const tvis_sparse *s)
{
    t->bytes = (size_t)s->n * (size_t)s->k * s->size;
    t->constant = g->sparse = true;
    t->data = malloc(t->bytes);
    if (t->data)
        tvis_sparse_expand(s, 0, s->n, t->data);
    else
        tvis_graph_out_of_memory(g);
}

static void read_tensor(tvis_graph *g, const tvis_model *m, uint32_t id)
{
    const tvis_blob_tensor *from = &tvis_tensors(m)[id];
    uint32_t at = tvis_graph_add_tensor(g, tvis_string(m, from->name), from->dtype);
    if (at == TVIS_NONE)
        return;
    tvis_gtensor *t = &g->tensor[at];
    memcpy(t->dims, from->dims, sizeof t->dims);
    t->scale = from->scale;
    t->factors = from->factors;
    t->zero = from->zero;
    if (!tvis_is_constant(m, id))
        return;
    if (from->pack == TVIS_PACK_SPARSE) {
        const tvis_sparse s = tvis_sparse_of(from, m->blob + from->offset);
        expand(g, t, &s);
        return;
    }
    if (from->pack != TVIS_PACK_PLAIN)
        g->status =
            tvis_fail(g->diag, TVIS_EINVAL, TVIS_DIAG_REFUSED, t->name, "packed models are made from plain ones");
    t->constant = t->borrowed = true;
    t->data = (void *)(uintptr_t)(m->blob + from->offset);
    t->bytes = from->bytes;
}

static void read_node(tvis_graph *g, const tvis_model *m, uint32_t i)
{
    const tvis_blob_node *from = &tvis_nodes(m)[i];
    const uint16_t *ids = tvis_ids(m) + from->ids;
    uint32_t in[TVIS_MAX_IN], out[TVIS_MAX_OUT];
    for (uint32_t k = 0; k < from->in_count; k++)
        in[k] = ids[k];
    for (uint32_t k = 0; k < from->out_count; k++)
        out[k] = ids[from->in_count + k];
    tvis_graph_add_node(g, tvis_string(m, from->name), from->op, in, from->in_count, out, from->out_count, &from->p);
    if (g->status)
        return;
    g->node[g->node_count - 1].act = from->act;
    g->node[g->node_count - 1].q = from->q;
}

static void read_meta(tvis_graph *g, const tvis_model *m)
{
    const tvis_blob_header *h = tvis_header(m);
    g->arch = tvis_string(m, h->arch);
    g->classes = h->classes;
    g->h = h->h;
    g->w = h->w;
    g->min_side = h->min_side;
    g->max_side = h->max_side;
    g->multiple = h->multiple;
    tvis_model_preprocess(m, &g->preprocess);
    if (h->label_count == 0)
        return;
    g->own_labels = malloc(h->label_count * sizeof *g->own_labels);
    if (!g->own_labels) {
        tvis_graph_out_of_memory(g);
        return;
    }
    const char *label = tvis_string(m, h->labels);
    for (uint32_t i = 0; i < h->label_count; i++, label += strlen(label) + 1)
        g->own_labels[i] = label;
    g->labels = g->own_labels;
}

/* Ids stay what they are: the blob's tensors are added in their order. */
void tvis_graph_read(tvis_graph *g, const tvis_model *m)
{
    const tvis_blob_header *h = tvis_header(m);
    const size_t room = sizeof g->input / sizeof *g->input, out_room = sizeof g->output / sizeof *g->output;
    if (h->input_count > room || h->output_count > out_room) {
        g->status = tvis_fail(g->diag, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "inputs, outputs", "more than a graph can hold");
        return;
    }
    for (uint32_t id = 0; id < h->tensor_count; id++)
        read_tensor(g, m, id);
    for (uint32_t i = 0; i < h->node_count; i++)
        read_node(g, m, i);
    for (uint32_t k = 0; k < h->input_count; k++)
        g->input[g->input_count++] = tvis_ids(m)[k];
    for (uint32_t k = 0; k < h->output_count; k++)
        g->output[g->output_count++] = tvis_ids(m)[h->input_count + k];
    read_meta(g, m);
}
