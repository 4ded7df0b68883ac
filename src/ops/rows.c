/* SPDX-License-Identifier: MIT */
/* Which nodes are fused into rows, and the shapes that follow. */
#include "ops/rows.h"
#include "core/port.h"

static bool is_pointwise(const tvis_blob_node *n, const tvis_blob_tensor *w)
{
    return w->dims[1] == 1 && w->dims[2] == 1 && n->p.conv.stride[0] == 1 && n->p.conv.stride[1] == 1;
}

/* Node i reads the output of the node before it, which nobody else reads. */
static bool follows(const tvis_model *m, uint32_t i)
{
    if (i >= tvis_header(m)->node_count)
        return false;
    const tvis_blob_node *n = &tvis_nodes(m)[i], *before = n - 1;
    const uint16_t *in = tvis_ids(m) + n->ids, x = tvis_ids(m)[before->ids + before->in_count];
    for (uint32_t k = 1; k < n->in_count; k++)
        if (in[k] == x)
            return false;
    return in[0] == x && tvis_tensors(m)[x].last_use == i;
}

static bool is_type(const tvis_model *m, uint16_t id, bool floats)
{
    const uint8_t dtype = tvis_tensors(m)[id].dtype;
    return floats ? dtype == TVIS_F32 : dtype == TVIS_S8 || dtype == TVIS_S16;
}

/* 'e': pointwise convolution, 'd': depthwise, 'c': other convolution, 'p': max pooling, 'r': requantization, 0:
 * anything else. Whether a node is right is for its own operator to say. */
static char kind(const tvis_model *m, uint32_t i, bool floats)
{
    const tvis_blob_node *n = &tvis_nodes(m)[i];
    const uint16_t *in = tvis_ids(m) + n->ids;
    if (n->out_count != 1 || n->in_count > TVIS_ROWS_IN || !is_type(m, in[0], floats) ||
        !is_type(m, in[n->in_count], floats))
        return 0;
    if (n->op == TVIS_OP_MAX_POOL)
        return n->in_count == 1 ? 'p' : 0;
    if (n->op == TVIS_OP_REQUANTIZE)
        return n->in_count == 1 ? 'r' : 0;
    if ((n->op != TVIS_OP_CONV2D && n->op != TVIS_OP_DEPTHWISE) || n->in_count < 2 || in[1] == TVIS_NONE ||
        !tvis_is_constant(m, in[1]) || n->p.conv.dilation[0] != 1)
        return 0;
    const tvis_blob_tensor *w = &tvis_tensors(m)[in[1]];
    if (floats && w->dtype == TVIS_S8) /* of a dynamic layer */
        return 0;
    return n->op == TVIS_OP_DEPTHWISE ? 'd' : is_pointwise(n, w) ? 'e' : 'c';
}

static bool adds(const tvis_model *m, uint32_t i)
{
    const tvis_blob_node *n = &tvis_nodes(m)[i];
    return n->in_count > TVIS_ROWS_ADD && tvis_ids(m)[n->ids + TVIS_ROWS_ADD] != TVIS_NONE;
}

/* A depthwise convolution, and the expansion of a block that is better fused without it. */
static bool is_extra(const tvis_model *m, uint32_t i, bool floats)
{
    const tvis_blob_tensor *w = &tvis_tensors(m)[tvis_ids(m)[tvis_nodes(m)[i + 1].ids + 1]];
    return w->dims[0] >= 2 * w->dims[3] && follows(m, i + 2) && kind(m, i + 2, floats) == 'd';
}

static uint32_t pattern(const tvis_model *m, uint32_t i, bool floats)
{
    /* Longest first. */
    static const char known[][5] = { "rede", "ede", "cde", "ccp", "red", "ed", "de", "ce", "cd", "cp" };
    for (uint32_t k = 0; k < TVIS_COUNT(known); k++) {
        uint32_t n = 0;
        while (known[k][n] && (n == 0 || follows(m, i + n)) && kind(m, i + n, floats) == known[k][n] &&
               (!known[k][n + 1] || !adds(m, i + n)))
            n++;
        if (known[k][n] || (n == 3 && known[k][0] == 'c' && known[k][1] == 'd' && is_extra(m, i + 1, floats)))
            continue;
        return known[k][0] == 'd' && is_extra(m, i, floats) ? 0 : n;
    }
    return 0;
}

