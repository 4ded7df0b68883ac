/* SPDX-License-Identifier: MIT */
/* The inner loops of gemm_s8_i8mm.c, gemm_s8_dotprod.c and gemm_s8_neon.c. */
#ifndef TVIS_OPS_GEMM_S8_TILE_NEON_H
#define TVIS_OPS_GEMM_S8_TILE_NEON_H

#include "ops/gemm_s8.h"

/* What all tiles of a panel share. The order of the members is known to the .S files. */
typedef struct tvis_neon_panel_s8 {
    const int8_t *w;            /* the panel */
    const int32_t *bias, *half; /* of its columns; half: multipliers / 2 */
    ptrdiff_t ldx, ldy;
    int64_t steps;  /* of 16 k */
    int64_t groups; /* of 4 k after them with dot products, of 8 k with SMMLA */
    int64_t
        back; /* bytes that the last step or group begins earlier than where the one before it ends; 0: there is none */
    int32_t shift, zero, lo, hi;
    int32_t add_half, add_shift, add_zero;
} tvis_neon_panel_s8;

/* What does not depend on how a kernel steps through k. */
static inline tvis_neon_panel_s8 tvis_neon_panel_of(const tvis_gemm_s8_args *a, const int8_t *w, const int32_t *bias,
                                                    const int32_t *half)
{
    const tvis_neon_panel_s8 p = { .w = w,
                                   .bias = bias,
                                   .half = half,
                                   .ldx = a->ldx,
                                   .ldy = a->ldy * (ptrdiff_t)(a->y32 ? sizeof *a->y32 : 1),
                                   .shift = a->q.shift,
                                   .zero = a->q.zero,
                                   .lo = a->q.lo,
                                   .hi = a->q.hi,
                                   .add_half = a->add_q.mul / 2,
                                   .add_shift = a->add_q.shift,
                                   .add_zero = a->add_q.zero };
    return p;
}

/* Results of `tiles` times four rows, one at least, and 16 or 4 columns; add may be NULL. steps is 1 at least for
 * those of 4. */
void tvis_i8mm_tiles_4x16(const int8_t *x, int8_t *y, const int8_t *add, const tvis_neon_panel_s8 *p, int64_t tiles);
void tvis_dotprod_tiles_4x16(const int8_t *x, int8_t *y, const int8_t *add, const tvis_neon_panel_s8 *p, int64_t tiles);
void tvis_neon_tiles_4x4(const int8_t *x, int8_t *y, const int8_t *add, const tvis_neon_panel_s8 *p, int64_t tiles);

/* Sums with the bias; ldy of what they go to. */
void tvis_i8mm_sums_4x16(const int8_t *x, int32_t *y32, int64_t tiles, const tvis_neon_panel_s8 *p);
void tvis_dotprod_sums_4x16(const int8_t *x, int32_t *y32, int64_t tiles, const tvis_neon_panel_s8 *p);
void tvis_neon_sums_4x4(const int8_t *x, int32_t *y32, int64_t tiles, const tvis_neon_panel_s8 *p);

#endif
