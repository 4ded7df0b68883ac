/* SPDX-License-Identifier: MIT */
/* Eight floats at a time: the words that the *_vec.h files of kernels are written in. */
#ifndef TVIS_OPS_VEC_AVX2_H
#define TVIS_OPS_VEC_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#define VEC 8
typedef __m256 vec;

#define vload(p)      _mm256_loadu_ps(p)
#define vstore(p, v)  _mm256_storeu_ps(p, v)
#define vset1(x)      _mm256_set1_ps(x)
#define vadd(a, b)    _mm256_add_ps(a, b)
#define vsub(a, b)    _mm256_sub_ps(a, b)
#define vmul(a, b)    _mm256_mul_ps(a, b)
#define vdiv(a, b)    _mm256_div_ps(a, b)
#define vfma(a, b, c) _mm256_fmadd_ps(a, b, c) /* a * b + c */
#define vround(v)     _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
/* The second operand comes through when it is not a number. */
#define vmax(limit, v) _mm256_max_ps(limit, v)
#define vmin(limit, v) _mm256_min_ps(limit, v)
/* Either one comes through when it is not a number. */
#define vlarger(a, b) _mm256_blendv_ps(_mm256_max_ps(b, a), b, _mm256_cmp_ps(b, b, _CMP_UNORD_Q))

/* The first n of a vector, 0 <= n <= VEC; the others are zero and their memory is not touched. */
static inline __m256i vmask(int32_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#define vload_first(p, n)     _mm256_maskload_ps(p, vmask(n))
#define vstore_first(p, n, v) _mm256_maskstore_ps(p, vmask(n), v)

/* 2^n for whole numbers n from -126 to 127. */
static inline vec vpow2(vec n)
{
    const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
}

static inline float vsum(vec v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

#endif
