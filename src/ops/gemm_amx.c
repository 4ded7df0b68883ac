/* SPDX-License-Identifier: MIT */
/* AMX-BF16: TDPBF16PS multiplies tiles of 16 x 32 and 32 x 16 factors of bfloat16 (8 bits, rounded to nearest even,
 * denormals to 0) and adds in floats. Weights are panels of 32 floats, as AVX-512 reads them, and rounded for each
 * block of rows. k is taken in chunks, whose sums meet in y: where they are cut depends on k only, and so the bits of
 * an element on its row of x and its column only. */
#include "ops/gemm.h"
#include "core/port.h"

#if TVIS_AMX
#include "ops/amx.h"

/* Less depth than LEAST_DEPTH is not worth the rounding. */
enum { VEC = 16, NR = 2 * VEC, DEPTH = 256, BLOCK = 256, TILE = 32, LEAST_DEPTH = 40 };

typedef struct factors {
    uint16_t x[BLOCK * DEPTH];   /* rows of DEPTH, or lines */
    uint16_t w[2 * DEPTH * VEC]; /* (2, DEPTH / 2, 16, 2): of each 16 columns pairs of k */
} factors;

/* The first n of 16, n of any size. */
static inline __mmask16 first16(int32_t n)
{
    return (__mmask16)(n >= 16 ? 0xffff : n < 0 ? 0 : (1u << n) - 1u);
}

static void round_row(const float *x, int32_t count, uint16_t *out)
{
    for (; count > 0; count -= VEC, x += VEC, out += VEC) {
        const __mmask16 mask = first16(count);
        const __m256bh v = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, x));
        _mm256_mask_storeu_epi16(out, mask, (__m256i)v);
    }
}

/* k from k0 on of `rows` rows, with zeros up to `depth`. */
static void round_x(const tvis_gemm_f32_args *a, int32_t i, int32_t rows, int32_t k0, int32_t count, int32_t depth,
                    uint16_t *out)
{
    const int32_t run = a->run ? a->run : a->k;
    const float *x = a->x + (ptrdiff_t)i * a->ldx;
    for (; rows > 0; rows--, x += a->ldx, out += DEPTH) {
        for (int32_t p = 0, some; p < count; p += some) {
            const int32_t line = (k0 + p) / run, left = run * (line + 1) - (k0 + p);
            some = left < count - p ? left : count - p;
            round_row(x + k0 + p + (ptrdiff_t)line * a->gap, some, out + p);
        }
        memset(out + count, 0, (size_t)(depth - count) * sizeof *out);
    }
}

/* Two rows of a panel to pairs. */
TVIS_INLINE void round_pairs(const float *w, const float *next, const int vecs, uint16_t *out)
{
    const __m512i pairs = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    for (int v = 0; v < vecs; v++, w += VEC, next += VEC, out += DEPTH * VEC) {
        const __m512bh rounded = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(next), _mm512_loadu_ps(w));
        _mm512_storeu_si512(out, _mm512_permutexvar_epi16(pairs, (__m512i)rounded));
    }
}

/* The same of a panel's columns. */
TVIS_INLINE void round_w(const float *w, const int vecs, int32_t count, int32_t depth, uint16_t *out)
{
    static const float zeros[NR];
    int32_t p = 0;
    for (; p + 1 < count; p += 2, w += 2 * NR, out += 2 * VEC)
        round_pairs(w, w + NR, vecs, out);
    for (; p < depth; p += 2, w = zeros, out += 2 * VEC)
        round_pairs(p < count ? w : zeros, zeros, vecs, out);
}

/* A tile of y: up to TILE rows from i on, up to NR columns from j on. */
typedef struct tile {
    int32_t i, j, rows, vecs;
} tile;

/* A part of k: the first one begins with bias and add, the last one is clamped. */
typedef struct chunk {
    int32_t first, count, depth; /* depth: count, up to a multiple of 32 */
    const uint16_t *x;           /* rows of them, `pitch` apart; after `left` and then each `run` of them a gap */
    ptrdiff_t pitch, gap;
    int32_t left, run;
} chunk;

/* A tile's sums. row: counted from k->x on. */
static void multiply(const factors *f, const tile *t, const chunk *k, int32_t row)
{
    const ptrdiff_t pitch = k->pitch * (ptrdiff_t)sizeof *k->x;
    const uint16_t *x0 = k->x + row * k->pitch, *x1 = x0 + TILE_ROWS * k->pitch, *w = f->w;
    int32_t left = k->left;
    const bool high = t->rows > TILE_ROWS, wide = t->vecs > 1;
    _tile_zero(SUMS_00);
    _tile_zero(SUMS_01);
    _tile_zero(SUMS_10);
    _tile_zero(SUMS_11);
    for (int32_t p = 0; p < k->depth; p += 32, x0 += 32, x1 += 32, w += 32 * VEC, left -= 32) {
        if (left == 0) {
            x0 += k->gap;
            x1 += k->gap;
            left = k->run;
        }
        _tile_loadd(W0, w, TILE_BYTES);
        _tile_loadd(X0, x0, pitch);
        _tile_dpbf16ps(SUMS_00, X0, W0);
        if (wide) {
            _tile_loadd(W1, w + DEPTH * VEC, TILE_BYTES);
            _tile_dpbf16ps(SUMS_01, X0, W1);
        }
        if (high) {
            _tile_loadd(X1, x1, pitch);
            _tile_dpbf16ps(SUMS_10, X1, W0);
        }
        if (high && wide)
            _tile_dpbf16ps(SUMS_11, X1, W1);
    }
}

