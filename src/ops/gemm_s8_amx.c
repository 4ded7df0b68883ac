/* SPDX-License-Identifier: MIT */
/* AMX: a tile of x is 16 rows of up to 16 groups, one of w as many groups of a panel, as they lie in memory. TDPBSSD
 * adds their product to a tile of 16 x 16 sums; two tiles of x and two of w make four products. Signed bytes are
 * multiplied as they are: panels' corrections are not used. */
#include "ops/gemm_s8.h"

#if TVIS_AMX
#include "ops/amx.h"
#include "ops/gemm_s8_avx512.h"

enum { DEEP = TILE_DEPTH, ROWS = TILE_ROWS, PANEL_ROW = TILE_BYTES, BLOCK = 512, LEAST_ROWS = 4, LEAST_DEPTH = 4 };

/* How k is cut: in each of `lines`, `steps` tiles of `depth` groups. Then `rest` groups, the last of a tile: of x it is
 * copied with zeros in front; of w it begins with groups that were multiplied already. */
typedef struct cut {
    int32_t lines, steps, depth, rest;
} cut;

/* What zero point and added bytes come to, for each value of a byte: the lower and the upper bytes of 16 bits. */
typedef struct addends {
    __m512i lower[4], upper[4];
    bool fit; /* all are far from what 16 bits hold: they may be added to what was saturated */
} addends;

static addends addends_of(const tvis_gemm_s8_args *a)
{
    enum { MOST = 8192 };
    const __m512i mul = _mm512_set1_epi32(a->add_q.mul), shift = _mm512_set1_epi32(a->add_q.shift),
                  zero = _mm512_set1_epi32(a->add_q.zero), most = _mm512_set1_epi32(MOST);
    __m512i x = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    int8_t lower[256], upper[256];
    addends t = { .fit = true };
    for (int i = 0; i < 256; i += 16, x = _mm512_add_epi32(x, _mm512_set1_epi32(16))) {
        const __m512i byte = _mm512_cvtepi8_epi32(_mm512_cvtepi32_epi8(x)); /* 0 … 127, -128 … -1 */
        const __m512i v = scale16(_mm512_sub_epi32(byte, zero), mul, mul, shift);
        t.fit = t.fit && _mm512_cmpge_epi32_mask(_mm512_abs_epi32(v), most) == 0;
        const __m512i y = _mm512_add_epi32(v, _mm512_set1_epi32(a->q.zero));
        _mm_storeu_si128((__m128i *)(void *)(lower + i), _mm512_cvtepi32_epi8(y));
        _mm_storeu_si128((__m128i *)(void *)(upper + i), _mm512_cvtepi32_epi8(_mm512_srai_epi32(y, 8)));
    }
    for (int i = 0; i < 4; i++) {
        t.lower[i] = _mm512_loadu_si512(lower + 64 * i);
        t.upper[i] = _mm512_loadu_si512(upper + 64 * i);
    }
    return t;
}

/* Rows [first, end) of x, which all panels take before the next ones, and their rests. A block has 16 rows at least if
 * x has. */
typedef struct block {
    const tvis_gemm_s8_args *a;
    cut by;
    int32_t first, end;
    const int8_t *rest;
    const addends *add; /* or NULL */
} block;

/* The fewest steps that leave no rest, one more than needed at most; false: there are none. */
static bool cut_evenly(int32_t groups, cut *by)
{
    const int32_t fewest = (groups + DEEP - 1) / DEEP;
    for (by->steps = fewest; by->steps <= fewest + 1; by->steps++)
        if (groups % by->steps == 0) {
            by->depth = groups / by->steps;
            return true;
        }
    return false;
}

static bool cut_up(const tvis_gemm_s8_args *a, cut *by)
{
    const int32_t line = a->run ? a->run : a->k, groups = (line + GROUP - 1) / GROUP;
    *by = (cut){ .lines = a->k / line };
    if (line % GROUP == 0 && cut_evenly(groups, by))
        return by->depth >= LEAST_DEPTH || by->lines == 1;
    by->steps = line / GROUP / DEEP;
    by->rest = groups - by->steps * DEEP;
    by->depth = by->steps ? DEEP : by->rest;
    return !a->run;
}

