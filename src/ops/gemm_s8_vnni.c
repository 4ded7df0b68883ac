/* SPDX-License-Identifier: MIT */
/* AVX-512 VNNI: tiles of 6 x 64, 12 x 32 and 12 x 16. VPDPBUSD multiplies unsigned by signed bytes: x + 128,
 * which is x with its highest bit turned over, by w; the panel tells what that is too much. Sums are exact modulo 2^32.
 */
#include "core/port.h"
#include "ops/gemm_s8_avx512.h"

enum { ROWS = 12, TILE = 6 * 64 };

/* A row, the base register it is addressed from, and its distance from there. */
#define EACH_ROW(DO)                                                                                                   \
    DO(0, x0, 0);                                                                                                      \
    DO(1, x0, 1);                                                                                                      \
    DO(2, x0, 2);                                                                                                      \
    DO(3, x3, 0);                                                                                                      \
    DO(4, x3, 1);                                                                                                      \
    DO(5, x3, 2);                                                                                                      \
    DO(6, x6, 0);                                                                                                      \
    DO(7, x6, 1);                                                                                                      \
    DO(8, x6, 2);                                                                                                      \
    DO(9, x9, 0);                                                                                                      \
    DO(10, x9, 1);                                                                                                     \
    DO(11, x9, 2)

/* Sums of a row in up to four vectors; those past `rows` and `vecs` are constants that vanish. */
#define ROW_DECLARE(row, base, at)                                                                                     \
    __m512i a##row = c->bias[0], b##row = c->bias[1], c##row = c->bias[2], d##row = c->bias[3]
#define ROW_STEP(row, base, at)                                                                                        \
    if (rows > row) {                                                                                                  \
        const __m512i signed_x = load_group(base + at * ldx),                                                          \
                      x = turned ? signed_x : _mm512_xor_si512(signed_x, sign);                                        \
        a##row = _mm512_dpbusd_epi32(a##row, x, w0);                                                                   \
        if (vecs > 1)                                                                                                  \
            b##row = _mm512_dpbusd_epi32(b##row, x, w1);                                                               \
        if (vecs > 2)                                                                                                  \
            c##row = _mm512_dpbusd_epi32(c##row, x, w2);                                                               \
        if (vecs > 3)                                                                                                  \
            d##row = _mm512_dpbusd_epi32(d##row, x, w3);                                                               \
    }
#define ROW_STORE(row, base, at)                                                                                       \
    if (rows > row) {                                                                                                  \
        __m512i *s = sums + row * vecs;                                                                                \
        s[0] = a##row;                                                                                                 \
        if (vecs > 1)                                                                                                  \
            s[1] = b##row;                                                                                             \
        if (vecs > 2)                                                                                                  \
            s[2] = c##row;                                                                                             \
        if (vecs > 3)                                                                                                  \
            s[3] = d##row;                                                                                             \
    }
