/* SPDX-License-Identifier: MIT */
/* From blocks of 32-bit sums to S16 or S8: what layers do behind a product when one of their tensors is S16. */
#ifndef TVIS_OPS_NARROW_H
#define TVIS_OPS_NARROW_H

#include "core/kernel.h"
#include "ops/requant.h"
#include "ops/table16.h"

/* v = clamp(q.zero + R(x) + R(add - add_q.zero), q.lo, q.hi), and y = v. With a table y = table(v), v of 16 bits; an S8
 * y is then (table(v) + 128) >> 8, at most 127. */
typedef struct tvis_narrow_args {
    const int32_t *x;     /* (m, n), rows ldx apart; |x| < 2^31 >> q.shift */
    const void *add;      /* (m, n) of S8 or S16, rows ldy apart, or NULL; may be y itself, if that is as wide */
    const int16_t *table; /* TVIS_TABLE16_ENTRIES, or NULL */
    void *y;              /* (m, n) of S8 or S16, rows ldy apart */
    int32_t m, n, ldx, ldy;
    bool wide, add_wide; /* y, add is S16 */
    tvis_requant q;      /* mul: (n) */
    tvis_requant_add add_q;
} tvis_narrow_args;

typedef struct tvis_narrow_variant {
    tvis_kernel k;
    void (*run)(const tvis_narrow_args *a); /* NULL where the instruction set does not exist */
} tvis_narrow_variant;

/* Fastest first, C last; all give the same bits. Safe for any sums, multipliers and entries, though results are defined
 * within the ranges above only. */
extern const tvis_narrow_variant tvis_narrow[];

/* The first row of the table that these flags allow. */
uint16_t tvis_narrow_choose(uint32_t cpu);

void tvis_narrow_c(const tvis_narrow_args *a);
void tvis_narrow_16_avx512(const tvis_narrow_args *a);
void tvis_narrow_8_avx2(const tvis_narrow_args *a);
void tvis_narrow_8_neon(const tvis_narrow_args *a);
void tvis_narrow_armv6(const tvis_narrow_args *a);

/* Elements [from, n) of row i. */
void tvis_narrow_rest(const tvis_narrow_args *a, int32_t i, int32_t from);

#endif
