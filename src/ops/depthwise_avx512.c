/* SPDX-License-Identifier: MIT */
#include "ops/vec_avx512.h"
#include "ops/depthwise_vec.h"

void tvis_depthwise_f32_4x16_avx512(const tvis_depthwise_f32_args *a)
{
    depthwise(a);
}
