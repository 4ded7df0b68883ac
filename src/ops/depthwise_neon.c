/* SPDX-License-Identifier: MIT */
#include "ops/vec_neon.h"
#include "ops/depthwise_vec.h"

void tvis_depthwise_f32_4x4_neon(const tvis_depthwise_f32_args *a)
{
    depthwise(a);
}
