/* SPDX-License-Identifier: MIT */
/* What a plain network and the one made of it compute somewhere inside, over the calibration pictures. What they gave
 * at the last place that a single tensor passes is kept, where that takes little memory, and the next run goes on from
 * there. */
#ifndef TVIS_QUANT_FLOW_HOSTED_H
#define TVIS_QUANT_FLOW_HOSTED_H

#include "quant/tap_hosted.h"

#include <tinyvis/quantize.h>

/* Of each picture, at most: as it is, enlarged parts of it, and all of these mirrored. */
#define TVIS_FLOW_VIEWS 8

typedef struct tvis_flow {
    const tvis_graph *g[2];       /* the plain network; the other one, or NULL */
    uint32_t first, step, images; /* pictures first, first + step …; so many of them */
    uint32_t views;
    tvis_calibration_input input;
    void *user;
    uint32_t cpu;
    tvis_diag *diag;
    /* private: */
    tvis_tensor in; /* its memory is the flow's */
    float *picture; /* as it was given */
    tvis_place from[2];
    float *kept[2]; /* (images, views, from->dims), or NULL: networks begin at their inputs */
    tvis_tap tap[2];
} tvis_flow;

/* What is wanted of one view of a picture: tensors [0, count) of each network, until the next call. */
typedef tvis_status (*tvis_flow_use)(void *user, uint32_t picture, uint32_t view, const tvis_tensor *plain,
                                     const tvis_tensor *other);

/* The members above `private` are filled in. tvis_flow_free() is called in any case. */
tvis_status tvis_flow_begin(tvis_flow *f);
/* Tensors of nodes before `end`, at most TVIS_TAP_MOST; `end` never decreases. Weights before it do not change
 * afterwards. */
tvis_status tvis_flow_run(tvis_flow *f, uint32_t end, const uint32_t *tensors, uint32_t count, tvis_flow_use use,
                          void *user);
/* Keeps what it can of what nodes before `end` give. */
tvis_status tvis_flow_advance(tvis_flow *f, uint32_t end);
/* A network with the flow's first one's beginning, run from what is kept to its outputs. */
tvis_status tvis_flow_finish(tvis_flow *f, const tvis_graph *g, tvis_flow_use use, void *user);
void tvis_flow_free(tvis_flow *f);

#endif
