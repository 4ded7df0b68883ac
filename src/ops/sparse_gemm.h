/* SPDX-License-Identifier: MIT */
/* y = clamp(bias + x * w^T + add) where w is stored without its zeros: only what is there is multiplied. Rows of x are
 * turned over, so that a vector holds one column of several rows, and a value of w meets all of them at once. */
#ifndef TVIS_OPS_SPARSE_GEMM_H
#define TVIS_OPS_SPARSE_GEMM_H

#include "core/sparse.h"
#include "ops/gemm.h"

/* Rows of w that are multiplied at a time. */
#define TVIS_SPARSE_GROUP 16
/* Columns have 16 bits. */
#define TVIS_SPARSE_MAX_K 65535

typedef struct tvis_sparse_gemm_args {
    tvis_gemm_f32_args g; /* its w is not used */
    const tvis_sparse *w; /* floats, or halves */
    const void *index;    /* of w; NULL: columns are found on the way */
    int32_t row;          /* g.n rows of w from here on */
    bool small;           /* as little scratch as can be, instead of what fits into the cache */
    void *scratch;        /* tvis_sparse_gemm_scratch() bytes, aligned to 4 */
} tvis_sparse_gemm_args;

/* Some rows of w times one panel of x. Assembly knows where the members lie. */
typedef struct tvis_sparse_tile {
    const float *x;         /* (k, width) */
    const uint16_t *column; /* of the values of all rows, in the order of the rows; two more may be read */
    const float *value[TVIS_SPARSE_GROUP];
    int32_t count[TVIS_SPARSE_GROUP];
    const float *bias; /* (rows) or NULL */
    float *sums;       /* (rows, width) */
    int32_t rows, width;
} tvis_sparse_tile;

typedef struct tvis_sparse_gemm_variant {
    tvis_kernel k;   /* mr: rows of x that a vector holds; nr: TVIS_SPARSE_GROUP */
    uint16_t widest; /* rows of x in a panel: a multiple of mr */
    uint16_t block;  /* KiB of x and y at a time: they stay in the second-level cache while all of w passes */
    /* Times of a product with one value, in 16ths of a product of the dense kernel's, and of turning over an element of
     * x and one of y, in such products. */
    uint8_t product, turned, finished;
    /* out (k, width) = x (pixels, k), behind the last pixel that one again */
    void (*turn)(const tvis_gemm_f32_args *a, const float *x, int32_t pixels, int32_t width, float *out);
    void (*multiply)(const tvis_sparse_tile *t); /* NULL where the instruction set does not exist */
    /* y (pixels, rows) = clamp(sums^T + add) */
    void (*finish)(const tvis_gemm_f32_args *a, const tvis_sparse_tile *t, int32_t pixels, ptrdiff_t at);
    /* Columns whose bits are set, out of k; answers their end. There is room for k + 16. */
    uint16_t *(*columns)(const uint8_t *bits, int32_t k, uint16_t *out);
} tvis_sparse_gemm_variant;

/* Fastest first, C last. An element of y is bias, then one multiply-add for each value of its row of w in rising order,
 * then add, then the limits: within a row of the table its bits do not depend on m, n or the place in y, and are those
 * of the dense kernel with the same instructions where all of x is finite. Safe for any bytes of w. */
extern const tvis_sparse_gemm_variant tvis_sparse_gemm[];

void tvis_sparse_gemm_run(const tvis_sparse_gemm_variant *v, const tvis_sparse_gemm_args *a);
/* What is found out of w ahead of time: uint32 start[n / 16 rounded up], how many columns lie before every 16th row's;
 * uint16 count[n], how many each row has; the columns, 16 bits each, and two that mean nothing. */
size_t tvis_sparse_index_bytes(const tvis_sparse *w);
void tvis_sparse_index_make(const tvis_sparse *w, void *out);

/* Bytes of scratch for m rows or fewer; w of elements of `size` bytes. */
uint64_t tvis_sparse_gemm_scratch(const tvis_sparse_gemm_variant *v, int64_t m, int32_t k, uint32_t size, bool small);
/* The first row that these flags allow, if it is faster than dense kernels for m rows and this number of values that
 * are not 0, of n * k; NULL: it is not. */
const tvis_sparse_gemm_variant *tvis_sparse_gemm_choose(uint32_t cpu, int64_t m, int32_t n, int32_t k, uint64_t values);

void tvis_sparse_turn_c(const tvis_gemm_f32_args *a, const float *x, int32_t pixels, int32_t width, float *out);
void tvis_sparse_multiply_c(const tvis_sparse_tile *t);
void tvis_sparse_finish_c(const tvis_gemm_f32_args *a, const tvis_sparse_tile *t, int32_t pixels, ptrdiff_t at);
uint16_t *tvis_sparse_columns_c(const uint8_t *bits, int32_t k, uint16_t *out);
void tvis_sparse_multiply_vfp11(const tvis_sparse_tile *t);
void tvis_sparse_finish_vfp11(const tvis_gemm_f32_args *a, const tvis_sparse_tile *t, int32_t pixels, ptrdiff_t at);

#define TVIS_SPARSE_KERNELS(isa)                                                                                       \
    void tvis_sparse_turn_##isa(const tvis_gemm_f32_args *a, const float *x, int32_t pixels, int32_t width,            \
                                float *out);                                                                           \
    void tvis_sparse_multiply_##isa(const tvis_sparse_tile *t);                                                        \
    void tvis_sparse_finish_##isa(const tvis_gemm_f32_args *a, const tvis_sparse_tile *t, int32_t pixels,              \
                                  ptrdiff_t at);                                                                       \
    uint16_t *tvis_sparse_columns_##isa(const uint8_t *bits, int32_t k, uint16_t *out)
TVIS_SPARSE_KERNELS(avx2);
TVIS_SPARSE_KERNELS(avx512);
TVIS_SPARSE_KERNELS(neon);

#endif
