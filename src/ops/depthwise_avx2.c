/* SPDX-License-Identifier: MIT */
#include "ops/vec_avx2.h"
#include "ops/depthwise_vec.h"

void tvis_depthwise_f32_4x8_avx2(const tvis_depthwise_f32_args *a)
{
    depthwise(a);
}
