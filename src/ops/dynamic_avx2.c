/* SPDX-License-Identifier: MIT */
#include "core/port.h"
#include "ops/dynamic.h"

#include <immintrin.h>

enum { VEC = 8, STEP = 4 * VEC };

static inline float least_of(__m256 v)
{
    __m128 s = _mm_min_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_min_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_min_ss(s, _mm_movehdup_ps(s)));
}

static tvis_row_form form_of(const float *x, int32_t k, float *inverse)
{
    const __m256 turned = _mm256_set1_ps(-0.0f);
    __m256 lo = _mm256_setzero_ps(), hi = lo, lo2 = lo, hi2 = lo;
    int32_t i = 0;
    for (; k - i >= 2 * VEC; i += 2 * VEC) {
        const __m256 v = _mm256_loadu_ps(x + i), v2 = _mm256_loadu_ps(x + i + VEC);
        lo = _mm256_min_ps(v, lo);
        hi = _mm256_max_ps(v, hi);
        lo2 = _mm256_min_ps(v2, lo2);
        hi2 = _mm256_max_ps(v2, hi2);
    }
    float least = least_of(_mm256_min_ps(lo, lo2));
    float most = -least_of(_mm256_xor_ps(_mm256_max_ps(hi, hi2), turned));
    for (; i < k; i++) {
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
    }
    return tvis_row_form_of(least, most, inverse);
}

static inline __m256i near8(const float *x, __m256 inverse, __m256 zero)
{
    const __m256 v = _mm256_add_ps(_mm256_mul_ps(_mm256_loadu_ps(x), inverse), zero);
    return _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(v, _mm256_set1_ps(-128.0f)), _mm256_set1_ps(127.0f)));
}

void tvis_round_rows_avx2(const tvis_round_rows_args *a)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    for (int32_t r = 0; r < a->m; r++) {
        const float *x = a->x + (ptrdiff_t)r * a->ldx;
        int8_t *y = a->y + (ptrdiff_t)r * a->k;
        float scale;
        a->form[r] = form_of(x, a->k, &scale);
        const __m256 inverse = _mm256_set1_ps(scale), zero = _mm256_set1_ps((float)a->form[r].zero);
        int32_t i = 0;
        for (; a->k - i >= STEP; i += STEP) {
            const __m256i low = _mm256_packs_epi32(near8(x + i, inverse, zero), near8(x + i + VEC, inverse, zero));
            const __m256i high =
                _mm256_packs_epi32(near8(x + i + 2 * VEC, inverse, zero), near8(x + i + 3 * VEC, inverse, zero));
            const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order);
            _mm256_storeu_si256((__m256i *)(void *)(y + i), bytes);
        }
        for (; i < a->k; i++)
            y[i] = (int8_t)tvis_dynamic_near(x[i] * scale + (float)a->form[r].zero);
    }
}

/* The last columns, that fill no vector. */
static void finish_rest(const tvis_finish_sums_args *a, int32_t first)
{
    for (int32_t r = 0; first < a->n && r < a->m; r++)
        for (int32_t j = first; j < a->n; j++)
            a->y[(ptrdiff_t)r * a->ldy + j] = tvis_finish_sum(a, a->form[r], a->sums[(ptrdiff_t)r * a->lds + j], j,
                                                              a->add ? a->add + (ptrdiff_t)r * a->ldy : NULL);
}

void tvis_finish_sums_avx2(const tvis_finish_sums_args *a)
{
    const __m256 lo = _mm256_set1_ps(a->lo), hi = _mm256_set1_ps(a->hi);
    int32_t j = 0;
    for (; a->n - j >= VEC; j += VEC) {
        const __m256i w_sum = _mm256_loadu_si256((const __m256i *)(const void *)(a->w_sum + j));
        const __m256 w_scale = _mm256_loadu_ps(a->w_scale + j);
        const __m256 bias = a->bias ? _mm256_loadu_ps(a->bias + j) : _mm256_setzero_ps();
        for (int32_t r = 0; r < a->m; r++) {
            const ptrdiff_t at = (ptrdiff_t)r * a->ldy + j;
            const __m256i sum =
                _mm256_loadu_si256((const __m256i *)(const void *)(a->sums + (ptrdiff_t)r * a->lds + j));
            const __m256i taken = _mm256_mullo_epi32(_mm256_set1_epi32(a->form[r].zero), w_sum);
            __m256 y = _mm256_cvtepi32_ps(_mm256_sub_epi32(sum, taken));
            y = _mm256_mul_ps(_mm256_mul_ps(y, _mm256_set1_ps(a->form[r].scale)), w_scale);
            y = _mm256_add_ps(y, bias);
            if (a->add)
                y = _mm256_add_ps(y, _mm256_loadu_ps(a->add + at));
            _mm256_storeu_ps(a->y + at, _mm256_min_ps(hi, _mm256_max_ps(lo, y)));
        }
    }
    finish_rest(a, j);
}
