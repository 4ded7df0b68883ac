/* SPDX-License-Identifier: MIT */
/* Depthwise convolution of int16 by int8 with 32-bit sums, one output row at a time. */
#ifndef TVIS_OPS_DEPTHWISE_S16_H
#define TVIS_OPS_DEPTHWISE_S16_H

#include "core/kernel.h"

typedef struct tvis_depthwise_s16_args {
    const int16_t *const *rows; /* (kh) input rows of (iw, c); NULL: outside of the picture */
    const int8_t *w;            /* (kh, kw, c) */
    const int32_t *bias;        /* (c) or NULL */
    int32_t *y;                 /* (ow, c): bias + sum of x * w over the taps inside of the picture, modulo 2^32 */
    int32_t iw, ow, c, kh, kw;
    int32_t stride, pad, dilation; /* along the row; pad: columns before the first */
} tvis_depthwise_s16_args;

typedef struct tvis_depthwise_s16_variant {
    tvis_kernel k;
    void (*run)(const tvis_depthwise_s16_args *a); /* NULL where the instruction set does not exist */
} tvis_depthwise_s16_variant;

/* Fastest first, C last. All give the same bits for any values; reads no element outside the shapes above. */
extern const tvis_depthwise_s16_variant tvis_depthwise_s16[];

/* The first row of the table that these flags allow. */
uint16_t tvis_depthwise_s16_choose(uint32_t cpu);

void tvis_depthwise_s16_c(const tvis_depthwise_s16_args *a);
void tvis_depthwise_s16_16_avx2(const tvis_depthwise_s16_args *a);
void tvis_depthwise_s16_8_neon(const tvis_depthwise_s16_args *a);

#endif
