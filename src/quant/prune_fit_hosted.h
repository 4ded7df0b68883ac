/* SPDX-License-Identifier: MIT */
/* A layer of a network that is pruned, the rows that it sees there, and what it should make of them: what the plain
 * network's layer makes of what that sees. */
#ifndef TVIS_QUANT_PRUNE_FIT_HOSTED_H
#define TVIS_QUANT_PRUNE_FIT_HOSTED_H

#include "quant/flow_hosted.h"
#include "quant/probe_hosted.h"
#include "quant/lsq_hosted.h"
#include "quant/prune.h"

/* One layer while it is fitted. Weights are (groups * n, k). */
typedef struct tvis_fitted {
    tvis_pruner *p;
    const tvis_graph *plain; /* as the model was */
    const tvis_gnode *node;
    int32_t groups, n, k;
    int32_t wide;                /* k of the plain layer, which may have more channels */
    int32_t *from;               /* (groups): channels of the plain layer, where it is depthwise */
    float *x, *plain_x, *y;      /* rows of inputs, of the plain model's inputs, of targets */
    float *before, *now, *panel; /* weights, before those of the plain layer that write what is still there */
    tvis_lsq lsq;
    const tvis_flow *flow; /* of the plain model and the pruned one */
} tvis_fitted;

/* All calibration pictures, for the plain network and the pruned one, or NULL. */
tvis_flow tvis_prune_flow(const tvis_pruner *p, const tvis_graph *plain, const tvis_graph *pruned);

/* The plain network on half of the pictures, to fit to, and on some of the other half, to see what became of it. Both
 * are freed in any case. */
tvis_status tvis_prune_halves(const tvis_pruner *p, const tvis_graph *plain, tvis_flow *fit, tvis_flow *probe);

/* p, plain and node are filled in. False after an error, which the pruner's graph has. tvis_fitted_free() is called in
 * any case. */
bool tvis_fitted_see(tvis_fitted *l, tvis_flow *f);
/* The layer's bias for writing; NULL for none, or after an error. */
float *tvis_fitted_bias(tvis_fitted *l);
/* Weights (groups * n, k) as the layer's. */
void tvis_fitted_write(const tvis_fitted *l, float *rows);
void tvis_fitted_free(tvis_fitted *l);

static inline size_t tvis_fitted_weights(const tvis_fitted *l)
{
    return (size_t)l->groups * (size_t)l->n * (size_t)l->k;
}

#endif