/* Of each row of a block the rest, DEEP groups apart; the last group ends with k. */
static void copy_rests(const block *b, int8_t *out)
{
    const tvis_gemm_s8_args *a = b->a;
    const int32_t bytes = b->by.depth * GROUP, end = (a->k + GROUP - 1) / GROUP * GROUP;
    const __mmask64 last = (__mmask64)0xf << (bytes - GROUP);
    const __mmask64 others = ~(__mmask64)0 << (bytes - b->by.rest * GROUP) & (((__mmask64)1 << (bytes - GROUP)) - 1);
    const int8_t *x = a->x + (ptrdiff_t)b->first * a->ldx;
    for (int32_t i = b->first; i < b->end; i++, x += a->ldx, out += PANEL_ROW) {
        const __m512i whole = _mm512_maskz_loadu_epi8(others, x + (end - bytes));
        _mm512_storeu_si512(out, _mm512_mask_loadu_epi8(whole, last, x + (a->k - bytes)));
    }
}

/* Sums of a tile: of rows of x from `row` on and, where it is two tiles high, from `next` on, in `vecs` panels. Rows
 * before i, which next may have, are others' results. */
typedef struct sums {
    int32_t row, next, i, end, j, vecs;
    bool high;
    const columns *c;
} sums;

/* Where tiles of sums are stored: rows of `vecs` vectors. Four are read at a time, and an element behind them. */
typedef struct store {
    __m512i s[2 * ROWS * 2 + 4];
} store;

/* The bias of a panel, which all rows of its tile of sums begin with. */
static const int32_t *bias_of(const tvis_gemm_s8_args *a, int32_t j, __m512i *copy)
{
    if (a->bias && a->n - j >= NR)
        return a->bias + j;
    *copy = a->bias ? _mm512_maskz_loadu_epi32(first16(a->n - j), a->bias + j) : _mm512_setzero_si512();
    memory_is_read();
    return (const int32_t *)copy;
}

TVIS_INLINE void multiply_as(const block *b, const sums *to, const bool high, const bool wide)
{
#define PRODUCTS(from0, from1, pitch)                                                                                  \
    do {                                                                                                               \
        _tile_loadd(W0, w, PANEL_ROW);                                                                                 \
        _tile_loadd(X0, from0, pitch);                                                                                 \
        _tile_dpbssd(SUMS_00, X0, W0);                                                                                 \
        if (wide) {                                                                                                    \
            _tile_loadd(W1, w + panel, PANEL_ROW);                                                                     \
            _tile_dpbssd(SUMS_01, X0, W1);                                                                             \
        }                                                                                                              \
        if (high) {                                                                                                    \
            _tile_loadd(X1, from1, pitch);                                                                             \
            _tile_dpbssd(SUMS_10, X1, W0);                                                                             \
        }                                                                                                              \
        if (wide && high)                                                                                              \
            _tile_dpbssd(SUMS_11, X1, W1);                                                                             \
    } while (0)
    const tvis_gemm_s8_args *a = b->a;
    const ptrdiff_t ldx = a->ldx, deep = b->by.depth * GROUP, panel = (ptrdiff_t)tvis_gemm_s8_panel(a->k, GROUP, NR);
    const int8_t *x0 = a->x + to->row * ldx, *x1 = a->x + to->next * ldx, *w = a->w + to->j / NR * panel;
    __m512i copy[2];
    const int32_t *bias0 = bias_of(a, to->j, copy), *bias1 = wide ? bias_of(a, to->j + NR, copy + 1) : NULL;
    _tile_loadd(SUMS_00, bias0, 0);
    if (wide)
        _tile_loadd(SUMS_01, bias1, 0);
    if (high)
        _tile_loadd(SUMS_10, bias0, 0);
    if (wide && high)
        _tile_loadd(SUMS_11, bias1, 0);
    for (int32_t line = 0; line < b->by.lines; line++, x0 += a->gap, x1 += a->gap)
        for (int32_t step = 0; step < b->by.steps; step++, x0 += deep, x1 += deep, w += deep * NR)
            PRODUCTS(x0, x1, ldx);
    if (b->by.rest) {
        w -= (b->by.depth - b->by.rest) * PANEL_ROW;
        PRODUCTS(b->rest + (to->row - b->first) * PANEL_ROW, b->rest + (to->next - b->first) * PANEL_ROW, PANEL_ROW);
    }
#undef PRODUCTS
}

