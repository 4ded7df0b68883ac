/* SPDX-License-Identifier: MIT */
/* Depthwise convolution, one output row at a time. */
#ifndef TVIS_OPS_DEPTHWISE_H
#define TVIS_OPS_DEPTHWISE_H

#include "core/kernel.h"

typedef struct tvis_depthwise_f32_args {
    const float *const *rows; /* (kh) input rows of (iw, c); NULL: outside of the picture */
    const float *w;           /* (kh, kw, c) */
    const float *bias;        /* (c) or NULL */
    float *y;                 /* (ow, c) */
    int32_t iw, ow, c, kh, kw;
    int32_t stride, pad, dilation; /* along the row; pad: columns before the first */
    float lo, hi;
} tvis_depthwise_f32_args;

/* Rows [oy, oy + count) of an output, of a picture x (ih, iw, c). */
typedef struct tvis_depthwise_f32_picture {
    const float *x;
    int32_t ih, oy, count;
    int32_t stride, top, dilation; /* down the columns; top: rows before the first */
} tvis_depthwise_f32_picture;

typedef struct tvis_depthwise_f32_variant {
    tvis_kernel k; /* mr: columns, nr: channels at a time */
    void (*run)(const tvis_depthwise_f32_args *a);
    /* Many rows at once, args.y at the first of them, args.rows unused; NULL: only one by one. The same bits. */
    void (*run_picture)(const tvis_depthwise_f32_args *a, const tvis_depthwise_f32_picture *p);
} tvis_depthwise_f32_variant;

/* Fastest first, C last; sums run over kh, then kw, starting at the bias. Taps outside the picture are skipped. Reads
 * no element outside the shapes above; y overlaps nothing. */
extern const tvis_depthwise_f32_variant tvis_depthwise_f32[];

void tvis_depthwise_f32_c(const tvis_depthwise_f32_args *a);
void tvis_depthwise_f32_4x8_avx2(const tvis_depthwise_f32_args *a);
void tvis_depthwise_f32_4x16_avx512(const tvis_depthwise_f32_args *a);
void tvis_depthwise_f32_4x4_neon(const tvis_depthwise_f32_args *a);
void tvis_depthwise_f32_3x4_vfp11(const tvis_depthwise_f32_args *a);
void tvis_depthwise_f32_picture_vfp11(const tvis_depthwise_f32_args *a, const tvis_depthwise_f32_picture *p);

#endif
