/* SPDX-License-Identifier: MIT */
/* Factors by channel between layers, which leave what a float network computes as it is and make its activations
 * easier to quantize: cross-layer equalization (Nagel et al. 2019, arXiv 1906.04721) over whole groups of tensors that
 * have their channels in common, and the migration of scales from activations to weights (Xiao et al. 2023, SmoothQuant,
 * arXiv 2211.10438). */
#ifndef TVIS_QUANT_EQUALIZE_HOSTED_H
#define TVIS_QUANT_EQUALIZE_HOSTED_H

#include "core/graph_hosted.h"
#include "quant/calibrate_hosted.h"

/* Which activations share a factor for each channel. */
typedef struct tvis_scale_groups {
    uint32_t *root; /* of each tensor: the group's representative */
    bool *fixed;    /* of each representative: a factor would change what the network computes */
    bool *six;      /* of each tensor: ReLU6 wrote it */
    uint32_t count;
} tvis_scale_groups;

tvis_status tvis_scale_groups_find(tvis_scale_groups *s, const tvis_graph *g);
void tvis_scale_groups_free(tvis_scale_groups *s);

/* The factors that were chosen: factor[root][c] divides channel c of the group's tensors; NULL: all are 1. */
typedef struct tvis_equalization {
    tvis_scale_groups groups;
    double **factor;
    double **query, **value; /* of attention nodes: q is divided by, k multiplied with; v is divided by */
    uint32_t nodes, layers;  /* layers: tensors that got factors */
} tvis_equalization;

/* The linear layer that writes a tensor, or reads it, and that alone does; NULL: there is none. */
const tvis_gnode *tvis_sole_layer_before(const tvis_graph *g, uint32_t id);
const tvis_gnode *tvis_sole_layer_behind(const tvis_graph *g, uint32_t id);

/* Chooses factors from what calibration saw of g. Errors: ENOMEM. */
tvis_status tvis_equalization_choose(tvis_equalization *e, const tvis_graph *g, const tvis_calibration *k);
/* Applies them to the constants of g in place, or takes them back (to the last bit or two). */
void tvis_equalization_apply(const tvis_equalization *e, tvis_graph *g, bool back);
void tvis_equalization_free(tvis_equalization *e);

#endif