/* To rows of NR. */
static void store_sums(const tile *t, float *sums)
{
    enum { PITCH = NR * (int)sizeof(float) };
    memory_is_read();
    _tile_stored(SUMS_00, sums, PITCH);
    if (t->vecs > 1)
        _tile_stored(SUMS_01, sums + VEC, PITCH);
    if (t->rows > TILE_ROWS)
        _tile_stored(SUMS_10, sums + TILE_ROWS * NR, PITCH);
    if (t->rows > TILE_ROWS && t->vecs > 1)
        _tile_stored(SUMS_11, sums + TILE_ROWS * NR + VEC, PITCH);
    memory_is_read();
}

static void finish(const tvis_gemm_f32_args *a, const tile *t, const chunk *k, const float *sums)
{
    const bool first = k->first == 0, last = k->first + k->count == a->k;
    const __m512 lo = _mm512_set1_ps(a->lo), hi = _mm512_set1_ps(a->hi);
    const float *before = first ? a->add : a->y;
    for (int32_t j = t->j; j < t->j + t->vecs * VEC; j += VEC, sums += VEC) {
        const __mmask16 mask = first16(a->n - j);
        const __m512 bias = a->bias && first ? _mm512_maskz_loadu_ps(mask, a->bias + j) : _mm512_setzero_ps();
        for (int32_t r = 0; r < t->rows; r++) {
            const ptrdiff_t at = (ptrdiff_t)(t->i + r) * a->ldy + j;
            __m512 s = _mm512_add_ps(bias, _mm512_loadu_ps(sums + r * NR));
            if (before)
                s = _mm512_add_ps(s, _mm512_maskz_loadu_ps(mask, before + at));
            if (last)
                s = _mm512_min_ps(hi, _mm512_max_ps(lo, s));
            _mm512_mask_storeu_ps(a->y + at, mask, s);
        }
    }
}

static void round_panel(const tvis_gemm_f32_args *a, int32_t j, const chunk *k, uint16_t *out)
{
    const float *w = a->w + (ptrdiff_t)j * a->k + (ptrdiff_t)k->first * NR;
    if (a->n - j > VEC)
        round_w(w, 2, k->count, k->depth, out);
    else
        round_w(w, 1, k->count, k->depth, out);
}

/* Rows [i, end). A tile is finished while the next one's products are under way. */
static void run_chunk(const tvis_gemm_f32_args *a, int32_t i, int32_t end, const chunk *k, factors *f)
{
    float sums[TILE * NR];
    tile before = { 0 };
    for (int32_t j = 0; j < a->n; j += NR) {
        round_panel(a, j, k, f->w);
        memory_is_read();
        for (int32_t r = i; r < end; r += TILE) {
            const tile now = { r, j, end - r < TILE ? end - r : TILE, a->n - j > VEC ? 2 : 1 };
            multiply(f, &now, k, r - i);
            finish(a, &before, k, sums);
            store_sums(&now, sums);
            before = now;
        }
    }
    finish(a, &before, k, sums);
}

static chunk chunk_at(const tvis_gemm_f32_args *a, int32_t first)
{
    const int32_t count = a->k - first < DEPTH ? a->k - first : DEPTH;
    return (chunk){ .first = first, .count = count, .depth = (count + 31) / 32 * 32 };
}

/* Lines are rounded once for all rows that share them, where whole steps of 32 fit them: they have `length` each. */
static void run_lines(const tvis_gemm_f32_args *a, int32_t length, factors *f)
{
    for (int32_t line = 0; line < a->k / a->run; line++)
        round_row(a->x + (ptrdiff_t)line * (a->run + a->gap), length, f->x + line * length);
    for (int32_t p = 0; p < a->k; p += DEPTH) {
        const int32_t line = p / a->run, at = p % a->run;
        chunk k = chunk_at(a, p);
        k.x = f->x + line * length + at;
        k.pitch = a->ldx;
        k.gap = length - a->run;
        k.left = a->run - at;
        k.run = a->run;
        run_chunk(a, 0, a->m, &k, f);
    }
}

static void run_rows(const tvis_gemm_f32_args *a, factors *f)
{
    const int32_t blocks = (a->m - 1) / BLOCK + 1, rows = ((a->m - 1) / blocks / TILE + 1) * TILE;
    for (int32_t i = 0; i < a->m; i += rows)
        for (int32_t p = 0; p < a->k; p += DEPTH) {
            const int32_t end = a->m - i < rows ? a->m : i + rows;
            chunk k = chunk_at(a, p);
            k.x = f->x;
            k.pitch = DEPTH;
            k.left = k.run = DEPTH;
            round_x(a, i, end - i, p, k.count, k.depth, f->x);
            run_chunk(a, i, end, &k, f);
        }
}

void tvis_gemm_f32_32x32_amx(const tvis_gemm_f32_args *a)
{
    if (a->k < LEAST_DEPTH) {
        tvis_gemm_f32_12x32_avx512(a);
        return;
    }
    factors f;
    const int64_t length = a->run ? (int64_t)(a->m - 1) * a->ldx + a->run : 0;
    /* A tile may read past the last row: as many of them as it has. */
    const int64_t room = length * (a->run ? a->k / a->run : 0) + (int64_t)TILE * a->ldx;
    configure_tiles(TILE_ROWS, TILE_DEPTH);
    if (a->run && a->run % 32 == 0 && room <= BLOCK * DEPTH)
        run_lines(a, (int32_t)length, &f);
    else
        run_rows(a, &f);
    _tile_release();
}
#endif
