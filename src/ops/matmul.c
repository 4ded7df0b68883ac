/* SPDX-License-Identifier: MIT */
#include "ops/matmul.h"

/* Rows that are gathered at a time: a block within L2 for speed, within L1 for size. All weights are read for each
 * block: on x86, which has a large L2, it has 60 rows or, for tiles of 32, 64 in any case. */
static int32_t block_rows(uint8_t plan, const tvis_kernel *kern, int32_t k, uint32_t size)
{
    const bool fast = plan == TVIS_PLAN_FAST;
    const bool large = fast && (kern->cpu & (TVIS_CPU_AVX2 | TVIS_CPU_AVX512));
    const int32_t least = large ? (60 + kern->mr - 1) / kern->mr * kern->mr : kern->mr;
    const int32_t rows = (fast ? 128 : 16) * 1024 / (int32_t)size / k / kern->mr * kern->mr;
    return rows < least ? least : rows;
}

tvis_status tvis_matmul_scratch(tvis_node_plan *p, const tvis_kernel *kern, int64_t m, int32_t k, uint32_t size,
                                uint32_t panel, const tvis_conv_shape *gathers)
{
    uint64_t gathered = 0;
    if (gathers) {
        const int32_t pitch = tvis_conv_line(gathers, p->node->p.conv.groups, kern, p->config->plan);
        const int32_t rows = block_rows(p->config->plan, kern, k, size);
        if (p->band)
            m = (int64_t)p->band * gathers->ow;
        gathered =
            (pitch ? (uint64_t)gathers->kh * (uint64_t)pitch : (uint64_t)(rows < m ? rows : m) * (uint64_t)k) * size;
    }
    gathered = (gathered + 3) & ~(uint64_t)3; /* the panel behind it is aligned to 4 */
    if (panel + gathered > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "scratch of more than 2 GiB");
    p->scratch = panel + (uint32_t)gathered;
    return TVIS_OK;
}

/* A part's share of one group: rows [row0, row1), columns [col0, col1). */
typedef struct share {
    int32_t group, row0, row1, col0, col1;
} share;

static void run_share(const tvis_matmul *mm, const share *s, uint8_t *scratch)
{
    const tvis_conv_shape *lines = TVIS_LINES && mm->pitch ? mm->shape : NULL;
    int32_t step = s->row1 - s->row0;
    size_t gathered = 0;
    tvis_block b = {
        .first_column = (size_t)s->group * (size_t)mm->n + (size_t)s->col0,
        .n = s->col1 - s->col0,
        .ldx = mm->groups * mm->k,
        .ldy = mm->groups * mm->n,
        .group = s->group,
        .col = s->col0,
    };
    if (lines) {
        step = lines->ow;
        gathered = (size_t)lines->kh * (size_t)mm->pitch * mm->size;
        b.ldx = lines->stride[1] * lines->ic;
    } else if (mm->gather) {
        const int32_t block = block_rows(mm->run->plan, mm->kern, mm->k, mm->size);
        step = block < step ? block : step;
        gathered = (size_t)step * (size_t)mm->k * mm->size;
        b.ldx = mm->k;
    }
    for (int32_t row = s->row0; row < s->row1; row += b.m) {
        b.m = lines ? step - row % step : step;
        b.m = s->row1 - row < b.m ? s->row1 - row : b.m;
        b.offset = (size_t)row * (size_t)b.ldy + b.first_column;
        b.y = (uint8_t *)mm->y + b.offset * mm->y_size;
        b.x = scratch;
        if (mm->gather)
            mm->gather(mm, row, b.m, s->group, scratch);
        else
            b.x = (const uint8_t *)mm->x + ((size_t)row * (size_t)b.ldx + (size_t)s->group * (size_t)mm->k) * mm->size;
        mm->multiply(mm, &b, scratch + ((gathered + 3) & ~(size_t)3));
    }
}

/* Few rows are cut by columns, many by rows; an element's value does not depend on it. */
static void run_part(void *arg, uint32_t i)
{
    const tvis_matmul *mm = arg;
    const tvis_node_run *r = mm->run;
    share s = { 0, 0, mm->m, 0, mm->n };
    if ((int64_t)mm->m >= (int64_t)r->parts * mm->kern->mr * 2 || mm->n <= mm->kern->nr) {
        s.row0 = tvis_part(mm->m, i, r->parts, mm->kern->mr);
        s.row1 = tvis_part(mm->m, i + 1, r->parts, mm->kern->mr);
    } else {
        s.col0 = tvis_part(mm->n, i, r->parts, mm->kern->nr);
        s.col1 = tvis_part(mm->n, i + 1, r->parts, mm->kern->nr);
    }
    if (s.row0 == s.row1 || s.col0 == s.col1)
        return;
    for (s.group = 0; s.group < mm->groups; s.group++)
        run_share(mm, &s, r->scratch + (size_t)i * r->scratch_bytes);
}

void tvis_matmul_run(const tvis_matmul *mm)
{
#if TVIS_LINES
    tvis_matmul copy = *mm;
    if (mm->gather)
        copy.pitch = tvis_conv_line(mm->shape, mm->groups, mm->kern, mm->run->plan);
    mm = &copy;
#endif
    tvis_run_parts(mm->run, run_part, (void *)(uintptr_t)mm);
}
