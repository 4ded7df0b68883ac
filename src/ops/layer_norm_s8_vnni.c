/* SPDX-License-Identifier: MIT */
#include "ops/layer_norm_s8_avx512.h"

#define vtimes_add(x, w, a) _mm512_dpwssd_epi32(a, x, w)

#include "ops/layer_norm_s8_vec.h"

void tvis_layer_norm_s8_vnni(const tvis_layer_norm_s8_args *a)
{
    norm_rows(a);
}