#define ROW_SUMS(row, base, at)                                                                                        \
    if (rows > row) {                                                                                                  \
        int32_t *to = y32 + row * (ptrdiff_t)a->ldy;                                                                   \
        _mm512_mask_storeu_epi32(to, first16(c->count), a##row);                                                       \
        if (vecs > 1)                                                                                                  \
            _mm512_mask_storeu_epi32(to + NR, first16(c->count - NR), b##row);                                         \
        if (vecs > 2)                                                                                                  \
            _mm512_mask_storeu_epi32(to + 2 * NR, first16(c->count - 2 * NR), c##row);                                 \
        if (vecs > 3)                                                                                                  \
            _mm512_mask_storeu_epi32(to + 3 * NR, first16(c->count - 3 * NR), d##row);                                 \
    }
/* 64 columns need not pass through memory. */
#define ROW_FINISH(row, base, at)                                                                                      \
    if (rows > row) {                                                                                                  \
        const __m512i s = clamp64(RESULT(a##row, 0), RESULT(b##row, 1), RESULT(c##row, 2), RESULT(d##row, 3), limits); \
        _mm512_mask_storeu_epi8(y + row * a->ldy, first64(c->count), in_order(s));                                     \
    }
#define ROW_FINISH_TWICE(row, base, at)                                                                                \
    if (rows > row) {                                                                                                  \
        const __m512i s =                                                                                              \
            clamp64_of_twice(TWICE(a##row, 0), TWICE(b##row, 1), TWICE(c##row, 2), TWICE(d##row, 3), limits);          \
        _mm512_mask_storeu_epi8(y + row * a->ldy, first64(c->count), in_order(s));                                     \
    }
#define RESULT(sum, v) scale16(sum, c->mul[v], c->odd[v], shift)
#define TWICE(sum, v)  twice16(sum, c->mul[v], c->odd[v])
#define STEP                                                                                                           \
    do {                                                                                                               \
        const __m512i w0 = _mm512_loadu_si512(w), w1 = vecs > 1 ? _mm512_loadu_si512(w + panel) : w0,                  \
                      w2 = vecs > 2 ? _mm512_loadu_si512(w + 2 * panel) : w0,                                          \
                      w3 = vecs > 3 ? _mm512_loadu_si512(w + 3 * panel) : w0;                                          \
        EACH_ROW(ROW_STEP);                                                                                            \
        TVIS_PREFETCH((const void *)next.next);                                                                        \
        next.next += next.step;                                                                                        \
    } while (0)

/* GROUP bytes, in each place of a vector. */
static inline __m512i load_group(const int8_t *x)
{
    return _mm512_broadcastd_epi32(_mm_loadu_si32(x));
}

/* Rows [first, end), which all panels take before the next ones. turned: x with the highest bits turned over already,
 * the first row at its beginning; or NULL. */
typedef struct block {
    int32_t first, end;
    const int8_t *turned;
} block;

/* Where a tile asks for the next panels, for weights from beyond the second-level cache: a share, `step` bytes with
 * each step of k; all tiles together ask for all. */
typedef struct ahead {
    uintptr_t next;
    size_t step;
} ahead;

static inline ahead ahead_of(const block *b, int32_t k, int32_t i, const int8_t *w, size_t bytes, int32_t rows)
{
    enum { LEAST = 256 }; /* of k: shorter ones are not worth the setting up */
    if (k < LEAST)
        return (ahead){ (uintptr_t)w, 0 };
    const int32_t tiles = (b->end - b->first) / rows, shares = tiles >= 16 ? 16 : tiles >= 8 ? 8 : tiles >= 4 ? 4 : 1;
    const size_t share = bytes / (size_t)shares;
    return (ahead){ (uintptr_t)w + bytes + share * (size_t)((i - b->first) / rows % shares),
                    share / (size_t)(k / GROUP) };
}

/* Bias and sums of x[i … i + rows) and `vecs` panels from w on: a row after the other in `sums`. Or, true: the results
 * in y. One loop for both: with two, GCC 12 keeps the sums in memory. */
TVIS_INLINE bool multiply(const tvis_gemm_s8_args *a, const columns *c, const block *b, int32_t i, const int8_t *w,
                          __m512i *sums, const int rows, const int vecs, const bool turned)
{
    const ptrdiff_t ldx = a->ldx, panel = (ptrdiff_t)tvis_gemm_s8_panel(a->k, GROUP, NR);
    const __m512i sign = _mm512_set1_epi8(-128);
    const int8_t *x0 = turned ? b->turned + (i - b->first) * ldx : a->x + i * ldx;
    const int8_t *x3 = rows > 3 ? x0 + 3 * ldx : x0, *x6 = rows > 6 ? x3 + 3 * ldx : x0,
                 *x9 = rows > 9 ? x6 + 3 * ldx : x0;
    EACH_ROW(ROW_DECLARE);
    ahead next = ahead_of(b, a->k, i, w, (size_t)(vecs * panel), rows);
    const int32_t line = a->run ? a->run : a->k;
    for (int32_t left = a->k;; left -= line) {
        for (int32_t p = line; p >= GROUP;
             p -= GROUP, w += GROUP * NR, x0 += GROUP, x3 += GROUP, x6 += GROUP, x9 += GROUP)
            STEP;
        if (left <= line)
            break;
        x0 += a->gap;
        x3 += a->gap;
        x6 += a->gap;
        x9 += a->gap;
    }
    if (a->k % GROUP) {
        const int32_t back = GROUP - a->k % GROUP;
        x0 -= back;
        x3 -= back;
        x6 -= back;
        x9 -= back;
        STEP;
    }
    if (a->y32) {
        int32_t *y32 = a->y32 + (ptrdiff_t)i * a->ldy + c->j;
        EACH_ROW(ROW_SUMS);
        return true;
    }
    if (vecs == 4 && c->twice) {
        const limits64 limits = limits64_of_twice(&a->q);
        int8_t *y = a->y + (ptrdiff_t)i * a->ldy + c->j;
        EACH_ROW(ROW_FINISH_TWICE);
        return true;
    }
    if (vecs == 4 && !a->add) {
        const limits64 limits = limits64_of(&a->q);
        const __m512i shift = _mm512_set1_epi32(a->q.shift);
        int8_t *y = a->y + (ptrdiff_t)i * a->ldy + c->j;
        EACH_ROW(ROW_FINISH);
        return true;
    }
    EACH_ROW(ROW_STORE);
    return false;
}

/* How sums become bytes: as they are, with what is added, or by doubled multipliers. */
typedef enum form { PLAIN, ADDED, TWICE_AS_LARGE } form;

/* 64 results at a time: four vectors of sums, or as many as there are more than once. */
TVIS_INLINE void store_bytes(const tvis_gemm_s8_args *a, const columns *c, int32_t i, const __m512i *sums,
                             const int rows, const int vecs, const form as)
{
#define RESULT_OF(q) result(a, c, sums[(q) % all], i + r + (q) % all / vecs, (q) % vecs, as == ADDED)
#define TWICE_OF(q)  twice16(sums[(q) % all], c->mul[(q) % vecs], c->odd[(q) % vecs])
    const int all = rows * vecs;
    const limits64 limits = as == TWICE_AS_LARGE ? limits64_of_twice(&a->q) : limits64_of(&a->q);
    const __mmask64 mask = first64(c->count);
    for (int r = 0; r < rows; r += 4 / vecs, sums += 4) {
        const __m512i v = as == TWICE_AS_LARGE
                              ? clamp64_of_twice(TWICE_OF(0), TWICE_OF(1), TWICE_OF(2), TWICE_OF(3), limits)
                              : clamp64(RESULT_OF(0), RESULT_OF(1), RESULT_OF(2), RESULT_OF(3), limits);
        store_rows(a->y + (ptrdiff_t)(i + r) * a->ldy + c->j, a->ldy, rows - r, mask, in_order(v), vecs);
    }
#undef RESULT_OF
#undef TWICE_OF
}

TVIS_INLINE void tile(const tvis_gemm_s8_args *a, const columns *c, const block *b, int32_t i, const int8_t *w,
                      const int rows, const int vecs, const bool turned)
{
    __m512i sums[TILE / 16];
    if (multiply(a, c, b, i, w, sums, rows, vecs, turned))
        return;
    if (a->add)
        store_bytes(a, c, i, sums, rows, vecs, ADDED);
    else if (vecs < 4 && c->twice)
        store_bytes(a, c, i, sums, rows, vecs, TWICE_AS_LARGE);
    else if (vecs < 4)
        store_bytes(a, c, i, sums, rows, vecs, PLAIN);
}

/* One function for each tile: what is common to all tiles would otherwise take the registers of the sums. */
#define TILE_AS(name, rows, vecs, turned)                                                                              \
    static void name(const tvis_gemm_s8_args *a, const columns *c, const block *b, int32_t i, const int8_t *w)         \
    {                                                                                                                  \
        tile(a, c, b, i, w, rows, vecs, turned);                                                                       \
    }
#define TILE_OF(rows, vecs) TILE_AS(tile_##rows##_##vecs, rows, vecs, false)
TILE_OF(12, 1)
TILE_OF(4, 1)
TILE_OF(2, 1)
TILE_OF(1, 1)
TILE_OF(12, 2)
TILE_OF(4, 2)
TILE_OF(2, 2)
TILE_OF(1, 2)
TILE_OF(6, 4)
TILE_OF(4, 4)
TILE_OF(2, 4)
TILE_OF(1, 4)
TILE_AS(turned_6, 6, 4, true)
TILE_AS(turned_4, 4, 4, true)
TILE_AS(turned_2, 2, 4, true)
TILE_AS(turned_1, 1, 4, true)

/* `vecs` panels at a time, with tiles for these numbers of rows. */
typedef struct width {
    int32_t vecs, rows[4];
    void (*tile[4])(const tvis_gemm_s8_args *a, const columns *c, const block *b, int32_t i, const int8_t *w);
} width;

static const width widths[] = { { 1, { 12, 4, 2, 1 }, { tile_12_1, tile_4_1, tile_2_1, tile_1_1 } },
                                { 2, { 12, 4, 2, 1 }, { tile_12_2, tile_4_2, tile_2_2, tile_1_2 } },
                                { 4, { 6, 4, 2, 1 }, { tile_6_4, tile_4_4, tile_2_4, tile_1_4 } },
                                { 4, { 6, 4, 2, 1 }, { turned_6, turned_4, turned_2, turned_1 } } };

/* The widest that reads no panel that isn't there. */
static const width *width_for(int32_t columns_left, const block *b)
{
    return &widths[columns_left > 3 * NR ? (b->turned ? 3 : 2) : columns_left > NR ? 1 : 0];
}

/* The panels from column j on; the tallest tiles first. */
static void rows_of(const tvis_gemm_s8_args *a, const block *b, const width *by, int32_t j)
{
    const int8_t *w = a->w + (size_t)(j / NR) * tvis_gemm_s8_panel(a->k, GROUP, NR);
    const columns c = columns_of(a, w, j, by->vecs, !a->add);
    int32_t i = b->first;
    for (int t = 0; t < 4; t++)
        for (; b->end - i >= by->rows[t]; i += by->rows[t])
            by->tile[t](a, &c, b, i, w);
}

static void run_block(const tvis_gemm_s8_args *a, const block *b)
{
    for (int32_t j = 0; j < a->n;) {
        const width *by = width_for(a->n - j, b);
        rows_of(a, b, by, j);
        j += by->vecs * NR;
    }
}

/* Rows of x that stay in the second-level cache while the panels pass. */
static int32_t block_rows(const tvis_gemm_s8_args *a)
{
    enum { BYTES = 1 << 17, LEAST = 96 };
    const int32_t rows = BYTES / a->k / ROWS * ROWS;
    return rows < LEAST ? LEAST : rows;
}

/* Turning the highest bits of x over in every step takes a fifth of the time. It is done once for all panels where a
 * block of rows fits this many bytes of the stack and is large enough for the weights to pass. */
enum { TURNED = 1 << 16, LEAST_TURNED = 24 };

/* Rows of such a block, or 0. */
static int32_t turned_rows(const tvis_gemm_s8_args *a)
{
    if (a->n <= 3 * NR || a->m < LEAST_TURNED)
        return 0;
    if (a->run)
        return (int64_t)(a->m - 1) * a->ldx + a->k + (int64_t)(a->k / a->run - 1) * a->gap <= TURNED ? a->m : 0;
    const int32_t rows = a->ldx == a->k ? TURNED / a->k / ROWS * ROWS : 0;
    return rows < LEAST_TURNED ? 0 : rows;
}

static void turn(const int8_t *x, size_t bytes, int8_t *out)
{
    const __m512i sign = _mm512_set1_epi8(-128);
    for (; bytes > 64; bytes -= 64, x += 64, out += 64)
        _mm512_storeu_si512(out, _mm512_xor_si512(_mm512_loadu_si512(x), sign));
    const __mmask64 mask = first64((int32_t)bytes);
    _mm512_mask_storeu_epi8(out, mask, _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, x), sign));
}

static void run_turned(const tvis_gemm_s8_args *a, int32_t rows)
{
    int8_t x[TURNED];
    block b = { .turned = x };
    for (b.first = 0; b.first < a->m; b.first = b.end) {
        b.end = a->m - b.first < rows ? a->m : b.first + rows;
        const size_t gaps = a->run ? (size_t)(a->k / a->run - 1) * (size_t)a->gap : 0;
        turn(a->x + (ptrdiff_t)b.first * a->ldx, (size_t)(b.end - b.first - 1) * (size_t)a->ldx + (size_t)a->k + gaps,
             x);
        run_block(a, &b);
    }
}

void tvis_gemm_s8_6x64_vnni(const tvis_gemm_s8_args *a)
{
    if (a->k < GROUP) {
        tvis_gemm_s8_short(a, GROUP, tvis_gemm_s8_6x64_vnni);
        return;
    }
    const int32_t turned = turned_rows(a), rows = block_rows(a);
    if (turned) {
        run_turned(a, turned);
        return;
    }
    block b = { 0 };
    for (b.first = 0; b.first < a->m; b.first = b.end) {
        b.end = a->m - b.first < rows ? a->m : b.first + rows;
        run_block(a, &b);
    }
}
