/* SPDX-License-Identifier: MIT */
/* Depthwise convolution in int8 and int16, as op_depthwise.c; inputs as in dense_s8.h and dense_s16.h, but nothing is
 * added, and the bias holds nothing for the zero point of x. */
#include "core/port.h"
#include "ops/conv_shape.h"
#include "ops/dense_s16.h"
#include "ops/depthwise_s16.h"
#include "ops/depthwise_s8.h"

typedef tvis_depthwise_s8_variant variant;

static bool usable(const variant *v, const tvis_node_plan *p)
{
    const int32_t *w = p->in[1]->dims;
    return !(v->k.cpu & ~p->config->cpu) && tvis_depthwise_s8_fits(v, w[1], w[2], p->node->p.conv.dilation[1]);
}

static uint32_t packed_bytes(const tvis_kernel *k, const int32_t *w)
{
    return k->pack == TVIS_PACK_PLAIN ? 0 : (uint32_t)tvis_depthwise_s8_packed(w[1], w[2], w[3], k->pack);
}

static tvis_status check(tvis_node_plan *p, tvis_status (*types)(const tvis_node_plan *, int32_t))
{
    tvis_conv_shape s;
    tvis_status status = tvis_plan_arity(p, 2, 6);
    if (!status)
        status = tvis_conv_plan(p, &s, 1);
    if (status)
        return status;
    const int32_t *w = p->in[1]->dims, want[4] = { 1, w[1], w[2], s.ic };
    if (w[0] != 1 || w[3] != s.ic || p->node->p.conv.groups != 1 || p->in[TVIS_S8_ADD])
        return tvis_plan_fail_shape(p, "weights", want, w);
    if (tvis_is_packed(p->in[1]->pack))
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_ENUM, "depthwise weights are never packed in a blob");
    p->out_dims[0][3] = s.ic;
    p->macs = (uint64_t)tvis_elements(p->out_dims[0]) * (uint64_t)w[1] * (uint64_t)w[2];
    status = types(p, s.ic);
    if (!status && ((int64_t)p->out_dims[0][0] * s.oh > INT32_MAX || p->in[1]->bytes > INT32_MAX / 16 ||
                    (int64_t)s.ow * s.ic > INT32_MAX / 4))
        status = tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT,
                                "more than 2^31 rows, 2^29 elements in one, or 2^27 weights");
    return status;
}

/* The kernel for int8 in a table, and scratch for its weights. */
static void choose(tvis_node_plan *p, const variant *table)
{
    const int32_t *w = p->in[1]->dims;
    tvis_choice *choice = &p->choice[0];
    while (!usable(&table[choice->kernel], p))
        choice->kernel++;
    const tvis_kernel *kern = &table[choice->kernel].k;
    choice->pack = kern->pack;
    choice->pack_bytes = packed_bytes(kern, w);
    p->scratch = choice->pack_bytes && !tvis_plan_packed(p, 0, kern->pack) ? choice->pack_bytes : 0;
    p->kernel_name = kern->name;
}

static tvis_status plan_from(tvis_node_plan *p, const variant *table)
{
    tvis_status s = check(p, tvis_s8_check);
    if (!s)
        choose(p, table);
    return s;
}

static tvis_status plan_s8(tvis_node_plan *p)
{
    return plan_from(p, tvis_depthwise_s8);
}

static tvis_status plan_3x3(tvis_node_plan *p)
{
    return plan_from(p, tvis_depthwise_s8_3x3);
}

static void pack(const tvis_node_plan *p, uint32_t node, void *out)
{
    const int32_t *w = p->in[1]->dims;
    (void)node;
    tvis_depthwise_s8_pack((const int8_t *)(p->model->blob + p->in[1]->offset), w[1], w[2], w[3], p->choice[0].pack,
                           out);
}

/* In the kernel's order; packed into scratch where the session has none. */
static const int8_t *weights(const tvis_node_run *r, const tvis_kernel *kern, uint8_t *scratch)
{
    const int32_t *w = r->in_dims[1];
    if (kern->pack == TVIS_PACK_PLAIN)
        return r->x[1];
    if (r->packed[0])
        return r->packed[0];
    tvis_depthwise_s8_pack(r->x[1], w[1], w[2], w[3], kern->pack, (int8_t *)scratch);
    return (const int8_t *)scratch;
}

