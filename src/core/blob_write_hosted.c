/* SPDX-License-Identifier: MIT */
/* A graph as a blob: inputs, other activations, then constants, in the order in which nodes use them. */
#define _POSIX_C_SOURCE 200809L /* posix_memalign */
#include "core/graph_hosted.h"
#include "core/kernel.h"
#include "core/sparse.h"

#include <stdlib.h>
#include <string.h>

typedef struct writer {
    const tvis_graph *g;
    uint16_t *id;    /* graph tensor -> blob tensor, TVIS_NONE: not in the blob */
    uint32_t *order; /* blob tensor -> graph tensor */
    size_t *sparse;  /* bytes of a graph tensor that is stored compressed, else 0 */
    uint32_t tensors, activations, nodes, ids;
    uint64_t strings, size;
    uint8_t *blob;
    uint32_t string_at; /* next free byte of the strings */
} writer;

static void number(writer *w, uint32_t t)
{
    if (t != TVIS_NONE && w->id[t] == TVIS_NONE) {
        w->id[t] = (uint16_t)w->tensors;
        w->order[w->tensors++] = t;
    }
}

/* Activations first, constants afterwards. */
static void number_tensors(writer *w)
{
    const tvis_graph *g = w->g;
    for (uint32_t k = 0; k < g->input_count; k++)
        number(w, g->input[k]);
    for (uint32_t i = 0; i < g->node_count; i++)
        for (uint32_t k = 0; !g->node[i].dead && k < g->node[i].out_count; k++)
            number(w, g->node[i].out[k]);
    w->activations = w->tensors;
    w->ids = g->input_count + g->output_count;
    for (uint32_t i = 0; i < g->node_count; i++) {
        const tvis_gnode *n = &g->node[i];
        if (n->dead)
            continue;
        w->nodes++;
        w->ids += (uint32_t)n->in_count + n->out_count;
        w->strings += strlen(n->name) + 1;
        for (uint32_t k = 0; k < n->in_count; k++)
            number(w, n->in[k]);
    }
}

static tvis_status check_outputs(const writer *w, tvis_diag *d)
{
    for (uint32_t k = 0; k < w->g->output_count; k++) {
        const uint32_t id = w->g->output[k];
        if (w->id[id] >= w->activations)
            return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_GRAPH, w->g->tensor[id].name,
                             "is an output that no node writes");
    }
    return TVIS_OK;
}

static uint64_t up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

static uint32_t put_string(writer *w, const char *s)
{
    tvis_blob_header *h = (void *)w->blob;
    size_t n = strlen(s) + 1;
    uint32_t at = w->string_at;
    memcpy(w->blob + h->string_offset + at, s, n);
    w->string_at += (uint32_t)n;
    return at;
}

/* Whether a tensor is the weights of convolutions and linear layers, and nothing else. */
static bool is_weights(const tvis_graph *g, uint32_t id)
{
    bool found = false;
    for (uint32_t i = 0; i < g->node_count; i++) {
        const tvis_gnode *n = &g->node[i];
        for (uint32_t k = 0; !n->dead && k < n->in_count; k++) {
            if (n->in[k] != id)
                continue;
            if (k != 1 || (n->op != TVIS_OP_CONV2D && n->op != TVIS_OP_LINEAR))
                return false;
            found = true;
        }
    }
    return found;
}

/* Less than a 16th is not worth the time it takes to expand it. */
static size_t compressed_bytes(const tvis_graph *g, uint32_t id)
{
    const tvis_gtensor *t = &g->tensor[id];
    const bool known = t->dtype == TVIS_F32 || t->dtype == TVIS_F16 || t->dtype == TVIS_S8;
    const size_t size = tvis_dtype_size((tvis_dtype)t->dtype);
    if (!t->constant || t->pack != TVIS_PACK_PLAIN || !known || t->bytes / size > INT32_MAX || !is_weights(g, id))
        return 0;
    const int32_t k = t->dims[1] * t->dims[2] * t->dims[3];
    const size_t bytes = tvis_sparse_bytes(t->data, t->dims[0], k, (uint32_t)size);
    return bytes < t->bytes - t->bytes / 16 ? bytes : 0;
}

