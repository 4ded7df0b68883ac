/* SPDX-License-Identifier: MIT */
/* Blocks, threads and packing around the gemm kernels, shared by convolution and linear layers. */
#ifndef TVIS_OPS_MATMUL_H
#define TVIS_OPS_MATMUL_H

#include "core/op.h"

typedef struct tvis_matmul tvis_matmul;
/* Writes rows [row, row + rows) of the virtual (m, k) matrix of a group to out, k apart. */
typedef void (*tvis_gather)(const tvis_matmul *mm, int32_t row, int32_t rows, int32_t group, float *out);

struct tvis_matmul {
    const tvis_node_run *run;
    const float *x;              /* (m, groups * k) when gather is NULL */
    const float *w, *bias, *add; /* (groups * n, k), (groups * n), (m, groups * n) */
    float *y;                    /* (m, groups * n) */
    int32_t m, n, k, groups;
    uint8_t act; /* tvis_act */
    tvis_gather gather;
    const void *shape; /* for gather */
};

/* Chooses the kernel for m rows and answers kernel, pack, pack_bytes and scratch. Input 1 holds the weights. */
tvis_status tvis_matmul_plan(tvis_node_plan *p, int64_t m, int32_t n, int32_t k, int32_t groups, bool gathers);
void tvis_matmul_run(const tvis_matmul *mm);
/* tvis_op.pack for weights of `groups` groups. */
void tvis_matmul_pack(const tvis_node_plan *p, int32_t n, int32_t k, int32_t groups, const void *weights, void *out);

#endif
