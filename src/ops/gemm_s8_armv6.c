/* SPDX-License-Identifier: MIT */
/* ARMv6: tiles of 2 x 2 with SMLAD, two products an instruction. Weights stay int8; a panel of two columns is expanded
 * to int16 once for a block of rows, and the rows once for all columns. Rows and k are cut so that the expanded rows, a
 * panel and the sums stay in a first-level cache of 16 KB; where k is cut, sums wait in memory for the next piece.
 * Cortex-M4 and M7 have the same instructions, but less memory to spare and no such cache: smaller blocks. */
#include "core/port.h"
#include "ops/gemm_s8.h"
#include "ops/gemm_s8_armv6.h"
#include "ops/table16.h"

enum { NR = 2, GROUP = 4, GROUP_BYTES = 2 * GROUP * NR, LINE = 32 };
/* Bytes of expanded rows, columns and of sums at a time; up to a line behind rows and columns is read. */
enum { MOST_X = 8192, MOST_W = 1024, MOST_SUMS = 4096 };
/* The same for small memories. */
enum { SMALL_X = 2048, SMALL_W = 512, SMALL_SUMS = 512 };

TVIS_STATIC_ASSERT(gemm_s8_armv6_scratch, MOST_X + MOST_W + MOST_SUMS + 3 * LINE <= TVIS_GEMM_S8_ARMV6_SCRATCH);
TVIS_STATIC_ASSERT(gemm_s8_dsp_scratch, SMALL_X + SMALL_W + SMALL_SUMS + 3 * LINE <= TVIS_GEMM_S8_DSP_SCRATCH);

/* Memory and sizes of blocks. */
typedef struct blocks {
    int16_t *x, *w;
    int32_t *sums;
    int32_t k;      /* of a piece: all, or a multiple of 16 */
    int32_t rows;   /* even */
    int32_t panels; /* whose sums are kept at a time */
} blocks;

/* Rows and a piece of k, as they are expanded at the moment. */
typedef struct piece {
    int32_t first, k;       /* numbers of k */
    int32_t groups, padded; /* groups of the weights; even, for the tiles */
    bool last;
} piece;

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Groups that the tiles take: fours of them are faster than pairs. */
static int32_t padded_groups(int32_t k)
{
    const int32_t groups = (k + GROUP - 1) / GROUP, four = (groups + 3) & ~3;
    return four - groups < 2 ? four : four - 2;
}

static void choose(const tvis_gemm_s8_args *a, int32_t x_bytes, int32_t w_bytes, int32_t sum_bytes, blocks *b)
{
    const int32_t most_k = w_bytes / (2 * NR), pieces = (a->k + most_k - 1) / most_k;
    b->k = pieces == 1 ? a->k : ((a->k + pieces - 1) / pieces + 15) & ~15;
    const int32_t pair_bytes = padded_groups(b->k) * GROUP_BYTES,
                  most_pairs = least(x_bytes / pair_bytes, sum_bytes / 16);
    const int32_t pairs = (a->m + 1) / 2, times = (pairs + most_pairs - 1) / most_pairs;
    b->rows = (pairs + times - 1) / times * 2;
    b->panels = pieces == 1 ? 1 : sum_bytes / (b->rows * NR * (int32_t)sizeof(int32_t));
}

static void expand_rows(const tvis_gemm_s8_args *a, int32_t row, int32_t rows, const piece *p, int16_t *out)
{
    const int8_t *x = a->x + (ptrdiff_t)row * a->ldx + p->first;
    const ptrdiff_t stride = (ptrdiff_t)p->padded * GROUP_BYTES;
    if (rows > 1)
        tvis_s8_expand_rows_armv6(x, a->ldx, rows / 2, p->k, out, stride);
    if (rows % 2) /* the last one twice */
        tvis_s8_expand_rows_armv6(x + (ptrdiff_t)(rows - 1) * a->ldx, 0, 1, p->k, out + rows / 2 * stride / 2, stride);
}

