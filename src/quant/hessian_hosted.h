/* SPDX-License-Identifier: MIT */
/* What layers see: sums of the squares of their inputs over calibration pictures, for rounding and pruning that make up
 * for their errors in the weights that are left. */
#ifndef TVIS_QUANT_HESSIAN_HOSTED_H
#define TVIS_QUANT_HESSIAN_HOSTED_H

#include "core/blob.h"

#include <tinyvis/quantize.h>

/* Rows of a layer's input that count, over all pictures: more are left out evenly. */
#define TVIS_HESSIAN_ROWS 8192
/* Bytes of sums that are kept at a time; with the float model's session it stays below 64 MB. */
#define TVIS_HESSIAN_BUDGET 40000000u

/* Of `rows` rows of each picture every step-th counts, from row picture % step on. */
static inline int32_t tvis_hessian_step(int32_t rows, uint32_t pictures)
{
    return (rows - 1) / (int32_t)((TVIS_HESSIAN_ROWS - 1) / pictures + 1) + 1;
}

typedef struct tvis_pictures {
    uint32_t images;
    tvis_calibration_input input;
    void *user;
    uint32_t cpu; /* TVIS_CPU_* to use; with 0, the same sums on every machine */
} tvis_pictures;

/* Of a linear layer or a convolution (not depthwise): a row of its input is what one output pixel's row of weights is
 * multiplied by, k values in the order of the weights; the patch of a k x k convolution. */
typedef struct tvis_hessian {
    uint32_t node, cpu; /* cpu: of the pictures */
    int32_t k, groups;
    uint64_t rows; /* that were added up */
    float *h; /* (groups, k, k): sum of x^T * x, the lower triangle; the caller may overwrite it. NULL: over budget */
} tvis_hessian;

typedef tvis_status (*tvis_hessian_use)(void *user, tvis_hessian *h, tvis_diag *diag);

/* Runs the float model (one input) over the pictures, as often as `budget` bytes make it necessary, and calls use()
 * once for each of these nodes, in the order given. Deterministic. Errors: those of the input and of use(); EMODEL for
 * an activation that is not finite, ENOMEM. */
tvis_status tvis_hessian_each(const tvis_model *m, const tvis_pictures *pictures, const uint32_t *nodes, uint32_t count,
                              size_t budget, tvis_hessian_use use, void *user, tvis_diag *diag);

#endif
