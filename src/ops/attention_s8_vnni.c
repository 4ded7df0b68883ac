/* SPDX-License-Identifier: MIT */
/* AVX-512 VNNI: VPDPWSSD multiplies weights and values, both of 16 bits, two keys at a time. */
#include "core/port.h"
#include "ops/attention_s8.h"

#define QUERIES  24
#define CHANNELS 32
#define ROWS     12

#include "ops/attention_s8_avx512.h"

/* Pairs of keys side by side, channel by channel. */
static void pack_values(const int8_t *v, ptrdiff_t ld, int16_t *out)
{
    for (int j = 0; j < 16; j += 2, v += 2 * ld, out += 2 * CHANNELS) {
        const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)v),
                      b = _mm256_loadu_si256((const __m256i *)(const void *)(v + ld));
        const __m256i low = _mm256_unpacklo_epi8(a, b), high = _mm256_unpackhi_epi8(a, b);
        _mm512_storeu_si512(out, _mm512_cvtepi8_epi16(_mm256_permute2x128_si256(low, high, 0x20)));
        _mm512_storeu_si512(out + CHANNELS, _mm512_cvtepi8_epi16(_mm256_permute2x128_si256(low, high, 0x31)));
    }
}

/* A row, the base register it is addressed from, and its distance from there. */
#define EACH_ROW(DO)                                                                                                   \
    DO(0, e0, 0)                                                                                                       \
    DO(1, e0, 1)                                                                                                       \
    DO(2, e0, 2)                                                                                                       \
    DO(3, e3, 0)                                                                                                       \
    DO(4, e3, 1)                                                                                                       \
    DO(5, e3, 2)                                                                                                       \
    DO(6, e6, 0)                                                                                                       \
    DO(7, e6, 1)                                                                                                       \
    DO(8, e6, 2)                                                                                                       \
    DO(9, e9, 0)                                                                                                       \
    DO(10, e9, 1)                                                                                                      \
    DO(11, e9, 2)
#define ROW_DECLARE(row, base, at) ivec l##row = iload(start), r##row = iload(start + LANES);
#define ROW_STEP(row, base, at)                                                                                        \
    if (rows > row) {                                                                                                  \
        const ivec x = _mm512_broadcastd_epi32(_mm_loadu_si32(base + at * lde));                                       \
        l##row = _mm512_dpwssd_epi32(l##row, x, left);                                                                 \
        r##row = _mm512_dpwssd_epi32(r##row, x, right);                                                                \
    }
#define ROW_STORE(row, base, at)                                                                                       \
    if (rows > row) {                                                                                                  \
        istore(sums + row * CHANNELS, l##row);                                                                         \
        istore(sums + row * CHANNELS + LANES, r##row);                                                                 \
    }

TVIS_INLINE void product(const int16_t *e, ptrdiff_t lde, const int16_t *v, int32_t keys, const int32_t *start,
                         int32_t *sums, const int rows)
{
    const int16_t *e0 = e, *e3 = rows > 3 ? e0 + 3 * lde : e0, *e6 = rows > 6 ? e3 + 3 * lde : e0,
                  *e9 = rows > 9 ? e6 + 3 * lde : e0;
    EACH_ROW(ROW_DECLARE)
    for (; keys > 0; keys -= 2, v += 2 * CHANNELS, e0 += 2, e3 += 2, e6 += 2, e9 += 2) {
        const ivec left = _mm512_loadu_si512(v), right = _mm512_loadu_si512(v + CHANNELS);
        EACH_ROW(ROW_STEP)
    }
    EACH_ROW(ROW_STORE)
}

#define multiply tvis_gemm_s8_6x64_vnni
#include "ops/attention_s8_vec.h"
#include "ops/attention_s8_values.h"

void tvis_attention_s8_prepare_24x32_vnni(const tvis_attention_s8_args *a)
{
    prepare(a);
}

void tvis_attention_s8_24x32_vnni(const tvis_attention_s8_args *a)
{
    attend(a);
}
