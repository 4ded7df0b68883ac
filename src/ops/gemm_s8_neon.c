/* SPDX-License-Identifier: MIT */
/* AArch64 without dot products: tiles of 4 x 4, 16 numbers of k at a time. Two products are added up in 16 bits before
 * they are widened. So that this is exact for all bytes, the second one is that of -(x + 1), which is x with its bits
 * turned over, and is subtracted: -2^14 < x * w <= 2^14 and -2^14 <= (x + 1) * w < 2^14. The panel knows the w too
 * many. */
#include "core/port.h"
#include "ops/gemm_s8_tile_neon.h"
#include "ops/requant_neon.h"

enum { GROUP = 16, NR = 4, ROWS = 4 };

/* The numbers of one panel's columns, with zeros for those that are not there. */
typedef struct columns {
    int32x4_t bias, half;
    int32_t j, count;
} columns;

static columns columns_of(const tvis_gemm_s8_args *a, const int8_t *w, int32_t j)
{
    columns c = { .j = j, .count = a->n - j < NR ? a->n - j : NR };
    const size_t bytes = (size_t)c.count * sizeof(int32_t);
    int32_t bias[NR] = { 0 }, mul[NR] = { 0 }, correction[NR];
    memcpy(correction, w + tvis_gemm_s8_panel(a->k, GROUP, NR) - sizeof correction, sizeof correction);
    if (a->bias)
        memcpy(bias, a->bias + j, bytes);
    if (!a->y32)
        memcpy(mul, a->q.mul + j, bytes);
    c.bias = vaddq_s32(vld1q_s32(bias), vld1q_s32(correction));
    c.half = half4(mul);
    return c;
}

static inline int16x8_t products(int8x16_t x, int8x16_t turned, int8x16_t w)
{
    return vmlsl_high_s8(vmull_s8(vget_low_s8(x), vget_low_s8(w)), turned, w);
}

/* Finishes a row before the next one: GCC would begin with all of them, and run out of registers. */
#define KEEP(a, b, c, d) __asm__ volatile("" : "+w"(a), "+w"(b), "+w"(c), "+w"(d)::"memory")
#define EACH_ROW(DO)                                                                                                   \
    DO(0);                                                                                                             \
    DO(1);                                                                                                             \
    DO(2);                                                                                                             \
    DO(3)
#define ROW_DECLARE(row)                                                                                               \
    const int8_t *x##row = a->x + (i + (rows > row ? row : 0)) * (ptrdiff_t)a->ldx;                                    \
    int32x4_t a##row = zero, b##row = zero, c##row = zero, d##row = zero
