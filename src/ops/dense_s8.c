/* SPDX-License-Identifier: MIT */
#include "ops/dense_s8.h"
#include "core/port.h"
#include "ops/look_up_s8.h"

tvis_status tvis_s8_constants(const tvis_node_plan *p, int32_t channels)
{
    const tvis_blob_tensor *w = p->in[1];
    const bool constant = w->producer == TVIS_NONE && w->last_use == TVIS_NONE;
    if (w->dtype != TVIS_S8 || !constant || !p->in[TVIS_S8_BIAS] || !p->in[TVIS_S8_MUL])
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "int8 weights, biases and multipliers are needed");
    if (p->node->act != TVIS_ACT_NONE)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_ENUM, "activations of int8 layers are limits or tables");
    tvis_status s = tvis_plan_vector(p, TVIS_S8_BIAS, TVIS_S32, channels);
    return s ? s : tvis_plan_vector(p, TVIS_S8_MUL, TVIS_S32, channels);
}

tvis_status tvis_s8_check(const tvis_node_plan *p, int32_t channels)
{
    const uint16_t out = tvis_ids(p->model)[p->node->ids + p->node->in_count];
    if (p->in[0]->dtype != TVIS_S8 || tvis_tensors(p->model)[out].dtype != TVIS_S8)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "int8 input and output are needed");
    tvis_status s = tvis_s8_constants(p, channels);
    return s ? s : tvis_plan_vector(p, TVIS_S8_TABLE, TVIS_S8, 256);
}

tvis_requant tvis_s8_requant(const tvis_node_run *r, size_t first)
{
    const tvis_quant *q = &r->node->q;
    return (tvis_requant){
        .mul = (const int32_t *)r->x[TVIS_S8_MUL] + first,
        .shift = q->shift,
        .zero = r->node->q.zero,
        .lo = q->lo,
        .hi = q->hi,
    };
}

void tvis_s8_look_up(const tvis_node_run *r, int8_t *y, int32_t rows, int32_t cols, int32_t ldy)
{
    const tvis_look_up_s8_args a = { r->x[TVIS_S8_TABLE], y, y, rows, cols, ldy };
    if (a.table)
        tvis_look_up_s8[tvis_look_up_s8_choose(r->cpu)].run(&a);
}

uint16_t tvis_dense_s8_choose(const tvis_node_plan *p, int64_t rows)
{
    const uint16_t stored = p->in[1]->pack;
    uint16_t i = 0, last = 0;
    for (; tvis_gemm_s8[i].k.name; i++) {
        const tvis_kernel *k = &tvis_gemm_s8[i].k;
        if (!(k->cpu & ~p->config->cpu) && (k->m_max == 0 || rows <= k->m_max)) {
            if (!tvis_is_packed(p->in[1]->pack) || k->pack == stored)
                return i;
            last = i;
        }
    }
    return last;
}

size_t tvis_dense_s8_group(const tvis_kernel *kern, int32_t n, int32_t k)
{
    return kern->pack == TVIS_PACK_PLAIN ? (size_t)n * (size_t)k : tvis_gemm_s8_packed(n, k, kern->pack);
}

size_t tvis_dense_s8_panel(const tvis_kernel *kern, int32_t k)
{
    if (kern->pack == TVIS_PACK_PLAIN)
        return (size_t)kern->nr * (size_t)k;
    return tvis_gemm_s8_panel(k, TVIS_PACK_GROUP(kern->pack), kern->nr);
}

tvis_status tvis_dense_s8_weights(tvis_node_plan *p, const tvis_kernel *kern, int64_t rows, int32_t n, int32_t k,
                                  int32_t groups, uint32_t *panel)
{
    const bool as_stored = kern->pack == p->in[1]->pack, ready = as_stored || tvis_plan_packed(p, 0, kern->pack);
    if (k > TVIS_GEMM_S8_MAX_K || rows > INT32_MAX || (int64_t)groups * n * k > INT32_MAX / 2)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT,
                              "more than 2^15 weights an output, 2^30 in all, or 2^31 rows");
    if (tvis_is_packed(p->in[1]->pack) && !as_stored)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_NO_KERNEL, "the weights are packed for another processor");
    if (tvis_is_packed(p->in[1]->pack) && groups > 1)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_SHAPE, "packed weights in groups");
    p->kernel_name = kern->name;
    p->macs = (uint64_t)rows * (uint64_t)n * (uint64_t)k * (uint64_t)groups;
    p->choice[0].pack = kern->pack;
    p->choice[0].pack_bytes = as_stored ? 0 : (uint32_t)groups * (uint32_t)tvis_dense_s8_group(kern, n, k);
    *panel = ready ? 0 : (uint32_t)tvis_dense_s8_panel(kern, k);
    return TVIS_OK;
}

