/* SPDX-License-Identifier: MIT */
#include "ops/dense_s16.h"
#include "core/port.h"
#include "ops/gemm_s16.h"

static bool is_integer(uint8_t dtype)
{
    return dtype == TVIS_S8 || dtype == TVIS_S16;
}

static uint8_t out_dtype(const tvis_node_plan *p)
{
    return tvis_tensors(p->model)[tvis_ids(p->model)[p->node->ids + p->node->in_count]].dtype;
}

tvis_status tvis_s16_check(const tvis_node_plan *p, int32_t channels)
{
    if (!is_integer(p->in[0]->dtype) || !is_integer(out_dtype(p)))
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "integers of 8 or 16 bits are needed on both sides");
    tvis_status s = tvis_s8_constants(p, channels);
    return s ? s : tvis_plan_vector(p, TVIS_S8_TABLE, TVIS_S16, TVIS_TABLE16_ENTRIES);
}

tvis_narrow_args tvis_s16_narrow(const tvis_node_run *r, size_t first)
{
    const tvis_quant *q = &r->node->q;
    const tvis_blob_tensor *add = r->in[TVIS_S8_ADD];
    const bool wide = r->out[0]->dtype == TVIS_S16, limits16 = wide || r->x[TVIS_S8_TABLE];
    return (tvis_narrow_args){
        .table = r->x[TVIS_S8_TABLE],
        .wide = wide,
        .add_wide = add && add->dtype == TVIS_S16,
        .q = { .mul = (const int32_t *)r->x[TVIS_S8_MUL] + first,
               .shift = q->shift,
               .zero = limits16 ? 0 : q->zero,
               .lo = limits16 ? tvis_quant_lo16(q) : q->lo,
               .hi = limits16 ? tvis_quant_hi16(q) : q->hi },
        .add_q = { q->add_mul, q->add_shift, add ? add->zero : 0 },
    };
}

void tvis_s16_run_narrow(const tvis_node_run *r, const tvis_narrow_args *a)
{
    tvis_narrow[tvis_narrow_choose(r->cpu)].run(a);
}

/* ---- products ---- */

/* Sums of a block, which stay in the first-level cache until they are results: whole tiles of every kernel. */
enum { ROWS = 24, FAST = 256 * ROWS, SMALL = 64 * ROWS };

static int32_t most_sums(uint8_t plan)
{
    return plan == TVIS_PLAN_FAST ? FAST : SMALL;
}

static size_t sums_bytes(uint8_t plan, int64_t rows, int32_t n)
{
    const int64_t all = rows * n, most = most_sums(plan);
    return (size_t)(all < most ? all : most) * sizeof(int32_t);
}

static uint32_t kernel_scratch(uint8_t x, uint16_t row)
{
    return x == TVIS_S8 ? tvis_gemm_s8[row].scratch : 0;
}

tvis_status tvis_dense_s16_plan(tvis_node_plan *p, int64_t rows, int32_t n, int32_t k, int32_t groups,
                                const tvis_conv_shape *gathers)
{
    const uint8_t x = p->in[0]->dtype;
    tvis_status s = tvis_s16_check(p, p->out_dims[0][3]);
    if (s)
        return s;
    if (p->node->in_count > TVIS_S8_ADD && p->in[TVIS_S8_ADD]) {
        const uint8_t add = p->in[TVIS_S8_ADD]->dtype;
        if (!is_integer(add) || memcmp(p->in_dims[TVIS_S8_ADD], p->out_dims[0], sizeof p->out_dims[0]) != 0)
            return tvis_plan_fail_shape(p, "the tensor to add", p->out_dims[0], p->in_dims[TVIS_S8_ADD]);
        p->in_place = add == out_dtype(p) ? TVIS_S8_ADD : -1;
    }
    const uint16_t row = p->choice[0].kernel =
        x == TVIS_S8 ? tvis_dense_s8_choose(p, rows) : tvis_gemm_s16_choose(p->config->cpu);
    const tvis_kernel *kern = x == TVIS_S8 ? &tvis_gemm_s8[row].k : &tvis_gemm_s16[row].k;
    uint32_t panel;
    s = tvis_dense_s8_weights(p, kern, rows, n, k, groups, &panel);
    panel += (uint32_t)sums_bytes(p->config->plan, rows, n) + kernel_scratch(x, row);
    return s ? s : tvis_matmul_scratch(p, kern, rows, k, x == TVIS_S8 ? 1 : 2, panel, gathers);
}

