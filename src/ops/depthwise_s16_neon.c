/* SPDX-License-Identifier: MIT */
#include <arm_neon.h>

#define BLOCK 8

typedef struct sums {
    int32x4_t v0, v4;
} sums;

static inline sums zero_sums(void)
{
    const sums s = { vdupq_n_s32(0), vdupq_n_s32(0) };
    return s;
}

static inline sums load_sums(const int32_t *p)
{
    const sums s = { vld1q_s32(p), vld1q_s32(p + 4) };
    return s;
}

static inline void store_sums(int32_t *p, sums s)
{
    vst1q_s32(p, s.v0);
    vst1q_s32(p + 4, s.v4);
}

static inline sums multiply_add(sums s, const int16_t *x, const int8_t *w)
{
    const int16x8_t a = vld1q_s16(x), b = vmovl_s8(vld1_s8(w));
    s.v0 = vmlal_s16(s.v0, vget_low_s16(a), vget_low_s16(b));
    s.v4 = vmlal_high_s16(s.v4, a, b);
    return s;
}

#include "ops/depthwise_s16_vec.h"

void tvis_depthwise_s16_8_neon(const tvis_depthwise_s16_args *a)
{
    depthwise(a);
}
