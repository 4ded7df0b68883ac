/* SPDX-License-Identifier: MIT */
/* AMX: weights are upper and lower bytes without a sign, values bytes with one, which TDPBUSD multiplies, 64 keys at a
 * time. */
#include "ops/attention_s8.h"

#if TVIS_AMX
#include "ops/amx.h"
#include "ops/attention_s8_avx512.h"

#define QUERIES  32
#define CHANNELS 32
#define multiply tvis_gemm_s8_32x32_amx
#include "ops/attention_s8_vec.h"

enum { CHUNK = 64, KEYS = TVIS_ATTENTION_S8_BLOCK, TILE = TILE_ROWS * TILE_BYTES };

/* ---- values: for each 64 keys a tile of each 16 channels, keys in groups of 4, with zeros for those past the last
 * ---- */

/* 4 keys, `count` channels of the first `keys`. */
static void pack_group(const int8_t *v, ptrdiff_t ld, int32_t keys, int32_t count, int8_t *out)
{
    const __mmask16 mask = first16(count);
    __m128i x[4];
    for (int32_t r = 0; r < 4; r++)
        x[r] = r < keys ? _mm_maskz_loadu_epi8(mask, v + r * ld) : _mm_setzero_si128();
    const __m128i low01 = _mm_unpacklo_epi8(x[0], x[1]), high01 = _mm_unpackhi_epi8(x[0], x[1]),
                  low23 = _mm_unpacklo_epi8(x[2], x[3]), high23 = _mm_unpackhi_epi8(x[2], x[3]);
    __m128i *to = (__m128i *)(void *)out;
    _mm_storeu_si128(to, _mm_unpacklo_epi16(low01, low23));
    _mm_storeu_si128(to + 1, _mm_unpackhi_epi16(low01, low23));
    _mm_storeu_si128(to + 2, _mm_unpacklo_epi16(high01, high23));
    _mm_storeu_si128(to + 3, _mm_unpackhi_epi16(high01, high23));
}

static void prepare_values(const tvis_attention_s8_args *a, const tvis_attention_s8_places *p)
{
    int8_t *out = (int8_t *)a->scratch + p->v;
    for (int32_t chunk = 0; chunk < p->keys; chunk += CHUNK)
        for (int32_t i = 0; i < p->channels; i += TILE_ROWS)
            for (int32_t j = chunk; j < chunk + CHUNK; j += 4, out += TILE_BYTES)
                pack_group(a->v + (j < a->keys ? (ptrdiff_t)j * a->ld + i : 0), a->ld, a->keys - j,
                           j < a->keys ? a->d - i : 0, out);
}

/* ---- weights times values ---- */

/* Bytes of the weights of a block of keys. */
typedef struct halves {
    uint8_t upper[QUERIES * KEYS], lower[QUERIES * KEYS];
} halves;

/* Weights less 2^15 to bytes of weights, for a multiple of 64 keys: those past `keys` meet zeros. */
static void take_apart(const int16_t *e, int32_t keys, uint8_t *upper, uint8_t *lower)
{
    const __m512i sign = _mm512_set1_epi16(INT16_MIN), low = _mm512_set1_epi16(0xff);
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    for (int32_t j = 0; j < keys; j += CHUNK) {
        const int32_t left = keys - j;
        const __mmask32 second = left >= CHUNK ? ~0u : left > 32 ? (1u << (left - 32)) - 1u : 0;
        const __mmask32 first = left >= 32 ? ~0u : (1u << left) - 1u;
        const __m512i a = _mm512_xor_si512(_mm512_maskz_loadu_epi16(first, e + j), sign);
        const __m512i b = _mm512_xor_si512(_mm512_maskz_loadu_epi16(second, e + j + 32), sign);
        const __m512i high = _mm512_packus_epi16(_mm512_srli_epi16(a, 8), _mm512_srli_epi16(b, 8));
        _mm512_storeu_si512(upper + j, _mm512_permutexvar_epi64(order, high));
        _mm512_storeu_si512(lower + j, _mm512_permutexvar_epi64(order, _mm512_packus_epi16(_mm512_and_si512(a, low),
                                                                                           _mm512_and_si512(b, low))));
    }
}

/* Rows of bytes, KEYS apart, times `chunks` chunks of two tiles of values, `next` apart: 32 sums a row. */
static void product(const uint8_t *e, const int8_t *v, ptrdiff_t next, int32_t chunks, int32_t rows, int32_t *sums)
{
    const ptrdiff_t pitch = CHANNELS * (ptrdiff_t)sizeof *sums;
    _tile_zero(SUMS_00);
    _tile_zero(SUMS_01);
    _tile_zero(SUMS_10);
    _tile_zero(SUMS_11);
    for (int32_t i = 0; i < chunks; i++, e += CHUNK, v += next) {
        _tile_loadd(W0, v, TILE_BYTES);
        _tile_loadd(W1, v + TILE, TILE_BYTES);
        _tile_loadd(X0, e, KEYS);
        _tile_dpbusd(SUMS_00, X0, W0);
        _tile_dpbusd(SUMS_01, X0, W1);
        if (rows > TILE_ROWS) {
            _tile_loadd(X1, e + TILE_ROWS * KEYS, KEYS);
            _tile_dpbusd(SUMS_10, X1, W0);
            _tile_dpbusd(SUMS_11, X1, W1);
        }
    }
    _tile_stored(SUMS_00, sums, pitch);
    _tile_stored(SUMS_01, sums + LANES, pitch);
    _tile_stored(SUMS_10, sums + TILE_ROWS * CHANNELS, pitch);
    _tile_stored(SUMS_11, sums + TILE_ROWS * CHANNELS + LANES, pitch);
    memory_is_read();
}

static void blend(blender b, const tvis_attention_s8_places *p, int32_t rows)
{
    int32_t upper[QUERIES * CHANNELS], lower[QUERIES * CHANNELS];
    const int8_t *v = (const int8_t *)b.v;
    halves e;
    configure_tiles(TILE_ROWS, TILE_DEPTH);
    for (int32_t j = 0; j < p->keys; j += KEYS) {
        const int32_t keys = block_at(p, j), chunks = (keys + CHUNK - 1) / CHUNK;
        for (int32_t r = 0; r < rows; r++)
            take_apart(b.e + (ptrdiff_t)r * 2 * p->keys + j, keys, e.upper + r * KEYS, e.lower + r * KEYS);
        memory_is_read();
        for (int32_t i = 0; i < p->channels; i += CHANNELS, v += 2 * TILE) {
            const ptrdiff_t next = p->channels / TILE_ROWS * TILE;
            product(e.upper, v, next, chunks, rows, upper);
            product(e.lower, v, next, chunks, rows, lower);
            for (int32_t k = 0; k < rows * CHANNELS; k += LANES)
                istore(lower + k, iadd(iload(lower + k), _mm512_slli_epi32(iload(upper + k), 8)));
            add_block(lower, rows, b.by, b.total + i, p->channels, j == 0);
        }
        v += (ptrdiff_t)(chunks - 1) * (p->channels / TILE_ROWS) * TILE;
    }
    _tile_release();
}

void tvis_attention_s8_prepare_32x32_amx(const tvis_attention_s8_args *a)
{
    prepare(a);
}

void tvis_attention_s8_32x32_amx(const tvis_attention_s8_args *a)
{
    attend(a);
}
#endif
