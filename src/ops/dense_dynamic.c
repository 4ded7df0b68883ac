/* SPDX-License-Identifier: MIT */
#include "ops/dense_dynamic.h"
#include "core/port.h"
#include "ops/act.h"
#include "ops/dense_s8.h"
#include "ops/dynamic.h"

/* Rows that are rounded at a time and columns that are summed up at a time, and where they lie in a part's scratch, in
 * bytes: sums first. */
typedef struct blocks {
    int32_t rows, columns;
    uint32_t forms, panel, x, gemm, end;
} blocks;

/* Of m rows; more at a time where each time costs packing. ready: the weights need none. */
static blocks blocks_of(uint8_t plan, uint16_t kernel, int64_t m, int32_t k, bool ready)
{
    enum { WIDTH = 64, MOST_ROWS = 512 };
    const tvis_kernel *kern = &tvis_gemm_s8[kernel].k;
    const int32_t bytes = plan == TVIS_PLAN_SMALL ? 16384 : ready ? 65536 : 262144, fit = bytes / k / kern->mr;
    blocks b = { .rows = (fit < 1 ? 1 : fit) * kern->mr };
    if (b.rows > MOST_ROWS / kern->mr * kern->mr)
        b.rows = MOST_ROWS / kern->mr * kern->mr;
    if (b.rows > m)
        b.rows = (int32_t)m;
    b.columns = ready && kern->nr < WIDTH ? WIDTH / kern->nr * kern->nr : kern->nr;
    b.forms = (uint32_t)b.rows * (uint32_t)b.columns * (uint32_t)sizeof(int32_t);
    b.panel = b.forms + (uint32_t)b.rows * (uint32_t)sizeof(tvis_row_form);
    b.x = b.panel + (ready ? 0 : (uint32_t)tvis_dense_s8_panel(kern, k));
    b.gemm = b.x + (uint32_t)b.rows * (uint32_t)k;
    b.end = b.gemm + tvis_gemm_s8[kernel].scratch;
    return b;
}

static tvis_status check(tvis_node_plan *p)
{
    const tvis_blob_tensor *add = p->in[TVIS_DYNAMIC_ADD];
    const int32_t channels = p->out_dims[0][3];
    if (p->in[0]->dtype != TVIS_F32 || !p->in[TVIS_DYNAMIC_SCALES] || !p->in[TVIS_DYNAMIC_SUMS])
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE,
                              "float input, int8 weights, their scales and sums are needed");
    tvis_status s = tvis_plan_vector(p, TVIS_DYNAMIC_BIAS, TVIS_F32, channels);
    if (!s)
        s = tvis_plan_vector(p, TVIS_DYNAMIC_SCALES, TVIS_F32, channels);
    if (!s)
        s = tvis_plan_vector(p, TVIS_DYNAMIC_SUMS, TVIS_S32, channels);
    if (!s && add) {
        if (add->dtype != TVIS_F32 || memcmp(p->in_dims[TVIS_DYNAMIC_ADD], p->out_dims[0], sizeof p->out_dims[0]) != 0)
            return tvis_plan_fail_shape(p, "the tensor to add", p->out_dims[0], p->in_dims[TVIS_DYNAMIC_ADD]);
        p->in_place = TVIS_DYNAMIC_ADD;
    }
    return s;
}

tvis_status tvis_dense_dynamic_plan(tvis_node_plan *p, int64_t rows, int32_t n, int32_t k, int32_t groups,
                                    const tvis_conv_shape *gathers)
{
    const uint16_t row = p->choice[0].kernel = tvis_dense_s8_choose(p, rows);
    const tvis_kernel *kern = &tvis_gemm_s8[row].k;
    uint32_t panel;
    tvis_status s = check(p);
    if (!s)
        s = tvis_dense_s8_weights(p, kern, rows, n, k, groups, &panel);
    if (s)
        return s;
    const blocks b = blocks_of(p->config->plan, row, rows, k, panel == 0);
    return tvis_matmul_scratch(p, kern, rows, k, sizeof(float), b.end, gathers);
}

