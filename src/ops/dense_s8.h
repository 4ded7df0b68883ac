/* SPDX-License-Identifier: MIT */
/* What convolutions and linear layers in int8 have in common. Inputs of the node: x (S8), weights (S8, symmetric), bias
 * (S32, with -zero(x) * sum(w) in it), a tensor to add (S8) or none, multipliers (S32, one an output channel), and a
 * table of 256 values (S8) or none: y = table[v + 128], v what the arithmetic of src/ops/requant.h gives. */
#ifndef TVIS_OPS_DENSE_S8_H
#define TVIS_OPS_DENSE_S8_H

#include "ops/gemm_s8.h"
#include "ops/matmul.h"

enum { TVIS_S8_BIAS = 2, TVIS_S8_ADD = 3, TVIS_S8_MUL = 4, TVIS_S8_TABLE = 5 };

/* Input and weights are S8, the weights constant and plain, bias, multipliers and table have their shapes for
 * `channels` outputs, the node's output is S8. */
tvis_status tvis_s8_check(const tvis_node_plan *p, int32_t channels);
/* The limits, zero point and multipliers of a node's output, from channel `first` on. */
tvis_requant tvis_s8_requant(const tvis_node_run *r, size_t first);
/* y = table[y + 128] over (rows, cols), rows ldy apart; nothing without a table. */
void tvis_s8_look_up(const tvis_node_run *r, int8_t *y, int32_t rows, int32_t cols, int32_t ldy);

/* Weights are (groups * n, k). As tvis_dense_plan() and tvis_dense_run(). */
tvis_status tvis_dense_s8_plan(tvis_node_plan *p, int64_t rows, int32_t n, int32_t k, int32_t groups, bool gathers);
void tvis_dense_s8_pack(const tvis_node_plan *p, int32_t n, int32_t k, int32_t groups, void *out);
void tvis_dense_s8_run(const tvis_node_run *r, int32_t rows, int32_t n, int32_t k, int32_t groups,
                       void (*gather)(const tvis_matmul *, int32_t, int32_t, int32_t, void *), const void *shape);

#endif
