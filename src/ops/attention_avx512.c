/* SPDX-License-Identifier: MIT */
#include "ops/vec_avx512.h"

#define KEYS 64
#define ROWS 8 /* of a tile */
#include "ops/attention_vec.h"

void tvis_attention_f32_128x32_avx512(const tvis_attention_f32_args *a)
{
    attend(a);
}
