/* SPDX-License-Identifier: MIT */
#include "ops/vec_avx2.h"
#include "ops/layer_norm_vec.h"

void tvis_layer_norm_f32_avx2(const tvis_layer_norm_f32_args *a)
{
    norm_rows(a);
}
