/* SPDX-License-Identifier: MIT */
/* AVX2 and FMA: panels of 16 columns in tiles of 6 x 16, the last 8 columns in tiles of 12 x 8. */
#include "ops/vec_avx2.h"
#include "ops/gemm_vec.h"

#define CASE(rows, vecs)                                                                                               \
    case rows:                                                                                                         \
        tile(a, i, j, cols, rows, vecs);                                                                               \
        break;

static void rows_16(const tvis_gemm_f32_args *a, int32_t i, int32_t end, int32_t j, int32_t cols)
{
    for (; end - i >= 6; i += 6)
        tile(a, i, j, cols, 6, 2);
    switch (end - i) {
        CASE(1, 2) CASE(2, 2) CASE(3, 2) CASE(4, 2) CASE(5, 2)
    }
}

static void rows_8(const tvis_gemm_f32_args *a, int32_t i, int32_t end, int32_t j, int32_t cols)
{
    for (; end - i >= 12; i += 12)
        tile(a, i, j, cols, 12, 1);
    if (end - i >= 6) {
        tile(a, i, j, cols, 6, 1);
        i += 6;
    }
    switch (end - i) {
        CASE(1, 1) CASE(2, 1) CASE(3, 1) CASE(4, 1) CASE(5, 1)
    }
}

void tvis_gemm_f32_6x16_avx2(const tvis_gemm_f32_args *a)
{
    const int32_t block = block_rows(a, 12);
    for (int32_t i = 0; i < a->m; i += block) {
        const int32_t end = a->m - i < block ? a->m : i + block;
        for (int32_t j = 0; j < a->n; j += NR) {
            if (a->n - j > VEC)
                rows_16(a, i, end, j, a->n - j < NR ? a->n - j : NR);
            else
                rows_8(a, i, end, j, a->n - j);
        }
    }
}
