/* SPDX-License-Identifier: MIT */
/* The inner loops of depthwise_s8_armv6.c: kernels of 3 x 3. */
#ifndef TVIS_OPS_DEPTHWISE_S8_ARMV6_H
#define TVIS_OPS_DEPTHWISE_S8_ARMV6_H

#include <stddef.h>
#include <stdint.h>

/* Columns of a channel's row in memory, and channels at a time. */
enum { TVIS_DW_COLUMNS = 20, TVIS_DW_ROWS = 3, TVIS_DW_CHANNELS = 16 };

/* A channel: of each row of the kernel (w0, w1) and (w1, w2). */
typedef struct tvis_dw_channel {
    int16_t taps[TVIS_DW_ROWS][4];
    int32_t bias, mul;
} tvis_dw_channel;

/* Pixels of int8, c apart, to int16, channel by channel: words of four channels. An odd last pixel stands there twice.
 */
void tvis_dw_spread_armv6(const int8_t *x, ptrdiff_t c, int32_t pixels, int32_t words, int16_t *out);

typedef struct tvis_dw_rows {
    const int16_t *x; /* (channels, TVIS_DW_ROWS, TVIS_DW_COLUMNS) */
    const tvis_dw_channel *channel;
    int8_t *y; /* (count, TVIS_DW_CHANNELS) */
    int32_t channels;
    int32_t count; /* of outputs: even */
    int32_t zero;
} tvis_dw_rows;

void tvis_dw_stride1_armv6(const tvis_dw_rows *r);
void tvis_dw_stride2_armv6(const tvis_dw_rows *r);

#endif
