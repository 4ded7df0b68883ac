/* SPDX-License-Identifier: MIT */
#include "ops/layer_norm_s8_avx512.h"

#define vtimes_add(x, w, a) _mm512_add_epi32(_mm512_madd_epi16(x, w), a)

#include "ops/layer_norm_s8_vec.h"

void tvis_layer_norm_s8_avx512(const tvis_layer_norm_s8_args *a)
{
    norm_rows(a);
}
