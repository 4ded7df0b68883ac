/* SPDX-License-Identifier: MIT */
/* The first outputs of two models' nodes, matched by the nodes' names; integers are compared as the reals that they
 * stand for. Only the first model's values are kept, and only those of one picture. */
#ifndef TINYVIS_TOOL_LAYER_PAIRS_H
#define TINYVIS_TOOL_LAYER_PAIRS_H

#include "difference.h"
#include "load_model.h"

/* What an observer needs to know of a node: how its integers are reals. */
typedef struct node_scale {
    float scale;
    int32_t zero;
    bool factors;
} node_scale;

typedef struct layer {
    const char *name; /* in the first model's blob */
    node_scale scale;
    float *value;
    size_t planned, count, room; /* values: by the plan, as they are, allocated */
    int32_t dims[4];
    difference sum;
    channel_sums channels; /* where the partner's channels have factors */
} layer;

/* Of the second model. */
typedef struct layer_partner {
    uint32_t layer; /* index of the first model's, or TVIS_NONE */
    node_scale scale;
} layer_partner;

/* Starts as { 0 }. */
typedef struct layer_pairs {
    layer *layer;           /* one a node of the first model */
    layer_partner *partner; /* one a node of the second */
    uint32_t count, partners;
    size_t most;         /* the caller's: values kept at a time, where that is at least one layer's; 0: all */
    uint32_t begin, end; /* layers that are compared in this round */
    float *value;        /* a layer of the second model, as floats */
    size_t room;
    bool failed; /* no memory */
} layer_pairs;

/* Both are loaded and not started yet; they are observed from now on, and run layer by layer. Where several nodes of a
 * model have one name, the last of them counts. */
tvis_status layer_pairs_watch(layer_pairs *p, loaded *a, loaded *b, tvis_diag *d);
/* On to the layers that the last round over the pictures had no room for; false: there are none. */
bool layer_pairs_next(layer_pairs *p);
void layer_pairs_free(layer_pairs *p);

#endif
