/* SPDX-License-Identifier: MIT */
/* The first outputs of two models' nodes, matched by the nodes' names. Only the first model's values are kept, and only
 * those of one picture. */
#ifndef TINYVIS_TOOL_LAYER_PAIRS_H
#define TINYVIS_TOOL_LAYER_PAIRS_H

#include "difference.h"
#include "load_model.h"

typedef struct layer {
    const char *name; /* in the first model's blob */
    float *value;
    size_t count, room;
    int32_t dims[4];
    difference sum;
} layer;

/* Starts as { 0 }. */
typedef struct layer_pairs {
    layer *layer;      /* one a node of the first model */
    uint32_t *partner; /* a node of the second model: index in layer, or TVIS_NONE */
    uint32_t count;
    bool failed; /* no memory */
} layer_pairs;

/* Both are loaded and not started yet; they are observed from now on, and run layer by layer. */
tvis_status layer_pairs_watch(layer_pairs *p, loaded *a, loaded *b, tvis_diag *d);
void layer_pairs_free(layer_pairs *p);

#endif
