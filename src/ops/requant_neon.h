/* SPDX-License-Identifier: MIT */
/* tvis_requant_scale() and tvis_requant_clamp() for 4 and 16 values at a time. */
#ifndef TVIS_OPS_REQUANT_NEON_H
#define TVIS_OPS_REQUANT_NEON_H

#include <arm_neon.h>

#include "ops/requant.h"

/* R. half: mul / 2, for SQRDMULH doubles its product. */
static inline int32x4_t scale4(int32x4_t acc, int32x4_t half, int32x4_t shift)
{
    return vqrdmulhq_s32(vshlq_s32(acc, shift), half);
}

static inline int32x4_t half4(const int32_t *mul)
{
    return vshrq_n_s32(vld1q_s32(mul), 1);
}

typedef struct limits16 {
    int8x16_t lo, hi;
    int16x8_t zero;
} limits16;

static inline limits16 limits16_of(const tvis_requant *q)
{
    const limits16 l = { vdupq_n_s8((int8_t)q->lo), vdupq_n_s8((int8_t)q->hi), vdupq_n_s16((int16_t)q->zero) };
    return l;
}

/* Saturating at 16 bits before the zero point is added changes nothing after the clamp. */
static inline int8x16_t clamp16(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d, limits16 l)
{
    const int16x8_t low = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(a), b), l.zero);
    const int16x8_t high = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(c), d), l.zero);
    return vminq_s8(l.hi, vmaxq_s8(l.lo, vqmovn_high_s16(vqmovn_s16(low), high)));
}

#endif
