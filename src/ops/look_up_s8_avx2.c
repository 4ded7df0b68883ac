/* SPDX-License-Identifier: MIT */
/* AVX2: VPSHUFB gives 0 for bytes below 0. Of the steps for the values from 0 on, number i subtracts 16 * i, so that
 * steps 0 ... v / 16 see their byte v % 16; entries are the exclusive or of what these give. Values below 0, with the
 * highest bit turned over, have as many steps. */
#include <immintrin.h>

#include "core/port.h"
#include "ops/look_up_s8.h"

#define BLOCK 32

enum { STEPS = 8 };

typedef __m256i bytes;

typedef struct tables {
    __m256i below[STEPS], above[STEPS]; /* for values below 0, and the others */
} tables;

static inline bytes load_bytes(const int8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline void store_bytes(int8_t *p, bytes v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

static inline void differences(const int8_t *table, __m256i *steps)
{
    __m256i before = _mm256_setzero_si256();
    for (int i = 0; i < STEPS; i++) {
        const __m256i t = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(table + 16 * i)));
        steps[i] = _mm256_xor_si256(t, before);
        before = t;
    }
}

static inline tables tables_of(const int8_t *table)
{
    tables t;
    differences(table, t.below);
    differences(table + 128, t.above);
    return t;
}

static inline bytes found(const tables *t, bytes v)
{
    const __m256i sixteen = _mm256_set1_epi8(16);
    __m256i above = v, below = _mm256_xor_si256(v, _mm256_set1_epi8(-128));
    __m256i y = _mm256_shuffle_epi8(t->above[0], above), z = _mm256_shuffle_epi8(t->below[0], below);
#pragma GCC unroll 8
    for (int i = 1; i < STEPS; i++) {
        above = _mm256_subs_epi8(above, sixteen);
        below = _mm256_subs_epi8(below, sixteen);
        y = _mm256_xor_si256(y, _mm256_shuffle_epi8(t->above[i], above));
        z = _mm256_xor_si256(z, _mm256_shuffle_epi8(t->below[i], below));
    }
    return _mm256_xor_si256(y, z);
}

#include "ops/look_up_s8_vec.h"

void tvis_look_up_s8_32_avx2(const tvis_look_up_s8_args *a)
{
    look_up_all(a);
}
