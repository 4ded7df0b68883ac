/* SPDX-License-Identifier: MIT */
/* ARM11: tiles of 4 x 4 with short vectors. An element of y is bias, or bias + add, then one multiply-add for each k in
 * rising order, then the limits. For a first-level cache of 16 KB and memory that is 260 cycles away, the product is
 * cut three times: columns and k so that the weights in use stay in the second-level cache while all rows pass, and
 * rows so that they and a panel stay in the first. Between pieces of k, sums wait in y. */
#include "core/port.h"
#include "ops/gemm.h"
#include "ops/gemm_vfp11.h"

#include <float.h>

enum { NR = 4, MR = 4, LINE = 8, FAR = 128 };
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
    bool limits;    /* that tiles don't make are to be made */
} block;

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
static void limit(const tvis_gemm_f32_args *a, float *y, ptrdiff_t ldy, int32_t rows)
{
    for (int32_t i = 0; i < rows; i++)
        for (int32_t j = 0; j < NR; j++) {
            float *at = y + i * ldy + j, v = *at < a->lo ? a->lo : *at;
            *at = v > a->hi ? a->hi : v;
        }
}

/* Limits 0 … hi, which tiles make. */
static bool is_positive(const tvis_gemm_f32_args *a)
{
    const uint32_t lo = bits(a->lo);
    return (lo == 0 || lo == NEGATIVE) && bits(a->hi) <= INFINITE;
}

/* Limits of the largest floats count as none, as tvis_act_range() gives them: what overflows is infinite. */
static bool is_open(const tvis_gemm_f32_args *a)
{
    return a->lo <= -FLT_MAX && a->hi >= FLT_MAX;
}

/* What all panels of a block have in common. */
static void prepare(const tvis_gemm_f32_args *a, block *b, tvis_vfp11_args *t)
{
    const bool last = b->first + b->k == a->k, positive = is_positive(a);
    b->limits = last && !positive && !is_open(a);
    t->x = b->x;
    t->x_last = (const float *)(const void *)((const char *)b->x + (b->rows - 1) * b->ldx);
    t->ldx = b->ldx;
    t->tiles = (b->rows + MR - 1) / MR;
    t->hi = bits(a->hi);
    t->pairs = b->k / 2;
    t->flags = b->k % 2 ? TVIS_VFP11_ODD : 0;
    if (b->first || a->add)
        t->flags |= TVIS_VFP11_FROM;
    if (last && positive)
        t->flags |= t->pairs < 8 ? TVIS_VFP11_CLAMP : TVIS_VFP11_LATER;
    const int32_t rounds = (t->pairs - (t->flags & TVIS_VFP11_LATER ? 8 : 4)) * t->tiles, line = LINE * sizeof(float);
    t->step = rounds <= 0 ? 0 : t->tiles == 1 ? line : t->pairs * line / rounds + 1;
}

/* y: the first row of four columns; what is added to it stands t->from bytes behind it. */
static void multiply(const tvis_gemm_f32_args *a, const block *b, tvis_vfp11_args *t, float *y, ptrdiff_t ldy)
{
    t->y = y;
    t->y_last = y + (b->rows - 1) * ldy;
    t->ldy = ldy * (ptrdiff_t)sizeof(float);
    tvis_vfp11_tiles(t);
    if (b->limits)
        limit(a, y, ldy, b->rows);
}

/* The last panel where it has fewer columns, through memory of its own. */
static void multiply_last(const tvis_gemm_f32_args *a, const block *b, tvis_vfp11_args *t, float *y, int32_t cols)
{
    float own[MOST_ROWS * NR] = { 0 }, bias[NR] = { 0 };
    for (int32_t i = 0; (t->flags & TVIS_VFP11_FROM) && i < b->rows; i++)
        memcpy(own + i * NR, (const char *)(y + (ptrdiff_t)i * a->ldy) + t->from, (size_t)cols * sizeof *own);
    if (t->bias) {
        memcpy(bias, t->bias, (size_t)cols * sizeof *bias);
        t->bias = bias;
    }
    t->from = 0;
    multiply(a, b, t, own, NR);
    for (int32_t i = 0; i < b->rows; i++)
        memcpy(y + (ptrdiff_t)i * a->ldy, own + i * NR, (size_t)cols * sizeof *own);
}

static void multiply_panels(const tvis_gemm_f32_args *a, block *b, int32_t j, int32_t end)
{
    static const float zeros[NR];
    tvis_vfp11_args t;
    prepare(a, b, &t);
    for (; j < end; j += NR) {
        float *y = a->y + (ptrdiff_t)b->row * a->ldy + j;
        t.w = a->w + (ptrdiff_t)j * a->k + (ptrdiff_t)b->first * NR;
        t.next_w = t.w + (ptrdiff_t)a->k * NR;
        t.ahead = t.tiles == 1 ? t.w + FAR : t.next_w; /* of one tile, a line of w is needed with each pair */
        t.from = b->first || !a->add ? 0 : (const char *)a->add - (const char *)a->y;
        t.bias = b->first ? NULL : a->bias ? a->bias + j : a->add ? NULL : zeros;
        if (a->n - j >= NR)
            multiply(a, b, &t, y, a->ldy);
        else
            multiply_last(a, b, &t, y, a->n - j);
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
