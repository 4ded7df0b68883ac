/* SPDX-License-Identifier: MIT */
/* What convolutions and linear layers in int8 have in common. Inputs of the node: x (S8), weights (S8, symmetric), bias
 * (S32, with -zero(x) * sum(w) in it), a tensor to add (S8) or none, multipliers (S32, one an output channel), and a
 * table of 256 values (S8) or none: y = table[v + 128], v what the arithmetic of src/ops/requant.h gives. */
#ifndef TVIS_OPS_DENSE_S8_H
#define TVIS_OPS_DENSE_S8_H

#include "ops/gemm_s8.h"
#include "ops/matmul.h"

enum { TVIS_S8_BIAS = 2, TVIS_S8_ADD = 3, TVIS_S8_MUL = 4, TVIS_S8_TABLE = 5 };

/* Weights are S8, constant, plain or sparse, bias and multipliers have their shapes for `channels` outputs. */
tvis_status tvis_s8_constants(const tvis_node_plan *p, int32_t channels);
/* The same, input and output are S8, and a table has its shape. */
tvis_status tvis_s8_check(const tvis_node_plan *p, int32_t channels);
/* The limits, zero point and multipliers of a node's output, from channel `first` on. */
tvis_requant tvis_s8_requant(const tvis_node_run *r, size_t first);
/* y = table[y + 128] over (rows, cols), rows ldy apart; nothing without a table. */
void tvis_s8_look_up(const tvis_node_run *r, int8_t *y, int32_t rows, int32_t cols, int32_t ldy);

/* Weights are (groups * n, k). As tvis_dense_plan() and tvis_dense_run(). */
typedef tvis_status tvis_dense_planner(tvis_node_plan *p, int64_t rows, int32_t n, int32_t k, int32_t groups,
                                       const tvis_conv_shape *gathers);
typedef void tvis_dense_runner(const tvis_node_run *r, int32_t rows, int32_t n, int32_t k, int32_t groups,
                               void (*gather)(const tvis_matmul *, int32_t, int32_t, int32_t, void *),
                               const tvis_conv_shape *shape);
tvis_dense_planner tvis_dense_s8_plan;
tvis_dense_runner tvis_dense_s8_run;
/* In the order that choice[0].pack says. */
void tvis_dense_s8_pack(const tvis_node_plan *p, int32_t n, int32_t k, int32_t groups, void *out);

/* The first row of tvis_gemm_s8 that these flags and so many rows allow. */
uint16_t tvis_dense_s8_choose(const tvis_node_plan *p, int64_t rows);
/* Bytes of one group's weights in a kernel's order, and of one panel of them. */
size_t tvis_dense_s8_group(const tvis_kernel *kern, int32_t n, int32_t k);
size_t tvis_dense_s8_panel(const tvis_kernel *kern, int32_t k);
/* Rows [row, row + n) of weights that are not stored in the order that a kernel reads, in that order. */
void tvis_dense_s8_panel_pack(const tvis_blob_tensor *t, const void *data, size_t row, int32_t n, int32_t k,
                              uint16_t order, int8_t *out);
/* Checks sizes and answers macs, kernel_name and choice[0] but for its kernel; *panel: bytes of scratch for a panel of
 * weights, 0 where they need none. */
tvis_status tvis_dense_s8_weights(tvis_node_plan *p, const tvis_kernel *kern, int64_t rows, int32_t n, int32_t k,
                                  int32_t groups, uint32_t *panel);

#endif