/* What is the same in all rows. */
static tvis_depthwise_s8_args args_of(const tvis_node_run *r, const variant *v, const tvis_conv_shape *s, uint32_t part)
{
    return (tvis_depthwise_s8_args){
        .w = weights(r, &v->k, r->scratch + (size_t)part * r->scratch_bytes),
        .bias = r->x[TVIS_S8_BIAS],
        .iw = s->iw,
        .ow = s->ow,
        .c = s->ic,
        .kh = s->kh,
        .kw = s->kw,
        .stride = s->stride[1],
        .pad = s->left,
        .dilation = s->dilation[1],
        .x_zero = r->in[0]->zero,
    };
}

static void rows_of(const tvis_node_run *r, const tvis_conv_shape *s, int32_t i, const int8_t **rows)
{
    const size_t picture = (size_t)s->ih * (size_t)s->iw * (size_t)s->ic;
    for (int32_t ky = 0; ky < s->kh; ky++)
        rows[ky] = tvis_conv_row(s, (const int8_t *)r->x[0] + (size_t)(i / s->oh) * picture, i % s->oh, ky);
}

/* Output rows from i on, as many as there are before `end` in the same picture; returns how many. */
static int32_t run_picture(const tvis_node_run *r, const variant *v, const tvis_conv_shape *s,
                           const tvis_depthwise_s8_args *a, int32_t i, int32_t end)
{
    const size_t picture = (size_t)s->ih * (size_t)s->iw * (size_t)s->ic;
    const int32_t oy = i % s->oh, count = end - i < s->oh - oy ? end - i : s->oh - oy;
    const tvis_depthwise_s8_picture p = {
        .x = (const int8_t *)r->x[0] + (size_t)(i / s->oh) * picture,
        .ih = s->ih,
        .oy = oy,
        .count = count,
        .stride = s->stride[0],
        .top = s->top,
    };
    v->run_picture(a, &p);
    return count;
}

static void run_part_by(const tvis_node_run *r, uint32_t part, const variant *v)
{
    const tvis_conv_shape s = tvis_conv_geometry(&r->node->p.conv, r->in_dims[0], r->in_dims[1], 1);
    const int32_t total = r->out_dims[0][0] * s.oh, end = tvis_part(total, part + 1, r->parts, 1);
    const size_t out_row = (size_t)s.ow * (size_t)s.ic;
    const int8_t *rows[TVIS_MAX_KERNEL];
    tvis_depthwise_s8_args a = args_of(r, v, &s, part);
    a.rows = rows;
    a.q = tvis_s8_requant(r, 0);
    for (int32_t i = tvis_part(total, part, r->parts, 1), some = 1; i < end; i += some) {
        a.y = (int8_t *)r->y[0] + (size_t)i * out_row;
        if (v->fits && s.dilation[0] == 1 && v->fits(&a)) {
            some = run_picture(r, v, &s, &a, i, end);
        } else {
            rows_of(r, &s, i, rows);
            v->run(&a);
        }
        tvis_s8_look_up(r, a.y, some, (int32_t)out_row, (int32_t)out_row);
    }
}

static void run_part_s8(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    run_part_by(r, part, &tvis_depthwise_s8[r->kernel[0]]);
}

static void run_part_3x3(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    run_part_by(r, part, &tvis_depthwise_s8_3x3[r->kernel[0]]);
}

static void run_s8(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part_s8, (void *)(uintptr_t)r);
}

static void run_3x3(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part_3x3, (void *)(uintptr_t)r);
}

/* ---- S16 on one side or on both ---- */

static tvis_status plan_s16(tvis_node_plan *p)
{
    tvis_status s = check(p, tvis_s16_check);
    if (s)
        return s;
    const uint64_t sums = (uint64_t)p->out_dims[0][2] * (uint64_t)p->out_dims[0][3] * sizeof(int32_t);
    if (p->in[0]->dtype == TVIS_S8)
        choose(p, tvis_depthwise_s8);
    else
        p->kernel_name = tvis_depthwise_s16[p->choice[0].kernel = tvis_depthwise_s16_choose(p->config->cpu)].k.name;
    if (p->scratch + sums > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "scratch of more than 2 GiB");
    p->scratch += (uint32_t)sums;
    return TVIS_OK;
}

