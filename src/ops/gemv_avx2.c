/* SPDX-License-Identifier: MIT */
#include "ops/vec_avx2.h"
#include "ops/gemv_vec.h"

void tvis_gemm_f32_1x8_avx2(const tvis_gemm_f32_args *a)
{
    gemv(a);
}
