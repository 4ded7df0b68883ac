/* SPDX-License-Identifier: MIT */
/* Depthwise convolution in int8, one output row at a time. */
#ifndef TVIS_OPS_DEPTHWISE_S8_H
#define TVIS_OPS_DEPTHWISE_S8_H

#include "core/kernel.h"
#include "ops/narrow.h"
#include "ops/requant.h"

/* The most taps, kh * kw: then |sum of (x - x_zero) * w| <= 2^14 * 255 * 2^7 < 2^29. */
#define TVIS_DEPTHWISE_S8_MAX_TAPS 16384

typedef struct tvis_depthwise_s8_args {
    const int8_t *const *rows;      /* (kh) input rows of (iw, c); NULL: outside of the picture */
    const int8_t *w;                /* (kh, kw, c), in the order of the variant's `pack` */
    const int32_t *bias;            /* (c) or NULL; |bias + sum| < 2^31 >> q.shift */
    int8_t *y;                      /* (ow, c) */
    int32_t *y32;                   /* (ow, c) or NULL: gets the sums instead; y and q are not used then */
    const tvis_narrow_args *narrow; /* or NULL: what sums become instead, with its y at the first row; nothing is added.
                                     * Only for run_picture, where it fits */
    int32_t iw, ow, c, kh, kw;      /* kh * kw <= TVIS_DEPTHWISE_S8_MAX_TAPS */
    int32_t stride, pad, dilation;  /* along the row; pad: columns before the first */
    int32_t x_zero;                 /* -128 … 127; nothing is in the bias for it */
    tvis_requant q;                 /* mul: (c) */
} tvis_depthwise_s8_args;

/* Rows [oy, oy + count) of an output, of a picture x (ih, iw, c); x is NULL where args.rows has the rows of one. */
typedef struct tvis_depthwise_s8_picture {
    const int8_t *x;
    int32_t ih, oy, count;
    int32_t stride, top; /* down the columns; top: rows before the first */
} tvis_depthwise_s8_picture;

typedef struct tvis_depthwise_s8_variant {
    tvis_kernel k; /* nr: channels at a time */
    void (*run)(const tvis_depthwise_s8_args *a);
    /* Many rows at once, args.y at the first of them, or NULL; `fits` says whether it is made for these arguments. */
    void (*run_picture)(const tvis_depthwise_s8_args *a, const tvis_depthwise_s8_picture *p);
    bool (*fits)(const tvis_depthwise_s8_args *a);
    int32_t
        side; /* made for kernels of side x side without dilation; 0: for all that tvis_depthwise_s8_fits() allows */
} tvis_depthwise_s8_variant;

/* Fastest first, C last. acc = bias + sum of (x - x_zero) * w over the taps inside of the picture; all give the same
 * bits. Reads no element outside the shapes above; y overlaps nothing. Safe for any weights, biases and multipliers. */
extern const tvis_depthwise_s8_variant tvis_depthwise_s8[];
/* The same without ARM's variant for 5 x 5: a fifth of the code of a small program. */
extern const tvis_depthwise_s8_variant tvis_depthwise_s8_3x3[];

/* Whether a row of the table is made for kernels of this size. C is for all. */
bool tvis_depthwise_s8_fits(const tvis_depthwise_s8_variant *v, int32_t kh, int32_t kw, int32_t dilation);

void tvis_depthwise_s8_c(const tvis_depthwise_s8_args *a);
void tvis_depthwise_s8_16_avx2(const tvis_depthwise_s8_args *a);
void tvis_depthwise_s8_64_vnni(const tvis_depthwise_s8_args *a);
void tvis_depthwise_s8_16_dotprod(const tvis_depthwise_s8_args *a);
void tvis_depthwise_s8_16_neon(const tvis_depthwise_s8_args *a);
void tvis_depthwise_s8_3x3_armv6(const tvis_depthwise_s8_args *a); /* others as C */
void tvis_depthwise_s8_picture_3x3_armv6(const tvis_depthwise_s8_args *a, const tvis_depthwise_s8_picture *p);
bool tvis_depthwise_s8_fits_3x3_armv6(const tvis_depthwise_s8_args *a);
void tvis_depthwise_s8_5x5_armv6(const tvis_depthwise_s8_args *a);
void tvis_depthwise_s8_picture_5x5_armv6(const tvis_depthwise_s8_args *a, const tvis_depthwise_s8_picture *p);
bool tvis_depthwise_s8_fits_5x5_armv6(const tvis_depthwise_s8_args *a);

/* Bytes that (kh, kw, c) takes in the order `pack`, a TVIS_PACK_TAPS. */
size_t tvis_depthwise_s8_packed(int32_t kh, int32_t kw, int32_t c, uint16_t pack);
/* Plain (kh, kw, c) to that order; out has the bytes above and is aligned to 4. */
void tvis_depthwise_s8_pack(const int8_t *w, int32_t kh, int32_t kw, int32_t c, uint16_t pack, int8_t *out);

/* Kernels for packed weights interleave rows in a buffer of this size; a tap is a byte there, or two bytes. */
#define TVIS_DEPTHWISE_S8_BUFFER 16384
#define TVIS_DEPTHWISE_S8_STEPS  64

/* Steps of `deep` taps that a kernel takes. */
int32_t tvis_depthwise_s8_steps(int32_t kh, int32_t kw, int32_t deep);

#endif
