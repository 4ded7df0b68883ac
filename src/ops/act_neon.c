/* SPDX-License-Identifier: MIT */
#include "ops/vec_neon.h"
#include "ops/act_vec.h"

void tvis_act_f32_neon(const tvis_act_f32_args *a)
{
    act_all(a);
}
