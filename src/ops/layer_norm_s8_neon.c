/* SPDX-License-Identifier: MIT */
#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

#include "core/port.h"

#define VEC 8
typedef int32x4x2_t ivec;

TVIS_INLINE ivec iset1(int32_t x)
{
    return (ivec){ { vdupq_n_s32(x), vdupq_n_s32(x) } };
}

TVIS_INLINE ivec iload(const int32_t *p)
{
    return (ivec){ { vld1q_s32(p), vld1q_s32(p + 4) } };
}

TVIS_INLINE ivec vload16(const int16_t *p)
{
    const int16x8_t x = vld1q_s16(p);
    return (ivec){ { vmovl_s16(vget_low_s16(x)), vmovl_high_s16(x) } };
}

TVIS_INLINE ivec vload8(const int8_t *p)
{
    const int16x8_t x = vmovl_s8(vld1_s8(p));
    return (ivec){ { vmovl_s16(vget_low_s16(x)), vmovl_high_s16(x) } };
}

TVIS_INLINE ivec vshl(ivec v, int32_t n)
{
    return (ivec){ { vshlq_s32(v.val[0], vdupq_n_s32(n)), vshlq_s32(v.val[1], vdupq_n_s32(n)) } };
}

#define vshr(v, n) vshl(v, -(n))

TVIS_INLINE ivec vsub(ivec a, ivec b)
{
    return (ivec){ { vsubq_s32(a.val[0], b.val[0]), vsubq_s32(a.val[1], b.val[1]) } };
}

TVIS_INLINE ivec vadd(ivec a, ivec b)
{
    return (ivec){ { vaddq_s32(a.val[0], b.val[0]), vaddq_s32(a.val[1], b.val[1]) } };
}

/* SQDMULH doubles its product: r and w are even, and their halves are taken. */
TVIS_INLINE int32x4_t high2(int32x4_t t, int32x4_t r, int32x4_t w)
{
    return vqdmulhq_s32(vqdmulhq_s32(t, vshrq_n_s32(r, 1)), vshrq_n_s32(w, 1));
}

TVIS_INLINE ivec vhigh2(ivec t, ivec r, const int32_t *weight)
{
    const ivec w = iload(weight);
    return (ivec){ { high2(t.val[0], r.val[0], w.val[0]), high2(t.val[1], r.val[1], w.val[1]) } };
}

/* The lower halves of the lanes. */
TVIS_INLINE int16x8_t low16(ivec v)
{
    return vuzp1q_s16(vreinterpretq_s16_s32(v.val[0]), vreinterpretq_s16_s32(v.val[1]));
}

TVIS_INLINE ivec vtimes_add(ivec x, ivec w, ivec a)
{
    const int16x8_t left = low16(x), right = low16(w);
    return (ivec){ { vmlal_s16(a.val[0], vget_low_s16(left), vget_low_s16(right)),
                     vmlal_high_s16(a.val[1], left, right) } };
}

TVIS_INLINE int16x8_t narrow(ivec v)
{
    return vqmovn_high_s32(vqmovn_s32(v.val[0]), v.val[1]);
}

TVIS_INLINE void vstore16(int16_t *y, ivec a, ivec b)
{
    vst1q_s16(y, narrow(a));
    vst1q_s16(y + VEC, narrow(b));
}

TVIS_INLINE void vstore8(int8_t *y, ivec a, ivec b)
{
    vst1q_s8(y, vqmovn_high_s16(vqmovn_s16(narrow(a)), narrow(b)));
}

TVIS_INLINE uint64_t measure16(const int16_t *x, int32_t n, int32_t *sum)
{
    int32x4_t s = vdupq_n_s32(0);
    uint64x2_t squares = vdupq_n_u64(0);
    for (int32_t k = 0; k < n; k += VEC) {
        const int16x8_t v = vld1q_s16(x + k);
        s = vpadalq_s16(s, v);
        squares = vpadalq_u32(squares, vreinterpretq_u32_s32(vmull_s16(vget_low_s16(v), vget_low_s16(v))));
        squares = vpadalq_u32(squares, vreinterpretq_u32_s32(vmull_high_s16(v, v)));
    }
    *sum = vaddvq_s32(s);
    return vaddvq_u64(squares);
}

/* 2^14 squares are at most 2^28. */
TVIS_INLINE uint64_t measure8(const int8_t *x, int32_t n, int32_t *sum)
{
    int32x4_t s = vdupq_n_s32(0);
    uint32x4_t squares = vdupq_n_u32(0);
    for (int32_t k = 0; k < n; k += 2 * VEC) {
        const int8x16_t v = vld1q_s8(x + k);
        s = vpadalq_s16(s, vpaddlq_s8(v));
        squares = vpadalq_u16(squares, vreinterpretq_u16_s16(vmull_s8(vget_low_s8(v), vget_low_s8(v))));
        squares = vpadalq_u16(squares, vreinterpretq_u16_s16(vmull_high_s8(v, v)));
    }
    *sum = vaddvq_s32(s);
    return vaddvq_u32(squares);
}

#include "ops/layer_norm_s8_vec.h"

void tvis_layer_norm_s8_neon(const tvis_layer_norm_s8_args *a)
{
    norm_rows(a);
}
