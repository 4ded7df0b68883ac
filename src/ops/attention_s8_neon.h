/* SPDX-License-Identifier: MIT */
/* What attention in int8 is made of on AArch64, with and without dot products: for attention_s8_vec.h. */
#ifndef TVIS_OPS_ATTENTION_S8_NEON_H
#define TVIS_OPS_ATTENTION_S8_NEON_H

#include "core/port.h"
#include "ops/attention_s8.h"
#include "ops/requant_neon.h"

#define QUERIES      16
#define CHANNELS     16
#define ROWS         4
#define LANES        4
#define EACH_VEC(DO) DO(0) DO(1) DO(2) DO(3)
#define WEIGHTS      e0, e1, e2, e3
#define BYTES        y0, y1, y2, y3

typedef int32x4_t ivec;

#define iset1(v)            vdupq_n_s32(v)
#define iload(p)            vld1q_s32(p)
#define istore(p, v)        vst1q_s32(p, v)
#define iadd(a, b)          vaddq_s32(a, b)
#define isub(a, b)          vsubq_s32(a, b)
#define ihigh(a)            vshrq_n_s32(a, 16)
#define imin(a, b)          vminq_s32(a, b)
#define imax(a, b)          vmaxq_s32(a, b)
#define iand(a, b)          vandq_s32(a, b)
#define ileft17(a)          vshlq_n_s32(a, 17)
#define iright15(a)         vshrq_n_s32(a, 15)
#define iright_signed(a, n) vshlq_s32(a, vnegq_s32(n))
/* of R: SQRDMULH doubles its product */
#define factor_of(mul)         iset1((mul) / 2)
#define iscale(a, half, shift) scale4(a, half, shift)
#define ilargest(a)            vmaxvq_s32(a)
#define itotal(a)              vaddvq_s32(a)

/* n: 0 … 2^15 */
static inline ivec iright(ivec a, ivec n)
{
    return vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(a), vmaxq_s32(vnegq_s32(n), iset1(-32))));
}

/* (a * b + 2^14) >> 15, for numbers below 2^15 */
static inline ivec irounded(ivec a, ivec b)
{
    return vreinterpretq_s32_s16(vqrdmulhq_s16(vreinterpretq_s16_s32(a), vreinterpretq_s16_s32(b)));
}

static inline ivec ifirst(ivec v, int32_t n)
{
    static const int32_t lanes[] = { 0, 1, 2, 3 };
    return vandq_s32(v, vreinterpretq_s32_u32(vcgtq_s32(iset1(n), iload(lanes))));
}

static inline void store_weights(int16_t *out, ivec a, ivec b, ivec c, ivec d)
{
    vst1q_s16(out, vmovn_high_s32(vmovn_s32(a), b));
    vst1q_s16(out + 8, vmovn_high_s32(vmovn_s32(c), d));
}

static inline void store_bytes(int8_t *y, int32_t count, ivec a, ivec b, ivec c, ivec d)
{
    const int16x8_t low = vmovn_high_s32(vmovn_s32(a), b), high = vmovn_high_s32(vmovn_s32(c), d);
    const int8x16_t v = vmovn_high_s16(vmovn_s16(low), high);
    if (count >= 16)
        vst1q_s8(y, v);
    else
        memcpy(y, &v, (size_t)count);
}

/* Key by key. */
static void pack_values(const int8_t *v, ptrdiff_t ld, int16_t *out)
{
    for (int j = 0; j < 16; j++, v += ld, out += CHANNELS) {
        const int8x16_t x = vld1q_s8(v);
        vst1q_s16(out, vmovl_s8(vget_low_s8(x)));
        vst1q_s16(out + 8, vmovl_high_s8(x));
    }
}

#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3)
#define ROW_DECLARE(row)                                                                                               \
    const int16_t *e##row = e + (rows > row ? row : 0) * lde;                                                          \
    ivec a##row = iload(start), b##row = iload(start + 4), c##row = iload(start + 8), d##row = iload(start + 12);
#define ROW_LOAD(row) const int16x4_t x##row = vld1_s16(e##row + j);
#define ROW_STEP(row, key)                                                                                             \
    if (rows > row) {                                                                                                  \
        a##row = vmlal_lane_s16(a##row, vget_low_s16(left), x##row, key);                                              \
        b##row = vmlal_high_lane_s16(b##row, left, x##row, key);                                                       \
        c##row = vmlal_lane_s16(c##row, vget_low_s16(right), x##row, key);                                             \
        d##row = vmlal_high_lane_s16(d##row, right, x##row, key);                                                      \
    }
#define ROW_STORE(row)                                                                                                 \
    if (rows > row) {                                                                                                  \
        istore(sums + row * CHANNELS, a##row);                                                                         \
        istore(sums + row * CHANNELS + 4, b##row);                                                                     \
        istore(sums + row * CHANNELS + 8, c##row);                                                                     \
        istore(sums + row * CHANNELS + 12, d##row);                                                                    \
    }
#define KEY(key)                                                                                                       \
    do {                                                                                                               \
        const int16x8_t left = vld1q_s16(v + (key)*CHANNELS), right = vld1q_s16(v + (key)*CHANNELS + 8);               \
        ROW_STEP(0, key)                                                                                               \
        ROW_STEP(1, key)                                                                                               \
        ROW_STEP(2, key)                                                                                               \
        ROW_STEP(3, key)                                                                                               \
    } while (0)

TVIS_INLINE void product(const int16_t *e, ptrdiff_t lde, const int16_t *v, int32_t keys, const int32_t *start,
                         int32_t *sums, const int rows)
{
    EACH_ROW(ROW_DECLARE)
    for (int32_t j = 0; j < keys; j += 4, v += 4 * CHANNELS) {
        EACH_ROW(ROW_LOAD)
        KEY(0);
        KEY(1);
        KEY(2);
        KEY(3);
    }
    EACH_ROW(ROW_STORE)
}

#endif