/* The sums of an output row, (ow, c). */
static void sum_s8(const tvis_node_run *r, const tvis_conv_shape *s, tvis_depthwise_s8_args *a, int32_t i)
{
    const int8_t *rows[TVIS_MAX_KERNEL];
    rows_of(r, s, i, rows);
    a->rows = rows;
    tvis_depthwise_s8[r->kernel[0]].run(a);
}

static void sum_s16(const tvis_node_run *r, const tvis_conv_shape *s, int32_t *y, int32_t i)
{
    const size_t picture = (size_t)s->ih * (size_t)s->iw * (size_t)s->ic;
    const int16_t *rows[TVIS_MAX_KERNEL];
    for (int32_t ky = 0; ky < s->kh; ky++)
        rows[ky] = tvis_conv_row(s, (const int16_t *)r->x[0] + (size_t)(i / s->oh) * picture, i % s->oh, ky);
    const tvis_depthwise_s16_args a = {
        .rows = rows,
        .w = r->x[1],
        .bias = r->x[TVIS_S8_BIAS],
        .y = y,
        .iw = s->iw,
        .ow = s->ow,
        .c = s->ic,
        .kh = s->kh,
        .kw = s->kw,
        .stride = s->stride[1],
        .pad = s->left,
        .dilation = s->dilation[1],
    };
    tvis_depthwise_s16[r->kernel[0]].run(&a);
}

/* Whether the kernel narrows its sums itself. */
static bool narrows(const tvis_node_run *r, tvis_depthwise_s8_args *a, const tvis_narrow_args *n)
{
    const variant *v = &tvis_depthwise_s8[r->kernel[0]];
    a->narrow = n;
    if (v->fits && v->fits(a))
        return true;
    a->narrow = NULL;
    return false;
}

static void run_part_s16(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const bool narrow = r->in[0]->dtype == TVIS_S8;
    const tvis_conv_shape s = tvis_conv_geometry(&r->node->p.conv, r->in_dims[0], r->in_dims[1], narrow ? 1 : 2);
    const int32_t total = r->out_dims[0][0] * s.oh, end = tvis_part(total, part + 1, r->parts, 1);
    const size_t out_row = (size_t)s.ow * (size_t)s.ic;
    uint8_t *scratch = r->scratch + (size_t)part * r->scratch_bytes;
    tvis_narrow_args n = tvis_s16_narrow(r, 0);
    tvis_depthwise_s8_args a = { 0 };
    if (narrow)
        a = args_of(r, &tvis_depthwise_s8[r->kernel[0]], &s, part);
    if (a.w == (const int8_t *)scratch)
        scratch += packed_bytes(&tvis_depthwise_s8[r->kernel[0]].k, r->in_dims[1]);
    n.x = a.y32 = (int32_t *)(void *)scratch;
    n.n = n.ldx = n.ldy = s.ic;
    for (int32_t i = tvis_part(total, part, r->parts, 1), some = 1; i < end; i += some) {
        n.y = (uint8_t *)r->y[0] + (size_t)i * out_row * (n.wide ? 2 : 1);
        if (narrow && s.dilation[0] == 1 && narrows(r, &a, &n)) {
            some = run_picture(r, &tvis_depthwise_s8[r->kernel[0]], &s, &a, i, end);
            continue;
        }
        some = 1;
        if (narrow)
            sum_s8(r, &s, &a, i);
        else
            sum_s16(r, &s, a.y32, i);
        n.m = s.ow;
        tvis_s16_run_narrow(r, &n);
    }
}

static void run_s16(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part_s16, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_depthwise_s8 = { TVIS_OP_DEPTHWISE, TVIS_S8, "depthwise", plan_s8, pack, run_s8, NULL };
const tvis_op tvis_op_depthwise_s8_3x3 = { TVIS_OP_DEPTHWISE, TVIS_S8, "depthwise", plan_3x3, pack, run_3x3, NULL };
const tvis_op tvis_op_depthwise_s16 = { TVIS_OP_DEPTHWISE, TVIS_S16, "depthwise", plan_s16, pack, run_s16, NULL };
