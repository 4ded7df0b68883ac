/* SPDX-License-Identifier: MIT */
#include "ops/attention_s8_neon.h"

#define PACK TVIS_PACK_GROUPS(16, 4)

/* The product of scores takes q + 1 for the upper halves of groups: minus their sums is the correction. */
static void sum_keys(const int8_t *panel, int32_t groups, int32_t *correction, int32_t *bias, int32_t factor)
{
    for (int c = 0; c < 4; c++, panel += 16) {
        ivec low = iset1(0), high = low;
        for (int32_t g = 0; g < groups; g++) {
            const int8x16_t k = vld1q_s8(panel + (ptrdiff_t)g * 64);
            low = vpadalq_s16(low, vmovl_s8(vget_low_s8(k)));
            high = vpadalq_s16(high, vmovl_high_s8(k));
        }
        correction[c] = -itotal(high);
        bias[c] = factor * (itotal(low) + itotal(high));
    }
}

#define multiply tvis_gemm_s8_4x4_neon
#include "ops/attention_s8_vec.h"
#include "ops/attention_s8_values.h"

void tvis_attention_s8_prepare_16x16_neon(const tvis_attention_s8_args *a)
{
    prepare(a);
}

void tvis_attention_s8_16x16_neon(const tvis_attention_s8_args *a)
{
    attend(a);
}
