/* SPDX-License-Identifier: MIT */
/* ARM11: tiles of 4 x 4 with short vectors. An element of y is bias, or bias + add, then one multiply-add for each k in
 * rising order, then the limits. For a first-level cache of 16 KB and memory that is 260 cycles away, the product is
 * cut three times: columns and k so that the weights in use stay in the second-level cache while all rows pass, and
 * rows so that they and a panel stay in the first. Between pieces of k, sums wait in y. */
#include "core/port.h"
#include "ops/gemm.h"
#include "ops/gemm_vfp11.h"

enum { NR = 4, MR = 4, LINE = 8 };
enum { X_FLOATS = 2048, W_FLOATS = 18432, MOST_ROWS = 128 };
enum { WHOLE_K = 144, MOST_K = 96 }; /* up to the first k is not cut, else into pieces of the second at most */
/* Rows that are multiples of so many floats apart are copied: they would share a few lines of the cache. */
enum { SHARING = 256 };

#define INFINITE 0x7f800000u
#define NEGATIVE 0x80000000u

/* What is multiplied at a time. */
typedef struct block {
    int32_t first, k; /* a piece of k */
    int32_t row, rows;
    const float *x; /* its first element */
    ptrdiff_t ldx;  /* bytes */
} block;

/* Rows of four elements of y, ldy floats apart, and what they begin with. */
typedef struct target {
    float *y;
    ptrdiff_t ldy;
    const float *from; /* a row of the same matrix, or of one like it; NULL: none */
    const float *bias; /* four, or NULL */
} target;

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static uint32_t bits(float v)
{
    uint32_t b;
    memcpy(&b, &v, sizeof b);
    return b;
}

/* Limits that tiles don't make. */
static void limit(const tvis_gemm_f32_args *a, const target *t, int32_t rows)
{
    for (int32_t i = 0; i < rows; i++)
        for (int32_t j = 0; j < NR; j++) {
            float *y = t->y + i * t->ldy + j, v = *y < a->lo ? a->lo : *y;
            *y = v > a->hi ? a->hi : v;
        }
}

static void multiply(const tvis_gemm_f32_args *a, const block *b, const float *w, const target *to)
{
    const uint32_t lo = bits(a->lo), hi = bits(a->hi);
    const bool last = b->first + b->k == a->k, open = lo == (INFINITE | NEGATIVE) && hi == INFINITE;
    const bool positive = (lo == 0 || lo == NEGATIVE) && hi <= INFINITE;
    tvis_vfp11_args t = {
        .x = b->x,
        .x_last = (const float *)(const void *)((const char *)b->x + (b->rows - 1) * b->ldx),
        .y = to->y,
        .y_last = to->y + (b->rows - 1) * to->ldy,
        .ldx = b->ldx,
        .ldy = to->ldy * (ptrdiff_t)sizeof(float),
        .w = w,
        .bias = to->bias,
        .next_w = w + (ptrdiff_t)a->k * NR,
        .ahead = w + (ptrdiff_t)a->k * NR,
        .tiles = (b->rows + MR - 1) / MR,
        .hi = hi,
        .flags = b->k % 2 ? TVIS_VFP11_ODD : 0,
        .pairs = b->k / 2,
    };
    if (to->from) {
        t.flags |= TVIS_VFP11_FROM;
        t.from = (const char *)to->from - (const char *)to->y;
    }
    if (last && positive)
        t.flags |= t.pairs < 8 ? TVIS_VFP11_CLAMP : TVIS_VFP11_LATER;
    const int32_t rounds = (t.pairs - (t.flags & TVIS_VFP11_LATER ? 8 : 4)) * t.tiles;
    if (rounds > 0 && t.tiles > 1)
        t.step = t.pairs * LINE * (int32_t)sizeof(float) / rounds + 1;
    tvis_vfp11_tiles(&t);
    if (last && !positive && !open)
        limit(a, to, b->rows);
}

/* The last panel where it has fewer columns, through memory of its own. */
static void multiply_last(const tvis_gemm_f32_args *a, const block *b, const float *w, const target *to, int32_t cols)
{
    float y[MOST_ROWS * NR] = { 0 }, bias[NR] = { 0 };
    const target own = { y, NR, to->from ? y : NULL, to->bias ? bias : NULL };
    for (int32_t i = 0; to->from && i < b->rows; i++)
        memcpy(y + i * NR, to->from + i * to->ldy, (size_t)cols * sizeof *y);
    if (to->bias)
        memcpy(bias, to->bias, (size_t)cols * sizeof *bias);
    multiply(a, b, w, &own);
    for (int32_t i = 0; i < b->rows; i++)
        memcpy(to->y + i * to->ldy, y + i * NR, (size_t)cols * sizeof *y);
}

