/* SPDX-License-Identifier: MIT */
#include "ops/matmul.h"

/* Rows that are gathered at a time: a block within L2 for speed, within L1 for size. */
static int32_t block_rows(uint8_t plan, const tvis_kernel *kern, int32_t k)
{
    const int32_t floats = plan == TVIS_PLAN_FAST ? 32768 : 4096;
    int32_t rows = floats / k / kern->mr * kern->mr;
    return rows < kern->mr ? kern->mr : rows;
}

tvis_status tvis_matmul_plan(tvis_node_plan *p, int64_t m, const tvis_matrix *shape, bool gathers)
{
    uint32_t panel;
    tvis_status s = tvis_matrix_plan(p, 0, 1, m, shape, &panel);
    if (s)
        return s;
    uint64_t gathered = 0;
    if (gathers) {
        int32_t rows = block_rows(p->config->plan, &tvis_gemm_f32[p->choice[0].kernel].k, shape->k);
        gathered = (uint64_t)(rows < m ? rows : m) * (uint64_t)shape->k * sizeof(float);
    }
    if (panel + gathered > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "scratch of more than 2 GiB");
    p->scratch = panel + (uint32_t)gathered;
    return TVIS_OK;
}

/* A part's share of one group: rows [row0, row1), columns [col0, col1). */
typedef struct share {
    int32_t group, row0, row1, col0, col1;
} share;

static void run_share(const tvis_matmul *mm, const share *s, float *scratch)
{
    const tvis_matrix *mx = &mm->mx;
    const tvis_kernel *kern = &tvis_gemm_f32[mx->kernel].k;
    const size_t ldy = (size_t)mx->groups * (size_t)mx->n, column = (size_t)s->group * (size_t)mx->n + (size_t)s->col0;
    const int32_t step = mm->gather ? block_rows(mm->run->plan, kern, mx->k) : s->row1 - s->row0;
    const int32_t largest = step < s->row1 - s->row0 ? step : s->row1 - s->row0;
    float *rows = scratch, *panel = mm->gather ? scratch + (size_t)largest * (size_t)mx->k : scratch;
    for (int32_t row = s->row0; row < s->row1; row += step) {
        const size_t at = (size_t)row * ldy + column;
        tvis_gemm_f32_args a = {
            .x = rows,
            .bias = mm->bias ? mm->bias + column : NULL,
            .add = mm->add ? mm->add + at : NULL,
            .y = mm->y + at,
            .m = s->row1 - row < step ? s->row1 - row : step,
            .n = s->col1 - s->col0,
            .ldx = mx->k,
            .ldy = (int32_t)ldy,
        };
        if (mm->gather) {
            mm->gather(mm, row, a.m, s->group, rows);
        } else {
            a.ldx = mx->groups * mx->k;
            a.x = mm->x + (size_t)row * (size_t)a.ldx + (size_t)s->group * (size_t)mx->k;
        }
        tvis_matrix_multiply(mx, a, s->group, s->col0, mm->run->node->act, mm->run->cpu, panel);
    }
}

/* Few rows are cut by columns, many by rows; an element's value does not depend on it. */
static void run_part(void *arg, uint32_t i)
{
    const tvis_matmul *mm = arg;
    const tvis_node_run *r = mm->run;
    const tvis_kernel *kern = &tvis_gemm_f32[mm->mx.kernel].k;
    share s = { 0, 0, mm->m, 0, mm->mx.n };
    if ((int64_t)mm->m >= (int64_t)r->parts * kern->mr * 2 || mm->mx.n <= kern->nr) {
        s.row0 = tvis_part(mm->m, i, r->parts, kern->mr);
        s.row1 = tvis_part(mm->m, i + 1, r->parts, kern->mr);
    } else {
        s.col0 = tvis_part(mm->mx.n, i, r->parts, kern->nr);
        s.col1 = tvis_part(mm->mx.n, i + 1, r->parts, kern->nr);
    }
    if (s.row0 == s.row1 || s.col0 == s.col1)
        return;
    for (s.group = 0; s.group < mm->mx.groups; s.group++)
        run_share(mm, &s, (float *)(void *)(r->scratch + (size_t)i * r->scratch_bytes));
}

void tvis_matmul_run(const tvis_matmul *mm)
{
    tvis_run_parts(mm->run, run_part, (void *)(uintptr_t)mm);
}
