/* SPDX-License-Identifier: MIT */
#include "ops/attention_s8_neon.h"

#define PACK TVIS_PACK_GROUPS(4, 16)

static void sum_keys(const int8_t *panel, int32_t groups, int32_t *correction, int32_t *bias, int32_t factor)
{
    for (int c = 0; c < 16; c += 4, panel += 16) {
        ivec sum = iset1(0);
        for (int32_t g = 0; g < groups; g++)
            sum = vdotq_s32(sum, vdupq_n_s8(1), vld1q_s8(panel + (ptrdiff_t)g * 64));
        istore(correction + c, vmulq_n_s32(sum, -128));
        istore(bias + c, vmulq_n_s32(sum, factor));
    }
}

#define multiply tvis_gemm_s8_4x16_dotprod
#include "ops/attention_s8_vec.h"
#include "ops/attention_s8_values.h"

void tvis_attention_s8_prepare_16x16_dotprod(const tvis_attention_s8_args *a)
{
    prepare(a);
}

void tvis_attention_s8_16x16_dotprod(const tvis_attention_s8_args *a)
{
    attend(a);
}
