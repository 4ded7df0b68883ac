/* SPDX-License-Identifier: MIT */
#include "core/port.h"
#include "ops/narrow.h"
#include "ops/requant_neon.h"

enum { STEP = 8 };

typedef struct words {
    int32x4_t low, high;
} words;

/* Of all rows. The limits come before the zero point: that can't overflow. */
typedef struct constants {
    int32x4_t shift, zero, lo, hi, add_half, add_shift, add_zero;
} constants;

static constants constants_of(const tvis_narrow_args *a)
{
    const constants k = { vdupq_n_s32(a->q.shift),          vdupq_n_s32(a->q.zero),
                          vdupq_n_s32(a->q.lo - a->q.zero), vdupq_n_s32(a->q.hi - a->q.zero),
                          vdupq_n_s32(a->add_q.mul / 2),    vdupq_n_s32(a->add_q.shift),
                          vdupq_n_s32(a->add_q.zero) };
    return k;
}

static inline words load_added(const tvis_narrow_args *a, ptrdiff_t at)
{
    const int16x8_t v =
        a->add_wide ? vld1q_s16((const int16_t *)a->add + at) : vmovl_s8(vld1_s8((const int8_t *)a->add + at));
    const words w = { vmovl_s16(vget_low_s16(v)), vmovl_high_s16(v) };
    return w;
}

static inline int32x4_t limited(const constants *k, int32x4_t v)
{
    return vaddq_s32(vminq_s32(vmaxq_s32(v, k->lo), k->hi), k->zero);
}

static inline int16x8_t look_up(const tvis_narrow_args *a, int16x8_t v)
{
    int16_t x[STEP];
    vst1q_s16(x, v);
    for (int j = 0; j < STEP; j++) {
        const int32_t y = tvis_table16_at(a->table, x[j]);
        x[j] = (int16_t)(a->wide ? y : tvis_table16_narrow(y));
    }
    return vld1q_s16(x);
}

static inline void store(const tvis_narrow_args *a, ptrdiff_t at, int16x8_t v)
{
    if (a->table)
        v = look_up(a, v);
    if (a->wide)
        vst1q_s16((int16_t *)a->y + at, v);
    else
        vst1_s8((int8_t *)a->y + at, vqmovn_s16(v));
}

static void row(const tvis_narrow_args *a, const constants *k, int32_t i)
{
    const int32_t *x = a->x + (ptrdiff_t)i * a->ldx;
    const ptrdiff_t y = (ptrdiff_t)i * a->ldy;
    int32_t j = 0;
    for (; a->n - j >= STEP; j += STEP) {
        words v = { scale4(vld1q_s32(x + j), half4(a->q.mul + j), k->shift),
                    scale4(vld1q_s32(x + j + 4), half4(a->q.mul + j + 4), k->shift) };
        if (a->add) {
            const words add = load_added(a, y + j);
            v.low = vaddq_s32(v.low, scale4(vsubq_s32(add.low, k->add_zero), k->add_half, k->add_shift));
            v.high = vaddq_s32(v.high, scale4(vsubq_s32(add.high, k->add_zero), k->add_half, k->add_shift));
        }
        store(a, y + j, vqmovn_high_s32(vqmovn_s32(limited(k, v.low)), limited(k, v.high)));
    }
    tvis_narrow_rest(a, i, j);
}

void tvis_narrow_8_neon(const tvis_narrow_args *a)
{
    const constants k = constants_of(a);
    for (int32_t i = 0; i < a->m; i++)
        row(a, &k, i);
}