static void multiply(const block *b, const sums *to)
{
    if (to->vecs == 2 && to->high)
        multiply_as(b, to, true, true);
    else if (to->vecs == 2)
        multiply_as(b, to, false, true);
    else if (to->high)
        multiply_as(b, to, true, false);
    else
        multiply_as(b, to, false, false);
}

/* To rows of `pitch` bytes: those from from->row on, those from from->next on. */
static void store_tiles(const sums *from, int32_t *row, int32_t *next, ptrdiff_t pitch)
{
    memory_is_read();
    _tile_stored(SUMS_00, row, pitch);
    if (from->vecs == 2)
        _tile_stored(SUMS_01, row + NR, pitch);
    if (from->high)
        _tile_stored(SUMS_10, next, pitch);
    if (from->vecs == 2 && from->high)
        _tile_stored(SUMS_11, next + NR, pitch);
    memory_is_read();
}

/* Sums that are the result go where they belong. */
static bool store_result(const tvis_gemm_s8_args *a, const sums *from)
{
    if (!a->y32 || a->n - from->j < from->vecs * NR)
        return false;
    int32_t *y = a->y32 + from->j;
    const ptrdiff_t ldy = a->ldy;
    store_tiles(from, y + from->row * ldy, y + from->next * ldy, ldy * (ptrdiff_t)sizeof *y);
    return true;
}

/* Rows [i, end) of the result from sums that begin with row i. */
TVIS_INLINE void finish_as(const tvis_gemm_s8_args *a, const columns *c, const __m512i *s, int32_t i, int32_t end,
                           const int vecs, const bool add)
{
#define RESULT(q) result(a, c, s[q], i + ((q) < vecs * left ? (q) / vecs : 0), (q) % vecs, add)
    const limits64 limits = limits64_of(&a->q);
    const __mmask64 mask = first64(c->count);
    int8_t *y = a->y + (ptrdiff_t)i * a->ldy + c->j;
    for (int32_t left = end - i; left > 0; left -= 4 / vecs, i += 4 / vecs, s += 4, y += 4 / vecs * a->ldy) {
        const __m512i v0 = RESULT(0), v1 = RESULT(1), v2 = RESULT(2), v3 = RESULT(3);
        store_rows(y, a->ldy, left, mask, in_order(clamp64(v0, v1, v2, v3, limits)), vecs);
    }
#undef RESULT
}

/* twice16() of sums in memory, where the odd ones are in even places one further on. */
static inline __m512i twice_of(const __m512i *s, __m512i m, __m512i odd)
{
    const __m512i next = _mm512_loadu_si512((const char *)s + sizeof(int32_t));
    return _mm512_mask_shuffle_epi32(_mm512_mul_epi32(next, odd), 0x5555, _mm512_mul_epi32(*s, m), _MM_PERM_DDBB);
}

/* A byte of a table for each byte of x. */
static inline __m512i entry_of(const __m512i table[4], __m512i x, __mmask64 negative)
{
    return _mm512_mask_mov_epi8(_mm512_permutex2var_epi8(table[0], x, table[1]), negative,
                                _mm512_permutex2var_epi8(table[2], x, table[3]));
}

/* What is added to rows of 16 or 32, in the order of clamp64_of_twice(): 16 bits each. */
typedef struct added {
    __m512i left, right;
} added;

