/* SPDX-License-Identifier: MIT */
#include "core/port.h"
#include "ops/dynamic.h"

#include <immintrin.h>

enum { VEC = 16 };

/* 0 < n */
static inline __mmask16 first(int32_t n)
{
    const uint32_t all = 0xffff;
    return (__mmask16)(n < VEC ? all >> (VEC - n) : all);
}

/* Two vectors: minima and maxima of one row wait for each other. */
static tvis_row_form form_of(const float *x, int32_t k, float *inverse)
{
    __m512 lo = _mm512_setzero_ps(), hi = lo, lo2 = lo, hi2 = lo;
    int32_t i = 0;
    for (; k - i >= 2 * VEC; i += 2 * VEC) {
        const __m512 v = _mm512_loadu_ps(x + i), v2 = _mm512_loadu_ps(x + i + VEC);
        lo = _mm512_min_ps(v, lo);
        hi = _mm512_max_ps(v, hi);
        lo2 = _mm512_min_ps(v2, lo2);
        hi2 = _mm512_max_ps(v2, hi2);
    }
    for (; i < k; i += VEC) {
        const __m512 v = _mm512_maskz_loadu_ps(first(k - i), x + i);
        lo = _mm512_min_ps(v, lo);
        hi = _mm512_max_ps(v, hi);
    }
    return tvis_row_form_of(_mm512_reduce_min_ps(_mm512_min_ps(lo, lo2)), _mm512_reduce_max_ps(_mm512_max_ps(hi, hi2)),
                            inverse);
}

void tvis_round_rows_avx512(const tvis_round_rows_args *a)
{
    const __m512 least = _mm512_set1_ps(-128.0f), most = _mm512_set1_ps(127.0f);
    for (int32_t r = 0; r < a->m; r++) {
        const float *x = a->x + (ptrdiff_t)r * a->ldx;
        int8_t *y = a->y + (ptrdiff_t)r * a->k;
        float scale;
        a->form[r] = form_of(x, a->k, &scale);
        const __m512 inverse = _mm512_set1_ps(scale), zero = _mm512_set1_ps((float)a->form[r].zero);
        for (int32_t i = 0; i < a->k; i += VEC) {
            const __mmask16 mask = first(a->k - i);
            __m512 v = _mm512_add_ps(_mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + i), inverse), zero);
            v = _mm512_min_ps(_mm512_max_ps(v, least), most);
            _mm512_mask_cvtepi32_storeu_epi8(y + i, mask, _mm512_cvtps_epi32(v));
        }
    }
}

void tvis_finish_sums_avx512(const tvis_finish_sums_args *a)
{
    const __m512 lo = _mm512_set1_ps(a->lo), hi = _mm512_set1_ps(a->hi);
    for (int32_t j = 0; j < a->n; j += VEC) {
        const __mmask16 mask = first(a->n - j);
        const __m512i w_sum = _mm512_maskz_loadu_epi32(mask, a->w_sum + j);
        const __m512 w_scale = _mm512_maskz_loadu_ps(mask, a->w_scale + j);
        const __m512 bias = a->bias ? _mm512_maskz_loadu_ps(mask, a->bias + j) : _mm512_setzero_ps();
        for (int32_t r = 0; r < a->m; r++) {
            const ptrdiff_t at = (ptrdiff_t)r * a->ldy + j;
            const __m512i sum = _mm512_maskz_loadu_epi32(mask, a->sums + (ptrdiff_t)r * a->lds + j);
            const __m512i taken = _mm512_mullo_epi32(_mm512_set1_epi32(a->form[r].zero), w_sum);
            __m512 y = _mm512_cvtepi32_ps(_mm512_sub_epi32(sum, taken));
            y = _mm512_mul_ps(_mm512_mul_ps(y, _mm512_set1_ps(a->form[r].scale)), w_scale);
            y = _mm512_add_ps(y, bias);
            if (a->add)
                y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, a->add + at));
            _mm512_mask_storeu_ps(a->y + at, mask, _mm512_min_ps(hi, _mm512_max_ps(lo, y)));
        }
    }
}