static size_t stored_bytes(const writer *w, uint32_t id)
{
    return w->sparse[id] ? w->sparse[id] : w->g->tensor[id].bytes;
}

/* Sizes of all sections; the header's offsets. */
static bool lay_out(writer *w, tvis_blob_header *h)
{
    const tvis_graph *g = w->g;
    w->strings += strlen(g->arch) + 1;
    for (uint32_t i = 0; i < w->tensors; i++)
        w->strings += strlen(g->tensor[w->order[i]].name) + 1;
    for (uint32_t i = 0; g->labels && i < g->classes; i++)
        w->strings += strlen(g->labels[i]) + 1;
    uint64_t at = sizeof *h;
    h->tensor_offset = (uint32_t)at;
    at += w->tensors * sizeof(tvis_blob_tensor);
    h->node_offset = (uint32_t)at;
    at += w->nodes * sizeof(tvis_blob_node);
    h->id_offset = (uint32_t)at;
    at += w->ids * sizeof(uint16_t);
    h->string_offset = (uint32_t)at;
    at += w->strings;
    h->tables_end = (uint32_t)at;
    for (uint32_t i = w->activations; i < w->tensors; i++)
        at = up(at, TVIS_BLOB_ALIGN) + stored_bytes(w, w->order[i]);
    w->size = at;
    return at <= UINT32_MAX;
}

static void put_meta(const writer *w, tvis_blob_header *h)
{
    const tvis_graph *g = w->g;
    h->magic = TVIS_BLOB_MAGIC;
    h->version = TVIS_BLOB_VERSION;
    h->header_bytes = sizeof *h;
    h->file_bytes = (uint32_t)w->size;
    h->id_count = w->ids;
    h->string_bytes = (uint32_t)w->strings;
    h->tensor_count = (uint16_t)w->tensors;
    h->node_count = (uint16_t)w->nodes;
    h->activation_count = (uint16_t)w->activations;
    h->input_count = (uint16_t)g->input_count;
    h->output_count = (uint16_t)g->output_count;
    h->multiple = g->multiple;
    h->classes = g->classes;
    h->label_count = g->labels ? g->classes : 0;
    h->h = g->h;
    h->w = g->w;
    h->c = (uint16_t)g->tensor[g->input[0]].dims[3];
    h->min_side = g->min_side;
    h->max_side = g->max_side;
    h->filter = g->preprocess.filter;
    h->fit = g->preprocess.fit;
    h->channels = g->preprocess.channels;
    h->bgr = g->preprocess.bgr;
    h->crop = g->preprocess.crop;
    memcpy(h->mean, g->preprocess.mean, sizeof h->mean);
    memcpy(h->std, g->preprocess.std, sizeof h->std);
}

static void put_data(const writer *w, uint32_t id, uint64_t at, tvis_blob_tensor *t)
{
    const tvis_gtensor *from = &w->g->tensor[id];
    void *to = w->blob + at;
    t->offset = (uint32_t)at;
    t->bytes = (uint32_t)stored_bytes(w, id);
    t->pack = from->pack;
    if (w->sparse[id]) {
        t->pack = TVIS_PACK_SPARSE;
        tvis_sparse_compress(from->data, t->dims[0], t->dims[1] * t->dims[2] * t->dims[3],
                             (uint32_t)tvis_dtype_size((tvis_dtype)t->dtype), to);
    } else {
        memcpy(to, from->data, from->bytes);
    }
    t->crc = tvis_crc32(0, to, t->bytes);
}

static void put_tensors(writer *w)
{
    tvis_blob_header *h = (void *)w->blob;
    tvis_blob_tensor *t = (void *)(w->blob + h->tensor_offset);
    uint64_t at = h->tables_end;
    for (uint32_t i = 0; i < w->tensors; i++, t++) {
        const tvis_gtensor *from = &w->g->tensor[w->order[i]];
        t->name = put_string(w, from->name);
        t->dtype = from->dtype;
        t->producer = t->last_use = TVIS_NONE;
        t->scale = from->scale;
        t->factors = from->factors && from->dtype != TVIS_F32;
        t->zero = from->zero;
        memcpy(t->dims, from->dims, sizeof t->dims);
        if (!from->constant)
            continue;
        at = up(at, TVIS_BLOB_ALIGN);
        put_data(w, w->order[i], at, t);
        at += t->bytes;
    }
}