TVIS_INLINE added added_to(const tvis_gemm_s8_args *a, const addends *t, const int8_t *x, int32_t rows, __mmask64 mask,
                           const int vecs)
{
    const ptrdiff_t ld = a->ldy;
    __m512i v;
    if (vecs == 2) {
        v = _mm512_zextsi256_si512(_mm256_maskz_loadu_epi8((__mmask32)mask, x));
        if (rows > 1)
            v = _mm512_inserti64x4(v, _mm256_maskz_loadu_epi8((__mmask32)mask, x + ld), 1);
    } else {
        v = _mm512_zextsi128_si512(_mm_maskz_loadu_epi8((__mmask16)mask, x));
        if (rows > 1)
            v = _mm512_inserti32x4(v, _mm_maskz_loadu_epi8((__mmask16)mask, x + ld), 1);
        if (rows > 2)
            v = _mm512_inserti32x4(v, _mm_maskz_loadu_epi8((__mmask16)mask, x + 2 * ld), 2);
        if (rows > 3)
            v = _mm512_inserti32x4(v, _mm_maskz_loadu_epi8((__mmask16)mask, x + 3 * ld), 3);
    }
    v = in_order(v); /* which is its own inverse */
    const __mmask64 negative = _mm512_movepi8_mask(v);
    const __m512i lower = entry_of(t->lower, v, negative), upper = entry_of(t->upper, v, negative);
    return (added){ _mm512_unpacklo_epi8(lower, upper), _mm512_unpackhi_epi8(lower, upper) };
}

static inline __m512i halved(__m512i a, __m512i b)
{
    return _mm512_srai_epi16(_mm512_adds_epi16(_mm512_packs_epi32(a, b), _mm512_set1_epi16(1)), 1);
}

TVIS_INLINE void finish_twice(const tvis_gemm_s8_args *a, const columns *c, const addends *t, const __m512i *s,
                              int32_t i, int32_t end, const int vecs, const bool add)
{
#define TWICE(q) twice_of(s + q, c->mul[(q) % vecs], c->odd[(q) % vecs])
    const limits64 limits = limits64_of_twice(&a->q);
    const __mmask64 mask = first64(c->count);
    const ptrdiff_t at = (ptrdiff_t)i * a->ldy + c->j, step = 4 / vecs * (ptrdiff_t)a->ldy;
    const int8_t *x = add ? a->add + at : NULL;
    int8_t *y = a->y + at;
    for (int32_t left = end - i; left > 0; left -= 4 / vecs, s += 4, y += step) {
        const __m512i v0 = TWICE(0), v1 = TWICE(1), v2 = TWICE(2), v3 = TWICE(3);
        __m512i v;
        if (add) {
            const added with = added_to(a, t, x, left, mask, vecs);
            v = _mm512_packs_epi16(_mm512_adds_epi16(halved(v0, v1), with.left),
                                   _mm512_adds_epi16(halved(v2, v3), with.right));
            v = _mm512_min_epi8(limits.hi, _mm512_max_epi8(limits.lo, v));
            x += step;
        } else {
            v = clamp64_of_twice(v0, v1, v2, v3, limits);
        }
        store_rows(y, a->ldy, left, mask, in_order(v), vecs);
    }
#undef TWICE
}

static void copy_sums(const tvis_gemm_s8_args *a, const sums *from, const __m512i *s, int32_t i, int32_t end)
{
    int32_t *y = a->y32 + (ptrdiff_t)i * a->ldy + from->j;
    for (; i < end; i++, y += a->ldy)
        for (int v = 0; v < from->vecs; v++, s++)
            _mm512_mask_storeu_epi32(y + v * NR, first16(a->n - from->j - v * NR), *s);
}

static void finish_rows(const block *b, const sums *from, const __m512i *s, int32_t i, int32_t end)
{
    const tvis_gemm_s8_args *a = b->a;
    const columns *c = from->c;
    const bool wide = from->vecs == 2;
    if (a->y32)
        copy_sums(a, from, s, i, end);
    else if (c->twice && a->add && wide)
        finish_twice(a, c, b->add, s, i, end, 2, true);
    else if (c->twice && a->add)
        finish_twice(a, c, b->add, s, i, end, 1, true);
    else if (c->twice && wide)
        finish_twice(a, c, NULL, s, i, end, 2, false);
    else if (c->twice)
        finish_twice(a, c, NULL, s, i, end, 1, false);
    else if (wide)
        finish_as(a, c, s, i, end, 2, a->add != NULL);
    else
        finish_as(a, c, s, i, end, 1, a->add != NULL);
}

