/* SPDX-License-Identifier: MIT */
/* Layers that run together, a few rows at a time: what lies between them is kept only as the rows that the next layer's
 * kernel covers, in rings. For inverted residuals (1x1 expand, depthwise, 1x1 project: Sandler et al. 2018), their
 * halves, and for two convolutions with a pooling. */
#ifndef TVIS_OPS_ROWS_H
#define TVIS_OPS_ROWS_H

#include "ops/conv_shape.h"
#include "ops/matrix.h"

/* Inputs of the fusion: x, weights and bias of each stage, a tensor to add to the last stage if it is not x itself. */
enum { TVIS_ROWS_WEIGHTS = 1, TVIS_ROWS_ADD = 7 };

typedef struct tvis_stage {
    const tvis_blob_node *node;
    tvis_conv_shape shape;
    tvis_matrix mx; /* of convolutions */
    const float *w, *bias;
    int32_t channels; /* of the output */
    int32_t ring;     /* rows of the output that are kept; 0 for the last stage */
    size_t row;       /* floats of an output row */
    float *rows;      /* the ring */
    int32_t have;     /* output rows [have - ring, have) are in the ring */
} tvis_stage;

typedef struct tvis_pipeline {
    tvis_stage s[TVIS_MAX_FUSED];
    uint32_t count;
    int32_t step;                        /* output rows of the last stage at a time */
    uint64_t rings, gather, panel, taps; /* floats of scratch; taps: depthwise weights that are halves */
} tvis_pipeline;

/* tvis_op.match: whether one of the patterns starts at node i. */
bool tvis_rows_match(const tvis_model *m, uint32_t i, tvis_fusion *f);
/* Shapes of all stages for a fusion's inputs; false where they do not fit together. */
bool tvis_rows_shapes(tvis_pipeline *p, const tvis_blob_node *n, const tvis_fusion *f, const int32_t (*dims)[4]);
/* How many rows each ring holds: what a step of the last stage covers. Sets step, rings and gather. */
void tvis_rows_size(tvis_pipeline *p);

#endif
