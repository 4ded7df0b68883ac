/* SPDX-License-Identifier: MIT */
#include "ops/matmul.h"
#include "ops/act.h"
#include "ops/gemm.h"

/* Rows that are gathered at a time: a block within L2 for speed, within L1 for size. */
static int32_t block_rows(uint8_t plan, const tvis_kernel *kern, int32_t k)
{
    const int32_t floats = plan == TVIS_PLAN_FAST ? 32768 : 4096;
    int32_t rows = floats / k / kern->mr * kern->mr;
    return rows < kern->mr ? kern->mr : rows;
}

static const tvis_gemm_f32_variant *choose(uint32_t cpu, int64_t m, uint16_t stored, uint16_t *row)
{
    for (uint16_t i = 0; tvis_gemm_f32[i].k.name; i++) {
        const tvis_kernel *k = &tvis_gemm_f32[i].k;
        if (!(k->cpu & ~cpu) && (k->m_max == 0 || m <= k->m_max) && (stored == TVIS_PACK_PLAIN || stored == k->pack)) {
            *row = i;
            return &tvis_gemm_f32[i];
        }
    }
    return NULL;
}

tvis_status tvis_matmul_plan(tvis_node_plan *p, int64_t m, int32_t n, int32_t k, int32_t groups, bool gathers)
{
    const uint16_t stored = p->in[1]->pack;
    const tvis_gemm_f32_variant *v = choose(p->config->cpu, m, stored, &p->kernel);
    if (!v)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_NO_KERNEL, "the weights are packed for another processor");
    if (m > INT32_MAX || (int64_t)groups * n * k > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 rows or weights");
    const tvis_kernel *kern = &v->k;
    p->kernel_name = kern->name;
    p->pack = kern->pack;
    p->macs = (uint64_t)m * (uint64_t)n * (uint64_t)k * (uint64_t)groups;
    bool panels = kern->pack != TVIS_PACK_PLAIN;
    if (stored != TVIS_PACK_PLAIN && groups > 1 && n % kern->nr)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_SHAPE, "packed weights whose groups are no whole panels");
    uint64_t packed_bytes = panels ? (uint64_t)groups * tvis_gemm_f32_packed(n, k, kern->nr) * sizeof(float) : 0;
    if (packed_bytes > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "packed weights of more than 2 GiB");
    p->pack_bytes = stored == kern->pack ? 0 : (uint32_t)packed_bytes;
    bool ready = !panels || stored == kern->pack || (p->packed && p->packed_as == kern->pack);
    uint64_t floats = ready ? 0 : (uint64_t)k * kern->nr;
    if (gathers) {
        int32_t rows = block_rows(p->config->plan, kern, k);
        floats += (uint64_t)(rows < m ? rows : m) * (uint64_t)k;
    }
    if (floats * sizeof(float) > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "scratch of more than 2 GiB");
    p->scratch = (uint32_t)(floats * sizeof(float));
    return TVIS_OK;
}

void tvis_matmul_pack(const tvis_node_plan *p, int32_t n, int32_t k, int32_t groups, const void *weights, void *out)
{
    int32_t nr = tvis_gemm_f32[p->kernel].k.nr;
    size_t step = tvis_gemm_f32_packed(n, k, nr);
    for (int32_t g = 0; g < groups; g++)
        tvis_gemm_f32_pack((const float *)weights + (size_t)g * (size_t)n * (size_t)k, n, k, nr,
                           (float *)out + (size_t)g * step);
}

/* A part's share of one group: rows [row0, row1), columns [col0, col1). */
typedef struct share {
    int32_t group, row0, row1, col0, col1;
} share;

/* The weights in the kernel's order, from this share's first column on; NULL if they are still to be packed. */
static const float *ready_weights(const tvis_matmul *mm, const tvis_kernel *kern, const share *s)
{
    const float *w = mm->run->packed ? mm->run->packed : mm->run->in[1]->pack == kern->pack ? mm->w : NULL;
    size_t k = (size_t)mm->k;
    size_t group = kern->pack == TVIS_PACK_PLAIN ? (size_t)mm->n * k : tvis_gemm_f32_packed(mm->n, mm->k, kern->nr);
    return w ? w + (size_t)s->group * group + (size_t)s->col0 * k : NULL;
}

