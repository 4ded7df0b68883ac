/* SPDX-License-Identifier: MIT */
/* Sixteen floats at a time: the words that the *_vec.h files of kernels are written in. */
#ifndef TVIS_OPS_VEC_AVX512_H
#define TVIS_OPS_VEC_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#define VEC 16
typedef __m512 vec;

#define vload(p)      _mm512_loadu_ps(p)
#define vstore(p, v)  _mm512_storeu_ps(p, v)
#define vset1(x)      _mm512_set1_ps(x)
#define vadd(a, b)    _mm512_add_ps(a, b)
#define vsub(a, b)    _mm512_sub_ps(a, b)
#define vmul(a, b)    _mm512_mul_ps(a, b)
#define vdiv(a, b)    _mm512_div_ps(a, b)
#define vfma(a, b, c) _mm512_fmadd_ps(a, b, c) /* a * b + c */
#define vround(v)     _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
/* 2^n for whole numbers n from -126 to 127. */
#define vpow2(n) _mm512_scalef_ps(_mm512_set1_ps(1.0f), n)
/* The second operand comes through when it is not a number. */
#define vmax(limit, v) _mm512_max_ps(limit, v)
#define vmin(limit, v) _mm512_min_ps(limit, v)
/* Either one comes through when it is not a number. */
#define vlarger(a, b) _mm512_mask_mov_ps(_mm512_max_ps(b, a), _mm512_cmp_ps_mask(b, b, _CMP_UNORD_Q), b)
#define vsum(v)       _mm512_reduce_add_ps(v)

/* The first n of a vector, 0 <= n <= VEC; the others are zero and their memory is not touched. */
static inline __mmask16 vmask(int32_t n)
{
    return (__mmask16)((1u << n) - 1u);
}
#define vload_first(p, n)     _mm512_maskz_loadu_ps(vmask(n), p)
#define vstore_first(p, n, v) _mm512_mask_storeu_ps(p, vmask(n), v)

#endif
