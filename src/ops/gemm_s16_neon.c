/* SPDX-License-Identifier: MIT */
/* AArch64: tiles of 4 x 8, two or four numbers of k at a time. */
#include <arm_neon.h>

#include "core/port.h"
#include "ops/gemm_s16.h"
#include "ops/gemm_s8.h"

enum { GROUP = 2, NR = 8, ROWS = 4 };

typedef struct sums {
    int32x4_t low, high;
} sums;

static sums load_words(const int32_t *p, int32_t count)
{
    int32_t copy[NR] = { 0 };
    if (p)
        memcpy(copy, p, (size_t)count * sizeof *p);
    const sums s = { vld1q_s32(copy), vld1q_s32(copy + 4) };
    return s;
}

static void store_words(int32_t *p, int32_t count, sums s)
{
    int32_t copy[NR];
    vst1q_s32(copy, s.low);
    vst1q_s32(copy + 4, s.high);
    memcpy(p, copy, (size_t)count * sizeof *p);
}

#define ADD_LANE(s, w, x, lane)                                                                                        \
    do {                                                                                                               \
        (s).low = vmlal_lane_s16((s).low, vget_low_s16(w), x, lane);                                                   \
        (s).high = vmlal_high_lane_s16((s).high, w, x, lane);                                                          \
    } while (0)
#define EACH_ROW(DO)                                                                                                   \
    DO(0);                                                                                                             \
    DO(1);                                                                                                             \
    DO(2);                                                                                                             \
    DO(3)
#define ROW_DECLARE(row)                                                                                               \
    sums s##row = start;                                                                                               \
    const int16_t *x##row = a->x + (i + (rows > row ? row : 0)) * (ptrdiff_t)a->ldx
#define ROW_FOUR(row)                                                                                                  \
    if (rows > row) {                                                                                                  \
        const int16x4_t x = vld1_s16(x##row + p);                                                                      \
        ADD_LANE(s##row, w0, x, 0);                                                                                    \
        ADD_LANE(s##row, w1, x, 1);                                                                                    \
        ADD_LANE(s##row, w2, x, 2);                                                                                    \
        ADD_LANE(s##row, w3, x, 3);                                                                                    \
    }
#define ROW_TWO(row)                                                                                                   \
    if (rows > row) {                                                                                                  \
        const int16x4_t first = vdup_n_s16(x##row[at]), second = vdup_n_s16(x##row[at + 1]);                           \
        ADD_LANE(s##row, w0, first, 0);                                                                                \
        ADD_LANE(s##row, w1, second, 0);                                                                               \
    }
#define ROW_STORE(row)                                                                                                 \
    if (rows > row)                                                                                                    \
    store_words(y + row * (ptrdiff_t)a->ldy, count, s##row)

/* The last group of an odd k begins one earlier: its first weight is 0. */
TVIS_INLINE void tile(const tvis_gemm_s16_args *a, int32_t i, int32_t j, const int8_t *w, const int rows)
{
    const int32_t count = a->n - j < NR ? a->n - j : NR;
    const sums start = load_words(a->bias ? a->bias + j : NULL, count);
    int32_t *y = a->y + (ptrdiff_t)i * a->ldy + j, p = 0;
    EACH_ROW(ROW_DECLARE);
    for (; a->k - p >= 2 * GROUP; p += 2 * GROUP, w += 2 * GROUP * NR) {
        const int8x8x2_t left = vld2_s8(w), right = vld2_s8(w + GROUP * NR);
        const int16x8_t w0 = vmovl_s8(left.val[0]), w1 = vmovl_s8(left.val[1]);
        const int16x8_t w2 = vmovl_s8(right.val[0]), w3 = vmovl_s8(right.val[1]);
        EACH_ROW(ROW_FOUR);
    }
    for (; p < a->k; p += GROUP, w += GROUP * NR) {
        const int8x8x2_t both = vld2_s8(w);
        const int16x8_t w0 = vmovl_s8(both.val[0]), w1 = vmovl_s8(both.val[1]);
        const int32_t at = p + GROUP > a->k ? p - 1 : p;
        EACH_ROW(ROW_TWO);
    }
    EACH_ROW(ROW_STORE);
}

/* k = 1: as pairs that begin with 0. */
static void run_single(const tvis_gemm_s16_args *a)
{
    tvis_gemm_s16_args b = *a;
    b.m = 1;
    b.k = b.ldx = GROUP;
    for (int32_t i = 0; i < a->m; i++) {
        const int16_t x[GROUP] = { 0, a->x[(ptrdiff_t)i * a->ldx] };
        b.x = x;
        b.y = a->y + (ptrdiff_t)i * a->ldy;
        tvis_gemm_s16_4x8_neon(&b);
    }
}

void tvis_gemm_s16_4x8_neon(const tvis_gemm_s16_args *a)
{
    const size_t panel = tvis_gemm_s8_panel(a->k, GROUP, NR);
    const int8_t *w = a->w;
    if (a->k < GROUP) {
        run_single(a);
        return;
    }
    for (int32_t j = 0; j < a->n; j += NR, w += panel) {
        int32_t i = 0;
        for (; a->m - i >= ROWS; i += ROWS)
            tile(a, i, j, w, ROWS);
        for (; i < a->m; i++)
            tile(a, i, j, w, 1);
    }
}
