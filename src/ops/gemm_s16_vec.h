/* SPDX-License-Identifier: MIT */
/* Products of int16 by int8, included by the file that defines the variant after
 *   NR: columns of a panel, in groups of two     LANES: of a vector of sums; a tile has two of them
 *   sums: such a vector    load_words(p, n), store_words(p, n, v): its first n, n of any size
 *   load_pair(p): two neighbours of x, in every place    load_weights(p): LANES pairs
 *   multiply_add(s, x, w)
 * and which then writes functions out of tile(). */
#include "core/port.h"
#include "ops/gemm_s16.h"
#include "ops/gemm_s8.h"

enum { GROUP = 2 };

/* Where the weights of a tile's second vector are, from those of the first. */
static inline size_t second_vector(int32_t k)
{
    return LANES < NR ? LANES * GROUP : tvis_gemm_s8_panel(k, GROUP, NR);
}

/* A row, the base register it is addressed from, and its distance from there. */
#define EACH_ROW(DO)                                                                                                   \
    DO(0, x0, 0);                                                                                                      \
    DO(1, x0, 1);                                                                                                      \
    DO(2, x0, 2);                                                                                                      \
    DO(3, x3, 0);                                                                                                      \
    DO(4, x3, 1);                                                                                                      \
    DO(5, x3, 2);                                                                                                      \
    DO(6, x6, 0);                                                                                                      \
    DO(7, x6, 1);                                                                                                      \
    DO(8, x6, 2);                                                                                                      \
    DO(9, x9, 0);                                                                                                      \
    DO(10, x9, 1);                                                                                                     \
    DO(11, x9, 2)
#define ROW_DECLARE(row, base, at) sums a##row = bias0, b##row = bias1
#define ROW_STEP(row, base, at)                                                                                        \
    if (rows > row) {                                                                                                  \
        const pair x = load_pair(base + at * ldx);                                                                     \
        a##row = multiply_add(a##row, x, w0);                                                                          \
        if (vecs > 1)                                                                                                  \
            b##row = multiply_add(b##row, x, w1);                                                                      \
    }
#define ROW_STORE(row, base, at)                                                                                       \
    if (rows > row) {                                                                                                  \
        store_words(y + row * (ptrdiff_t)a->ldy, left, a##row);                                                        \
        if (vecs > 1)                                                                                                  \
            store_words(y + row * (ptrdiff_t)a->ldy + LANES, left - LANES, b##row);                                    \
    }
#define STEP                                                                                                           \
    do {                                                                                                               \
        const weight w0 = load_weights(w), w1 = vecs > 1 ? load_weights(w + second) : w0;                              \
        EACH_ROW(ROW_STEP);                                                                                            \
    } while (0)

/* Rows [i, i + rows) and `vecs` vectors of columns from j on; w: their first panel. The last group of an odd k begins
 * one earlier: its first weight is 0. */
TVIS_INLINE void tile(const tvis_gemm_s16_args *a, int32_t i, int32_t j, const int8_t *w, const int rows,
                      const int vecs)
{
    const ptrdiff_t ldx = a->ldx;
    const size_t second = second_vector(a->k);
    const int32_t left = a->n - j, *bias = a->bias ? a->bias + j : NULL;
    const sums bias0 = load_words(bias, left),
               bias1 = load_words(bias && left > LANES ? bias + LANES : NULL, left - LANES);
    const int16_t *x0 = a->x + i * ldx;
    const int16_t *x3 = rows > 3 ? x0 + 3 * ldx : x0, *x6 = rows > 6 ? x3 + 3 * ldx : x0,
                  *x9 = rows > 9 ? x6 + 3 * ldx : x0;
    int32_t *y = a->y + (ptrdiff_t)i * a->ldy + j;
    EACH_ROW(ROW_DECLARE);
    for (int32_t p = a->k; p > 0; p -= GROUP, w += GROUP * NR, x0 += GROUP, x3 += GROUP, x6 += GROUP, x9 += GROUP) {
        const ptrdiff_t back = p < GROUP ? 1 : 0;
        x0 -= back;
        x3 -= back;
        x6 -= back;
        x9 -= back;
        STEP;
    }
    EACH_ROW(ROW_STORE);
}

/* k = 1: as pairs that begin with 0. */
static void run_single(const tvis_gemm_s16_args *a, void (*run)(const tvis_gemm_s16_args *))
{
    enum { COPIES = 32 };
    int16_t x[COPIES * GROUP] = { 0 };
    tvis_gemm_s16_args b = *a;
    b.x = x;
    b.k = b.ldx = GROUP;
    for (int32_t i = 0; i < a->m; i += COPIES) {
        b.m = a->m - i < COPIES ? a->m - i : COPIES;
        for (int32_t r = 0; r < b.m; r++)
            x[r * GROUP + 1] = a->x[(ptrdiff_t)(i + r) * a->ldx];
        b.y = a->y + (ptrdiff_t)i * a->ldy;
        run(&b);
    }
}
