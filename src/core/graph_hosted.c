/* SPDX-License-Identifier: MIT */
#include "core/graph_hosted.h"
#include "core/s4.h"

#include <stdlib.h>
#include <string.h>

void tvis_graph_init(tvis_graph *g, tvis_diag *diag)
{
    memset(g, 0, sizeof *g);
    g->diag = diag;
    g->min_side = g->multiple = 1;
    g->max_side = TVIS_MAX_SIDE;
}

void tvis_graph_free(tvis_graph *g)
{
    for (uint32_t i = 0; i < g->tensor_count; i++) {
        free(g->tensor[i].name);
        if (!g->tensor[i].borrowed)
            free(g->tensor[i].data);
    }
    for (uint32_t i = 0; i < g->node_count; i++)
        free(g->node[i].name);
    free(g->tensor);
    free(g->node);
    free(g->own_labels);
}

uint32_t tvis_graph_out_of_memory(tvis_graph *g)
{
    if (!g->status)
        g->status = tvis_fail(g->diag, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "model", "out of memory");
    return TVIS_NONE;
}

static uint32_t too_many(tvis_graph *g, const char *what)
{
    g->status = tvis_fail(g->diag, TVIS_EUNSUP, TVIS_DIAG_LIMIT, what, "more than a blob can hold");
    return TVIS_NONE;
}

/* Room for one more element, doubling. */
static bool grow(void **array, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room)
        return true;
    uint32_t want = *room ? *room * 2 : 64;
    void *p = realloc(*array, want * size);
    if (!p)
        return false;
    *array = p;
    *room = want;
    return true;
}

static char *copy_name(const char *name)
{
    size_t n = strlen(name) + 1;
    char *p = malloc(n);
    return p ? memcpy(p, name, n) : NULL;
}

uint32_t tvis_graph_add_tensor(tvis_graph *g, const char *name, uint8_t dtype)
{
    if (g->status)
        return TVIS_NONE;
    if (g->tensor_count >= TVIS_MAX_TENSORS)
        return too_many(g, "tensors");
    char *own = copy_name(name);
    void *array = g->tensor;
    if (!own || !grow(&array, g->tensor_count, &g->tensor_room, sizeof *g->tensor)) {
        free(own);
        return tvis_graph_out_of_memory(g);
    }
    g->tensor = array;
    tvis_gtensor *t = &g->tensor[g->tensor_count];
    memset(t, 0, sizeof *t);
    t->name = own;
    t->dtype = dtype;
    return g->tensor_count++;
}

uint32_t tvis_graph_input(tvis_graph *g, const char *name, int32_t channels)
{
    uint32_t id = tvis_graph_add_tensor(g, name, TVIS_F32);
    if (id == TVIS_NONE)
        return id;
    if (g->input_count == sizeof g->input / sizeof *g->input)
        return too_many(g, "inputs");
    g->tensor[id].dims[3] = g->tensor[id].channels = channels;
    g->input[g->input_count++] = id;
    return id;
}

uint32_t tvis_graph_constant(tvis_graph *g, const char *name, uint8_t dtype, const int32_t dims[4])
{
    uint64_t bytes = dtype == TVIS_S4 ? 1 : tvis_dtype_size((tvis_dtype)dtype);
    for (int i = 0; i < 4; i++) {
        if (dims[i] < 1 || dims[i] > TVIS_MAX_DIM || bytes > UINT32_MAX)
            return g->status ? TVIS_NONE : too_many(g, name);
        bytes *= (uint64_t)dims[i];
    }
    if (dtype == TVIS_S4) /* of at most 2^32 columns */
        bytes = (uint64_t)dims[0] * tvis_s4_row_bytes((uint64_t)dims[1] * (uint64_t)dims[2] * (uint64_t)dims[3]);
    if (bytes > UINT32_MAX || bytes > SIZE_MAX)
        return g->status ? TVIS_NONE : too_many(g, name);
    int32_t own[4]; /* dims may be another tensor's, which moves when the array grows */
    memcpy(own, dims, sizeof own);
    uint32_t id = tvis_graph_add_tensor(g, name, dtype);
    if (id == TVIS_NONE)
        return id;
    tvis_gtensor *t = &g->tensor[id];
    t->constant = true;
    t->bytes = (size_t)bytes;
    memcpy(t->dims, own, sizeof t->dims);
    t->data = calloc(1, t->bytes);
    return t->data ? id : tvis_graph_out_of_memory(g);
}

void tvis_graph_add_node(tvis_graph *g, const char *name, uint8_t op, const uint32_t *in, uint32_t in_count,
                         const uint32_t *out, uint32_t out_count, const tvis_params *params)
{
    if (g->status)
        return;
    if (g->node_count >= TVIS_MAX_NODES) {
        too_many(g, "nodes");
        return;
    }
    void *array = g->node;
    char *own = copy_name(name);
    if (!own || !grow(&array, g->node_count, &g->node_room, sizeof *g->node)) {
        free(own);
        tvis_graph_out_of_memory(g);
        return;
    }
    g->node = array;
    tvis_gnode *n = &g->node[g->node_count++];
    memset(n, 0, sizeof *n);
    n->name = own;
    n->op = op;
    n->in_count = (uint8_t)in_count;
    memcpy(n->in, in, in_count * sizeof *in);
    n->out_count = (uint8_t)out_count;
    memcpy(n->out, out, out_count * sizeof *out);
    if (params) /* compilers leave the rest of a union as it was */
        memcpy(&n->p, params, tvis_params_bytes(op));
}

uint32_t tvis_graph_node(tvis_graph *g, const char *name, uint8_t op, const uint32_t *in, uint32_t in_count,
                         int32_t channels, const tvis_params *params)
{
    const uint32_t out = tvis_graph_add_tensor(g, name, TVIS_F32);
    tvis_graph_add_node(g, name, op, in, in_count, &out, 1, params);
    if (g->status)
        return TVIS_NONE;
    g->tensor[out].channels = channels;
    return out;
}

void tvis_graph_output(tvis_graph *g, uint32_t id)
{
    if (g->status)
        return;
    if (g->output_count == sizeof g->output / sizeof *g->output)
        too_many(g, "outputs");
    else
        g->output[g->output_count++] = id;
}

tvis_gnode *tvis_graph_producer(const tvis_graph *g, uint32_t id)
{
    for (uint32_t i = 0; i < g->node_count; i++)
        for (uint32_t k = 0; k < g->node[i].out_count; k++)
            if (!g->node[i].dead && g->node[i].out[k] == id)
                return &g->node[i];
    return NULL;
}

uint32_t tvis_graph_uses(const tvis_graph *g, uint32_t id)
{
    uint32_t uses = 0;
    for (uint32_t i = 0; i < g->node_count; i++)
        for (uint32_t k = 0; k < g->node[i].in_count; k++)
            uses += !g->node[i].dead && g->node[i].in[k] == id;
    for (uint32_t k = 0; k < g->output_count; k++)
        uses += g->output[k] == id;
    return uses;
}
