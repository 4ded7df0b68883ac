/* SPDX-License-Identifier: MIT */
/* Maximum over a window, one output row at a time. */
#ifndef TVIS_OPS_MAX_POOL_H
#define TVIS_OPS_MAX_POOL_H

#include "ops/conv_shape.h"

/* rows: kh input rows (iw, ic), NULL outside; each window has a pixel inside because padding is less than the kernel.
 * kernel: row of tvis_channels_f32. */
void tvis_max_pool_row(const tvis_conv_shape *s, const float *const *rows, uint16_t kernel, float *y);

#endif