/* What a block of a part works on: rows [row, row + m) and columns [col, col + n) of it. */
typedef struct piece {
    const tvis_matmul *mm;
    const tvis_block *b;
    const int8_t *w; /* of these columns, in the kernel's order; NULL with a panel */
    int8_t *panel;   /* where they are packed, a panel at a time; NULL: they are ready */
    int32_t *sums;   /* (m, n) */
    void *scratch;   /* the kernel's */
    int32_t row, m, col, n;
} piece;

/* Whether the kernel has the table itself, and a block's sums need not wait. */
static bool looks_up(const tvis_node_run *r)
{
    const tvis_quant *q = &r->node->q;
    return TVIS_LARGE_CODE && r->x[TVIS_S8_TABLE] && !r->x[TVIS_S8_ADD] && r->in[0]->dtype == TVIS_S8 &&
           r->out[0]->dtype == TVIS_S8 && tvis_gemm_s8[r->kernel[0]].tables && tvis_quant_lo16(q) == INT16_MIN &&
           tvis_quant_hi16(q) == INT16_MAX;
}

/* Columns [col, col + n) of the sums, by weights w. */
static void product(const piece *p, int32_t col, int32_t n, const int8_t *w)
{
    const tvis_node_run *r = p->mm->run;
    const int32_t *bias = (const int32_t *)r->x[TVIS_S8_BIAS] + p->b->first_column + p->col + col;
    const ptrdiff_t at = (ptrdiff_t)p->row * p->b->ldx;
    int32_t *y = p->sums + col;
    const int32_t k = p->mm->k, ldx = p->b->ldx;
    if (r->in[0]->dtype == TVIS_S8) {
        tvis_gemm_s8_args a = { .x = (const int8_t *)p->b->x + at,
                                .w = w,
                                .bias = bias,
                                .y32 = y,
                                .m = p->m,
                                .n = n,
                                .k = k,
                                .ldx = ldx,
                                .ldy = p->n,
                                .run = tvis_matmul_run_of_line(p->mm),
                                .gap = tvis_matmul_gap_of_line(p->mm),
                                .scratch = p->scratch };
        if (looks_up(r)) {
            const tvis_narrow_args to = tvis_s16_narrow(r, p->b->first_column + (size_t)(p->col + col));
            a.y32 = NULL;
            a.y = (int8_t *)p->b->y + (size_t)p->row * (size_t)p->b->ldy + (size_t)(p->col + col);
            a.ldy = p->b->ldy;
            a.q = to.q;
            a.table = to.table;
        }
        tvis_gemm_s8[r->kernel[0]].run(&a);
        return;
    }
    const tvis_gemm_s16_args a = { (const int16_t *)p->b->x + at, w, bias, y, p->m, n, k, ldx, p->n };
    tvis_gemm_s16[r->kernel[0]].run(&a);
}

static void sum(const piece *p)
{
    const tvis_node_run *r = p->mm->run;
    const int32_t nr = p->mm->kern->nr, k = p->mm->k;
    if (!p->panel) {
        product(p, 0, p->n, p->w);
        return;
    }
    for (int32_t col = 0; col < p->n; col += nr) {
        const int32_t n = p->n - col < nr ? p->n - col : nr;
        tvis_dense_s8_panel_pack(r->in[1], r->x[1], p->b->first_column + (size_t)(p->col + col), n, k,
                                 p->mm->kern->pack, p->panel);
        product(p, col, n, p->panel);
    }
}

