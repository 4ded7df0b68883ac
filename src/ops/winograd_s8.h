/* SPDX-License-Identifier: MIT */
/* 3 x 3 convolutions with stride 1 in int8 by Winograd's F(2 x 2, 3 x 3) in whole numbers: tiles of 4 x 4 pixels are
 * transformed to int16, multiplied position by position with transformed weights, and transformed back to exactly four
 * times the sums of 2 x 2 pixels. Everything but the transformed values, |v| <= 512 and |u| <= 1152, may wrap: four
 * sums of up to 2^15 products of int8 are below 2^31. */
#ifndef TVIS_OPS_WINOGRAD_S8_H
#define TVIS_OPS_WINOGRAD_S8_H

#include "core/port.h"
#include "ops/conv_shape.h"
#include "ops/narrow.h"

typedef struct tvis_winograd_s8_args {
    const tvis_conv_shape *s;
    int32_t n;
    const int8_t *x;     /* (pictures, ih, iw, ic), aligned to 4 */
    int8_t zero;         /* of x: what is outside of a picture */
    const int16_t *w;    /* as tvis_winograd_s8_pack() leaves them */
    const int32_t *bias; /* (n) */
    tvis_narrow_args y;  /* how sums become y (pictures, oh, ow, n): everything but x, m, n and ldx */
    uint8_t *scratch;    /* aligned to TVIS_ARENA_ALIGN */
} tvis_winograd_s8_args;

typedef struct tvis_winograd_s8_variant {
    tvis_kernel k;
    /* Tiles [first, end), counted over all pictures. NULL where the instruction set does not exist. */
    void (*run)(const tvis_winograd_s8_args *a, int32_t first, int32_t end);
} tvis_winograd_s8_variant;

/* The same bits as a direct sum. */
extern const tvis_winograd_s8_variant tvis_winograd_s8[];

void tvis_winograd_s8_f2_armv6(const tvis_winograd_s8_args *a, int32_t first, int32_t end);
void tvis_winograd_s8_f2_neon(const tvis_winograd_s8_args *a, int32_t first, int32_t end);

/* Channels of x are a multiple of 16, of y of the variant's nr. So many channels of x are summed at a time, of y are
 * made at a time, and so many tiles. */
enum { TVIS_WINOGRAD_S8_POSITIONS = 16, TVIS_WINOGRAD_S8_PIXELS = 1024 };
int32_t tvis_winograd_s8_piece(int32_t channels);
int32_t tvis_winograd_s8_columns(int32_t channels);
int32_t tvis_winograd_s8_block(int32_t channels);

int64_t tvis_winograd_s8_tiles(const tvis_conv_shape *s, int32_t pictures);
/* Bytes. */
uint64_t tvis_winograd_s8_scratch(int32_t channels);
uint64_t tvis_winograd_s8_packed(int32_t n, int32_t channels);
/* Whether a convolution of S8 that was planned runs in this form; if so, answers choice[0], kernel_name and scratch
 * again. */
#if TVIS_LARGE_CODE
/* (n, 3, 3, channels) to (n / columns, 16 positions, channels / piece, columns / 2, piece / 4, 8): a group of four
 * channels of two columns, in pairs as SMLAD takes them (gemm_s8_armv6.h); TVIS_PACK_WINOGRAD_S8_8: to (n / columns, 16
 * positions, columns / 8, channels, 8). */
void tvis_winograd_s8_pack(const int8_t *w, int32_t n, int32_t channels, uint16_t pack, int16_t *out);
bool tvis_winograd_s8_plan(tvis_node_plan *p, const tvis_conv_shape *s);
bool tvis_winograd_s8_runs(uint16_t kernel);
void tvis_winograd_s8_run(const tvis_node_run *r, const tvis_conv_shape *s);
#else
static inline bool tvis_winograd_s8_plan(tvis_node_plan *p, const tvis_conv_shape *s)
{
    (void)p;
    (void)s;
    return false;
}
static inline bool tvis_winograd_s8_runs(uint16_t kernel)
{
    (void)kernel;
    return false;
}
static inline void tvis_winograd_s8_pack(const int8_t *w, int32_t n, int32_t channels, uint16_t pack, int16_t *out)
{
    (void)pack;
    (void)w;
    (void)n;
    (void)channels;
    (void)out;
}
static inline void tvis_winograd_s8_run(const tvis_node_run *r, const tvis_conv_shape *s)
{
    (void)r;
    (void)s;
}
#endif

#endif
