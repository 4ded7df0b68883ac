/* SPDX-License-Identifier: MIT */
/* The inner loops of gemm_vfp11.c. */
#ifndef TVIS_OPS_GEMM_VFP11_H
#define TVIS_OPS_GEMM_VFP11_H

#include <stddef.h>
#include <stdint.h>

enum {
    TVIS_VFP11_FROM = 1,  /* sums begin with y + from */
    TVIS_VFP11_CLAMP = 2, /* to 0 … hi, at the end of each tile */
    TVIS_VFP11_ODD = 4,   /* k is 2 * pairs + 1 */
    TVIS_VFP11_LATER = 8  /* to 0 … hi, beside the products of the next tile: pairs >= 8 */
};

/* Four columns times rows, four of them at a time; rows behind the last one are the last one again. The order of the
 * members is that of the stack of tvis_vfp11_tiles(). */
typedef struct tvis_vfp11_args {
    const float *x, *x_last; /* the first row and the last one */
    float *y, *y_last;
    ptrdiff_t ldx, ldy; /* bytes */
    const float *w;     /* (k, 4) */
    ptrdiff_t from;     /* bytes */
    const float *bias;  /* four to begin with or to add to what is there, or NULL */
    const float *ahead; /* brought nearer, `step` bytes further with each two of k */
    int32_t step;
    int32_t tiles;       /* >= 1 */
    uint32_t hi;         /* the bits of a float that is not negative; up to infinity */
    uint32_t flags;      /* TVIS_VFP11_* */
    int32_t pairs;       /* of k */
    const float *next_w; /* brought nearer at the end */
} tvis_vfp11_args;

void tvis_vfp11_tiles(const tvis_vfp11_args *a);
/* Rows of `count` floats, a multiple of 8 and not 0, from rows ldx bytes apart to rows ldout bytes apart. */
void tvis_vfp11_copy(const float *x, ptrdiff_t ldx, int32_t rows, int32_t count, float *out, ptrdiff_t ldout);

#endif
