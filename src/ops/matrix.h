/* SPDX-License-Identifier: MIT */
/* Constant weight matrices: which gemm kernel multiplies with them, and their packing, ahead of time or on the way.
 * Halves and weights of 4 bits are expanded with it. */
#ifndef TVIS_OPS_MATRIX_H
#define TVIS_OPS_MATRIX_H

#include "core/port.h"
#include "core/op.h"
#include "core/sparse.h"
#include "ops/gemm.h"
#include "ops/sparse_gemm.h"

/* (groups * n, k) */
typedef struct tvis_matrix {
    const void *w;           /* F32 in the order `stored`, F16 or S4 in plain order, or F32 or F16 sparse */
    const float *packed;     /* in the kernel's order, or NULL */
    uint16_t stored, kernel; /* kernel: a row of tvis_gemm_f32, or TVIS_MATRIX_SPARSE + one of tvis_sparse_gemm */
    uint8_t dtype, plan;
    tvis_sparse sparse; /* of weights that are stored so */
    int32_t n, k, groups;
} tvis_matrix;

#define TVIS_MATRIX_SPARSE 0x100u

/* What planning knows of a kernel. */
static inline const tvis_kernel *tvis_matrix_kernel(uint16_t kernel)
{
    return !TVIS_LARGE_CODE || kernel < TVIS_MATRIX_SPARSE ? &tvis_gemm_f32[kernel].k
                                                           : &tvis_sparse_gemm[kernel - TVIS_MATRIX_SPARSE].k;
}

/* The flags of processors that kernels may need: that for bfloat16 where the caller allows it only. */
static inline uint32_t tvis_matrix_cpu(const tvis_node_plan *p)
{
    const bool may = p->config->bf16 && p->config->plan == TVIS_PLAN_FAST;
    return may ? p->config->cpu : p->config->cpu & ~TVIS_CPU_AMX_BF16;
}

/* Chooses the kernel for products with `rows` rows, for a (fusion's) node whose weights are input `input`. Adds to
 * p->macs; *scratch gets the bytes that tvis_matrix_multiply() needs as `panel`. */
tvis_status tvis_matrix_plan(tvis_node_plan *p, uint32_t node, uint32_t input, int64_t rows, const tvis_matrix *shape,
                             uint32_t *scratch);
/* tvis_op.pack for these weights. */
void tvis_matrix_pack(const tvis_node_plan *p, uint32_t node, uint32_t input, const tvis_matrix *shape, void *out);
/* Fills w, packed, stored and kernel of a matrix whose shape is set. */
void tvis_matrix_bind(tvis_matrix *mx, const tvis_node_run *r, uint32_t node, uint32_t input);

/* One product: columns [col, col + a.n) of a group. a.x, a.y, a.bias and a.add point at its first elements; a.w, a.k,
 * a.lo and a.hi are filled in here. */
void tvis_matrix_multiply(const tvis_matrix *mx, tvis_gemm_f32_args a, int32_t group, int32_t col, uint8_t act,
                          uint32_t cpu, float *panel);

#endif
