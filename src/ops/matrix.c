/* SPDX-License-Identifier: MIT */
#include "ops/matrix.h"
#include "core/half.h"
#include "core/port.h"
#include "core/s4.h"
#include "core/sparse.h"
#include "ops/act.h"

static const tvis_gemm_f32_variant *choose(uint32_t cpu, int64_t m, uint16_t stored, uint16_t *row)
{
    for (uint16_t i = 0; tvis_gemm_f32[i].k.name; i++) {
        const tvis_kernel *k = &tvis_gemm_f32[i].k;
        if (!(k->cpu & ~cpu) && (k->m_max == 0 || m <= k->m_max) && (!tvis_is_packed(stored) || stored == k->pack)) {
            *row = i;
            return &tvis_gemm_f32[i];
        }
    }
    return NULL;
}

/* Sparse weights that are multiplied as they are stored. */
static bool plan_sparse(tvis_node_plan *p, uint32_t node, uint32_t input, int64_t rows, const tvis_matrix *shape,
                        uint32_t *scratch)
{
    const tvis_blob_tensor *t = p->in[input];
    if (!TVIS_LARGE_CODE || t->pack != TVIS_PACK_SPARSE)
        return false;
    const tvis_sparse s = tvis_sparse_of(t, NULL);
    const uint64_t values = (s.bytes - tvis_sparse_head(s.n, s.k)) / s.size / (uint32_t)shape->groups;
    const tvis_sparse_gemm_variant *v = tvis_sparse_gemm_choose(p->config->cpu, rows, shape->n, shape->k, values);
    const uint64_t bytes =
        v ? tvis_sparse_gemm_scratch(v, rows, shape->k, s.size, p->config->plan == TVIS_PLAN_SMALL) : 0;
    if (!v || bytes > INT32_MAX)
        return false;
    p->choice[node].kernel = (uint16_t)(TVIS_MATRIX_SPARSE + (size_t)(v - tvis_sparse_gemm));
    p->choice[node].pack = TVIS_PACK_INDEX;
    p->choice[node].pack_bytes = (uint32_t)tvis_sparse_index_bytes(&s);
    *scratch = (uint32_t)bytes;
    return true;
}

tvis_status tvis_matrix_plan(tvis_node_plan *p, uint32_t node, uint32_t input, int64_t rows, const tvis_matrix *shape,
                             uint32_t *scratch)
{
    const uint16_t stored = p->in[input]->pack;
    const int32_t n = shape->n, k = shape->k, groups = shape->groups;
    tvis_choice *c = &p->choice[node];
    const tvis_gemm_f32_variant *v = choose(tvis_matrix_cpu(p), rows, stored, &c->kernel);
    if (!v)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_NO_KERNEL, "the weights are packed for another processor");
    if (rows > INT32_MAX || (int64_t)groups * n * k > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "more than 2^31 rows or weights");
    if (tvis_is_packed(stored) && (p->in[input]->dtype != TVIS_F32 || (groups > 1 && n % v->k.nr)))
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_SHAPE,
                              "packed halves, or packed groups that are no whole panels");
    const bool as_stored = stored == v->k.pack && p->in[input]->dtype == TVIS_F32;
    const uint64_t columns =
        v->k.pack == TVIS_PACK_PLAIN ? (uint64_t)n : ((uint64_t)n + v->k.nr - 1) / v->k.nr * v->k.nr;
    const uint64_t packed = as_stored ? 0 : (uint64_t)groups * columns * (uint64_t)k * sizeof(float);
    if (packed > INT32_MAX || (uint64_t)k * v->k.nr > INT32_MAX / sizeof(float))
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "packed weights of more than 2 GiB");
    p->macs += (uint64_t)rows * (uint64_t)n * (uint64_t)k * (uint64_t)groups;
    if (plan_sparse(p, node, input, rows, shape, scratch)) {
        p->kernel_name = tvis_matrix_kernel(c->kernel)->name;
        return TVIS_OK;
    }
    p->kernel_name = v->k.name;
    c->pack = v->k.pack;
    c->pack_bytes = (uint32_t)packed;
    *scratch = as_stored || tvis_plan_packed(p, node, v->k.pack) ? 0 : (uint32_t)k * v->k.nr * (uint32_t)sizeof(float);
    return TVIS_OK;
}

/* Floats of one group in the kernel's order. */
static size_t group_floats(const tvis_matrix *mx, const tvis_kernel *kern)
{
    const bool plain = kern->pack == TVIS_PACK_PLAIN;
    return plain ? (size_t)mx->n * (size_t)mx->k : tvis_gemm_f32_packed(mx->n, mx->k, kern->nr);
}

/* Part of a row of weights that are halves or of 4 bits. */
static void expand(const tvis_matrix *mx, size_t row, int32_t first, int32_t count, float *out)
{
    const size_t k = (size_t)mx->k;
    if (mx->dtype == TVIS_F16)
        tvis_half_expand((const uint16_t *)mx->w + row * k + (size_t)first, (size_t)count, out);
    else
        tvis_s4_expand((const uint8_t *)mx->w + row * (size_t)tvis_s4_row_bytes(k), first, count, out);
}

/* Rows [at, at + n) of them in the kernel's order, a slice of each at a time. */
static void expand_columns(const tvis_matrix *mx, const tvis_kernel *kern, size_t at, int32_t n, float *out)
{
    enum { SLICE = 2 * TVIS_S4_GROUP };
    const bool plain = kern->pack == TVIS_PACK_PLAIN;
    const int32_t nr = plain ? 1 : kern->nr, columns = (n + nr - 1) / nr * nr, k = mx->k;
    float slice[SLICE];
    for (int32_t j = 0; j < columns; j++) {
        float *to = out + (ptrdiff_t)(j / nr) * nr * k + j % nr;
        for (int32_t p = 0; p < k; p += SLICE) {
            const int32_t count = k - p < SLICE ? k - p : SLICE;
            if (j < n)
                expand(mx, at + (size_t)j, p, count, slice);
            for (int32_t i = 0; i < count; i++)
                to[(ptrdiff_t)(p + i) * nr] = j < n ? slice[i] : 0.0f;
        }
    }
}

