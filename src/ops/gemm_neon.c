/* SPDX-License-Identifier: MIT */
/* AArch64: panels of 8 columns in tiles of 8 x 8: 16 accumulators, 8 rows of x four k at a time, two vectors of w. */
#include "ops/vec_neon.h"
#include "ops/gemm_tile_neon.h"
#include "ops/gemm_vec.h"

#define CASE(rows)                                                                                                     \
    case rows:                                                                                                         \
        tile(a, i, j, cols, rows, vecs);                                                                               \
        break;

TVIS_INLINE void rows_of(const tvis_gemm_f32_args *a, int32_t i, int32_t end, int32_t j, int32_t cols, const int vecs)
{
    for (; end - i >= 8; i += 8)
        tile(a, i, j, cols, 8, vecs);
    if (end - i >= 4) {
        tile(a, i, j, cols, 4, vecs);
        i += 4;
    }
    switch (end - i) {
        CASE(1) CASE(2) CASE(3)
    }
}

/* Whole tiles of a whole panel. Returns the row after them. */
static int32_t whole_tiles(const tvis_gemm_f32_args *a, int32_t i, int32_t end, int32_t j)
{
    static const float zeros[NR];
    const int32_t run = a->run ? a->run : a->k;
    const tvis_neon_panel p = { .w = a->w + (ptrdiff_t)j * a->k,
                                .bias = a->bias ? a->bias + j : zeros,
                                .ldx = a->ldx * (ptrdiff_t)sizeof(float),
                                .ldy = a->ldy * (ptrdiff_t)sizeof(float),
                                .gap = a->gap * (ptrdiff_t)sizeof(float),
                                .runs = a->k / run,
                                .fours = run / 4,
                                .ones = run % 4,
                                .lo = a->lo,
                                .hi = a->hi };
    const ptrdiff_t at = (ptrdiff_t)i * a->ldy + j;
    const int32_t tiles = (end - i) / 8;
    if (tiles > 0)
        tvis_neon_tiles_8x8(a->x + (ptrdiff_t)i * a->ldx, a->y + at, a->add ? a->add + at : NULL, &p, tiles);
    return i + 8 * tiles;
}

void tvis_gemm_f32_8x8_neon(const tvis_gemm_f32_args *a)
{
    const int32_t block = block_rows(a, 8);
    for (int32_t i = 0; i < a->m; i += block) {
        const int32_t end = a->m - i < block ? a->m : i + block;
        for (int32_t j = 0; j < a->n; j += NR) {
            if (a->n - j >= NR)
                rows_of(a, whole_tiles(a, i, end, j), end, j, NR, 2);
            else if (a->n - j > VEC)
                rows_of(a, i, end, j, a->n - j, 2);
            else
                rows_of(a, i, end, j, a->n - j, 1);
        }
    }
}
