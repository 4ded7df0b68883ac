/* SPDX-License-Identifier: MIT */
#include "ops/vec_neon.h"

#define KEYS 32
#define ROWS 8 /* of a tile */
#include "ops/attention_vec.h"

void tvis_attention_f32_64x8_neon(const tvis_attention_f32_args *a)
{
    attend(a);
}