/* All columns of a share for the rows in *a, packing a panel at a time. */
static void multiply_packing(const tvis_matmul *mm, const tvis_gemm_f32_variant *v, tvis_gemm_f32_args a,
                             const share *s, float *panel)
{
    const int32_t nr = v->k.nr, left = s->col1 - s->col0;
    const float *w = mm->w + ((size_t)s->group * (size_t)mm->n + (size_t)s->col0) * (size_t)mm->k;
    a.w = panel;
    for (int32_t j = 0; j < left; j += nr) {
        a.n = left - j < nr ? left - j : nr;
        tvis_gemm_f32_pack(w + (size_t)j * (size_t)mm->k, a.n, mm->k, nr, panel);
        v->run(&a);
        a.y += nr;
        a.add = a.add ? a.add + nr : NULL;
        a.bias = a.bias ? a.bias + nr : NULL;
    }
}

static void run_share(const tvis_matmul *mm, const share *s, float *scratch)
{
    const tvis_gemm_f32_variant *v = &tvis_gemm_f32[mm->run->kernel];
    const size_t ldy = (size_t)mm->groups * (size_t)mm->n, column = (size_t)s->group * (size_t)mm->n + (size_t)s->col0;
    const float *ready = ready_weights(mm, &v->k, s);
    float *panel = scratch, *rows = ready ? scratch : scratch + (size_t)mm->k * v->k.nr;
    int32_t step = mm->gather ? block_rows(mm->run->plan, &v->k, mm->k) : s->row1 - s->row0;
    for (int32_t row = s->row0; row < s->row1; row += step) {
        const size_t at = (size_t)row * ldy + column;
        tvis_gemm_f32_args a = {
            .x = rows,
            .w = ready,
            .bias = mm->bias ? mm->bias + column : NULL,
            .add = mm->add ? mm->add + at : NULL,
            .y = mm->y + at,
            .m = s->row1 - row < step ? s->row1 - row : step,
            .n = s->col1 - s->col0,
            .k = mm->k,
            .ldx = mm->k,
            .ldy = (int32_t)ldy,
        };
        tvis_act_range(mm->act, &a.lo, &a.hi);
        if (mm->gather) {
            mm->gather(mm, row, a.m, s->group, rows);
        } else {
            a.ldx = mm->groups * mm->k;
            a.x = mm->x + (size_t)row * (size_t)a.ldx + (size_t)s->group * (size_t)mm->k;
        }
        if (ready)
            v->run(&a);
        else
            multiply_packing(mm, v, a, s, panel);
        tvis_act_apply(mm->run->cpu, mm->act, a.y, a.m, s->col1 - s->col0, a.ldy);
    }
}

/* Few rows are cut by columns, many by rows; an element's value does not depend on it. */
static void run_part(void *arg, uint32_t i)
{
    const tvis_matmul *mm = arg;
    const tvis_node_run *r = mm->run;
    const tvis_kernel *kern = &tvis_gemm_f32[r->kernel].k;
    share s = { 0, 0, mm->m, 0, mm->n };
    if ((int64_t)mm->m >= (int64_t)r->parts * kern->mr * 2 || mm->n <= kern->nr) {
        s.row0 = tvis_part(mm->m, i, r->parts, kern->mr);
        s.row1 = tvis_part(mm->m, i + 1, r->parts, kern->mr);
    } else {
        s.col0 = tvis_part(mm->n, i, r->parts, kern->nr);
        s.col1 = tvis_part(mm->n, i + 1, r->parts, kern->nr);
    }
    if (s.row0 == s.row1 || s.col0 == s.col1)
        return;
    for (s.group = 0; s.group < mm->groups; s.group++)
        run_share(mm, &s, (float *)(void *)(r->scratch + (size_t)i * r->scratch_bytes));
}

void tvis_matmul_run(const tvis_matmul *mm)
{
    tvis_run_parts(mm->run, run_part, (void *)(uintptr_t)mm);
}
