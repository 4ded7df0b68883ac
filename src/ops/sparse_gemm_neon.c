/* SPDX-License-Identifier: MIT */
#include "core/port.h"
#include "ops/sparse_gemm.h"
#include "ops/vec_neon.h"

enum { SIDE = 4 };

/* 4 x 4: columns from c on of four rows to rows of out. */
static inline void turn_square(const float *const *row, ptrdiff_t c, float *out, ptrdiff_t ldo)
{
    const float32x4_t a = vld1q_f32(row[0] + c), b = vld1q_f32(row[1] + c), d = vld1q_f32(row[2] + c),
                      e = vld1q_f32(row[3] + c);
    const float64x2_t ab = vreinterpretq_f64_f32(vtrn1q_f32(a, b)), ab2 = vreinterpretq_f64_f32(vtrn2q_f32(a, b)),
                      de = vreinterpretq_f64_f32(vtrn1q_f32(d, e)), de2 = vreinterpretq_f64_f32(vtrn2q_f32(d, e));
    vst1q_f32(out, vreinterpretq_f32_f64(vtrn1q_f64(ab, de)));
    vst1q_f32(out + ldo, vreinterpretq_f32_f64(vtrn1q_f64(ab2, de2)));
    vst1q_f32(out + 2 * ldo, vreinterpretq_f32_f64(vtrn2q_f64(ab, de)));
    vst1q_f32(out + 3 * ldo, vreinterpretq_f32_f64(vtrn2q_f64(ab2, de2)));
}

/* y and add: the first of `columns` columns, up to four; row: their sums. */
static inline void finish_columns(const tvis_gemm_f32_args *a, const float *const *row, int32_t pixels, int32_t columns,
                                  ptrdiff_t at)
{
    float turned[SIDE * SIDE];
    const vec lo = vset1(a->lo), hi = vset1(a->hi);
    for (int32_t i = 0; i < pixels; i++, at += a->ldy) {
        if (i % SIDE == 0)
            turn_square(row, i, turned, SIDE);
        vec v = vload(turned + i % SIDE * SIDE);
        if (a->add)
            v = vadd(v, vload_first(a->add + at, columns));
        vstore_first(a->y + at, columns, vmin(hi, vmax(lo, v)));
    }
}

#define MOST_IN_TWO 8 /* vectors of a row when two are multiplied */
#include "ops/sparse_gemm_vec.h"

KERNELS(neon)