#define ROW_BEGIN(row)                                                                                                 \
    if (rows > row) {                                                                                                  \
        const int8x16_t x = vld1q_s8(x##row), turned = vmvnq_s8(x);                                                    \
        a##row = vpaddlq_s16(products(x, turned, w0));                                                                 \
        b##row = vpaddlq_s16(products(x, turned, w1));                                                                 \
        c##row = vpaddlq_s16(products(x, turned, w2));                                                                 \
        d##row = vpaddlq_s16(products(x, turned, w3));                                                                 \
        KEEP(a##row, b##row, c##row, d##row);                                                                          \
    }
#define ROW_STEP(row)                                                                                                  \
    if (rows > row) {                                                                                                  \
        const int8x16_t x = vld1q_s8(x##row + p), turned = vmvnq_s8(x);                                                \
        a##row = vpadalq_s16(a##row, products(x, turned, w0));                                                         \
        b##row = vpadalq_s16(b##row, products(x, turned, w1));                                                         \
        c##row = vpadalq_s16(c##row, products(x, turned, w2));                                                         \
        d##row = vpadalq_s16(d##row, products(x, turned, w3));                                                         \
        KEEP(a##row, b##row, c##row, d##row);                                                                          \
    }
#define ROW_SUM(row)                                                                                                   \
    if (rows > row)                                                                                                    \
    sums[row] = vaddq_s32(c->bias, vpaddq_s32(vpaddq_s32(a##row, b##row), vpaddq_s32(c##row, d##row)))
#define STEP(ROW)                                                                                                      \
    do {                                                                                                               \
        const int8x16_t w0 = vld1q_s8(w), w1 = vld1q_s8(w + GROUP), w2 = vld1q_s8(w + 2 * GROUP),                      \
                        w3 = vld1q_s8(w + 3 * GROUP);                                                                  \
        EACH_ROW(ROW);                                                                                                 \
    } while (0)

/* Bias and sums of `rows` rows from row i on and a panel from w on. */
TVIS_INLINE void multiply(const tvis_gemm_s8_args *a, const columns *c, int32_t i, const int8_t *w, int32x4_t *sums,
                          const int rows)
{
    const int32x4_t zero = vdupq_n_s32(0);
    int32_t p = GROUP;
    EACH_ROW(ROW_DECLARE);
    STEP(ROW_BEGIN);
    for (w += NR * GROUP; a->k - p >= GROUP; p += GROUP, w += NR * GROUP)
        STEP(ROW_STEP);
    if (p < a->k) {
        p = a->k - GROUP;
        STEP(ROW_STEP);
    }
    EACH_ROW(ROW_SUM);
}

static inline void store_word(const columns *c, int8_t *y, int32_t word)
{
    if (c->count == NR)
        memcpy(y, &word, NR);
    else
        memcpy(y, &word, (size_t)c->count);
}

static inline int32x4_t scale_added(const tvis_gemm_s8_args *a, const columns *c, ptrdiff_t row)
{
    const tvis_requant_add *q = &a->add_q;
    int8_t bytes[8] = { 0 };
    memcpy(bytes, a->add + row * a->ldy + c->j, (size_t)c->count);
    const int32x4_t x = vsubq_s32(vmovl_s16(vget_low_s16(vmovl_s8(vld1_s8(bytes)))), vdupq_n_s32(q->zero));
    return scale4(x, vdupq_n_s32(q->mul / 2), vdupq_n_s32(q->shift));
}

static void store(const tvis_gemm_s8_args *a, const columns *c, int32_t i, int32_t rows, int32x4_t *sums)
{
    const int32x4_t shift = vdupq_n_s32(a->q.shift);
    for (int32_t r = 0; r < rows; r++) {
        const ptrdiff_t row = i + r;
        if (a->y32) {
            memcpy(a->y32 + row * a->ldy + c->j, &sums[r], (size_t)c->count * sizeof(int32_t));
            continue;
        }
        sums[r] = scale4(sums[r], c->half, shift);
        if (a->add)
            sums[r] = vaddq_s32(sums[r], scale_added(a, c, row));
    }
    if (a->y32)
        return;
    const int32x4_t v = vreinterpretq_s32_s8(clamp16(sums[0], sums[1], sums[2], sums[3], limits16_of(&a->q)));
    int8_t *y = a->y + (ptrdiff_t)i * a->ldy + c->j;
    store_word(c, y, vgetq_lane_s32(v, 0));
    if (rows > 1)
        store_word(c, y + a->ldy, vgetq_lane_s32(v, 1));
    if (rows > 2)
        store_word(c, y + 2 * (ptrdiff_t)a->ldy, vgetq_lane_s32(v, 2));
    if (rows > 3)
        store_word(c, y + 3 * (ptrdiff_t)a->ldy, vgetq_lane_s32(v, 3));
}

/* Whole tiles of a whole panel. Returns the row after them. */
static int32_t whole_tiles(const tvis_gemm_s8_args *a, const columns *c, int32_t i, int32_t end, const int8_t *w)
{
    int32_t bias[NR], half[NR];
    const int32_t rest = a->k % GROUP, tiles = (end - i) / ROWS;
    const ptrdiff_t at = (ptrdiff_t)i * a->ldy + c->j;
    tvis_neon_panel_s8 p = tvis_neon_panel_of(a, w, bias, half);
    vst1q_s32(bias, c->bias);
    vst1q_s32(half, c->half);
    p.steps = a->k / GROUP;
    p.back = rest ? GROUP - rest : 0;
    const int8_t *x = a->x + (ptrdiff_t)i * a->ldx;
    if (tiles > 0 && a->y32)
        tvis_neon_sums_4x4(x, a->y32 + at, tiles, &p);
    else if (tiles > 0)
        tvis_neon_tiles_4x4(x, a->y + at, a->add ? a->add + at : NULL, &p, tiles);
    return i + tiles * ROWS;
}

#define MULTIPLY(rows)                                                                                                 \
    static void multiply_##rows(const tvis_gemm_s8_args *a, const columns *c, int32_t i, const int8_t *w,              \
                                int32x4_t *sums)                                                                       \
    {                                                                                                                  \
        multiply(a, c, i, w, sums, rows);                                                                              \
    }
MULTIPLY(1)
MULTIPLY(2)
MULTIPLY(3)
MULTIPLY(4)

static void (*const multiply_by[ROWS])(const tvis_gemm_s8_args *a, const columns *c, int32_t i, const int8_t *w,
                                       int32x4_t *sums) = { multiply_1, multiply_2, multiply_3, multiply_4 };

static void tile(const tvis_gemm_s8_args *a, const columns *c, int32_t i, int32_t rows, const int8_t *w)
{
    const int32x4_t zero = vdupq_n_s32(0);
    int32x4_t sums[ROWS] = { zero, zero, zero, zero };
    multiply_by[rows - 1](a, c, i, w, sums);
    store(a, c, i, rows, sums);
}

void tvis_gemm_s8_4x4_neon(const tvis_gemm_s8_args *a)
{
    enum { X_BYTES = 1 << 14, LEAST = 32 };
    if (a->k < GROUP) {
        tvis_gemm_s8_short(a, GROUP, tvis_gemm_s8_4x4_neon);
        return;
    }
    /* Rows of x that stay in the first-level cache while the panels pass. */
    const int32_t rows = X_BYTES / a->k / ROWS * ROWS, block = rows < LEAST ? LEAST : rows;
    const size_t panel = tvis_gemm_s8_panel(a->k, GROUP, NR);
    for (int32_t i = 0; i < a->m; i += block) {
        const int32_t end = a->m - i < block ? a->m : i + block;
        const int8_t *w = a->w;
        for (int32_t j = 0; j < a->n; j += NR, w += panel) {
            const columns c = columns_of(a, w, j);
            int32_t r = i;
            if (c.count == NR)
                r = whole_tiles(a, &c, i, end, w);
            for (; r < end; r += ROWS)
                tile(a, &c, r, end - r < ROWS ? end - r : ROWS, w);
        }
    }
}