static bool match(const tvis_model *m, uint32_t i, bool floats, tvis_fusion *f)
{
    f->nodes = pattern(m, i, floats);
    if (f->nodes == 0)
        return false;
    f->in_count = TVIS_MAX_FUSED_IN;
    for (uint32_t k = 0; k < TVIS_MAX_FUSED_IN; k++)
        f->in[k] = TVIS_NONE;
    for (uint32_t k = 0; k < f->nodes; k++) {
        const tvis_blob_node *n = &tvis_nodes(m)[i + k];
        memcpy(f->in + k * TVIS_ROWS_IN, tvis_ids(m) + n->ids, n->in_count * sizeof *f->in);
        f->out = tvis_ids(m)[n->ids + n->in_count];
    }
    uint16_t *add = &f->in[(f->nodes - 1) * TVIS_ROWS_IN + TVIS_ROWS_ADD];
    f->adds_input = *add == f->in[0];
    if (f->adds_input)
        *add = TVIS_NONE;
    return true;
}

bool tvis_rows_match_f32(const tvis_model *m, uint32_t i, tvis_fusion *f)
{
    return match(m, i, true, f);
}

bool tvis_rows_match_s8(const tvis_model *m, uint32_t i, tvis_fusion *f)
{
    return match(m, i, false, f);
}

void tvis_rows_stage(tvis_stage *s, const tvis_model *m, const tvis_blob_node *n, const int32_t *x, const int32_t *w)
{
    static const tvis_conv_params one = { .stride = { 1, 1 }, .dilation = { 1, 1 } };
    static const int32_t pixel[4] = { 1, 1, 1, 1 };
    const bool weights = n->op == TVIS_OP_CONV2D || n->op == TVIS_OP_DEPTHWISE;
    const uint8_t dtype = tvis_tensors(m)[tvis_ids(m)[n->ids + n->in_count]].dtype;
    s->node = n;
    if (n->op == TVIS_OP_MAX_POOL)
        s->shape = tvis_pool_geometry(&n->p.pool, x);
    else
        s->shape = tvis_conv_geometry(weights ? &n->p.conv : &one, x, weights ? w : pixel, 1);
    s->channels = n->op == TVIS_OP_CONV2D ? w[0] : x[3];
    s->row = (size_t)s->shape.ow * (size_t)s->channels * tvis_dtype_size((tvis_dtype)dtype);
}

static int32_t clip(int32_t v, int32_t most)
{
    return v < 0 ? 0 : v > most ? most : v;
}

void tvis_rows_reach(const tvis_conv_shape *s, int32_t first, int32_t end, int32_t *from, int32_t *to)
{
    *from = clip(first * s->stride[0] - s->top, s->ih);
    *to = clip((end - 1) * s->stride[0] - s->top + s->kh, s->ih);
}

/* What is kept for so many rows of the last stage. */
static uint64_t keep(tvis_pipeline *p, int32_t rows)
{
    p->step = rows;
    p->bytes = 0;
    for (uint32_t k = p->count; k-- > 0;) {
        tvis_stage *s = &p->s[k];
        s->keep = k + 1 < p->count ? rows : 0;
        p->bytes += ((uint64_t)s->keep * s->row + TVIS_ARENA_ALIGN - 1) / TVIS_ARENA_ALIGN * TVIS_ARENA_ALIGN;
        rows = clip((rows - 1) * s->shape.stride[0] + s->shape.kh, s->shape.ih);
    }
    return p->bytes;
}

void tvis_rows_size(tvis_pipeline *p, uint8_t plan, uint32_t cpu)
{
    enum { LEAST_PIXELS = 48 };           /* in a band: products with fewer rows waste the kernels */
    enum { L2 = 262144, SOC_L2 = 65536 }; /* bytes that a band may take of second-level caches, ARM11's is 128 KB */
    const tvis_conv_shape *last = &p->s[p->count - 1].shape;
    const uint64_t budget = plan == TVIS_PLAN_SMALL ? 0 : cpu & TVIS_CPU_ARMV6 ? SOC_L2 : L2;
    int32_t rows = clip((LEAST_PIXELS - 1) / last->ow + 1, last->oh);
    while (rows < last->oh && keep(p, rows + 1) <= budget)
        rows++;
    (void)keep(p, rows);
}
