/* SPDX-License-Identifier: MIT */
/* Four floats at a time: the words that the *_vec.h files of kernels are written in. */
#ifndef TVIS_OPS_VEC_NEON_H
#define TVIS_OPS_VEC_NEON_H

#include <arm_neon.h>
#include <stdint.h>

#define VEC 4
typedef float32x4_t vec;

#define vload(p)                 vld1q_f32(p)
#define vstore(p, v)             vst1q_f32(p, v)
#define vset1(x)                 vdupq_n_f32(x)
#define vadd(a, b)               vaddq_f32(a, b)
#define vsub(a, b)               vsubq_f32(a, b)
#define vmul(a, b)               vmulq_f32(a, b)
#define vdiv(a, b)               vdivq_f32(a, b)
#define vround(v)                vrndnq_f32(v)
#define vfma(a, b, c)            vfmaq_f32(c, a, b)             /* a * b + c */
#define vfma_lane(a, lane, b, c) vfmaq_laneq_f32(c, b, a, lane) /* a[lane] * b + c */
/* What is not a number comes through. */
#define vmax(limit, v) vmaxq_f32(limit, v)
#define vmin(limit, v) vminq_f32(limit, v)
#define vlarger(a, b)  vmaxq_f32(a, b)
#define vsum(v)        vaddvq_f32(v)

/* 2^n for whole numbers n from -126 to 127. */
static inline vec vpow2(vec n)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23));
}

/* The first n of a vector, 0 <= n <= VEC; the others are zero and their memory is not touched. */
static inline vec vload_first(const float *p, int32_t n)
{
    vec v = vdupq_n_f32(0.0f);
    if (n > 3)
        return vld1q_f32(p);
    if (n > 0)
        v = vld1q_lane_f32(p, v, 0);
    if (n > 1)
        v = vld1q_lane_f32(p + 1, v, 1);
    if (n > 2)
        v = vld1q_lane_f32(p + 2, v, 2);
    return v;
}

static inline void vstore_first(float *p, int32_t n, vec v)
{
    if (n > 3)
        vst1q_f32(p, v);
    else {
        if (n > 0)
            vst1q_lane_f32(p, v, 0);
        if (n > 1)
            vst1q_lane_f32(p + 1, v, 1);
        if (n > 2)
            vst1q_lane_f32(p + 2, v, 2);
    }
}

#endif
