/* SPDX-License-Identifier: MIT */
/* What convolutions and linear layers in floats have in common: one product with constant weights, bias, residual and
 * activation. Inputs of the node: x, weights, bias, a tensor to add. */
#ifndef TVIS_OPS_DENSE_H
#define TVIS_OPS_DENSE_H

#include "ops/matmul.h"
#include "ops/matrix.h"

/* Checks bias and the tensor to add against out_dims[0], then answers choice[0], macs, kernel_name, scratch and
 * in_place. gathers: the convolution whose patches are gathered, or NULL. */
tvis_status tvis_dense_plan(tvis_node_plan *p, int64_t rows, const tvis_matrix *shape, const tvis_conv_shape *gathers);
/* Runs it; gather as in tvis_matmul, with the convolution, or NULL. */
void tvis_dense_run(const tvis_node_run *r, tvis_matrix mx, int32_t rows,
                    void (*gather)(const tvis_matmul *, int32_t, int32_t, int32_t, void *),
                    const tvis_conv_shape *shape);

#endif
