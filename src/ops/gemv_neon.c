/* SPDX-License-Identifier: MIT */
#include "ops/vec_neon.h"
#include "ops/gemv_vec.h"

void tvis_gemm_f32_1x8_neon(const tvis_gemm_f32_args *a)
{
    gemv(a);
}