/* Columns [first, first + n) of a group, from the panel's start where there is one. */
static const int8_t *weights(const tvis_matmul *mm, const tvis_block *b, int32_t first, int32_t n, int8_t *panel)
{
    const tvis_node_run *r = mm->run;
    const tvis_kernel *kern = mm->kern;
    const size_t row = b->first_column + (size_t)first;
    if (r->packed[0])
        return (const int8_t *)r->packed[0] + (size_t)b->group * tvis_dense_s8_group(kern, mm->n, mm->k) +
               (size_t)((b->col + first) / kern->nr) * tvis_dense_s8_panel(kern, mm->k);
    if (kern->pack == r->in[1]->pack)
        return (const int8_t *)r->x[1] + row * (size_t)mm->k;
    tvis_dense_s8_panel_pack(r->in[1], r->x[1], row, n, mm->k, kern->pack, panel);
    return panel;
}

/* Some rows of a block that are int8 now. */
static void multiply_rows(const tvis_matmul *mm, const tvis_block *b, const blocks *at, uint8_t *scratch, int32_t row,
                          int32_t m)
{
    const tvis_node_run *r = mm->run;
    const tvis_dynamic_variant *v = tvis_dynamic_choose(r->cpu);
    const float *bias = r->x[TVIS_DYNAMIC_BIAS], *add = r->x[TVIS_DYNAMIC_ADD];
    const ptrdiff_t skipped = (ptrdiff_t)row * b->ldy;
    tvis_gemm_s8_args g = { .x = (const int8_t *)scratch + at->x,
                            .y32 = (int32_t *)(void *)scratch,
                            .m = m,
                            .k = mm->k,
                            .ldx = mm->k,
                            .ldy = at->columns };
    g.scratch = at->end > at->gemm ? scratch + at->gemm : NULL;
    for (int32_t j = 0; j < b->n; j += at->columns) {
        const size_t channel = b->first_column + (size_t)j;
        g.n = b->n - j < at->columns ? b->n - j : at->columns;
        g.w = weights(mm, b, j, g.n, (int8_t *)scratch + at->panel);
        tvis_gemm_s8[r->kernel[0]].run(&g);
        tvis_finish_sums_args f = {
            .sums = g.y32,
            .form = (const tvis_row_form *)(const void *)(scratch + at->forms),
            .w_scale = (const float *)r->x[TVIS_DYNAMIC_SCALES] + channel,
            .w_sum = (const int32_t *)r->x[TVIS_DYNAMIC_SUMS] + channel,
            .bias = bias ? bias + channel : NULL,
            .add = add ? add + b->offset + skipped + j : NULL,
            .y = (float *)b->y + skipped + j,
            .m = m,
            .n = g.n,
            .lds = at->columns,
            .ldy = b->ldy,
        };
        tvis_act_range(r->node->act, &f.lo, &f.hi);
        v->finish(&f);
    }
    tvis_act_apply(r->cpu, r->node->act, (float *)b->y + skipped, m, b->n, b->ldy);
}

static void multiply(const tvis_matmul *mm, const tvis_block *b, void *scratch)
{
    const tvis_node_run *r = mm->run;
    const bool ready = mm->kern->pack == r->in[1]->pack || r->packed[0];
    const blocks at = blocks_of(r->plan, r->kernel[0], mm->m, mm->k, ready);
    for (int32_t row = 0; row < b->m; row += at.rows) {
        const int32_t m = b->m - row < at.rows ? b->m - row : at.rows;
        tvis_dynamic_choose(r->cpu)->round(&(tvis_round_rows_args){
            .x = (const float *)b->x + (ptrdiff_t)row * b->ldx,
            .y = (int8_t *)scratch + at.x,
            .form = (tvis_row_form *)(void *)((uint8_t *)scratch + at.forms),
            .m = m,
            .k = mm->k,
            .ldx = b->ldx,
        });
        multiply_rows(mm, b, &at, scratch, row, m);
    }
}

void tvis_dense_dynamic_run(const tvis_node_run *r, int32_t rows, int32_t n, int32_t k, int32_t groups,
                            void (*gather)(const tvis_matmul *, int32_t, int32_t, int32_t, void *),
                            const tvis_conv_shape *shape)
{
    const tvis_matmul mm = {
        .run = r,
        .kern = &tvis_gemm_s8[r->kernel[0]].k,
        .m = rows,
        .n = n,
        .k = k,
        .groups = groups,
        .size = sizeof(float),
        .y_size = sizeof(float),
        .x = r->x[0],
        .y = r->y[0],
        .gather = gather,
        .multiply = multiply,
        .shape = shape,
    };
    tvis_matmul_run(&mm);
}
