/* SPDX-License-Identifier: MIT */
/* Linear layers fitted to what they should compute: least squares over rows of inputs and targets, with some weights
 * held at 0. Memory does not depend on how many rows there are. */
#ifndef TVIS_QUANT_LSQ_HOSTED_H
#define TVIS_QUANT_LSQ_HOSTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Over the rows of one half. */
typedef struct tvis_lsq_sums {
    uint64_t rows;
    float *squares; /* (groups, k, k): x^T * x, the lower triangle */
    float *cross;   /* (groups, n, k): y^T * x */
    double *x, *y;
} tvis_lsq_sums;

/* Weights are (groups * n, k), a row of inputs is (groups, k), one of targets (groups, n). Rows are in two halves: how
 * far the weights may move is what fits the second half best when the first is fitted. */
typedef struct tvis_lsq {
    int32_t groups, n, k;
    tvis_lsq_sums half[2];
    uint32_t cpu; /* TVIS_CPU_* to use */
    float *work;
} tvis_lsq;

/* Rows that tvis_lsq_add() takes at a time. */
#define TVIS_LSQ_ROWS 256

/* False without memory; tvis_lsq_free() is called in any case. */
bool tvis_lsq_begin(tvis_lsq *f, int32_t groups, int32_t n, int32_t k, uint32_t cpu);
void tvis_lsq_add(tvis_lsq *f, uint32_t half, const float *x, const float *y, int32_t rows);
/* Changes the weights that are not 0 so that w * x + bias comes near to y. bias: NULL for none. False without memory.
 */
bool tvis_lsq_solve(tvis_lsq *f, float *w, float *bias);
/* Sets `count` of the weights to 0, in `passes` passes: those that are worth least, which are the squares of weights
 * times the variance of their inputs over the variance of what the layer of weights w computes; the others make up for
 * each pass. False without memory. */
bool tvis_lsq_drop(tvis_lsq *f, float *w, size_t count, int32_t passes);
/* A quick fit of the weights that are not 0, to both halves, for comparing. */
bool tvis_lsq_try(tvis_lsq *f, const float *before, float *w, float *bias);
void tvis_lsq_free(tvis_lsq *f);

#endif
