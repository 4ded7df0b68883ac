/* SPDX-License-Identifier: MIT */
/* Attention of one head in integers: y = softmax(q k^T) v for one block of queries, as docs/int8.md defines it. The
 * scores of a block are kept, those of all queries never. */
#ifndef TVIS_OPS_ATTENTION_S8_H
#define TVIS_OPS_ATTENTION_S8_H

#include "ops/gemm_s8.h"

#define TVIS_ATTENTION_S8_MAX_D    16384 /* |score| <= 2^14 * 255 * 2^7 < 2^29 */
#define TVIS_ATTENTION_S8_MAX_KEYS 65536 /* the sum of all weights is below 2^16 * 2^16 */
#define TVIS_ATTENTION_S8_BLOCK    256   /* keys: |sum of weight * v| <= 2^8 * 65526 * 2^7 < 2^31 - 2^18 */

typedef struct tvis_attention_s8_args {
    const int8_t *q;        /* (queries, d), rows ld apart */
    const int8_t *k, *v;    /* (keys, d), rows ld apart */
    int8_t *y;              /* (queries, d), rows ldy apart */
    int16_t *map;           /* (keys): the first query's probabilities in units of 2^-15; or NULL */
    int32_t queries;        /* at most the row's k.mr */
    int32_t keys, d;        /* within the limits above */
    int32_t ld, ldy;        /* elements */
    int32_t zero;           /* of q, k and v */
    int32_t mul, shift;     /* from a difference of scores to the exponent of 2, in units of 2^-15 */
    int32_t y_mul, y_shift; /* from v to y */
    tvis_requant q_y;       /* zero point and limits of y */
    void *scratch;          /* tvis_attention_s8_scratch() bytes, aligned to TVIS_ARENA_ALIGN */
} tvis_attention_s8_args;

typedef struct tvis_attention_s8_variant {
    tvis_kernel k; /* mr: queries in a block, nr: channels of v side by side, pack: order of the keys, of `scores` */
    void (*prepare)(const tvis_attention_s8_args *a); /* keys and values of a head, before its blocks; NULL: nothing */
    void (*run)(const tvis_attention_s8_args *a);     /* NULL where the instruction set does not exist */
} tvis_attention_s8_variant;

/* Fastest first, C last. All give the same bits. */
extern const tvis_attention_s8_variant tvis_attention_s8[];

/* Bytes that a row needs. */
uint64_t tvis_attention_s8_scratch(const tvis_kernel *row, int32_t keys, int32_t d);

void tvis_attention_s8_prepare_32x32_amx(const tvis_attention_s8_args *a);
void tvis_attention_s8_32x32_amx(const tvis_attention_s8_args *a);
void tvis_attention_s8_prepare_24x32_vnni(const tvis_attention_s8_args *a);
void tvis_attention_s8_24x32_vnni(const tvis_attention_s8_args *a);
void tvis_attention_s8_prepare_16x16_avx2(const tvis_attention_s8_args *a);
void tvis_attention_s8_16x16_avx2(const tvis_attention_s8_args *a);
void tvis_attention_s8_prepare_16x16_dotprod(const tvis_attention_s8_args *a);
void tvis_attention_s8_16x16_dotprod(const tvis_attention_s8_args *a);
void tvis_attention_s8_prepare_16x16_neon(const tvis_attention_s8_args *a);
void tvis_attention_s8_16x16_neon(const tvis_attention_s8_args *a);
void tvis_attention_s8_c(const tvis_attention_s8_args *a);

/* ---- what the rows have in common ---- */

/* 2^-f of f in units of 2^-15, times 2^15: ONE - f (A - f (B - f (C - f D))), each product rounded. */
enum { TVIS_EXP2_ONE = 32763, TVIS_EXP2_A = 22699, TVIS_EXP2_B = 7839, TVIS_EXP2_C = 1753, TVIS_EXP2_D = 232 };

/* What is added to weight j, in units of 2^-16, before the bits behind the point are dropped: coarse[j % 16] +
 * fine[j / 16 % 16], which are j % 256 with its bits in reverse, and 1/2, over 256. Neighbours share their errors out.
 */
extern const int32_t tvis_attention_s8_coarse[16], tvis_attention_s8_fine[16];

/* How a query's sums become y: y = clamp(zero + R(sum over blocks of (acc + half >> right) - v_zero)). */
typedef struct tvis_attention_s8_divisor {
    int32_t right, half;
    int32_t v_zero;
    int32_t mul, shift; /* of R */
} tvis_attention_s8_divisor;

/* sum: of all weights. */
tvis_attention_s8_divisor tvis_attention_s8_divide(const tvis_attention_s8_args *a, uint32_t sum);
/* A weight as a probability. */
int16_t tvis_attention_s8_probability(uint32_t weight, uint32_t sum);

/* Scratch of all rows but C, in bytes from its start. */
typedef struct tvis_attention_s8_places {
    int32_t keys, channels; /* rounded up: rows of scores and of sums */
    uint64_t k, bias;       /* keys in the order `pack`, -zero times their sums */
    uint64_t v, sums;       /* values, 16 bits wide (AMX: 8); 2^15 times their sums: (blocks, channels) */
    uint64_t scores;        /* (mr, keys): scores, then in their place weights less 2^15, 16 bits wide */
    uint64_t totals;        /* (mr, channels) */
    uint64_t end;
} tvis_attention_s8_places;

tvis_attention_s8_places tvis_attention_s8_place(const tvis_kernel *row, int32_t keys, int32_t d);

#endif
