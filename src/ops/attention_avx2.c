/* SPDX-License-Identifier: MIT */
#include "ops/vec_avx2.h"

#define KEYS 64
#define ROWS 6 /* of a tile */
#include "ops/attention_vec.h"

void tvis_attention_f32_128x16_avx2(const tvis_attention_f32_args *a)
{
    attend(a);
}
