/* SPDX-License-Identifier: MIT */
/* AVX-512: panels of 32 columns in tiles of 12 x 32, the last 16 columns in tiles of 12 x 16. */
#include "ops/vec_avx512.h"
#include "ops/gemm_vec.h"

#define CASE(rows)                                                                                                     \
    case rows:                                                                                                         \
        tile(a, i, j, cols, rows, vecs);                                                                               \
        break;

/* Tiles of 1 to 3 rows wait for their own additions, so that 13 to 15 rows are better halved. */
TVIS_INLINE void rows_of(const tvis_gemm_f32_args *a, int32_t i, int32_t end, int32_t j, int32_t cols, const int vecs)
{
    for (; end - i > 15 || end - i == 12; i += 12)
        tile(a, i, j, cols, 12, vecs);
    while (i < end) {
        const int32_t rows = end - i > 8 ? (end - i + 1) / 2 : end - i;
        switch (rows) {
            CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
        }
        i += rows;
    }
}

void tvis_gemm_f32_12x32_avx512(const tvis_gemm_f32_args *a)
{
    const int32_t block = block_rows(a, 12);
    for (int32_t i = 0; i < a->m; i += block) {
        const int32_t end = a->m - i < block ? a->m : i + block;
        for (int32_t j = 0; j < a->n; j += NR) {
            if (a->n - j > VEC)
                rows_of(a, i, end, j, a->n - j < NR ? a->n - j : NR, 2);
            else
                rows_of(a, i, end, j, a->n - j, 1);
        }
    }
}
