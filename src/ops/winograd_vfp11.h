/* SPDX-License-Identifier: MIT */
/* The transforms of winograd_vfp11.c. */
#ifndef TVIS_OPS_WINOGRAD_VFP11_H
#define TVIS_OPS_WINOGRAD_VFP11_H

#include <stddef.h>
#include <stdint.h>

/* Steps are bytes. The order of the members is that of the stack. */
typedef struct tvis_vfp11_winograd_output {
    const float *v; /* (6, 6), `step` apart */
    ptrdiff_t step;
    const float *bias, *add; /* add: as y, or NULL */
    float *y;                /* (4, 4) pixels */
    ptrdiff_t line, pixel;
    ptrdiff_t next_bias; /* from one vector to the next */
    int32_t vectors;     /* of four channels, >= 1 */
    uint32_t hi;         /* the bits of a float that is not negative; up to infinity */
    uint32_t clamp;      /* 1: to 0 … hi */
} tvis_vfp11_winograd_output;

/* rows: (6) first pixels of a tile's rows, all of whose columns are read; v: (6, 6), `step` apart. */
void tvis_vfp11_winograd_in(const float *const *rows, ptrdiff_t pixel, float *v, ptrdiff_t step, int32_t vectors);
void tvis_vfp11_winograd_out(const tvis_vfp11_winograd_output *o);

#endif