/* Sums of one panel; those of weights that come next are brought nearer on the way. */
static void multiply(const tvis_gemm_s8_args *a, const blocks *b, const piece *p, int32_t rows, int32_t panel,
                     int32_t *sums)
{
    const size_t panel_bytes = tvis_gemm_s8_panel(a->k, GROUP, NR);
    const int8_t *w = a->w + (size_t)panel * panel_bytes + (ptrdiff_t)p->first * NR, *next = w + panel_bytes;
    const int32_t pairs = (rows + 1) / 2, count = least(pairs, (p->groups * GROUP * NR + 2 * LINE - 1) / (2 * LINE));
    const int32_t j = panel * NR;
    tvis_s8_tiles t = { b->x, b->w, b->w + p->padded * GROUP * NR, sums, count, next, 2 * LINE, { 0, 0 } };
    tvis_s8_expand_panel_armv6(w, p->groups, b->w, p->padded);
    if (a->bias) {
        t.bias[0] = a->bias[j];
        t.bias[1] = a->bias[least(j + 1, a->n - 1)];
    }
    void (*const tiles)(const tvis_s8_tiles *) = p->first ? tvis_s8_tiles_next_armv6 : tvis_s8_tiles_first_armv6;
    tiles(&t);
    if (count == pairs)
        return;
    t.x += (ptrdiff_t)count * p->padded * GROUP * NR;
    t.sums += count * 2 * NR;
    t.pairs = pairs - count;
    t.step = 0;
    tiles(&t);
}

/* Any limits, one or two columns. */
static void finish_any(const tvis_gemm_s8_args *a, int32_t row, int32_t rows, int32_t j, const int32_t *sums)
{
    for (int32_t i = 0; i < rows; i++)
        for (int32_t c = j; c < least(j + NR, a->n); c++) {
            const ptrdiff_t at = (ptrdiff_t)(row + i) * a->ldy + c;
            int64_t v = tvis_requant_scale(sums[i * NR + c - j], a->q.mul[c], a->q.shift);
            if (TVIS_LARGE_CODE && a->table) {
                v = tvis_table16_at(a->table, tvis_requant_limit(v, &a->q));
                a->y[at] = (int8_t)tvis_table16_narrow((int32_t)v);
                continue;
            }
            if (a->add)
                v += tvis_requant_scale(a->add[at] - a->add_q.zero, a->add_q.mul, a->add_q.shift);
            a->y[at] = tvis_requant_clamp(v, &a->q);
        }
}

static void store_sums(const tvis_gemm_s8_args *a, int32_t row, int32_t rows, int32_t j, const int32_t *sums)
{
    const ptrdiff_t ldy = a->ldy;
    int32_t *y = a->y32 + row * ldy + j;
    const bool both = j + 1 < a->n;
    for (int32_t i = 0; i < rows; i++, y += ldy, sums += NR) {
        y[0] = sums[0];
        if (both)
            y[1] = sums[1];
    }
}

static void finish(const tvis_gemm_s8_args *a, int32_t row, int32_t rows, int32_t panel, const int32_t *sums)
{
    const int32_t j = panel * NR;
    const ptrdiff_t at = (ptrdiff_t)row * a->ldy + j;
    if (a->y32) {
        store_sums(a, row, rows, j, sums);
        return;
    }
    const bool open = (TVIS_LARGE_CODE && a->table) || (a->q.lo == INT8_MIN && a->q.hi == INT8_MAX);
    if (!open || j + NR > a->n) {
        finish_any(a, row, rows, j, sums);
        return;
    }
    tvis_s8_finish f = {
        .sums = sums,
        .y = a->y + at,
        .ldy = a->ldy,
        .rows = rows,
        .mul = { a->q.mul[j], a->q.mul[j + 1] },
        .zero = a->q.zero,
        .shift = a->q.shift,
        .more = a->add ? (const void *)(a->add + at) : a->table,
        .add_mul = a->add_q.mul,
        .add_shift = a->add_q.shift,
        .add_zero = a->add_q.zero,
        .ldx = NR * sizeof *sums,
    };
    if (a->add)
        tvis_s8_finish_add_armv6(&f);
    else if (TVIS_LARGE_CODE && a->table)
        tvis_s8_finish_table_armv6(&f);
    else
        tvis_s8_finish_armv6(&f);
}