static void put_nodes(writer *w)
{
    tvis_blob_header *h = (void *)w->blob;
    tvis_blob_tensor *tensors = (void *)(w->blob + h->tensor_offset);
    tvis_blob_node *to = (void *)(w->blob + h->node_offset);
    uint16_t *id = (void *)(w->blob + h->id_offset);
    uint32_t at = 0;
    for (uint32_t k = 0; k < w->g->input_count; k++) {
        tensors[k].last_use = 0;
        id[at++] = w->id[w->g->input[k]];
    }
    for (uint32_t k = 0; k < w->g->output_count; k++)
        id[at++] = w->id[w->g->output[k]];
    uint16_t number = 0;
    for (uint32_t i = 0; i < w->g->node_count; i++) {
        const tvis_gnode *n = &w->g->node[i];
        if (n->dead)
            continue;
        *to = (tvis_blob_node){ put_string(w, n->name), n->op, n->act, n->in_count, n->out_count, at, n->p, n->q };
        for (uint32_t k = 0; k < n->in_count; k++) {
            id[at] = n->in[k] == TVIS_NONE ? TVIS_NONE : w->id[n->in[k]];
            if (id[at] < w->activations)
                tensors[id[at]].last_use = number;
            at++;
        }
        for (uint32_t k = 0; k < n->out_count; k++) {
            id[at] = w->id[n->out[k]];
            tensors[id[at]].producer = tensors[id[at]].last_use = number;
            at++;
        }
        to++;
        number++;
    }
    for (uint32_t k = 0; k < w->g->output_count; k++)
        tensors[w->id[w->g->output[k]]].last_use = number;
}

static void put_labels(writer *w)
{
    tvis_blob_header *h = (void *)w->blob;
    h->arch = put_string(w, w->g->arch);
    h->labels = w->string_at;
    for (uint32_t i = 0; i < h->label_count; i++)
        put_string(w, w->g->labels[i]);
}

static tvis_status serialise(writer *w, tvis_blob *blob, tvis_diag *diag)
{
    tvis_blob_header h;
    memset(&h, 0, sizeof h);
    number_tensors(w);
    tvis_status s = check_outputs(w, diag);
    if (s)
        return s;
    if (!lay_out(w, &h))
        return tvis_fail(diag, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "blob", "more than 4 GiB");
    size_t room = (size_t)up(w->size, TVIS_ARENA_ALIGN);
    void *memory;
    if (posix_memalign(&memory, TVIS_ARENA_ALIGN, room) != 0)
        return tvis_fail(diag, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "blob", "out of memory");
    w->blob = memset(memory, 0, room);
    put_meta(w, &h);
    memcpy(w->blob, &h, sizeof h);
    put_tensors(w);
    put_nodes(w);
    put_labels(w);
    ((tvis_blob_header *)(void *)w->blob)->crc = tvis_blob_crc(w->blob);
    blob->data = w->blob;
    blob->size = (size_t)w->size;
    tvis_model m;
    s = tvis_model_open(&m, blob->data, blob->size, diag);
    if (s)
        tvis_blob_free(blob);
    return s;
}

tvis_status tvis_blob_write(const tvis_graph *g, tvis_blob *blob, tvis_diag *diag)
{
    writer w = { .g = g };
    w.id = malloc((g->tensor_count + 1) * sizeof *w.id);
    w.order = malloc((g->tensor_count + 1) * sizeof *w.order);
    w.sparse = calloc(g->tensor_count + 1, sizeof *w.sparse);
    tvis_status s;
    if (!w.id || !w.order || !w.sparse) {
        s = tvis_fail(diag, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "blob", "out of memory");
    } else {
        memset(w.id, 0xff, (g->tensor_count + 1) * sizeof *w.id);
        for (uint32_t i = 0; g->sparse && i < g->tensor_count; i++)
            w.sparse[i] = compressed_bytes(g, i);
        s = serialise(&w, blob, diag);
    }
    free(w.id);
    free(w.order);
    free(w.sparse);
    return s;
}

void tvis_blob_free(tvis_blob *blob)
{
    free(blob->data);
    blob->data = NULL;
    blob->size = 0;
}
