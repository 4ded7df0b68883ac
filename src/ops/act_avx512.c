/* SPDX-License-Identifier: MIT */
#include "ops/vec_avx512.h"
#include "ops/act_vec.h"

void tvis_act_f32_avx512(const tvis_act_f32_args *a)
{
    act_all(a);
}
