/* SPDX-License-Identifier: MIT */
/* Layers that run together, a band of rows at a time: what lies between them is kept only as the rows that the next
 * layer still reads. For inverted residuals (1x1 expand, depthwise, 1x1 project: Sandler et al. 2018), their halves,
 * the convolutions in front of them, and convolutions with a pooling. */
#ifndef TVIS_OPS_ROWS_H
#define TVIS_OPS_ROWS_H

#include "ops/conv_shape.h"

/* Inputs of the fusion: those of each node, TVIS_ROWS_IN apart. A tensor to add is given unless it is x itself. */
enum { TVIS_ROWS_IN = TVIS_MAX_FUSED_IN / TVIS_MAX_FUSED, TVIS_ROWS_ADD = 3 };

typedef struct tvis_stage {
    const tvis_op *op; /* what runs the node on its own */
    const tvis_blob_node *node;
    tvis_conv_shape shape;
    int32_t channels; /* of the output */
    int32_t keep;     /* most rows of the output that are there at a time; 0 for the last stage */
    size_t row;       /* bytes of an output row */
    uint8_t *rows;    /* output rows [first, have) */
    int32_t first, have;
} tvis_stage;

typedef struct tvis_pipeline {
    tvis_stage s[TVIS_MAX_FUSED];
    uint32_t count;
    int32_t step;   /* output rows of the last stage at a time */
    uint64_t bytes; /* of kept rows */
} tvis_pipeline;

/* tvis_op.match: whether one of the patterns starts at node i. */
bool tvis_rows_match_f32(const tvis_model *m, uint32_t i, tvis_fusion *f);
bool tvis_rows_match_s8(const tvis_model *m, uint32_t i, tvis_fusion *f);
/* Node, shape and row of stage k for its input; its weights, if it has any, are `w`. */
void tvis_rows_stage(tvis_stage *s, const tvis_model *m, const tvis_blob_node *n, const int32_t *x, const int32_t *w);
/* Sets step, bytes and what each stage keeps. */
void tvis_rows_size(tvis_pipeline *p, uint8_t plan, uint32_t cpu);
/* Input rows [*from, *to) that output rows [first, end) read. */
void tvis_rows_reach(const tvis_conv_shape *s, int32_t first, int32_t end, int32_t *from, int32_t *to);

#endif
