/* SPDX-License-Identifier: MIT */
/* Blocks and threads around one matrix product, shared by convolution and linear layers of every element type. */
#ifndef TVIS_OPS_MATMUL_H
#define TVIS_OPS_MATMUL_H

#include "ops/conv_shape.h"

typedef struct tvis_matmul tvis_matmul;

/* A rectangle of the result: rows [row, row + m), columns [col, col + n) of a group. */
typedef struct tvis_block {
    const void *x;       /* its rows, ldx elements apart */
    void *y;             /* its first element; rows are ldy elements apart */
    size_t first_column; /* among those of all groups */
    size_t offset;       /* elements from the start of y */
    int32_t m, n, ldx, ldy, group, col;
} tvis_block;

/* (m, groups * n) = x (m, groups * k) times a weight matrix (groups * n, k), group by group. */
struct tvis_matmul {
    const tvis_node_run *run;
    const tvis_kernel *kern;
    int32_t m, n, k, groups;
    uint32_t size, y_size; /* bytes of an element of x and y */
    const void *x;         /* NULL when `gather` is given */
    void *y;
    /* Writes rows [row, row + rows) of the virtual (m, k) matrix of a group to out, k apart; NULL: x has them. */
    void (*gather)(const tvis_matmul *mm, int32_t row, int32_t rows, int32_t group, void *out);
    /* Computes a block; panel: the scratch that tvis_matmul_scratch() was told of. */
    void (*multiply)(const tvis_matmul *mm, const tvis_block *b, void *panel);
    const tvis_conv_shape *shape; /* for gather */
    int32_t pitch; /* found when it runs: of lines (ops/conv_shape.h), of a row of the output at a time; 0: patches */
    const void *layer; /* for multiply */
};

/* `run` and `gap` of a kernel's arguments. */
static inline int32_t tvis_matmul_run_of_line(const tvis_matmul *mm)
{
    return TVIS_LINES && mm->pitch ? mm->shape->kw * mm->shape->ic : 0;
}
static inline int32_t tvis_matmul_gap_of_line(const tvis_matmul *mm)
{
    return TVIS_LINES && mm->pitch ? mm->pitch - mm->shape->kw * mm->shape->ic : 0;
}

/* Scratch of a node: `panel` bytes, and what gathering for a convolution takes (NULL: nothing). Fails where that is
 * over 2 GiB. */
tvis_status tvis_matmul_scratch(tvis_node_plan *p, const tvis_kernel *kern, int64_t m, int32_t k, uint32_t size,
                                uint32_t panel, const tvis_conv_shape *gathers);
void tvis_matmul_run(const tvis_matmul *mm);

#endif
