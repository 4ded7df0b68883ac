/* SPDX-License-Identifier: MIT */
/* AVX-512 VBMI: VPERMI2B finds a byte among 128. */
#include <immintrin.h>

#include "core/port.h"
#include "ops/look_up_s8.h"

#define BLOCK 64

typedef __m512i bytes;

typedef struct tables {
    __m512i below[2], above[2]; /* for values below 0, and the others */
} tables;

static inline bytes load_bytes(const int8_t *p)
{
    return _mm512_loadu_si512(p);
}

static inline void store_bytes(int8_t *p, bytes v)
{
    _mm512_storeu_si512(p, v);
}

static inline tables tables_of(const int8_t *table)
{
    const tables t = { { load_bytes(table), load_bytes(table + 64) },
                       { load_bytes(table + 128), load_bytes(table + 192) } };
    return t;
}

static inline bytes found(const tables *t, bytes v)
{
    const __m512i above = _mm512_permutex2var_epi8(t->above[0], v, t->above[1]);
    const __m512i below = _mm512_permutex2var_epi8(t->below[0], v, t->below[1]);
    return _mm512_mask_mov_epi8(above, _mm512_movepi8_mask(v), below);
}

#include "ops/look_up_s8_vec.h"

void tvis_look_up_s8_64_vbmi(const tvis_look_up_s8_args *a)
{
    look_up_all(a);
}
