/* SPDX-License-Identifier: MIT */
/* Blocks and threads around one matrix product, shared by convolution and linear layers. */
#ifndef TVIS_OPS_MATMUL_H
#define TVIS_OPS_MATMUL_H

#include "ops/matrix.h"

typedef struct tvis_matmul tvis_matmul;
/* Writes rows [row, row + rows) of the virtual (m, k) matrix of a group to out, k apart. */
typedef void (*tvis_gather)(const tvis_matmul *mm, int32_t row, int32_t rows, int32_t group, float *out);

struct tvis_matmul {
    const tvis_node_run *run;
    tvis_matrix mx;
    const float *x;          /* (m, groups * k) when gather is NULL */
    const float *bias, *add; /* (groups * n), (m, groups * n), or NULL */
    float *y;                /* (m, groups * n) */
    int32_t m;
    tvis_gather gather;
    const void *shape; /* for gather */
};

/* Answers choice[0], macs, kernel_name and scratch for a single node with its weights in input 1. */
tvis_status tvis_matmul_plan(tvis_node_plan *p, int64_t m, const tvis_matrix *shape, bool gathers);
void tvis_matmul_run(const tvis_matmul *mm);

#endif
