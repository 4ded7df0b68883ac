/* SPDX-License-Identifier: MIT */
/* AArch64, int8 in panels of 16 columns: all but the products, which differ by instruction set. */
#ifndef TVIS_OPS_GEMM_S8_16_NEON_H
#define TVIS_OPS_GEMM_S8_16_NEON_H

#include "core/port.h"
#include "ops/gemm_s8_tile_neon.h"
#include "ops/requant_neon.h"

enum { NR = 16, ROWS = 4, STEP = 16 };

/* The numbers of one panel's columns, with zeros for those that are not there. */
typedef struct columns {
    int32_t bias[NR], half[NR]; /* half: of a multiplier */
    int32_t j, count;
} columns;

static void columns_of(const tvis_gemm_s8_args *a, int32_t j, columns *c)
{
    c->j = j;
    c->count = a->n - j < NR ? a->n - j : NR;
    const size_t bytes = (size_t)c->count * sizeof(int32_t);
    memset(c->bias, 0, sizeof c->bias);
    memset(c->half, 0, sizeof c->half);
    if (a->bias)
        memcpy(c->bias, a->bias + j, bytes);
    for (int32_t k = 0; !a->y32 && k < c->count; k++)
        c->half[k] = a->q.mul[j + k] / 2;
}

typedef void (*multiplier)(const tvis_gemm_s8_args *a, const columns *c, int32_t i, const int8_t *w, int32x4_t *sums);
typedef void (*tiles_run)(const int8_t *x, int8_t *y, const int8_t *add, const tvis_neon_panel_s8 *p, int64_t tiles);
typedef void (*sums_run)(const int8_t *x, int32_t *y32, int64_t tiles, const tvis_neon_panel_s8 *p);

/* What an instruction set brings. */
typedef struct products {
    multiplier by[2][ROWS]; /* bias and sums of some columns, up to 8 or 16, and 1 to 4 rows */
    tiles_run tiles;
    sums_run sums;
    void (*run)(const tvis_gemm_s8_args *a); /* the kernel itself */
    int32_t group;
} products;

/* 16 results of a row: R(sums), and R(what is added) with it. */
TVIS_INLINE int8x16_t results(const tvis_gemm_s8_args *a, const columns *c, ptrdiff_t at, const int32x4_t *sums,
                              const bool add)
{
    const int32x4_t shift = vdupq_n_s32(a->q.shift);
    int32x4_t v0 = scale4(sums[0], vld1q_s32(c->half), shift), v1 = scale4(sums[1], vld1q_s32(c->half + 4), shift),
              v2 = scale4(sums[2], vld1q_s32(c->half + 8), shift), v3 = scale4(sums[3], vld1q_s32(c->half + 12), shift);
    if (add) {
        const int32x4_t half = vdupq_n_s32(a->add_q.mul / 2), add_shift = vdupq_n_s32(a->add_q.shift);
        int8_t bytes[NR] = { 0 };
        if (c->count < NR)
            memcpy(bytes, a->add + at, (size_t)c->count);
        const int8x16_t x = vld1q_s8(c->count < NR ? bytes : a->add + at);
        const int16x8_t zero = vdupq_n_s16((int16_t)a->add_q.zero);
        const int16x8_t low = vsubq_s16(vmovl_s8(vget_low_s8(x)), zero), high = vsubq_s16(vmovl_high_s8(x), zero);
        v0 = vaddq_s32(v0, scale4(vmovl_s16(vget_low_s16(low)), half, add_shift));
        v1 = vaddq_s32(v1, scale4(vmovl_high_s16(low), half, add_shift));
        v2 = vaddq_s32(v2, scale4(vmovl_s16(vget_low_s16(high)), half, add_shift));
        v3 = vaddq_s32(v3, scale4(vmovl_high_s16(high), half, add_shift));
    }
    return clamp16(v0, v1, v2, v3, limits16_of(&a->q));
}

static void store_sums(const tvis_gemm_s8_args *a, const columns *c, int32_t i, int32_t rows, const int32x4_t *sums)
{
    for (int32_t r = 0; c->count == NR && r < rows; r++)
        for (int32_t k = 0; k < 4; k++)
            vst1q_s32(a->y32 + (ptrdiff_t)(i + r) * a->ldy + c->j + 4 * k, sums[4 * r + k]);
    for (int32_t r = 0; c->count < NR && r < rows; r++, sums += 4)
        memcpy(a->y32 + (ptrdiff_t)(i + r) * a->ldy + c->j, sums, (size_t)c->count * sizeof(int32_t));
}

