/* SPDX-License-Identifier: MIT */
#include "ops/pointwise_s8.h"
#include "ops/requant_neon.h"

#define BLOCK 16

typedef int8x16_t bytes;

static inline bytes load_bytes(const int8_t *p)
{
    return vld1q_s8(p);
}

static inline void store_bytes(int8_t *p, bytes v)
{
    vst1q_s8(p, v);
}

static inline bytes max_bytes(bytes a, bytes b)
{
    return vmaxq_s8(a, b);
}

typedef struct factors {
    int16x8_t a_zero, b_zero;
    int32x4_t a_half, a_shift, b_half, b_shift;
    limits16 limits;
} factors;

static inline factors add_factors(const tvis_add_s8_args *a)
{
    const factors f = { vdupq_n_s16((int16_t)a->a_q.zero),
                        vdupq_n_s16((int16_t)a->b_q.zero),
                        vdupq_n_s32(a->a_q.mul >> 1),
                        vdupq_n_s32(a->a_q.shift),
                        vdupq_n_s32(a->b_q.mul >> 1),
                        vdupq_n_s32(a->b_q.shift),
                        limits16_of(&a->q) };
    return f;
}

static inline factors scale_factors(const tvis_scale_s8_args *a)
{
    const int32x4_t half = vdupq_n_s32(*a->q.mul >> 1), shift = vdupq_n_s32(a->q.shift);
    const factors f = {
        vdupq_n_s16((int16_t)a->x_zero), vdupq_n_s16((int16_t)a->s_zero), half, shift, half, shift, limits16_of(&a->q)
    };
    return f;
}

/* Sixteen values, less their zero point. */
typedef struct centred {
    int16x8_t low, high;
} centred;

static inline centred centre(const int8_t *p, int16x8_t zero)
{
    const int8x16_t v = vld1q_s8(p);
    const centred c = { vsubq_s16(vmovl_s8(vget_low_s8(v)), zero), vsubq_s16(vmovl_high_s8(v), zero) };
    return c;
}

static inline int32x4_t sum4(int32x4_t a, int32x4_t b, const factors *f)
{
    return vaddq_s32(scale4(a, f->a_half, f->a_shift), scale4(b, f->b_half, f->b_shift));
}

static inline bytes added(const int8_t *a, const int8_t *b, const factors *f)
{
    const centred x = centre(a, f->a_zero), s = centre(b, f->b_zero);
    return clamp16(sum4(vmovl_s16(vget_low_s16(x.low)), vmovl_s16(vget_low_s16(s.low)), f),
                   sum4(vmovl_high_s16(x.low), vmovl_high_s16(s.low), f),
                   sum4(vmovl_s16(vget_low_s16(x.high)), vmovl_s16(vget_low_s16(s.high)), f),
                   sum4(vmovl_high_s16(x.high), vmovl_high_s16(s.high), f), f->limits);
}

static inline bytes scaled(const int8_t *a, const int8_t *b, const factors *f)
{
    const centred x = centre(a, f->a_zero), s = centre(b, f->b_zero);
    return clamp16(scale4(vmull_s16(vget_low_s16(x.low), vget_low_s16(s.low)), f->a_half, f->a_shift),
                   scale4(vmull_high_s16(x.low, s.low), f->a_half, f->a_shift),
                   scale4(vmull_s16(vget_low_s16(x.high), vget_low_s16(s.high)), f->a_half, f->a_shift),
                   scale4(vmull_high_s16(x.high, s.high), f->a_half, f->a_shift), f->limits);
}

static inline void add_words(int32_t *sum, int16x8_t halves)
{
    vst1q_s32(sum, vaddw_s16(vld1q_s32(sum), vget_low_s16(halves)));
    vst1q_s32(sum + 4, vaddw_high_s16(vld1q_s32(sum + 4), halves));
}

static void total(const int8_t *x, ptrdiff_t ld, int32_t pixels, int32_t *sum)
{
    enum { MOST = 255 }; /* pixels whose sum is within 16 bits */
    for (int32_t i = 0; i < BLOCK; i++)
        sum[i] = 0;
    for (int32_t p = 0; p < pixels; p += MOST) {
        int16x8_t low = vdupq_n_s16(0), high = low;
        for (int32_t n = pixels - p < MOST ? pixels - p : MOST; n > 0; n--, x += ld) {
            const int8x16_t v = vld1q_s8(x);
            low = vaddw_s8(low, vget_low_s8(v));
            high = vaddw_high_s8(high, v);
        }
        add_words(sum, low);
        add_words(sum + BLOCK / 2, high);
    }
}

/* v is 0 where it isn't a number; -512 … 512 is more than any int8 needs. */
static inline int32x4_t rounded4(const float *x, float scale, int32_t zero)
{
    const float32x4_t v = vdivq_f32(vld1q_f32(x), vdupq_n_f32(scale));
    const float32x4_t number = vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(v), vceqq_f32(v, v)));
    const float32x4_t near = vminq_f32(vmaxq_f32(number, vdupq_n_f32(-512.0f)), vdupq_n_f32(512.0f));
    return vaddq_s32(vcvtq_s32_f32(vaddq_f32(near, vdupq_n_f32(512.5f))), vdupq_n_s32(zero - 512));
}

static inline bytes quantized(const float *x, float scale, int32_t zero)
{
    const int16x8_t low = vqmovn_high_s32(vqmovn_s32(rounded4(x, scale, zero)), rounded4(x + 4, scale, zero));
    const int16x8_t high = vqmovn_high_s32(vqmovn_s32(rounded4(x + 8, scale, zero)), rounded4(x + 12, scale, zero));
    return vqmovn_high_s16(vqmovn_s16(low), high);
}

static inline void dequantize(const int8_t *x, float scale, int32_t zero, float *y)
{
    const centred c = centre(x, vdupq_n_s16((int16_t)zero));
    vst1q_f32(y, vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_low_s16(c.low))), scale));
    vst1q_f32(y + 4, vmulq_n_f32(vcvtq_f32_s32(vmovl_high_s16(c.low)), scale));
    vst1q_f32(y + 8, vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_low_s16(c.high))), scale));
    vst1q_f32(y + 12, vmulq_n_f32(vcvtq_f32_s32(vmovl_high_s16(c.high)), scale));
}

#include "ops/pointwise_s8_vec.h"

POINTWISE_S8_DEFINE(neon)
