/* SPDX-License-Identifier: MIT */
/* A network while it is being made: builders and importers add nodes, passes rewrite them, blob_write makes the blob.
 * Errors stick: after the first, every call does nothing and the status stays, so that builders need no checks. */
#ifndef TVIS_CORE_GRAPH_HOSTED_H
#define TVIS_CORE_GRAPH_HOSTED_H

#include "core/blob.h"
#include "core/diag.h"

#include <tinyvis/convert.h>

typedef struct tvis_gtensor {
    char *name;
    uint8_t dtype;
    bool constant;
    int32_t dims[4];  /* of constants and inputs */
    int32_t channels; /* of activations, while a builder works */
    void *data;       /* of constants */
    size_t bytes;
    uint16_t pack; /* TVIS_PACK_*: the order of the data, of `bytes` bytes */
    bool borrowed; /* data lies in a blob and must not be written */
    bool factors;  /* as in tvis_blob_tensor */
    float scale;   /* of int8 activations, else 0 */
    int32_t zero;
} tvis_gtensor;

typedef struct tvis_gnode {
    char *name;
    uint8_t op, act, in_count, out_count;
    bool dead;
    uint32_t in[TVIS_MAX_IN], out[TVIS_MAX_OUT]; /* tensors; TVIS_NONE: not given */
    tvis_params p;
    tvis_quant q;
} tvis_gnode;

typedef struct tvis_graph {
    tvis_gtensor *tensor;
    tvis_gnode *node; /* in execution order */
    uint32_t tensor_count, tensor_room, node_count, node_room;
    uint32_t input[4], output[8];
    uint32_t input_count, output_count;
    const char *arch;
    uint32_t classes;
    uint16_t h, w, min_side, max_side, multiple;
    tvis_preprocess preprocess;
    const char *const *labels; /* `classes` of them, or NULL */
    const char **own_labels;   /* freed with the graph */
    bool sparse; /* weights of convolutions and linear layers are stored compressed where that is smaller */
    tvis_status status;
    tvis_diag *diag;
} tvis_graph;

void tvis_graph_init(tvis_graph *g, tvis_diag *diag);
void tvis_graph_free(tvis_graph *g);
/* Records the first failure of a graph. Returns TVIS_NONE. */
uint32_t tvis_graph_out_of_memory(tvis_graph *g);

/* Each returns a tensor id, TVIS_NONE after an error. Names are copied. */
uint32_t tvis_graph_add_tensor(tvis_graph *g, const char *name, uint8_t dtype); /* neither constant nor input yet */
uint32_t tvis_graph_input(tvis_graph *g, const char *name, int32_t channels);
/* Zeroed data of the given shape; fill it through tensor[id].data. */
uint32_t tvis_graph_constant(tvis_graph *g, const char *name, uint8_t dtype, const int32_t dims[4]);
/* A node between tensors that are there already. params may be NULL. */
void tvis_graph_add_node(tvis_graph *g, const char *name, uint8_t op, const uint32_t *in, uint32_t in_count,
                         const uint32_t *out, uint32_t out_count, const tvis_params *params);
/* A node with one output of so many channels. params may be NULL. */
uint32_t tvis_graph_node(tvis_graph *g, const char *name, uint8_t op, const uint32_t *in, uint32_t in_count,
                         int32_t channels, const tvis_params *params);
void tvis_graph_output(tvis_graph *g, uint32_t id);

/* A blob as a graph again: names are copied, weights stay where they are, so that the blob must outlive the graph. */
void tvis_graph_read(tvis_graph *g, const tvis_model *m);

/* The node that writes a tensor, or NULL. */
tvis_gnode *tvis_graph_producer(const tvis_graph *g, uint32_t id);
/* How often a tensor is read, outputs of the graph included. */
uint32_t tvis_graph_uses(const tvis_graph *g, uint32_t id);

/* Passes. Each leaves a graph that computes the same. */
void tvis_pass_fold_batch_norm(tvis_graph *g);
void tvis_pass_fuse_activation(tvis_graph *g);
void tvis_pass_fuse_add(tvis_graph *g);
/* Drops dead nodes and the tensors nobody refers to. */
void tvis_pass_remove_dead(tvis_graph *g);

/* Serialises; the blob opens with tvis_model_open() or an error is returned. */
tvis_status tvis_blob_write(const tvis_graph *g, tvis_blob *blob, tvis_diag *diag);

#endif