TVIS_INLINE void store(const tvis_gemm_s8_args *a, const columns *c, int32_t i, int32_t rows, const int32x4_t *sums,
                       const bool add)
{
    ptrdiff_t at = (ptrdiff_t)i * a->ldy + c->j;
    for (int32_t r = 0; r < rows; r++, sums += 4, at += a->ldy) {
        const int8x16_t y = results(a, c, at, sums, add);
        if (c->count == NR)
            vst1q_s8(a->y + at, y);
        else
            memcpy(a->y + at, &y, (size_t)c->count);
    }
}

/* Whole tiles of a whole panel. Returns the row after them. */
static int32_t whole_tiles(const tvis_gemm_s8_args *a, const columns *c, int32_t i, int32_t end, const int8_t *w,
                           const products *of)
{
    const int32_t rest = a->k % STEP;
    tvis_neon_panel_s8 p = tvis_neon_panel_of(a, w, c->bias, c->half);
    const ptrdiff_t at = (ptrdiff_t)i * a->ldy + c->j;
    const int32_t tiles = (end - i) / ROWS;
    p.steps = a->k / STEP;
    p.groups = rest / of->group;
    p.back = rest % of->group ? of->group - rest % of->group : 0;
    const int8_t *x = a->x + (ptrdiff_t)i * a->ldx;
    if (tiles > 0 && a->y32)
        of->sums(x, a->y32 + at, tiles, &p);
    else if (tiles > 0)
        of->tiles(x, a->y + at, a->add ? a->add + at : NULL, &p, tiles);
    return i + tiles * ROWS;
}

static void rows_of(const tvis_gemm_s8_args *a, const columns *c, int32_t i, int32_t end, const int8_t *w,
                    const products *of)
{
    int32x4_t sums[4 * ROWS];
    if (c->count == NR)
        i = whole_tiles(a, c, i, end, w, of);
    for (; i < end; i += ROWS) {
        const int32_t rows = end - i < ROWS ? end - i : ROWS;
        of->by[c->count > NR / 2][rows - 1](a, c, i, w, sums);
        if (a->y32)
            store_sums(a, c, i, rows, sums);
        else if (a->add)
            store(a, c, i, rows, sums, true);
        else
            store(a, c, i, rows, sums, false);
    }
}

static void multiply_panels(const tvis_gemm_s8_args *a, const products *of)
{
    enum { X_BYTES = 1 << 14, LEAST = 32 };
    if (a->k < of->group) {
        tvis_gemm_s8_short(a, of->group, of->run);
        return;
    }
    /* Rows of x that stay in the first-level cache while the panels pass. */
    const int32_t rows = X_BYTES / a->k / ROWS * ROWS, block = rows < LEAST ? LEAST : rows;
    const size_t panel = tvis_gemm_s8_panel(a->k, of->group, NR);
    for (int32_t i = 0; i < a->m; i += block) {
        const int32_t end = a->m - i < block ? a->m : i + block;
        const int8_t *w = a->w;
        for (int32_t j = 0; j < a->n; j += NR, w += panel) {
            columns c;
            columns_of(a, j, &c);
            rows_of(a, &c, i, end, w, of);
        }
    }
}

/* One function for each tile: what is common to several would take the registers of the sums. */
#define MULTIPLY(rows, vecs)                                                                                           \
    static void multiply_##rows##_##vecs(const tvis_gemm_s8_args *a, const columns *c, int32_t i, const int8_t *w,     \
                                         int32x4_t *sums)                                                              \
    {                                                                                                                  \
        multiply(a, c, i, w, sums, rows, vecs);                                                                        \
    }
#define EACH_TILE(DO) DO(1, 2) DO(2, 2) DO(3, 2) DO(4, 2) DO(1, 4) DO(2, 4) DO(3, 4) DO(4, 4)
#define MULTIPLIERS                                                                                                    \
    {                                                                                                                  \
        { multiply_1_2, multiply_2_2, multiply_3_2, multiply_4_2 },                                                    \
        { multiply_1_4, multiply_2_4, multiply_3_4, multiply_4_4 },                                                    \
    }

#endif
