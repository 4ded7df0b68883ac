/* SPDX-License-Identifier: MIT */
/* The beginning of a network, up to tensors that somebody wants to see. */
#ifndef TVIS_QUANT_TAP_HOSTED_H
#define TVIS_QUANT_TAP_HOSTED_H

#include "core/graph_hosted.h"
#include "quant/runner_hosted.h"

#define TVIS_TAP_MOST 8

/* Where the part of a network begins that is run: a node, and the one tensor that it and those behind it read of what
 * came before. */
typedef struct tvis_place {
    uint32_t node, tensor;
    int32_t dims[4]; /* of the tensor */
} tvis_place;

typedef struct tvis_tap {
    tvis_blob blob;
    tvis_model model;
    tvis_runner runner; /* not started where only the input is wanted */
    tvis_tensor input;  /* without data */
    uint32_t count;
    bool is_input[TVIS_TAP_MOST]; /* the tensor is the network's input */
    uint8_t output[TVIS_TAP_MOST];
} tvis_tap;

/* Nodes [from->node, end) of a graph of one input, and `count` tensors of theirs. cpu: TVIS_CPU_* to use. The graph is
 * not needed afterwards. Ends with tvis_tap_free(), also after an error. */
tvis_status tvis_tap_open(tvis_tap *t, const tvis_graph *g, const tvis_place *from, uint32_t end,
                          const uint32_t *tensors, uint32_t count, uint32_t cpu, tvis_diag *diag);
/* What from->tensor holds, NHWC. */
tvis_status tvis_tap_run(tvis_tap *t, const float *picture, tvis_diag *diag);
/* The i-th tensor, NHWC, until the next run. */
tvis_tensor tvis_tap_view(const tvis_tap *t, uint32_t i, const float *picture);
void tvis_tap_free(tvis_tap *t);

#endif
