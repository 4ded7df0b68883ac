/* SPDX-License-Identifier: MIT */
/* x * w^T in int8 with 32-bit sums, requantised: the inner loop of convolutions and linear layers. */
#ifndef TVIS_OPS_GEMM_S8_H
#define TVIS_OPS_GEMM_S8_H

#include "core/kernel.h"
#include "core/sparse.h"
#include "ops/requant.h"

/* Then |sum of x * w| <= 2^15 * 2^14 = 2^29. */
#define TVIS_GEMM_S8_MAX_K 32768

typedef struct tvis_gemm_s8_args {
    const int8_t *x;     /* (m, k), rows ldx apart */
    const int8_t *w;     /* (n, k), in the order of the variant's `pack` */
    const int32_t *bias; /* (n) or NULL: with -zero_of_x * sum(w) in it; |bias + sum| < 2^31 >> q.shift */
    const int8_t *add;   /* (m, n), rows ldy apart, or NULL; may be y itself */
    int8_t *y;           /* (m, n), rows ldy apart */
    int32_t *y32;        /* (m, n), rows ldy apart, or NULL: gets bias + x * w^T instead; add, y, q are not used then */
    int32_t m, n, k;     /* k <= TVIS_GEMM_S8_MAX_K */
    int32_t ldx, ldy;    /* elements; ldx >= k, ldy >= n */
    int32_t run, gap; /* lines: k in parts of `run` elements, `gap` others between them in x; rows may overlap, ldx < k.
                       * Both are 0 where tvis_takes_lines() says no */
    tvis_requant q;   /* mul: (n) */
    tvis_requant_add add_q;
    void *scratch;        /* bytes as the variant says; not read where it says 0 */
    const int16_t *table; /* or NULL. As in narrow.h, for limits of all 16 bits and without `add`; only with a variant
                           * that has `tables` */
} tvis_gemm_s8_args;

typedef struct tvis_gemm_s8_variant {
    tvis_kernel k;
    void (*run)(const tvis_gemm_s8_args *a); /* NULL where the instruction set does not exist */
    uint32_t scratch;                        /* bytes, with any alignment */
    bool tables;
} tvis_gemm_s8_variant;

#define TVIS_GEMM_S8_ARMV6_SCRATCH 13440u
#define TVIS_GEMM_S8_DSP_SCRATCH   3168u

/* Fastest first, C last. All give the same bits. Reads no element outside the shapes above. Safe for weights, biases
 * and multipliers of any value, though results are defined within the ranges above only. */
extern const tvis_gemm_s8_variant tvis_gemm_s8[];

void tvis_gemm_s8_c(const tvis_gemm_s8_args *a);
void tvis_gemm_s8_4x16_avx2(const tvis_gemm_s8_args *a);
void tvis_gemm_s8_32x32_amx(const tvis_gemm_s8_args *a);
void tvis_gemm_s8_6x64_vnni(const tvis_gemm_s8_args *a);
void tvis_gemm_s8_4x4_neon(const tvis_gemm_s8_args *a);
void tvis_gemm_s8_4x16_i8mm(const tvis_gemm_s8_args *a);
void tvis_gemm_s8_4x16_dotprod(const tvis_gemm_s8_args *a);
void tvis_gemm_s8_2x2_armv6(const tvis_gemm_s8_args *a);
void tvis_gemm_s8_2x2_dsp(const tvis_gemm_s8_args *a);

/* Bytes that (n, k) takes in the order `pack`, a TVIS_PACK_GROUPS. */
size_t tvis_gemm_s8_packed(int32_t n, int32_t k, uint16_t pack);
/* Plain (n, k) to that order; out has the bytes above and is aligned to 4. */
void tvis_gemm_s8_pack(const int8_t *w, int32_t n, int32_t k, uint16_t pack, int8_t *out);

/* Rows [row, row + n) of sparse weights to that order. */
void tvis_gemm_s8_pack_sparse(const tvis_sparse *s, int32_t row, int32_t n, uint16_t pack, int8_t *out);

/* Bytes of a panel of nr columns, and its nr corrections (TVIS_PACK_GROUPS says of what). */
size_t tvis_gemm_s8_panel(int32_t k, int32_t group, int32_t nr);
/* For kernels that load `group` bytes of x at a time, more than k: run() on copies of x that are long enough. */
void tvis_gemm_s8_short(const tvis_gemm_s8_args *a, int32_t group, void (*run)(const tvis_gemm_s8_args *a));

#endif
