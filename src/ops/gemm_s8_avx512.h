/* SPDX-License-Identifier: MIT */
/* What the kernels of AVX-512 for groups of 4 and panels of 16 do with a tile's sums. */
#ifndef TVIS_OPS_GEMM_S8_AVX512_H
#define TVIS_OPS_GEMM_S8_AVX512_H

#include "core/port.h"
#include "ops/gemm_s8.h"
#include "ops/requant_avx512.h"

enum { GROUP = 4, NR = 16 };

/* What a tile's columns need to become results: `vecs` vectors from column j on. bias: with the correction of panels
 * from w on, or, where w is NULL, without. twice: multipliers may be doubled. */
typedef struct columns {
    __m512i bias[4], mul[4], odd[4];
    int32_t j, count;
    bool twice; /* mul is what twice16() takes */
} columns;

static inline columns columns_of(const tvis_gemm_s8_args *a, const int8_t *w, int32_t j, int32_t vecs, bool twice)
{
    const size_t panel = tvis_gemm_s8_panel(a->k, GROUP, NR);
    columns c = { .j = j, .count = a->n - j < vecs * NR ? a->n - j : vecs * NR, .twice = twice };
    for (int32_t v = 0; v < vecs; v++) {
        const __mmask16 mask = first16(c.count - v * NR);
        const int32_t at = j + v * NR;
        c.bias[v] = w ? _mm512_loadu_si512(w + (size_t)(v + 1) * panel - NR * sizeof(int32_t)) : _mm512_setzero_si512();
        if (a->bias)
            c.bias[v] = _mm512_add_epi32(c.bias[v], _mm512_maskz_loadu_epi32(mask, a->bias + at));
        if (a->y32)
            continue;
        c.mul[v] = _mm512_maskz_loadu_epi32(mask, a->q.mul + at);
        c.twice = c.twice && doubles(c.mul[v], a->q.shift);
    }
    if (a->y32)
        return c;
    for (int32_t v = 0; v < vecs; v++) {
        c.mul[v] = c.twice ? doubled(c.mul[v], a->q.shift) : c.mul[v];
        c.odd[v] = odd16(c.mul[v]);
    }
    return c;
}

static inline __mmask64 first64(int32_t n)
{
    return ~(__mmask64)0 >> (64 - n); /* 0 < n <= 64 */
}

/* R(sum), and R(what is added) with it. */
TVIS_INLINE __m512i result(const tvis_gemm_s8_args *a, const columns *c, __m512i sum, ptrdiff_t row, int v,
                           const bool add)
{
    const __m512i s = scale16(sum, c->mul[v], c->odd[v], _mm512_set1_epi32(a->q.shift));
    if (!add)
        return s;
    const int8_t *at = a->add + row * a->ldy + c->j + v * NR;
    const __m512i x = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(first16(c->count - v * NR), at));
    const __m512i mul = _mm512_set1_epi32(a->add_q.mul), zero = _mm512_set1_epi32(a->add_q.zero);
    return _mm512_add_epi32(s, scale16(_mm512_sub_epi32(x, zero), mul, mul, _mm512_set1_epi32(a->add_q.shift)));
}

/* The rows that 64 results belong to. */
TVIS_INLINE void store_rows(int8_t *y, ptrdiff_t ldy, int32_t rows, __mmask64 mask, __m512i v, const int vecs)
{
    if (vecs == 4) {
        _mm512_mask_storeu_epi8(y, mask, v);
    } else if (vecs == 2) {
        _mm256_mask_storeu_epi8(y, (__mmask32)mask, _mm512_castsi512_si256(v));
        if (rows > 1)
            _mm256_mask_storeu_epi8(y + ldy, (__mmask32)mask, _mm512_extracti64x4_epi64(v, 1));
    } else {
        _mm_mask_storeu_epi8(y, (__mmask16)mask, _mm512_castsi512_si128(v));
        if (rows > 1)
            _mm_mask_storeu_epi8(y + ldy, (__mmask16)mask, _mm512_extracti32x4_epi32(v, 1));
        if (rows > 2)
            _mm_mask_storeu_epi8(y + 2 * ldy, (__mmask16)mask, _mm512_extracti32x4_epi32(v, 2));
        if (rows > 3)
            _mm_mask_storeu_epi8(y + 3 * ldy, (__mmask16)mask, _mm512_extracti32x4_epi32(v, 3));
    }
}

#endif
