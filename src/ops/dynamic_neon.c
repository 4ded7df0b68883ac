/* SPDX-License-Identifier: MIT */
#include "core/port.h"
#include "ops/dynamic.h"

#include <arm_neon.h>

enum { VEC = 4, STEP = 4 * VEC };

static tvis_row_form form_of(const float *x, int32_t k, float *inverse)
{
    float32x4_t lo = vdupq_n_f32(0.0f), hi = lo;
    int32_t i = 0;
    for (; k - i >= VEC; i += VEC) {
        const float32x4_t v = vld1q_f32(x + i);
        lo = vminnmq_f32(v, lo);
        hi = vmaxnmq_f32(v, hi);
    }
    float least = vminnmvq_f32(lo), most = vmaxnmvq_f32(hi);
    for (; i < k; i++) {
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
    }
    return tvis_row_form_of(least, most, inverse);
}

static inline int32x4_t near4(const float *x, float32x4_t inverse, float32x4_t zero)
{
    const float32x4_t v = vaddq_f32(vmulq_f32(vld1q_f32(x), inverse), zero);
    return vcvtnq_s32_f32(vminnmq_f32(vmaxnmq_f32(v, vdupq_n_f32(-128.0f)), vdupq_n_f32(127.0f)));
}

static inline int16x8_t near8(const float *x, float32x4_t inverse, float32x4_t zero)
{
    return vcombine_s16(vmovn_s32(near4(x, inverse, zero)), vmovn_s32(near4(x + VEC, inverse, zero)));
}

void tvis_round_rows_neon(const tvis_round_rows_args *a)
{
    for (int32_t r = 0; r < a->m; r++) {
        const float *x = a->x + (ptrdiff_t)r * a->ldx;
        int8_t *y = a->y + (ptrdiff_t)r * a->k;
        float scale;
        a->form[r] = form_of(x, a->k, &scale);
        const float32x4_t inverse = vdupq_n_f32(scale), zero = vdupq_n_f32((float)a->form[r].zero);
        int32_t i = 0;
        for (; a->k - i >= STEP; i += STEP)
            vst1q_s8(y + i, vcombine_s8(vmovn_s16(near8(x + i, inverse, zero)),
                                        vmovn_s16(near8(x + i + 2 * VEC, inverse, zero))));
        for (; i < a->k; i++)
            y[i] = (int8_t)tvis_dynamic_near(x[i] * scale + (float)a->form[r].zero);
    }
}

static void finish_rest(const tvis_finish_sums_args *a, int32_t first)
{
    for (int32_t r = 0; first < a->n && r < a->m; r++)
        for (int32_t j = first; j < a->n; j++)
            a->y[(ptrdiff_t)r * a->ldy + j] = tvis_finish_sum(a, a->form[r], a->sums[(ptrdiff_t)r * a->lds + j], j,
                                                              a->add ? a->add + (ptrdiff_t)r * a->ldy : NULL);
}

void tvis_finish_sums_neon(const tvis_finish_sums_args *a)
{
    const float32x4_t lo = vdupq_n_f32(a->lo), hi = vdupq_n_f32(a->hi);
    int32_t j = 0;
    for (; a->n - j >= VEC; j += VEC) {
        const int32x4_t w_sum = vld1q_s32(a->w_sum + j);
        const float32x4_t w_scale = vld1q_f32(a->w_scale + j);
        const float32x4_t bias = a->bias ? vld1q_f32(a->bias + j) : vdupq_n_f32(0.0f);
        for (int32_t r = 0; r < a->m; r++) {
            const ptrdiff_t at = (ptrdiff_t)r * a->ldy + j;
            const int32x4_t sum = vmlsq_n_s32(vld1q_s32(a->sums + (ptrdiff_t)r * a->lds + j), w_sum, a->form[r].zero);
            float32x4_t y = vmulq_f32(vmulq_n_f32(vcvtq_f32_s32(sum), a->form[r].scale), w_scale);
            y = vaddq_f32(y, bias);
            if (a->add)
                y = vaddq_f32(y, vld1q_f32(a->add + at));
            vst1q_f32(a->y + at, vminq_f32(hi, vmaxq_f32(lo, y)));
        }
    }
    finish_rest(a, j);
}
