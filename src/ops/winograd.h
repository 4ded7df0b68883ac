/* SPDX-License-Identifier: MIT */
/* 3 x 3 convolutions with stride 1 in floats by Winograd's minimal filtering F(4 x 4, 3 x 3): tiles of 6 x 6 pixels are
 * transformed, multiplied position by position with transformed weights, 36 products of matrices, and transformed back
 * to 4 x 4 pixels (Lavin and Gray 2016). F(6 x 6) was up to 8 % faster on large pictures, but less exact. */
#ifndef TVIS_OPS_WINOGRAD_H
#define TVIS_OPS_WINOGRAD_H

#include "core/port.h"
#include "ops/conv_shape.h"

/* The code is where processors have vectors of floats. */
#define TVIS_WINOGRAD (TVIS_X86 || TVIS_AARCH64 || (TVIS_ARM && TVIS_LARGE_CODE))
#if TVIS_ARM && TVIS_LARGE_CODE
#define TVIS_WINOGRAD_VFP11(f) TVIS_IF_VFP11(f)
#else
#define TVIS_WINOGRAD_VFP11(f) NULL
#endif

/* Pixels a side of a tile of the output, of one of the input, and in the latter. */
enum { TVIS_WINOGRAD_M = 4, TVIS_WINOGRAD_SIDE = TVIS_WINOGRAD_M + 2, TVIS_WINOGRAD_ALL = 36, TVIS_WINOGRAD_PAD = 16 };

/* A tile of all channels. */
typedef struct tvis_winograd_input {
    const float *rows[TVIS_WINOGRAD_SIDE]; /* the tile's first pixel in each of its rows; NULL: outside */
    int32_t left, right;                   /* its columns [left, right) are inside; no others are read */
    int32_t channels;
    float *v; /* (6, 6) transformed pixels, `step` floats apart; up to TVIS_WINOGRAD_PAD are written behind one */
    ptrdiff_t step;
} tvis_winograd_input;

typedef struct tvis_winograd_output {
    const float *v; /* as above */
    ptrdiff_t step;
    int32_t channels;
    int32_t rows, cols;    /* pixels of the tile that there are */
    const float *bias;     /* (channels) or NULL */
    const float *add;      /* as y, or NULL; may be y itself */
    float *y;              /* the tile's first pixel */
    ptrdiff_t line, pixel; /* floats between rows and between pixels of y */
    float lo, hi;
} tvis_winograd_output;

typedef struct tvis_winograd_f32_variant {
    tvis_kernel k; /* pack: TVIS_PACK_WINOGRAD(nr); mr and nr are those of the products' kernel */
    void (*input)(const tvis_winograd_input *t); /* NULL where the instruction set does not exist */
    void (*output)(const tvis_winograd_output *t);
} tvis_winograd_f32_variant;

/* Fastest first, C last. Largest errors, relative to the largest of the output, as measured with channels up to 512:
 * 1e-6 for m = 4. */
extern const tvis_winograd_f32_variant tvis_winograd_f32[];

#define TVIS_WINOGRAD_TILES(isa)                                                                                       \
    void tvis_winograd_in_##isa(const tvis_winograd_input *t);                                                         \
    void tvis_winograd_out_##isa(const tvis_winograd_output *t)
TVIS_WINOGRAD_TILES(avx512);
TVIS_WINOGRAD_TILES(avx2);
TVIS_WINOGRAD_TILES(neon);
TVIS_WINOGRAD_TILES(vfp11);
TVIS_WINOGRAD_TILES(c);

/* A convolution in this form. */
typedef struct tvis_winograd_f32_args {
    const tvis_winograd_f32_variant *v;
    const tvis_conv_shape *s;
    int32_t pictures, n;
    const float *x;    /* (pictures, ih, iw, ic) */
    const float *w;    /* as tvis_winograd_pack() leaves them */
    const float *bias; /* (n) or NULL */
    const float *add;  /* as y, or NULL; may be y itself */
    float *y;          /* (pictures, oh, ow, n) */
    uint8_t act;
    uint32_t cpu; /* for activations */
} tvis_winograd_f32_args;

/* Tiles of all pictures. */
int64_t tvis_winograd_tiles(const tvis_conv_shape *s, int32_t pictures);
/* Floats of packed weights, and of scratch for one part of the work. */
uint64_t tvis_winograd_packed(const tvis_kernel *k, int32_t n, int32_t channels);
uint64_t tvis_winograd_scratch(const tvis_kernel *k, int32_t n, int32_t channels, int64_t tiles);
/* (n, 3, 3, channels) floats or halves in the order of k->pack. */
void tvis_winograd_pack(const tvis_kernel *k, const void *w, bool halves, int32_t n, int32_t channels, float *out);
/* Tiles [first, end), columns [col0, col1) of y; col0 is a multiple of k.nr. An element's value does not depend on how
 * they are cut. */
void tvis_winograd_part(const tvis_winograd_f32_args *a, int32_t first, int32_t end, int32_t col0, int32_t col1,
                        float *scratch);

#if TVIS_WINOGRAD
/* Whether a (fusion's) node, a convolution of this shape with the weights `input`, runs in this form: it may, and its
 * weights are packed so or are to be. Answers then choice[node], kernel_name and scratch (again). */
bool tvis_winograd_plan(tvis_node_plan *p, uint32_t node, uint32_t input, const tvis_conv_shape *s);
/* Whether choice[].kernel was answered by it. */
bool tvis_winograd_runs(uint16_t kernel);
/* tvis_op.pack and tvis_op.run of such a node. */
void tvis_winograd_pack_node(const tvis_node_plan *p, uint32_t node, uint32_t input, void *out);
void tvis_winograd_run(const tvis_node_run *r, const tvis_conv_shape *s);
#else
static inline bool tvis_winograd_plan(tvis_node_plan *p, uint32_t node, uint32_t input, const tvis_conv_shape *s)
{
    (void)p, (void)node, (void)input, (void)s;
    return false;
}
#define tvis_winograd_runs(kernel)                   false
#define tvis_winograd_pack_node(p, node, input, out) ((void)0)
#define tvis_winograd_run(r, s)                      ((void)0)
#endif

#endif