tvis_status tvis_dense_s8_plan(tvis_node_plan *p, int64_t rows, int32_t n, int32_t k, int32_t groups,
                               const tvis_conv_shape *gathers)
{
    tvis_status s = tvis_s8_check(p, p->out_dims[0][3]);
    if (s)
        return s;
    if (p->node->in_count > TVIS_S8_ADD && p->in[TVIS_S8_ADD]) {
        if (p->in[TVIS_S8_ADD]->dtype != TVIS_S8 ||
            memcmp(p->in_dims[TVIS_S8_ADD], p->out_dims[0], sizeof p->out_dims[0]) != 0)
            return tvis_plan_fail_shape(p, "the tensor to add", p->out_dims[0], p->in_dims[TVIS_S8_ADD]);
        p->in_place = TVIS_S8_ADD;
    }
    const uint16_t row = p->choice[0].kernel = tvis_dense_s8_choose(p, rows);
    const tvis_kernel *kern = &tvis_gemm_s8[row].k;
    uint32_t panel;
    s = tvis_dense_s8_weights(p, kern, rows, n, k, groups, &panel);
    return s ? s : tvis_matmul_scratch(p, kern, rows, k, 1, panel + tvis_gemm_s8[row].scratch, gathers);
}

void tvis_dense_s8_panel_pack(const tvis_blob_tensor *t, const void *data, size_t row, int32_t n, int32_t k,
                              uint16_t order, int8_t *out)
{
    const tvis_sparse s = tvis_sparse_of(t, data);
    if (t->pack != TVIS_PACK_SPARSE)
        tvis_gemm_s8_pack((const int8_t *)data + row * (size_t)k, n, k, order, out);
    else if (order == TVIS_PACK_PLAIN)
        tvis_sparse_expand(&s, (int32_t)row, n, out);
    else
        tvis_gemm_s8_pack_sparse(&s, (int32_t)row, n, order, out);
}

void tvis_dense_s8_pack(const tvis_node_plan *p, int32_t n, int32_t k, int32_t groups, void *out)
{
    const uint16_t order = p->choice[0].pack;
    const size_t bytes = order == TVIS_PACK_PLAIN ? (size_t)n * (size_t)k : tvis_gemm_s8_packed(n, k, order);
    for (int32_t g = 0; g < groups; g++)
        tvis_dense_s8_panel_pack(p->in[1], p->model->blob + p->in[1]->offset, (size_t)g * (size_t)n, n, k, order,
                                 (int8_t *)out + (size_t)g * bytes);
}

/* From row `first` of the weights on, a panel at a time. */
static void multiply_packing(const tvis_matmul *mm, tvis_gemm_s8_args a, size_t first, int8_t *panel)
{
    const tvis_node_run *r = mm->run;
    const tvis_gemm_s8_variant *v = &tvis_gemm_s8[r->kernel[0]];
    const int32_t nr = v->k.nr, columns = a.n;
    a.w = panel;
    for (int32_t j = 0; j < columns; j += nr) {
        a.n = columns - j < nr ? columns - j : nr;
        tvis_dense_s8_panel_pack(r->in[1], r->x[1], first + (size_t)j, a.n, a.k, v->k.pack, panel);
        v->run(&a);
        a.y += nr;
        a.add = a.add ? a.add + nr : NULL;
        a.bias += nr;
        a.q.mul += nr;
    }
}

static void multiply(const tvis_matmul *mm, const tvis_block *b, void *panel)
{
    const tvis_node_run *r = mm->run;
    const tvis_kernel *kern = mm->kern;
    const int8_t *add = r->x[TVIS_S8_ADD];
    const bool as_stored = kern->pack == r->in[1]->pack;
    tvis_gemm_s8_args a = {
        .x = b->x,
        .bias = (const int32_t *)r->x[TVIS_S8_BIAS] + b->first_column,
        .add = add ? add + b->offset : NULL,
        .y = b->y,
        .m = b->m,
        .n = b->n,
        .k = mm->k,
        .ldx = b->ldx,
        .ldy = b->ldy,
        .run = tvis_matmul_run_of_line(mm),
        .gap = tvis_matmul_gap_of_line(mm),
        .q = tvis_s8_requant(r, b->first_column),
        .add_q = { r->node->q.add_mul, r->node->q.add_shift, add ? r->in[TVIS_S8_ADD]->zero : 0 },
    };
    if (tvis_gemm_s8[r->kernel[0]].scratch)
        a.scratch = (int8_t *)panel + (as_stored || r->packed[0] ? 0 : tvis_dense_s8_panel(kern, mm->k));
    if (r->packed[0]) {
        a.w = (const int8_t *)r->packed[0] + (size_t)b->group * tvis_dense_s8_group(kern, mm->n, mm->k) +
              (size_t)(b->col / kern->nr) * tvis_dense_s8_panel(kern, mm->k);
        tvis_gemm_s8[r->kernel[0]].run(&a);
    } else if (as_stored) {
        a.w = (const int8_t *)r->x[1] + b->first_column * (size_t)mm->k;
        tvis_gemm_s8[r->kernel[0]].run(&a);
    } else {
        multiply_packing(mm, a, b->first_column, panel);
    }
    tvis_s8_look_up(r, b->y, b->m, b->n, b->ldy);
}

void tvis_dense_s8_run(const tvis_node_run *r, int32_t rows, int32_t n, int32_t k, int32_t groups,
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
        .size = 1,
        .y_size = 1,
        .x = r->x[0],
        .y = r->y[0],
        .gather = gather,
        .multiply = multiply,
        .shape = shape,
    };
    tvis_matmul_run(&mm);
}
