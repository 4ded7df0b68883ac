/* SPDX-License-Identifier: MIT */
/* The rows that a layer multiplies its weights with: pixels, tokens, or the patches under a kernel. */
#ifndef TVIS_QUANT_LAYER_ROWS_HOSTED_H
#define TVIS_QUANT_LAYER_ROWS_HOSTED_H

#include "core/blob.h"
#include "ops/conv_shape.h"

/* Of a linear layer or a convolution that is not depthwise: `count` rows of (groups, k) floats, k in the order of the
 * weights. */
typedef struct tvis_layer_rows {
    tvis_conv_shape shape;
    bool direct; /* rows lie in the input as they are */
    int32_t groups, k, count;
} tvis_layer_rows;

/* Without count and shape, which depend on the input. */
tvis_layer_rows tvis_layer_rows_of(const tvis_model *m, uint32_t node);
void tvis_layer_rows_fit(tvis_layer_rows *r, const tvis_model *m, uint32_t node, const int32_t x_dims[4]);
/* A group's part of row i: in x, or gathered into `room`, k floats. */
const float *tvis_layer_row(const tvis_layer_rows *r, const float *x, int32_t i, int32_t group, float *room);

#endif
