/* SPDX-License-Identifier: MIT */
/* The inner loops of depthwise_s8_armv6.c: kernels of 3 x 3 and 5 x 5. */
#ifndef TVIS_OPS_DEPTHWISE_S8_ARMV6_H
#define TVIS_OPS_DEPTHWISE_S8_ARMV6_H

#include "core/port.h"

#include <stddef.h>
#include <stdint.h>

/* Columns of a channel's row in memory, channels at a time at most, and bytes from an output to the next. */
enum {
    TVIS_DW_COLUMNS = 20,
    TVIS_DW_CHANNELS = TVIS_SMALL_STACK ? 4 : 16,
    TVIS_DW_BESIDE = TVIS_SMALL_STACK ? 4 : 32
};

/* A channel, 3 x 3: of each row (w0, w1) and (w1, w2), in the order in which rows stand in memory. */
typedef struct tvis_dw_channel3 {
    int16_t taps[3][4];
    int32_t bias, mul;
} tvis_dw_channel3;

/* 5 x 5: of each row (w0, w1), (w2, w3), (w1, w2) and (w3, w4); all rows, and the first ones once more, so that they can
 * begin with any. */
typedef struct tvis_dw_channel5 {
    int16_t taps[9][8];
    int32_t bias, mul;
} tvis_dw_channel5;

/* Pixels of int8, c apart, to int16, channel by channel, `apart` bytes between channels: words of four channels. Behind an
 * odd last pixel stands that at `beside`. */
void tvis_dw_spread_armv6(const int8_t *x, ptrdiff_t c, int32_t pixels, int32_t words, int16_t *out, ptrdiff_t apart,
                          const int8_t *beside);

typedef struct tvis_dw_rows {
    const int16_t *x;    /* (channels, rows of the kernel, TVIS_DW_COLUMNS) */
    const void *channel; /* tvis_dw_channel3 or 5 */
    void *y;             /* (count, TVIS_DW_BESIDE) of int8, or of int32 */
    int32_t channels;
    int32_t count; /* of outputs: a multiple of four */
    int32_t zero;
    int32_t turn; /* 5 x 5: bytes of taps in front of those for the first row in memory */
    int32_t wide; /* 1 for sums, which are not scaled */
    /* For each channel a line from here on is brought nearer, `apart` bytes from the one before. */
    const int8_t *ahead;
    ptrdiff_t apart;
} tvis_dw_rows;

void tvis_dw3_stride1_armv6(const tvis_dw_rows *r);
void tvis_dw3_stride2_armv6(const tvis_dw_rows *r);
void tvis_dw3_stride1_wide_armv6(const tvis_dw_rows *r); /* sums */
void tvis_dw3_stride2_wide_armv6(const tvis_dw_rows *r);
void tvis_dw5_stride1_armv6(const tvis_dw_rows *r);
void tvis_dw5_stride2_armv6(const tvis_dw_rows *r);

#endif
