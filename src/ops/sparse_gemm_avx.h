/* SPDX-License-Identifier: MIT */
/* Squares of 8 x 8 floats turned over in registers, for AVX2 and what has it. */
#include <immintrin.h>
#include <stdbool.h>

enum { SIDE = 8 };

static inline __m256 halves(const float *low, const float *high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}

/* Columns [c, c + 4) of eight rows. */
#define TURN_HALF(row, c, t0, t1, t2, t3)                                                                              \
    do {                                                                                                               \
        const __m256 a0 = halves(row[0] + (c), row[4] + (c)), a1 = halves(row[1] + (c), row[5] + (c));                 \
        const __m256 a2 = halves(row[2] + (c), row[6] + (c)), a3 = halves(row[3] + (c), row[7] + (c));                 \
        const __m256 b0 = _mm256_unpacklo_ps(a0, a1), b1 = _mm256_unpackhi_ps(a0, a1);                                 \
        const __m256 b2 = _mm256_unpacklo_ps(a2, a3), b3 = _mm256_unpackhi_ps(a2, a3);                                 \
        t0 = _mm256_shuffle_ps(b0, b2, 0x44);                                                                          \
        t1 = _mm256_shuffle_ps(b0, b2, 0xee);                                                                          \
        t2 = _mm256_shuffle_ps(b1, b3, 0x44);                                                                          \
        t3 = _mm256_shuffle_ps(b1, b3, 0xee);                                                                          \
    } while (0)

static inline void turn_square(const float *const *row, ptrdiff_t c, float *out, ptrdiff_t ldo)
{
    __m256 t0, t1, t2, t3;
    TURN_HALF(row, c, t0, t1, t2, t3);
    _mm256_storeu_ps(out, t0);
    _mm256_storeu_ps(out + ldo, t1);
    _mm256_storeu_ps(out + 2 * ldo, t2);
    _mm256_storeu_ps(out + 3 * ldo, t3);
    TURN_HALF(row, c + 4, t0, t1, t2, t3);
    _mm256_storeu_ps(out + 4 * ldo, t0);
    _mm256_storeu_ps(out + 5 * ldo, t1);
    _mm256_storeu_ps(out + 6 * ldo, t2);
    _mm256_storeu_ps(out + 7 * ldo, t3);
}

/* Of the sums of a square: what is added, and the limits. */
typedef struct ending {
    const float *add; /* NULL: nothing */
    float *y;
    ptrdiff_t ld;
    __m256 lo, hi;
    __m256i there; /* columns, of eight */
} ending;

/* Up to eight columns of one pixel. */
TVIS_INLINE void finish_pixel(const ending *e, __m256 v, ptrdiff_t pixel, const bool whole, const bool adds)
{
    const ptrdiff_t at = pixel * e->ld;
    if (adds)
        v = _mm256_add_ps(v, whole ? _mm256_loadu_ps(e->add + at) : _mm256_maskload_ps(e->add + at, e->there));
    v = _mm256_min_ps(e->hi, _mm256_max_ps(e->lo, v));
    if (whole)
        _mm256_storeu_ps(e->y + at, v);
    else
        _mm256_maskstore_ps(e->y + at, e->there, v);
}

/* Four pixels from pixel i on. */
TVIS_INLINE void finish_half(const ending *e, const float *const *row, int32_t i, int32_t pixels, const bool whole,
                             const bool adds)
{
    __m256 t0, t1, t2, t3;
    TURN_HALF(row, i, t0, t1, t2, t3);
    finish_pixel(e, t0, i, whole, adds);
    if (whole || pixels - i > 1)
        finish_pixel(e, t1, i + 1, whole, adds);
    if (whole || pixels - i > 2)
        finish_pixel(e, t2, i + 2, whole, adds);
    if (whole || pixels - i > 3)
        finish_pixel(e, t3, i + 3, whole, adds);
}

TVIS_INLINE void finish_pixels(const ending *e, const float *const *row, int32_t pixels, const bool all_columns,
                               const bool adds)
{
    int32_t i = 0;
    for (; all_columns && pixels - i >= 4; i += 4)
        finish_half(e, row, i, pixels, true, adds);
    for (; i < pixels; i += 4)
        finish_half(e, row, i, pixels, false, adds);
}

/* y and add: the first of `columns` columns, up to eight; row: their sums. */
static inline void finish_columns(const tvis_gemm_f32_args *a, const float *const *row, int32_t pixels, int32_t columns,
                                  ptrdiff_t at)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const ending e = { a->add ? a->add + at : NULL,
                       a->y + at,
                       a->ldy,
                       _mm256_set1_ps(a->lo),
                       _mm256_set1_ps(a->hi),
                       _mm256_cmpgt_epi32(_mm256_set1_epi32(columns), lane) };
    if (columns < SIDE)
        finish_pixels(&e, row, pixels, false, a->add != NULL);
    else if (a->add)
        finish_pixels(&e, row, pixels, true, true);
    else
        finish_pixels(&e, row, pixels, true, false);
}