static piece piece_of(const tvis_gemm_s8_args *a, const blocks *b, int32_t first)
{
    const int32_t k = least(b->k, a->k - first);
    return (piece){ first, k, (k + GROUP - 1) / GROUP, padded_groups(k), first + k == a->k };
}

/* Some rows times panels [from, to). */
static void run_block(const tvis_gemm_s8_args *a, const blocks *b, int32_t row, int32_t rows, int32_t from, int32_t to)
{
    for (int32_t first = 0; first < a->k; first += b->k) {
        const piece p = piece_of(a, b, first);
        int32_t *sums = b->sums;
        if (b->k < a->k || from == 0)
            expand_rows(a, row, rows, &p, b->x);
        for (int32_t j = from; j < to; j++, sums += (rows + 1) / 2 * 2 * NR) {
            multiply(a, b, &p, rows, j, sums);
            if (p.last)
                finish(a, row, rows, j, sums);
        }
    }
}

/* The order that SXTB16 gives: (k0, k2), (k1, k3). The last four end with k. */
static void expand_row(const int8_t *x, int32_t k, int16_t *out)
{
    for (int32_t p = 0; p < k; p += GROUP, out += GROUP) {
        const int8_t *at = x + least(p, k - GROUP);
        out[0] = at[0];
        out[1] = at[2];
        out[2] = at[1];
        out[3] = at[3];
    }
}

/* One row: each weight is used once, and expanded in a register. */
static void run_row(const tvis_gemm_s8_args *a, const blocks *b, int32_t sum_bytes)
{
    const size_t panel_bytes = tvis_gemm_s8_panel(a->k, GROUP, NR);
    const int32_t panels = (a->n + NR - 1) / NR, most = sum_bytes / (NR * (int32_t)sizeof(int32_t));
    expand_row(a->x, a->k, b->x);
    for (int32_t i = 0; i < panels; i += most) {
        const int32_t count = least(most, panels - i);
        tvis_s8_row_armv6(b->x, (a->k + GROUP - 1) / GROUP, a->w + (size_t)i * panel_bytes, (ptrdiff_t)panel_bytes,
                          count, b->sums);
        for (int32_t j = 0; a->bias && j < least(count * NR, a->n - i * NR); j++)
            b->sums[j] = tvis_requant_sum(a->bias[i * NR + j], b->sums[j]);
        for (int32_t j = 0; j < count; j++)
            finish(a, 0, 1, i + j, b->sums + j * NR);
    }
}

static void run(const tvis_gemm_s8_args *a, uint8_t *memory, int32_t x_bytes, int32_t w_bytes, int32_t sum_bytes)
{
    const int32_t panels = (a->n + NR - 1) / NR;
    blocks b;
    choose(a, x_bytes, w_bytes, sum_bytes, &b);
    memory += -(uintptr_t)memory & (LINE - 1);
    b.x = (int16_t *)(void *)memory;
    b.w = (int16_t *)(void *)(memory + x_bytes + LINE);
    b.sums = (int32_t *)(void *)(memory + x_bytes + w_bytes + 2 * LINE);
    if (a->m == 1 && a->k <= x_bytes / 2 - GROUP) {
        run_row(a, &b, sum_bytes);
        return;
    }
    for (int32_t i = 0; i < a->m; i += b.rows)
        for (int32_t j = 0; j < panels; j += b.panels)
            run_block(a, &b, i, least(b.rows, a->m - i), j, least(j + b.panels, panels));
}

void tvis_gemm_s8_2x2_dsp(const tvis_gemm_s8_args *a)
{
    if (a->k < GROUP)
        tvis_gemm_s8_short(a, GROUP, tvis_gemm_s8_2x2_dsp);
    else
        run(a, a->scratch, SMALL_X, SMALL_W, SMALL_SUMS);
}

void tvis_gemm_s8_2x2_armv6(const tvis_gemm_s8_args *a)
{
    if (a->k < GROUP)
        tvis_gemm_s8_short(a, GROUP, tvis_gemm_s8_2x2_dsp);
    else
        run(a, a->scratch, MOST_X, MOST_W, MOST_SUMS);
}