static void multiply_panels(const tvis_gemm_f32_args *a, const block *b, int32_t j, int32_t end)
{
    static const float zeros[NR];
    for (; j < end; j += NR) {
        const ptrdiff_t at = (ptrdiff_t)b->row * a->ldy + j;
        const float *w = a->w + (ptrdiff_t)j * a->k + (ptrdiff_t)b->first * NR;
        target t = { a->y + at, a->ldy, a->y + at, NULL };
        if (b->first == 0) {
            t.from = a->add ? a->add + at : NULL;
            t.bias = a->bias ? a->bias + j : a->add ? NULL : zeros;
        }
        if (a->n - j >= NR)
            multiply(a, b, w, &t);
        else
            multiply_last(a, b, w, &t, a->n - j);
    }
}

/* The block's rows without gaps. */
static void copy(block *b, float *out)
{
    const int32_t whole = b->k & ~(LINE - 1), ld = (b->k + LINE - 1) & ~(LINE - 1);
    const char *x = (const char *)b->x;
    if (whole)
        tvis_vfp11_copy(b->x, b->ldx, b->rows, whole, out, ld * (ptrdiff_t)sizeof(float));
    for (int32_t i = 0; whole < b->k && i < b->rows; i++)
        memcpy(out + i * ld + whole, x + i * b->ldx + whole * (ptrdiff_t)sizeof(float),
               (size_t)(b->k - whole) * sizeof(float));
    b->x = out;
    b->ldx = ld * (ptrdiff_t)sizeof(float);
}

/* How a product is cut. */
typedef struct cuts {
    int32_t piece;         /* of k */
    int32_t blocks, tiles; /* of rows: so many have `tiles` tiles or one more */
    int32_t more;          /* blocks that have */
    int32_t columns;
} cuts;

static int32_t at_least(int32_t v, int32_t low)
{
    return v < low ? low : v;
}

static cuts choose(const tvis_gemm_f32_args *a)
{
    const int32_t few = X_FLOATS / a->m, whole = at_least(few, WHOLE_K), most = at_least(few, MOST_K);
    const int32_t pieces = a->k <= whole ? 1 : (a->k - 1) / most + 1;
    const int32_t piece = pieces == 1 ? a->k : ((a->k - 1) / pieces + LINE) & ~(LINE - 1);
    const int32_t fit = at_least(least(X_FLOATS / piece, MOST_ROWS) / MR, 1), tiles = (a->m - 1) / MR + 1;
    const int32_t panels = (a->n - 1) / NR + 1, most_panels = at_least(W_FLOATS / (piece * NR), 1);
    const int32_t times = (panels - 1) / most_panels + 1, blocks = (tiles - 1) / fit + 1;
    return (cuts){ piece, blocks, tiles / blocks, tiles % blocks, ((panels - 1) / times + 1) * NR };
}

/* Columns [j, end), piece by piece. */
static void run_columns(const tvis_gemm_f32_args *a, const cuts *c, int32_t j, int32_t end)
{
    float memory[X_FLOATS + MOST_ROWS * LINE + LINE];
    float *aligned = memory + (-(uintptr_t)memory / sizeof(float) & (LINE - 1));
    for (int32_t first = 0; first < a->k; first += c->piece) {
        block b = { .first = first, .k = least(c->piece, a->k - first) };
        for (int32_t i = 0; i < c->blocks; i++, b.row += b.rows) {
            b.rows = least((c->tiles + (i < c->more ? 1 : 0)) * MR, a->m - b.row);
            b.x = a->x + (ptrdiff_t)b.row * a->ldx + first;
            b.ldx = a->ldx * (ptrdiff_t)sizeof(float);
            if (b.rows > MR && a->ldx % SHARING == 0)
                copy(&b, aligned);
            multiply_panels(a, &b, j, end);
        }
    }
}

void tvis_gemm_f32_4x4_vfp11(const tvis_gemm_f32_args *a)
{
    const cuts c = choose(a);
    for (int32_t j = 0; j < a->n; j += c.columns)
        run_columns(a, &c, j, least(j + c.columns, a->n));
}
