/* SPDX-License-Identifier: MIT */
/* Work on each channel of some pixels: the inner loops of pooling and of squeeze-excite. */
#ifndef TVIS_OPS_CHANNELS_H
#define TVIS_OPS_CHANNELS_H

#include "core/kernel.h"

typedef struct tvis_channels_f32_variant {
    tvis_kernel k;
    /* y (c) += the sum of x (pixels, c), pixels ld floats apart, which is added up first, in order */
    void (*sum)(const float *x, ptrdiff_t ld, int32_t pixels, int32_t c, float *y);
    /* y (c) = the largest of `pixels` pixels in each of `count` >= 1 rows; not a number where any is not */
    void (*max)(const float *const *rows, int32_t count, int32_t pixels, int32_t c, float *y);
    /* y (pixels, c) = x (pixels, c) * s (c); y may be x */
    void (*scale)(const float *x, const float *s, int32_t pixels, int32_t c, float *y);
} tvis_channels_f32_variant;

/* Fastest first, C last. The same bits in every row of the table. */
extern const tvis_channels_f32_variant tvis_channels_f32[];

/* The first row that these flags allow. */
uint16_t tvis_channels_choose(uint32_t cpu);

#define TVIS_CHANNELS_DECLARE(isa)                                                                                     \
    void tvis_channels_f32_sum_##isa(const float *x, ptrdiff_t ld, int32_t pixels, int32_t c, float *y);               \
    void tvis_channels_f32_max_##isa(const float *const *rows, int32_t count, int32_t pixels, int32_t c, float *y);    \
    void tvis_channels_f32_scale_##isa(const float *x, const float *s, int32_t pixels, int32_t c, float *y)
TVIS_CHANNELS_DECLARE(avx512);
TVIS_CHANNELS_DECLARE(avx2);
TVIS_CHANNELS_DECLARE(neon);
TVIS_CHANNELS_DECLARE(vfp11); /* but for max */
TVIS_CHANNELS_DECLARE(c);

#endif