static void finish(const block *b, const sums *from, const __m512i *s)
{
    const int32_t half = from->i + ROWS;
    if (!from->high) {
        finish_rows(b, from, s + (from->i - from->row) * from->vecs, from->i, from->end);
    } else if (from->next == half) {
        finish_rows(b, from, s, from->i, from->end);
    } else {
        finish_rows(b, from, s, from->i, half);
        finish_rows(b, from, s + (ROWS + half - from->next) * from->vecs, half, from->end);
    }
}

/* Which rows a tile takes from row i on. Where fewer are left than it has, it begins with rows that are done. */
static void place(const block *b, int32_t i, int32_t j, sums *to)
{
    const int32_t left = b->end - i, last = b->end - ROWS < b->first ? b->first : b->end - ROWS;
    to->i = i;
    to->j = j;
    to->vecs = b->a->n - j > NR ? 2 : 1;
    to->high = left > ROWS;
    to->end = left > 2 * ROWS ? i + 2 * ROWS : b->end;
    to->row = to->high ? i : last;
    to->next = left > 2 * ROWS ? i + ROWS : last;
}

/* A tile's sums become results while the next one's products are under way. */
static void run_block(const block *b)
{
    const tvis_gemm_s8_args *a = b->a;
    columns c[2];
    sums now = { 0 }, next = { 0 };
    store tiles_of;
    int32_t *to = (int32_t *)tiles_of.s;
    for (int32_t j = 0; j < a->n; j += 2 * NR) {
        columns *at = &c[j / (2 * NR) % 2];
        *at = columns_of(a, NULL, j, a->n - j > NR ? 2 : 1, !a->add || (b->add && b->add->fit));
        for (int32_t i = b->first; i < b->end; i += 2 * ROWS, now = next) {
            next.c = at;
            place(b, i, j, &next);
            multiply(b, &next);
            if (now.c)
                finish(b, &now, tiles_of.s);
            if (store_result(a, &next))
                next.c = NULL;
            else
                store_tiles(&next, to, to + ROWS * next.vecs * NR, next.vecs * NR * (ptrdiff_t)sizeof *to);
        }
    }
    if (now.c)
        finish(b, &now, tiles_of.s);
}

/* Rows of x that stay in the second-level cache while the panels pass, and whose rests fit. */
static int32_t block_rows(const tvis_gemm_s8_args *a)
{
    enum { BYTES = 1 << 18, LEAST = 4 * ROWS };
    const int32_t rows = BYTES / a->k / (2 * ROWS) * (2 * ROWS);
    return rows < LEAST ? LEAST : rows > BLOCK ? BLOCK : rows;
}

static void run_blocks(const tvis_gemm_s8_args *a, const cut *by)
{
    int8_t rest[(BLOCK + 2 * ROWS) * PANEL_ROW];
    const int32_t rows = block_rows(a);
    addends add;
    block b = { .a = a, .by = *by, .rest = rest };
    if (a->add && !a->y32) {
        add = addends_of(a);
        b.add = &add;
    }
    configure_tiles(a->m < ROWS ? a->m : ROWS, by->depth);
    for (b.first = 0; b.first < a->m; b.first = b.end) {
        b.end = a->m - b.first < rows + ROWS ? a->m : b.first + rows;
        if (by->rest)
            copy_rests(&b, rest);
        run_block(&b);
    }
    _tile_release();
}

void tvis_gemm_s8_32x32_amx(const tvis_gemm_s8_args *a)
{
    cut by;
    if (a->k < GROUP || a->m < LEAST_ROWS || !cut_up(a, &by))
        tvis_gemm_s8_6x64_vnni(a);
    else
        run_blocks(a, &by);
}
#endif
