/* SPDX-License-Identifier: MIT */
/* Geometry shared by convolution and depthwise convolution. */
#ifndef TVIS_OPS_CONV_SHAPE_H
#define TVIS_OPS_CONV_SHAPE_H

#include "core/op.h"

typedef struct tvis_conv_shape {
    int32_t ih, iw, ic, oh, ow, kh, kw;
    int32_t stride[2], dilation[2];
    int32_t top, left; /* padding before the first row and column */
} tvis_conv_shape;

/* From the input, the weights (kh = dims[1], kw = dims[2]) and the node; oh or ow < 1 where the kernel is larger than
 * the padded input. SAME padding as TensorFlow: out = ceil(in / stride), the smaller half before. */
tvis_conv_shape tvis_conv_geometry(const tvis_conv_params *p, const int32_t *in, const int32_t *weights);
/* Checks input 0 and weights 1, fills out_dims[0] but for the channels. */
tvis_status tvis_conv_plan(tvis_node_plan *p, tvis_conv_shape *s);

#endif
