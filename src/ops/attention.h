/* SPDX-License-Identifier: MIT */
/* Attention of one head: y = softmax(scale * q k^T) v for one block of queries, streaming over blocks of keys with a
 * running maximum and sum (Milakov and Gimelshein 2018), so that a matrix of (queries, keys) is never stored. */
#ifndef TVIS_OPS_ATTENTION_H
#define TVIS_OPS_ATTENTION_H

#include "core/kernel.h"

typedef struct tvis_attention_f32_args {
    const float *q;     /* (queries, d), rows ld apart */
    const float *k, *v; /* (keys, d), rows ld apart */
    float *y;           /* (queries, d), rows ldy apart */
    int32_t queries;    /* at most the row's k.mr */
    int32_t keys, d;
    int32_t ld, ldy; /* elements */
    float scale;     /* of the scores */
    float *scratch;  /* tvis_attention_f32_scratch() floats */
} tvis_attention_f32_args;

typedef struct tvis_attention_f32_variant {
    tvis_kernel k; /* mr: queries in a block, nr: of them, those whose scores are computed together */
    uint16_t keys; /* in a block */
    void (*run)(const tvis_attention_f32_args *a);
} tvis_attention_f32_variant;

/* Fastest first, C last. Within a row of the table the bits of a query's result do not depend on the other queries.
 * Against exact arithmetic: with s the largest sum |q k| of a query times scale, at most (2 s (d + 8) + keys + d + 64)
 * * 2^-24 times the largest |v|. */
extern const tvis_attention_f32_variant tvis_attention_f32[];

/* Floats that a row needs. */
uint64_t tvis_attention_f32_scratch(const tvis_attention_f32_variant *v, int32_t d);

void tvis_attention_f32_128x32_avx512(const tvis_attention_f32_args *a);
void tvis_attention_f32_128x16_avx2(const tvis_attention_f32_args *a);
void tvis_attention_f32_64x8_neon(const tvis_attention_f32_args *a);
void tvis_attention_f32_c(const tvis_attention_f32_args *a);

#endif
