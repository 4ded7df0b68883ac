/* SPDX-License-Identifier: MIT */
/* The inner loop of depthwise_vfp11.c. */
#ifndef TVIS_OPS_DEPTHWISE_VFP11_H
#define TVIS_OPS_DEPTHWISE_VFP11_H

#include <stddef.h>
#include <stdint.h>

/* Three columns of y and four channels at a time. The order of the members is that of the stack. */
typedef struct tvis_vfp11_depthwise {
    const float *const *x; /* (rows) of the picture, where the first tap of the first column is */
    const float *const *w; /* (rows) */
    ptrdiff_t next_x;      /* bytes from a column of y to the next one, in x */
    ptrdiff_t next_tap;    /* in x */
    ptrdiff_t next_w;
    ptrdiff_t next_y;
    const float *bias; /* four for each vector */
    float *y;
    int32_t tiles;   /* of three columns, >= 1 */
    int32_t rows;    /* 0: y = bias */
    int32_t taps;    /* of a row, >= 1 */
    int32_t vectors; /* >= 1 */
    uint32_t hi;     /* the bits of a float that is not negative; up to infinity */
    uint32_t clamp;  /* 1: to 0 … hi */
} tvis_vfp11_depthwise;

void tvis_vfp11_depthwise_tiles(const tvis_vfp11_depthwise *d);

#endif
