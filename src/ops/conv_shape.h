/* SPDX-License-Identifier: MIT */
/* Geometry shared by convolution and depthwise convolution. */
#ifndef TVIS_OPS_CONV_SHAPE_H
#define TVIS_OPS_CONV_SHAPE_H

#include "core/op.h"
#include "core/port.h"
#include "ops/depthwise.h"

typedef struct tvis_conv_shape {
    int32_t ih, iw, ic, oh, ow, kh, kw;
    int32_t stride[2], dilation[2];
    int32_t top, left; /* padding before the first row and column */
    uint32_t size;     /* bytes of an element */
} tvis_conv_shape;

/* From the input, the weights (kh = dims[1], kw = dims[2]) and the node; oh or ow < 1 where the kernel is larger than
 * the padded input. SAME padding as TensorFlow: out = ceil(in / stride), the smaller half before. */
tvis_conv_shape tvis_conv_geometry(const tvis_conv_params *p, const int32_t *in, const int32_t *weights, uint32_t size);
/* oh, ow as PyTorch's MaxPool2d (rounded down); < 1 where the window is larger than the padded input. */
tvis_conv_shape tvis_pool_geometry(const tvis_pool_params *p, const int32_t *in);
/* Checks input 0 and weights 1 (floats if their size is 4), fills out_dims[0] but for the channels. */
tvis_status tvis_conv_plan(tvis_node_plan *p, tvis_conv_shape *s, uint32_t size);

/* A 1x1 convolution with stride 1 reads its input as the matrix it is. */
bool tvis_conv_is_direct(const tvis_conv_shape *s);
/* Input row ky under output row oy of one picture (ih, iw, ic); NULL: outside. */
const void *tvis_conv_row(const tvis_conv_shape *s, const void *picture, int32_t oy, int32_t ky);
/* Patches of output pixels [ox, ox + count) from those rows: (count, kh * kw * channels), channels [first, first +
 * channels) of the input; elements outside have `fill` in each byte. Returns the end of what was written. */
uint8_t *tvis_conv_gather(const tvis_conv_shape *s, const void *const *rows, int32_t ox, int32_t count, int32_t first,
                          int32_t channels, uint8_t fill, uint8_t *out);
/* The same for output pixels [row, row + count), counted over all pictures of the batch, and a group's channels. */
void tvis_conv_gather_rows(const tvis_conv_shape *s, const void *x, int32_t row, int32_t count, int32_t group,
                           int32_t groups, uint8_t fill, uint8_t *out);

/* Whether a kernel of tvis_gemm_f32 (elements of 4 bytes) or tvis_gemm_s8 (1) reads x in lines of `run` elements: those
 * of x86 that take floats, or int8 in fours. */
static inline bool tvis_takes_lines(const tvis_kernel *k, uint32_t size, int32_t run)
{
    const int32_t group = TVIS_PACK_GROUP(k->pack);
    return (k->cpu & (TVIS_CPU_AVX2 | TVIS_CPU_AVX512 | TVIS_CPU_VNNI)) && group == (size == 4 ? 1 : 4) &&
           run % group == 0;
}

/* Patches of a row of output pixels can be gathered as lines, padded rows of the input, which neighbours share: kh of
 * them; a pixel's part of one has kw * ic elements and begins stride * ic behind that of the pixel before. Returns the
 * elements from one to the next, or 0 where the kernel doesn't take them or they gain nothing. */
int32_t tvis_conv_line(const tvis_conv_shape *s, int32_t groups, const tvis_kernel *kern, uint8_t plan);
#define TVIS_LINES TVIS_X86 /* whether a kernel of this target takes them; planning knows those of all targets */
/* Lines of output pixels [row, row + count) of one row; elements outside have `fill` in each byte. */
void tvis_conv_gather_lines(const tvis_conv_shape *s, int32_t pitch, const void *x, int32_t row, int32_t count,
                            uint8_t fill, uint8_t *out);

/* Arguments of a depthwise kernel but for y, lo and hi. */
tvis_depthwise_f32_args tvis_conv_depthwise_args(const tvis_conv_shape *s, const float *w, const float *bias,
                                                 const float *const *rows);
/* Bytes of scratch for depthwise weights that are halves; 0 for floats. */
uint32_t tvis_depthwise_scratch(const tvis_blob_tensor *w);
/* The weights as floats, expanded into scratch if they are halves. */
const float *tvis_depthwise_weights(const tvis_blob_tensor *w, const void *data, float *scratch);
/* The first row of the table that these flags allow. */
uint16_t tvis_depthwise_choose(uint32_t cpu);

#endif
