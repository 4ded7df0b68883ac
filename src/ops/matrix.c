/* SPDX-License-Identifier: MIT */
#include "ops/matrix.h"
#include "ops/act.h"

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

tvis_status tvis_matrix_plan(tvis_node_plan *p, uint32_t node, uint32_t input, int64_t rows, const tvis_matrix *shape,
                             uint32_t *scratch)
{
    const uint16_t stored = p->in[input]->pack;
    const int32_t n = shape->n, k = shape->k, groups = shape->groups;
    tvis_choice *c = &p->choice[node];
    const tvis_gemm_f32_variant *v = choose(p->config->cpu, rows, stored, &c->kernel);
    if (!v)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_NO_KERNEL, "the weights are packed for another processor");
    if (rows > INT32_MAX || (int64_t)groups * n * k > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 rows or weights");
    const bool panels = v->k.pack != TVIS_PACK_PLAIN;
    if (stored != TVIS_PACK_PLAIN && groups > 1 && n % v->k.nr)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_SHAPE, "packed weights whose groups are no whole panels");
    const uint64_t columns = ((uint64_t)n + v->k.nr - 1) / v->k.nr * v->k.nr;
    uint64_t packed = panels ? (uint64_t)groups * columns * (uint64_t)k * sizeof(float) : 0;
    if (packed > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "packed weights of more than 2 GiB");
    p->kernel_name = v->k.name;
    p->macs += (uint64_t)rows * (uint64_t)n * (uint64_t)k * (uint64_t)groups;
    c->pack = v->k.pack;
    c->pack_bytes = stored == v->k.pack ? 0 : (uint32_t)packed;
    bool ready = stored == v->k.pack || tvis_plan_packed(p, node, v->k.pack);
    *scratch = ready ? 0 : (uint32_t)k * v->k.nr * (uint32_t)sizeof(float); /* <= packed */
    return TVIS_OK;
}

void tvis_matrix_pack(const tvis_node_plan *p, uint32_t node, uint32_t input, const tvis_matrix *shape, void *out)
{
    const float *w = (const float *)(const void *)(p->model->blob + p->in[input]->offset);
    const int32_t n = shape->n, k = shape->k, nr = tvis_gemm_f32[p->choice[node].kernel].k.nr;
    const size_t step = tvis_gemm_f32_packed(n, k, nr);
    for (int32_t g = 0; g < shape->groups; g++)
        tvis_gemm_f32_pack(w + (size_t)g * (size_t)n * (size_t)k, n, k, nr, (float *)out + (size_t)g * step);
}

void tvis_matrix_bind(tvis_matrix *mx, const tvis_node_run *r, uint32_t node, uint32_t input)
{
    mx->w = r->x[input];
    mx->stored = r->in[input]->pack;
    mx->kernel = r->kernel[node];
    mx->packed = r->packed[node];
}

/* The weights in the kernel's order, from a group's column on; NULL if they are still to be packed. */
static const float *ready_weights(const tvis_matrix *mx, const tvis_kernel *kern, int32_t group, int32_t col)
{
    const float *w = mx->packed ? mx->packed : mx->stored == kern->pack ? mx->w : NULL;
    const size_t k = (size_t)mx->k;
    const size_t step =
        kern->pack == TVIS_PACK_PLAIN ? (size_t)mx->n * k : tvis_gemm_f32_packed(mx->n, mx->k, kern->nr);
    return w ? w + (size_t)group * step + (size_t)col * k : NULL;
}

/* w: the first column, plain. A panel at a time. */
static void multiply_packing(const tvis_gemm_f32_variant *v, tvis_gemm_f32_args a, const float *w, float *panel)
{
    const int32_t nr = v->k.nr, columns = a.n;
    a.w = panel;
    for (int32_t j = 0; j < columns; j += nr) {
        a.n = columns - j < nr ? columns - j : nr;
        tvis_gemm_f32_pack(w + (size_t)j * (size_t)a.k, a.n, a.k, nr, panel);
        v->run(&a);
        a.y += nr;
        a.add = a.add ? a.add + nr : NULL;
        a.bias = a.bias ? a.bias + nr : NULL;
    }
}

void tvis_matrix_multiply(const tvis_matrix *mx, tvis_gemm_f32_args a, int32_t group, int32_t col, uint8_t act,
                          uint32_t cpu, float *panel)
{
    const tvis_gemm_f32_variant *v = &tvis_gemm_f32[mx->kernel];
    a.k = mx->k;
    a.w = ready_weights(mx, &v->k, group, col);
    tvis_act_range(act, &a.lo, &a.hi);
    if (a.w)
        v->run(&a);
    else
        multiply_packing(v, a, mx->w + ((size_t)group * (size_t)mx->n + (size_t)col) * (size_t)mx->k, panel);
    tvis_act_apply(cpu, act, a.y, a.m, a.n, a.ldy);
}
