/* SPDX-License-Identifier: MIT */
/* Convolution resampling of 8-bit lines, one direction at a time, with the arithmetic that Pillow documents for
 * Image.resize. */
#ifndef TVIS_MODELS_RESIZE_H
#define TVIS_MODELS_RESIZE_H

#include <tinyvis/image.h>

/* One direction: a line of `in` pixels is scaled to `resized` pixels, of which [offset, offset + out) are wanted. */
typedef struct tvis_axis {
    double scale, stretch, support; /* in / resized; max(scale, 1); reach of the filter in source pixels */
    int64_t offset;
    int32_t in, out;
    int32_t max_taps; /* of any output */
    uint8_t filter;
} tvis_axis;

/* The source pixels [first, first + count) that one output is made of; count is 1 … max_taps. */
typedef struct tvis_taps {
    int32_t first, count;
} tvis_taps;

/* A whole direction, ready: `at` and rows of `max_taps` weights for each output, firsts relative to the first output's.
 */
typedef struct tvis_tap_table {
    const tvis_taps *at;
    const int32_t *weights;
    int32_t out, max_taps;
} tvis_tap_table;

void tvis_axis_init(tvis_axis *a, uint8_t filter, int32_t in, int64_t resized, int64_t offset, int32_t out);
tvis_taps tvis_axis_taps(const tvis_axis *a, int32_t i);
/* Weights of output i (below a->out), with 22 bits after the point; their sum is 1 but for rounding. */
tvis_taps tvis_axis_weights(const tvis_axis *a, int32_t i, int32_t *weights);

/* src: `channels` (1 or 3) interleaved bytes a pixel, starting at the first tap of output 0; dst: out pixels. */
void tvis_resize_line(const tvis_tap_table *t, const uint8_t *src, int32_t channels, uint8_t *dst);
/* Lines that the vertical direction reads: line y lies at data + (y mod lines) * stride. */
typedef struct tvis_lines {
    const uint8_t *data;
    size_t stride;
    int32_t lines;
} tvis_lines;
/* Makes n bytes of dst from the n bytes of each line under the taps. */
void tvis_resize_column(const tvis_lines *src, tvis_taps taps, const int32_t *weights, size_t n, uint8_t *dst);

#endif
