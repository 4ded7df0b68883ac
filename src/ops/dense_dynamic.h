/* SPDX-License-Identifier: MIT */
/* Convolutions and linear layers between floats that multiply in int8: rows of the input are rounded while the layer
 * runs. Inputs of the node: x (F32), weights (S8, symmetric), bias (F32) or none, a tensor to add (F32) or none, scales
 * (F32) and sums (S32) of the weights, one for each output channel. */
#ifndef TVIS_OPS_DENSE_DYNAMIC_H
#define TVIS_OPS_DENSE_DYNAMIC_H

#include "ops/gemm_s8.h"
#include "ops/matmul.h"

enum { TVIS_DYNAMIC_BIAS = 2, TVIS_DYNAMIC_ADD = 3, TVIS_DYNAMIC_SCALES = 4, TVIS_DYNAMIC_SUMS = 5 };

#define TVIS_DYNAMIC_MOST TVIS_GEMM_S8_MAX_K /* weights of an output */

/* Weights are (groups * n, k). As tvis_dense_s8_plan() and tvis_dense_s8_run(). */
tvis_status tvis_dense_dynamic_plan(tvis_node_plan *p, int64_t rows, int32_t n, int32_t k, int32_t groups,
                                    const tvis_conv_shape *gathers);
void tvis_dense_dynamic_run(const tvis_node_run *r, int32_t rows, int32_t n, int32_t k, int32_t groups,
                            void (*gather)(const tvis_matmul *, int32_t, int32_t, int32_t, void *),
                            const tvis_conv_shape *shape);

#endif
