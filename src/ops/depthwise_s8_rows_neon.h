/* SPDX-License-Identifier: MIT */
/* 3 x 3 on AArch64, with dot products and without: 16 channels of a row, their inner loops in assembly. */
#ifndef TVIS_OPS_DEPTHWISE_S8_ROWS_NEON_H
#define TVIS_OPS_DEPTHWISE_S8_ROWS_NEON_H

#include <arm_neon.h>

#include "ops/depthwise_s8.h"

/* The order of the members is known to the .S files. */
typedef struct tvis_neon_strip {
    const int8_t *row[3]; /* at the first column; rows that are outside are a vector that stays where it is */
    ptrdiff_t next[3];    /* a column further, or 0 */
    const int8_t *w;
    const int32_t *start, *half; /* 16 of each */
    int32_t shift, zero, lo, hi;
    int32_t stride;   /* 1 or 2 */
    ptrdiff_t next_w; /* to the next tap; packed weights don't use it */
} tvis_neon_strip;

/* next_y: bytes to the next column. Results, or sums with what they start with. */
typedef void tvis_neon_strip_run(const tvis_neon_strip *t, void *y, ptrdiff_t next_y, ptrdiff_t columns);
tvis_neon_strip_run tvis_dotprod_row_3x3, tvis_neon_row_3x3, tvis_dotprod_sums_3x3, tvis_neon_sums_3x3;

static inline bool tvis_neon_strip_fits(const tvis_depthwise_s8_args *a)
{
    return a->kh == 3 && a->kw == 3 && a->dilation == 1 && a->stride <= 2 && a->c >= 16;
}

/* A column at the edge: what is outside of the picture is laid down beside what is not. */
static inline void tvis_neon_strip_edge(const tvis_depthwise_s8_args *a, const tvis_neon_strip *t, int32_t ox,
                                        int8_t *y, ptrdiff_t next_y, tvis_neon_strip_run *run)
{
    int8x16_t x[3][3];
    tvis_neon_strip edge = *t;
    const int32_t ix = ox * a->stride - a->pad;
    for (int ky = 0; ky < 3; ky++) {
        for (int kx = 0; kx < 3; kx++)
            x[ky][kx] = ix + kx >= 0 && ix + kx < a->iw ? vld1q_s8(t->row[ky] + (ix + kx) * t->next[ky])
                                                        : vdupq_n_s8((int8_t)a->x_zero);
        edge.row[ky] = (const int8_t *)x[ky];
        edge.next[ky] = sizeof(int8x16_t);
    }
    run(&edge, y + ox * next_y, next_y, 1);
}

/* All columns of channels ch … ch + 16, whose weights, starts and halves are there. */
static inline void tvis_neon_strip_all(const tvis_depthwise_s8_args *a, tvis_neon_strip *t, int32_t ch,
                                       tvis_neon_strip_run *run)
{
    /* inner … end: the columns whose taps are all in the picture. */
    const int32_t room = a->iw - 3 + a->pad, fit = room < 0 ? 0 : room / a->stride + 1;
    const int32_t inner = (a->pad + a->stride - 1) / a->stride, end = fit < a->ow ? fit : a->ow;
    const int8x16_t outside = vdupq_n_s8((int8_t)a->x_zero);
    const ptrdiff_t next_y = a->c * (ptrdiff_t)(a->y32 ? sizeof *a->y32 : 1);
    int8_t *y = a->y32 ? (int8_t *)(a->y32 + ch) : a->y + ch;
    int32_t ox = 0;
    for (int ky = 0; ky < 3; ky++) {
        t->row[ky] = a->rows[ky] ? a->rows[ky] + ch : (const int8_t *)&outside;
        t->next[ky] = a->rows[ky] ? a->c : 0;
    }
    for (; ox < inner && ox < a->ow; ox++)
        tvis_neon_strip_edge(a, t, ox, y, next_y, run);
    if (ox < end) {
        tvis_neon_strip in = *t;
        for (int ky = 0; ky < 3; ky++)
            in.row[ky] += (ox * (ptrdiff_t)a->stride - a->pad) * t->next[ky];
        run(&in, y + ox * next_y, next_y, end - ox);
        ox = end;
    }
    for (; ox < a->ow; ox++)
        tvis_neon_strip_edge(a, t, ox, y, next_y, run);
}

static inline tvis_neon_strip tvis_neon_strip_of(const tvis_depthwise_s8_args *a)
{
    const tvis_neon_strip t = {
        .shift = a->q.shift, .zero = a->q.zero, .lo = a->q.lo, .hi = a->q.hi, .stride = a->stride, .next_w = a->c
    };
    return t;
}

#endif
