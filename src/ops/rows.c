/* SPDX-License-Identifier: MIT */
/* Which nodes are fused into rows, and the shapes that follow. */
#include "ops/rows.h"
#include "core/port.h"
#include "ops/max_pool.h"

enum { LEAST_PIXELS = 48 }; /* of the last stage's output in one step: products with fewer rows waste the kernels */

static bool is_pointwise(const tvis_blob_node *n, const tvis_blob_tensor *w)
{
    return n->op == TVIS_OP_CONV2D && w->dims[1] == 1 && w->dims[2] == 1 && n->p.conv.stride[0] == 1 &&
           n->p.conv.stride[1] == 1;
}

static bool is_dense(const tvis_blob_node *n)
{
    return n->op == TVIS_OP_CONV2D && n->p.conv.groups == 1 && n->p.conv.dilation[0] == 1;
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

static bool is_float(const tvis_model *m, uint16_t id)
{
    return tvis_tensors(m)[id].dtype == TVIS_F32;
}

/* 'e': pointwise convolution, 'd': depthwise, 'c': other convolution, 'p': max pooling, 0: anything else, among it what
 * the plain operators refuse. */
static char kind(const tvis_model *m, uint32_t i)
{
    const tvis_blob_node *n = &tvis_nodes(m)[i];
    const uint16_t *in = tvis_ids(m) + n->ids;
    if (n->out_count != 1 || !is_float(m, in[0]) || !is_float(m, in[n->in_count]))
        return 0;
    if (n->op == TVIS_OP_MAX_POOL)
        return n->in_count == 1 && n->act == TVIS_ACT_NONE ? 'p' : 0;
    if (n->in_count < 2 || n->in_count > 4 || in[1] == TVIS_NONE || !tvis_is_constant(m, in[1]))
        return 0;
    const tvis_blob_tensor *w = &tvis_tensors(m)[in[1]];
    const bool floats = w->dtype == TVIS_F32 || w->dtype == TVIS_F16;
    if (!floats && w->dtype != TVIS_S4)
        return 0;
    if (n->op == TVIS_OP_DEPTHWISE)
        return floats && n->in_count < 4 && w->pack == TVIS_PACK_PLAIN && n->p.conv.dilation[0] == 1 ? 'd' : 0;
    if (!is_dense(n) || (n->in_count == 4 && in[3] != TVIS_NONE && !is_float(m, in[3])))
        return 0;
    return is_pointwise(n, w) ? 'e' : 'c';
}

static bool adds(const tvis_model *m, uint32_t i)
{
    const tvis_blob_node *n = &tvis_nodes(m)[i];
    return n->in_count > 3 && tvis_ids(m)[n->ids + 3] != TVIS_NONE;
}

static uint32_t pattern(const tvis_model *m, uint32_t i)
{
    static const char *const known[] = { "ede", "ccp", "ed", "de" }; /* longest first */
    for (uint32_t k = 0; k < TVIS_COUNT(known); k++) {
        uint32_t n = 0;
        while (known[k][n] && (n == 0 || follows(m, i + n)) && kind(m, i + n) == known[k][n] &&
               (!known[k][n + 1] || !adds(m, i + n)))
            n++;
        if (!known[k][n])
            return n;
    }
    return 0;
}

bool tvis_rows_match(const tvis_model *m, uint32_t i, tvis_fusion *f)
{
    const tvis_blob_node *n = &tvis_nodes(m)[i];
    f->nodes = pattern(m, i);
    if (f->nodes == 0)
        return false;
    f->in_count = TVIS_MAX_IN;
    for (uint32_t k = 0; k < TVIS_MAX_IN; k++)
        f->in[k] = TVIS_NONE;
    f->in[0] = tvis_ids(m)[n->ids];
    for (uint32_t k = 0; k < f->nodes; k++, n++) {
        const uint16_t *in = tvis_ids(m) + n->ids;
        if (n->op == TVIS_OP_MAX_POOL)
            continue;
        f->in[TVIS_ROWS_WEIGHTS + 2 * k] = in[1];
        f->in[TVIS_ROWS_WEIGHTS + 2 * k + 1] = n->in_count > 2 ? in[2] : TVIS_NONE;
    }
    n--;
    f->out = tvis_ids(m)[n->ids + n->in_count];
    const uint16_t add = adds(m, i + f->nodes - 1) ? tvis_ids(m)[n->ids + 3] : (uint16_t)TVIS_NONE;
    f->adds_input = add == f->in[0];
    f->in[TVIS_ROWS_ADD] = f->adds_input ? (uint16_t)TVIS_NONE : add;
    return true;
}

/* Shapes of all stages for an input (n, h, w, c); false where they do not fit. */
bool tvis_rows_shapes(tvis_pipeline *p, const tvis_blob_node *n, const tvis_fusion *f, const int32_t (*dims)[4])
{
    int32_t x[4] = { dims[0][0], dims[0][1], dims[0][2], dims[0][3] };
    p->count = f->nodes;
    for (uint32_t k = 0; k < p->count; k++, n++) {
        tvis_stage *s = &p->s[k];
        const int32_t *w = dims[TVIS_ROWS_WEIGHTS + 2 * k];
        s->node = n;
        if (n->op == TVIS_OP_MAX_POOL) {
            s->shape = tvis_pool_geometry(&n->p.pool, x);
            s->channels = x[3];
        } else {
            bool depthwise = n->op == TVIS_OP_DEPTHWISE;
            if (w[3] != x[3] || (depthwise && w[0] != 1) || w[1] > (int32_t)TVIS_MAX_KERNEL ||
                w[2] > (int32_t)TVIS_MAX_KERNEL || (int64_t)w[1] * w[2] * w[3] > TVIS_MAX_DIM)
                return false;
            s->shape = tvis_conv_geometry(&n->p.conv, x, w, sizeof(float));
            s->channels = depthwise ? x[3] : w[0];
            s->mx = (tvis_matrix){ .n = s->channels, .k = w[1] * w[2] * w[3], .groups = 1 };
        }
        if (s->shape.oh < 1 || s->shape.ow < 1 || s->shape.kh > (int32_t)TVIS_MAX_KERNEL ||
            (int64_t)s->shape.ow * s->channels > INT32_MAX / 4)
            return false;
        x[1] = s->shape.oh;
        x[2] = s->shape.ow;
        x[3] = s->channels;
        s->row = (size_t)x[2] * (size_t)x[3];
    }
    return true;
}

/* How many rows each ring holds: what a step of the last stage covers. */
void tvis_rows_size(tvis_pipeline *p)
{
    const tvis_stage *last = &p->s[p->count - 1];
    p->step = (LEAST_PIXELS - 1) / last->shape.ow + 1;
    if (p->step > last->shape.oh)
        p->step = last->shape.oh;
    int32_t rows = p->step;
    p->rings = p->gather = 0;
    for (uint32_t k = p->count; k-- > 0;) {
        tvis_stage *s = &p->s[k];
        s->ring = k + 1 < p->count ? rows : 0;
        p->rings += (uint64_t)s->ring * s->row;
        if (s->node->op == TVIS_OP_CONV2D && !tvis_conv_is_direct(&s->shape)) {
            const uint64_t floats = (uint64_t)s->shape.ow * (uint64_t)s->mx.k;
            p->gather = floats > p->gather ? floats : p->gather;
        }
        rows = (rows - 1) * s->shape.stride[0] + s->shape.kh;
        if (rows > s->shape.ih)
            rows = s->shape.ih;
    }
}
