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

/* Two neighbours of the table, for each of four places. */
static inline int32x4_t load_pairs(const int16_t *table, uint16x4_t at)
{
    int32_t pair[4];
    memcpy(&pair[0], table + vget_lane_u16(at, 0), sizeof *pair);
    memcpy(&pair[1], table + vget_lane_u16(at, 1), sizeof *pair);
    memcpy(&pair[2], table + vget_lane_u16(at, 2), sizeof *pair);
    memcpy(&pair[3], table + vget_lane_u16(at, 3), sizeof *pair);
    const int32x4_t p = vsetq_lane_s32(pair[1], vdupq_n_s32(pair[0]), 1);
    return vsetq_lane_s32(pair[3], vsetq_lane_s32(pair[2], p, 2), 3);
}

/* Neighbours times 128 - rest and rest. Of the result's two shifts to the right, by 7 and by 8, each rounded, an S8 has
 * the sum. */
TVIS_INLINE int16x8_t look_up(const int16_t *table, int16x8_t v, const bool wide)
{
    const uint16x8_t x = veorq_u16(vreinterpretq_u16_s16(v), vdupq_n_u16(32768)), at = vshrq_n_u16(x, 7);
    const int16x8_t rest = vreinterpretq_s16_u16(vandq_u16(x, vdupq_n_u16(127))),
                    left = vsubq_s16(vdupq_n_s16(128), rest);
    const int16x8_t low = vreinterpretq_s16_s32(load_pairs(table, vget_low_u16(at)));
    const int16x8_t high = vreinterpretq_s16_s32(load_pairs(table, vget_high_u16(at)));
    const int16x8_t first = vuzp1q_s16(low, high), second = vuzp2q_s16(low, high);
    int32x4_t s0 =
        vmlal_s16(vmull_s16(vget_low_s16(first), vget_low_s16(left)), vget_low_s16(second), vget_low_s16(rest));
    int32x4_t s4 = vmlal_high_s16(vmull_high_s16(first, left), second, rest);
    if (wide)
        return vrshrn_high_n_s32(vrshrn_n_s32(s0, 7), s4, 7);
    s0 = vshrq_n_s32(vaddq_s32(s0, vdupq_n_s32(64 + 128 * 128)), 15);
    s4 = vshrq_n_s32(vaddq_s32(s4, vdupq_n_s32(64 + 128 * 128)), 15);
    return vmovn_high_s32(vmovn_s32(s0), s4);
}

/* Limits of 16 bits; behind a table's sums there is no zero point. */
static inline int16x8_t limited16(const constants *k, words v)
{
    const int16x8_t x = vqmovn_high_s32(vqmovn_s32(v.low), v.high);
    return vminq_s16(vmaxq_s16(x, vcombine_s16(vmovn_s32(k->lo), vmovn_s32(k->lo))),
                     vcombine_s16(vmovn_s32(k->hi), vmovn_s32(k->hi)));
}

/* Eight results for columns from j on; x: their sums, at: their place in y. */
TVIS_INLINE void step(const tvis_narrow_args *a, const constants *k, const int32_t *x, int32_t j, ptrdiff_t at,
                      const bool table, const bool wide)
{
    words v = { scale4(vld1q_s32(x + j), half4(a->q.mul + j), k->shift),
                scale4(vld1q_s32(x + j + 4), half4(a->q.mul + j + 4), k->shift) };
    if (a->add) {
        const words add = load_added(a, at);
        v.low = vaddq_s32(v.low, scale4(vsubq_s32(add.low, k->add_zero), k->add_half, k->add_shift));
        v.high = vaddq_s32(v.high, scale4(vsubq_s32(add.high, k->add_zero), k->add_half, k->add_shift));
    }
    const int16x8_t y = table ? look_up(a->table, limited16(k, v), wide)
                              : vqmovn_high_s32(vqmovn_s32(limited(k, v.low)), limited(k, v.high));
    if (wide)
        vst1q_s16((int16_t *)a->y + at, y);
    else
        vst1_s8((int8_t *)a->y + at, vqmovn_s16(y));
}

/* The compiler knows that what is stored changes no copy. */
TVIS_INLINE void rows_of(const tvis_narrow_args *args, const bool table, const bool wide)
{
    const tvis_narrow_args a = *args;
    const constants k = constants_of(args);
    for (int32_t i = 0; i < a.m; i++) {
        const int32_t *x = a.x + (ptrdiff_t)i * a.ldx;
        const ptrdiff_t y = (ptrdiff_t)i * a.ldy;
        int32_t j = 0;
        for (; a.n - j >= STEP; j += STEP)
            step(&a, &k, x, j, y + j, table, wide);
        if (j < a.n)
            tvis_narrow_rest(args, i, j);
    }
}

/* narrow_row_neon.S: eights times eight results. */
void tvis_neon_narrow_row(const int32_t *x, const int32_t *mul, int8_t *y, const int16_t *table, ptrdiff_t eights,
                          const int32_t *shift_lo_hi);

/* With a table, to S8, nothing added. */
static void rows_of_s8(const tvis_narrow_args *a)
{
    const int32_t numbers[3] = { a->q.shift - 1, a->q.lo, a->q.hi };
    const ptrdiff_t eights = a->n / STEP;
    for (int32_t i = 0; i < a->m; i++) {
        if (eights > 0)
            tvis_neon_narrow_row(a->x + (ptrdiff_t)i * a->ldx, a->q.mul, (int8_t *)a->y + (ptrdiff_t)i * a->ldy,
                                 a->table, eights, numbers);
        if (a->n % STEP)
            tvis_narrow_rest(a, i, a->n / STEP * STEP);
    }
}

void tvis_narrow_8_neon(const tvis_narrow_args *a)
{
    if (a->table && a->q.zero == 0 && a->wide)
        rows_of(a, true, true);
    else if (a->table && a->q.zero == 0 && !a->add)
        rows_of_s8(a);
    else if (a->table && a->q.zero == 0)
        rows_of(a, true, false);
    else if (a->table)
        tvis_narrow_c(a);
    else if (a->wide)
        rows_of(a, false, true);
    else
        rows_of(a, false, false);
}