static void narrow(const piece *p)
{
    const tvis_node_run *r = p->mm->run;
    tvis_narrow_args a = tvis_s16_narrow(r, p->b->first_column + (size_t)p->col);
    const size_t at = (size_t)p->row * (size_t)p->b->ldy + (size_t)p->col;
    const uint8_t *add = r->x[TVIS_S8_ADD];
    a.x = p->sums;
    a.add = add ? add + (p->b->offset + at) * (a.add_wide ? 2 : 1) : NULL;
    a.y = (uint8_t *)p->b->y + at * p->mm->y_size;
    a.m = p->m;
    a.n = a.ldx = p->n;
    a.ldy = p->b->ldy;
    tvis_s16_run_narrow(r, &a);
}

/* All rows of some columns. */
static void run_columns(piece *p)
{
    const bool ready = looks_up(p->mm->run);
    const int32_t most = ready ? p->b->m : most_sums(p->mm->run->plan) / p->n / ROWS * ROWS;
    for (p->row = 0; p->row < p->b->m; p->row += most) {
        p->m = p->b->m - p->row < most ? p->b->m - p->row : most;
        sum(p);
        if (!ready)
            narrow(p);
    }
}

/* The piece's columns in the session's packed weights. */
static const int8_t *packed(const piece *p)
{
    const tvis_matmul *mm = p->mm;
    const size_t panel = (size_t)((p->b->col + p->col) / mm->kern->nr);
    return (const int8_t *)mm->run->packed[0] + (size_t)p->b->group * tvis_dense_s8_group(mm->kern, mm->n, mm->k) +
           panel * tvis_dense_s8_panel(mm->kern, mm->k);
}

/* Scratch: sums, a panel of weights where they are not packed yet, the kernel's. Panels are packed again for each
 * piece: pieces are tall then. */
static void multiply(const tvis_matmul *mm, const tvis_block *b, void *scratch)
{
    enum { TALL = 16 }; /* columns: whole panels of every kernel */
    const tvis_node_run *r = mm->run;
    const bool packing = !r->packed[0] && mm->kern->pack != r->in[1]->pack;
    const int8_t *w = (const int8_t *)r->x[1] + b->first_column * (size_t)mm->k;
    int8_t *panel = (int8_t *)scratch + sums_bytes(r->plan, mm->m, mm->n);
    piece p = { .mm = mm, .b = b, .panel = packing ? panel : NULL, .sums = scratch };
    if (kernel_scratch(r->in[0]->dtype, r->kernel[0]))
        p.scratch = panel + (packing ? tvis_dense_s8_panel(mm->kern, mm->k) : 0);
    const int32_t step = packing ? TALL : looks_up(r) ? b->n : most_sums(r->plan) / ROWS;
    for (; p.col < b->n; p.col += step) {
        p.n = b->n - p.col < step ? b->n - p.col : step;
        p.w = packing ? NULL : r->packed[0] ? packed(&p) : w + (size_t)p.col * (size_t)mm->k;
        run_columns(&p);
    }
}

void tvis_dense_s16_run(const tvis_node_run *r, int32_t rows, int32_t n, int32_t k, int32_t groups,
                        void (*gather)(const tvis_matmul *, int32_t, int32_t, int32_t, void *),
                        const tvis_conv_shape *shape)
{
    const bool s8 = r->in[0]->dtype == TVIS_S8;
    const tvis_matmul mm = {
        .run = r,
        .kern = s8 ? &tvis_gemm_s8[r->kernel[0]].k : &tvis_gemm_s16[r->kernel[0]].k,
        .m = rows,
        .n = n,
        .k = k,
        .groups = groups,
        .size = s8 ? 1 : 2,
        .y_size = r->out[0]->dtype == TVIS_S8 ? 1 : 2,
        .x = r->x[0],
        .y = r->y[0],
        .gather = gather,
        .multiply = multiply,
        .shape = shape,
    };
    tvis_matmul_run(&mm);
}
