/* SPDX-License-Identifier: MIT */
/* AArch64 with dot products: tiles of 4 x 16, and of 4 x 8 for the last columns. */
#include "core/port.h"
#include "ops/gemm_s8_tile_neon.h"
#include "ops/requant_neon.h"

enum { GROUP = 4, NR = 16, ROWS = 4, STEP = 4 * GROUP };

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

#define EACH_ROW(DO)                                                                                                   \
    DO(0);                                                                                                             \
    DO(1);                                                                                                             \
    DO(2);                                                                                                             \
    DO(3)
/* Sums of a row in four vectors; those past `rows` and `vecs` are constants that vanish. */
#define ROW_DECLARE(row)                                                                                               \
    const int8_t *x##row = a->x + (i + (rows > row ? row : 0)) * (ptrdiff_t)a->ldx;                                    \
    int32x4_t a##row = vld1q_s32(c->bias), b##row = vld1q_s32(c->bias + 4), c##row = vld1q_s32(c->bias + 8),           \
              d##row = vld1q_s32(c->bias + 12)
#define ROW_LOAD(row)  const int8x16_t q##row = rows > row ? vld1q_s8(x##row + p) : none
#define ROW_GROUP(row) const int8x16_t q##row = rows > row ? load_group(x##row + p) : none
#define ROW_DOT(row, lane)                                                                                             \
    if (rows > row) {                                                                                                  \
        a##row = vdotq_laneq_s32(a##row, w0, q##row, lane);                                                            \
        b##row = vdotq_laneq_s32(b##row, w1, q##row, lane);                                                            \
        if (vecs > 2) {                                                                                                \
            c##row = vdotq_laneq_s32(c##row, w2, q##row, lane);                                                        \
            d##row = vdotq_laneq_s32(d##row, w3, q##row, lane);                                                        \
        }                                                                                                              \
    }
#define ROW_DOT_0(row) ROW_DOT(row, 0)
#define ROW_DOT_1(row) ROW_DOT(row, 1)
#define ROW_DOT_2(row) ROW_DOT(row, 2)
#define ROW_DOT_3(row) ROW_DOT(row, 3)
#define GROUP_OF(lane)                                                                                                 \
    do {                                                                                                               \
        const int8x16_t w0 = vld1q_s8(w), w1 = vld1q_s8(w + 16), w2 = vecs > 2 ? vld1q_s8(w + 32) : w0,                \
                        w3 = vecs > 2 ? vld1q_s8(w + 48) : w0;                                                         \
        EACH_ROW(ROW_DOT_##lane);                                                                                      \
        w += GROUP * NR;                                                                                               \
    } while (0)
#define ROW_STORE(row)                                                                                                 \
    if (rows > row) {                                                                                                  \
        sums[4 * row] = a##row;                                                                                        \
        sums[4 * row + 1] = b##row;                                                                                    \
        sums[4 * row + 2] = c##row;                                                                                    \
        sums[4 * row + 3] = d##row;                                                                                    \
    }

static inline int8x16_t load_group(const int8_t *x)
{
    int32_t word;
    memcpy(&word, x, sizeof word);
    return vreinterpretq_s8_s32(vdupq_n_s32(word));
}

/* Bias and sums of `rows` rows from row i on and 4 * vecs columns of a panel from w on. */
TVIS_INLINE void multiply(const tvis_gemm_s8_args *a, const columns *c, int32_t i, const int8_t *w, int32x4_t *sums,
                          const int rows, const int vecs)
{
    const int8x16_t none = vdupq_n_s8(0);
    int32_t p = 0;
    EACH_ROW(ROW_DECLARE);
    for (; a->k - p >= STEP; p += STEP) {
        EACH_ROW(ROW_LOAD);
        GROUP_OF(0);
        GROUP_OF(1);
        GROUP_OF(2);
        GROUP_OF(3);
    }
    for (; a->k - p >= GROUP; p += GROUP) {
        EACH_ROW(ROW_GROUP);
        GROUP_OF(0);
    }
    if (p < a->k) {
        p = a->k - GROUP;
        EACH_ROW(ROW_GROUP);
        GROUP_OF(0);
    }
    EACH_ROW(ROW_STORE);
}

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

/* One function for each tile: what is common to several would take the registers of the sums. */
#define MULTIPLY(rows, vecs)                                                                                           \
    static void multiply_##rows##_##vecs(const tvis_gemm_s8_args *a, const columns *c, int32_t i, const int8_t *w,     \
                                         int32x4_t *sums)                                                              \
    {                                                                                                                  \
        multiply(a, c, i, w, sums, rows, vecs);                                                                        \
    }