/* Columns [at, at + n) of weights that are stored sparse. */
static void expand_sparse(const tvis_matrix *mx, const tvis_kernel *kern, size_t at, int32_t n, float *out)
{
    const tvis_sparse *s = &mx->sparse;
    const int32_t k = mx->k, nr = kern->pack == TVIS_PACK_PLAIN ? n : kern->nr;
    memset(out, 0, (size_t)((n - 1) / nr + 1) * (size_t)nr * (size_t)k * sizeof *out);
    for (int32_t j = 0; j < n; j += nr) {
        const int32_t rows = n - j < nr ? n - j : nr;
        if (kern->pack == TVIS_PACK_PLAIN)
            tvis_sparse_scatter(s, (int32_t)at + j, rows, k, 1, out);
        else
            tvis_sparse_scatter(s, (int32_t)at + j, rows, 1, nr, out + (ptrdiff_t)j * k);
    }
}

/* Columns [at, at + n) of the plain weights, in the kernel's order. */
static void pack_columns(const tvis_matrix *mx, const tvis_kernel *kern, size_t at, int32_t n, float *out)
{
    const size_t k = (size_t)mx->k;
    const float *plain = (const float *)mx->w + at * k;
    if (mx->stored == TVIS_PACK_SPARSE)
        expand_sparse(mx, kern, at, n, out);
    else if (mx->dtype != TVIS_F32)
        expand_columns(mx, kern, at, n, out);
    else if (kern->pack == TVIS_PACK_PLAIN)
        memcpy(out, plain, (size_t)n * k * sizeof *out);
    else
        tvis_gemm_f32_pack(plain, n, mx->k, kern->nr, out);
}

static void set_weights(tvis_matrix *mx, const tvis_blob_tensor *t, const void *data)
{
    mx->w = data;
    mx->dtype = t->dtype;
    mx->stored = t->pack;
    if (t->pack == TVIS_PACK_SPARSE)
        mx->sparse = tvis_sparse_of(t, data);
}

void tvis_matrix_pack(const tvis_node_plan *p, uint32_t node, uint32_t input, const tvis_matrix *shape, void *out)
{
    const tvis_kernel *kern = tvis_matrix_kernel(p->choice[node].kernel);
    tvis_matrix mx = *shape;
    set_weights(&mx, p->in[input], p->model->blob + p->in[input]->offset);
    if (TVIS_LARGE_CODE && kern->pack == TVIS_PACK_SPARSE) {
        tvis_sparse_index_make(&mx.sparse, out);
        return;
    }
    for (int32_t g = 0; g < mx.groups; g++)
        pack_columns(&mx, kern, (size_t)g * (size_t)mx.n, mx.n, (float *)out + (size_t)g * group_floats(&mx, kern));
}

void tvis_matrix_bind(tvis_matrix *mx, const tvis_node_run *r, uint32_t node, uint32_t input)
{
    set_weights(mx, r->in[input], r->x[input]);
    mx->kernel = r->kernel[node];
    mx->plan = r->plan;
    mx->packed = r->packed[node];
}

/* The weights in the kernel's order, from a group's column on; NULL if they are still to be packed. */
static const float *ready_weights(const tvis_matrix *mx, int32_t group, int32_t col)
{
    const tvis_kernel *kern = &tvis_gemm_f32[mx->kernel].k;
    const bool as_stored = mx->stored == kern->pack && mx->dtype == TVIS_F32;
    const float *w = mx->packed ? mx->packed : as_stored ? mx->w : NULL;
    return w ? w + (size_t)group * group_floats(mx, kern) + (size_t)col * (size_t)mx->k : NULL;
}

/* From column `at` of the plain weights on, a panel at a time. */
static void multiply_packing(const tvis_matrix *mx, tvis_gemm_f32_args a, size_t at, float *panel)
{
    const tvis_gemm_f32_variant *v = &tvis_gemm_f32[mx->kernel];
    const int32_t nr = v->k.nr, columns = a.n;
    a.w = panel;
    for (int32_t j = 0; j < columns; j += nr) {
        a.n = columns - j < nr ? columns - j : nr;
        pack_columns(mx, &v->k, at + (size_t)j, a.n, panel);
        v->run(&a);
        a.y += nr;
        a.add = a.add ? a.add + nr : NULL;
        a.bias = a.bias ? a.bias + nr : NULL;
    }
}

void tvis_matrix_multiply(const tvis_matrix *mx, tvis_gemm_f32_args a, int32_t group, int32_t col, uint8_t act,
                          uint32_t cpu, float *panel)
{
    const int32_t row = group * mx->n + col;
    a.k = mx->k;
    tvis_act_range(act, &a.lo, &a.hi);
    if (TVIS_LARGE_CODE && mx->kernel >= TVIS_MATRIX_SPARSE)
        tvis_sparse_gemm_run(
            &tvis_sparse_gemm[mx->kernel - TVIS_MATRIX_SPARSE],
            &(tvis_sparse_gemm_args){ a, &mx->sparse, mx->packed, row, mx->plan == TVIS_PLAN_SMALL, panel });
    else if ((a.w = ready_weights(mx, group, col)) != NULL)
        tvis_gemm_f32[mx->kernel].run(&a);
    else
        multiply_packing(mx, a, (size_t)row, panel);
    tvis_act_apply(cpu, act, a.y, a.m, a.n, a.ldy);
}
