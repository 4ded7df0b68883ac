/* SPDX-License-Identifier: MIT */
/* The inner loops of gemm_s8_armv6.c. Numbers of k stand in pairs of int16, (k0, k2) and (k1, k3) of four neighbours,
 * as SXTB16 leaves them. */
#ifndef TVIS_OPS_GEMM_S8_ARMV6_H
#define TVIS_OPS_GEMM_S8_ARMV6_H

#include <stddef.h>
#include <stdint.h>

/* A panel of two columns times pairs of rows. */
typedef struct tvis_s8_tiles {
    const int16_t *x;       /* (pairs, groups, 8): of two rows; 16 bytes behind it are read */
    const int16_t *w, *end; /* (groups, 8): of two columns; 16 bytes behind it are read; groups is even */
    int32_t *sums;          /* (pairs, 2, 2) */
    int32_t pairs;          /* >= 1 */
    const void *ahead;      /* 64 bytes for each pair are brought nearer, `step` apart */
    int32_t step;
    int32_t bias[2];
} tvis_s8_tiles;

/* sums = bias + x * w, sums += x * w */
void tvis_s8_tiles_first_armv6(const tvis_s8_tiles *t);
void tvis_s8_tiles_next_armv6(const tvis_s8_tiles *t);

/* Pairs of rows of int8, `ldx` bytes apart, to (pairs, stride bytes): k of them, four at a time; the last four end with
 * k, so that k >= 4 or 4 - k bytes before x can be read. */
void tvis_s8_expand_rows_armv6(const int8_t *x, ptrdiff_t ldx, int32_t pairs, int32_t k, int16_t *out,
                               ptrdiff_t stride);
/* A packed panel (groups, 2, 4), aligned to 4, to (padded, 8), with zeros behind it. */
void tvis_s8_expand_panel_armv6(const int8_t *w, int32_t groups, int16_t *out, int32_t padded);

/* sums (panels, 2) = one row, (groups, 4) in pairs, times packed panels, `stride` bytes apart. */
void tvis_s8_row_armv6(const int16_t *x, int32_t groups, const int8_t *w, ptrdiff_t stride, int32_t panels,
                       int32_t *sums);

/* Sums of two columns to int8, limits -128 and 127. */
typedef struct tvis_s8_finish {
    const int32_t *sums; /* rows ldx apart */
    int8_t *y;           /* rows ldy apart */
    ptrdiff_t ldy;
    int32_t rows; /* >= 1 */
    int32_t mul[2];
    int32_t zero, shift;
    const void *more; /* int8 to add, as y, or a table (table16.h) */
    int32_t add_mul, add_shift, add_zero;
    ptrdiff_t ldx; /* bytes */
} tvis_s8_finish;

void tvis_s8_finish_armv6(const tvis_s8_finish *f);
void tvis_s8_finish_add_armv6(const tvis_s8_finish *f);
void tvis_s8_finish_table_armv6(const tvis_s8_finish *f); /* zero is 0 */

#endif
