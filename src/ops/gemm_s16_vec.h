/* SPDX-License-Identifier: MIT */
/* Products of int16 by int8, included by the file that defines the variant after
 *   ROWS: of a tile     VECS: vectors of sums for its columns     NR: columns of a panel, in groups of two
 *   sums: a vector of LANES sums    load_words(p, n), store_words(p, n, v): the first n of LANES, n of any size
 *   load_pair(p): two neighbours of x, in every place    load_weights(p): LANES pairs
 *   multiply_add(s, x, w)
 * and which then writes functions out of tile(). The last group of an odd k begins one earlier: its first weight is 0.
 */
#include "core/port.h"
#include "ops/gemm_s16.h"
#include "ops/gemm_s8.h"

enum { GROUP = 2 };

/* Where the weights of a tile's vectors are, `step` apart from group to group. */
static inline const int8_t *vector_of(const tvis_gemm_s16_args *a, const int8_t *w, int v)
{
    const size_t panel = tvis_gemm_s8_panel(a->k, GROUP, NR);
    return w + (size_t)(v * LANES / NR) * panel + (size_t)(v * LANES % NR) * GROUP;
}

/* Rows [i, i + rows) and `vecs` vectors of columns from j on; w: their first panel. */
TVIS_INLINE void tile(const tvis_gemm_s16_args *a, int32_t i, int32_t j, const int8_t *w, const int rows,
                      const int vecs)
{
    const int32_t odd = a->k & 1, k = a->k;
    const ptrdiff_t ldx = a->ldx;
    const int16_t *x = a->x + i * ldx;
    sums s[ROWS][VECS];
    const int8_t *weights[VECS];
    for (int v = 0; v < vecs; v++) {
        weights[v] = vector_of(a, w, v);
        s[0][v] = load_words(a->bias ? a->bias + j + v * LANES : NULL, a->n - j - v * LANES);
        for (int r = 1; r < rows; r++)
            s[r][v] = s[0][v];
    }
    for (int32_t p = 0; p < k; p += GROUP) {
        const int16_t *at = x + (p + GROUP > k ? p - odd : p);
        weight wide[VECS];
        for (int v = 0; v < vecs; v++)
            wide[v] = load_weights(weights[v] + (ptrdiff_t)p * NR);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            const pair both = load_pair(at + r * ldx);
#pragma GCC unroll 4
            for (int v = 0; v < vecs; v++)
                s[r][v] = multiply_add(s[r][v], both, wide[v]);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++)
            store_words(a->y + (ptrdiff_t)(i + r) * a->ldy + j + v * LANES, a->n - j - v * LANES, s[r][v]);
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