MULTIPLY(1, 2)
MULTIPLY(2, 2)
MULTIPLY(3, 2)
MULTIPLY(4, 2)
MULTIPLY(1, 4)
MULTIPLY(2, 4)
MULTIPLY(3, 4)
MULTIPLY(4, 4)

typedef void (*multiplier)(const tvis_gemm_s8_args *a, const columns *c, int32_t i, const int8_t *w, int32x4_t *sums);
static const multiplier multiply_by[2][ROWS] = {
    { multiply_1_2, multiply_2_2, multiply_3_2, multiply_4_2 },
    { multiply_1_4, multiply_2_4, multiply_3_4, multiply_4_4 },
};

/* Whole tiles of a whole panel. Returns the row after them. */
static int32_t whole_tiles(const tvis_gemm_s8_args *a, const columns *c, int32_t i, int32_t end, const int8_t *w)
{
    const int32_t rest = a->k % STEP;
    tvis_neon_panel_s8 p = tvis_neon_panel_of(a, w, c->bias, c->half);
    const ptrdiff_t at = (ptrdiff_t)i * a->ldy + c->j;
    const int32_t tiles = (end - i) / ROWS;
    p.steps = a->k / STEP;
    p.groups = rest / GROUP;
    p.back = rest % GROUP ? GROUP - rest % GROUP : 0;
    const int8_t *x = a->x + (ptrdiff_t)i * a->ldx;
    if (tiles > 0 && a->y32)
        tvis_dotprod_sums_4x16(x, a->y32 + at, tiles, &p);
    else if (tiles > 0)
        tvis_dotprod_tiles_4x16(x, a->y + at, a->add ? a->add + at : NULL, &p, tiles);
    return i + tiles * ROWS;
}

static void rows_of(const tvis_gemm_s8_args *a, const columns *c, int32_t i, int32_t end, const int8_t *w)
{
    int32x4_t sums[4 * ROWS];
    if (c->count == NR)
        i = whole_tiles(a, c, i, end, w);
    for (; i < end; i += ROWS) {
        const int32_t rows = end - i < ROWS ? end - i : ROWS;
        multiply_by[c->count > NR / 2][rows - 1](a, c, i, w, sums);
        if (a->y32)
            store_sums(a, c, i, rows, sums);
        else if (a->add)
            store(a, c, i, rows, sums, true);
        else
            store(a, c, i, rows, sums, false);
    }
}

void tvis_gemm_s8_4x16_dotprod(const tvis_gemm_s8_args *a)
{
    enum { X_BYTES = 1 << 14, LEAST = 32 };
    if (a->k < GROUP) {
        tvis_gemm_s8_short(a, GROUP, tvis_gemm_s8_4x16_dotprod);
        return;
    }
    /* Rows of x that stay in the first-level cache while the panels pass. */
    const int32_t rows = X_BYTES / a->k / ROWS * ROWS, block = rows < LEAST ? LEAST : rows;
    const size_t panel = tvis_gemm_s8_panel(a->k, GROUP, NR);
    for (int32_t i = 0; i < a->m; i += block) {
        const int32_t end = a->m - i < block ? a->m : i + block;
        const int8_t *w = a->w;
        for (int32_t j = 0; j < a->n; j += NR, w += panel) {
            columns c;
            columns_of(a, j, &c);
            rows_of(a, &c, i, end, w);
        }
    }
}
