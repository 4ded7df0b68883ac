/* SPDX-License-Identifier: MIT */
/* What a layer of the pruned network sees, and what it should compute from that. */
#include "ops/conv_shape.h"
#include "core/array_hosted.h"
#include "quant/linalg_hosted.h"
#include "quant/prune_fit_hosted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef tvis_fitted fitted;

enum {
    MOST_GROUP_ROWS = 4096,
    MOST_ROWS = 16384 /* of all pictures together */
};

static bool is_depthwise(const fitted *l)
{
    return l->node->op == TVIS_OP_DEPTHWISE;
}

/* Weights as they are stored to (groups * n, k), or back. */
static void arrange(const fitted *l, float *stored, float *rows, bool back)
{
    const ptrdiff_t all = (ptrdiff_t)l->groups * l->n * l->k;
    for (ptrdiff_t i = 0; i < all; i++) {
        const ptrdiff_t at = is_depthwise(l) ? i % l->k * l->groups + i / l->k : i;
        if (back)
            stored[at] = rows[i];
        else
            rows[i] = stored[at];
    }
}

static bool keeps(const fitted *l, uint32_t tensor, int32_t channel)
{
    return l->p->groups.count == 0 || tvis_keeps(&l->p->groups, tensor, channel);
}

static const int32_t *plain_dims(const fitted *l)
{
    return l->plain->tensor[l->node->in[1]].dims;
}

/* Rows of the plain weights whose channels are still there. */
static void arrange_plain(const fitted *l)
{
    const float *w = l->plain->tensor[l->node->in[1]].data;
    const int32_t outs = plain_dims(l)[is_depthwise(l) ? 3 : 0];
    float *to = l->before;
    for (int32_t o = 0; o < outs; o++)
        for (int32_t i = 0; keeps(l, l->node->out[0], o) && i < l->wide; i++)
            *to++ = w[is_depthwise(l) ? (ptrdiff_t)i * outs + o : (ptrdiff_t)o * l->wide + i];
}

static void fill_from(const fitted *l)
{
    int32_t at = 0;
    for (int32_t i = 0; is_depthwise(l) && i < plain_dims(l)[3]; i++)
        if (keeps(l, l->node->in[0], i))
            l->from[at++] = i;
}

static void describe(fitted *l)
{
    const int32_t *w = l->p->g->tensor[l->node->in[1]].dims, *plain = plain_dims(l);
    l->groups = is_depthwise(l) ? w[3] : l->node->op == TVIS_OP_CONV2D ? l->node->p.conv.groups : 1;
    l->n = is_depthwise(l) ? 1 : w[0] / l->groups;
    l->k = w[1] * w[2] * (is_depthwise(l) ? 1 : w[3]);
    l->wide = plain[1] * plain[2] * (is_depthwise(l) ? 1 : plain[3]);
}

static bool allocate(fitted *l)
{
    const uint64_t groups = (uint64_t)l->groups, out = groups * (uint64_t)l->n, wide = (uint64_t)l->wide,
                   k = (uint64_t)l->k;
    l->x = tvis_array(groups * k * TVIS_LSQ_ROWS, sizeof *l->x);
    l->plain_x = tvis_array(groups * wide * TVIS_LSQ_ROWS, sizeof *l->plain_x);
    l->y = tvis_array(out * TVIS_LSQ_ROWS, sizeof *l->y);
    l->from = tvis_array(groups, sizeof *l->from);
    l->before = tvis_array(out * wide, sizeof *l->before);
    l->now = tvis_array(out * k, sizeof *l->now);
    l->panel = tvis_array(wide * TVIS_PRODUCT_COLUMNS, sizeof *l->panel);
    return tvis_lsq_begin(&l->lsq, l->groups, l->n, l->k, l->p->cpu) && l->x && l->plain_x && l->y && l->from &&
           l->before && l->now && l->panel;
}

void tvis_fitted_free(fitted *l)
{
    free(l->x);
    free(l->plain_x);
    free(l->from);
    free(l->y);
    free(l->before);
    free(l->now);
    free(l->panel);
    tvis_lsq_free(&l->lsq);
}

/* Row r of the layer's input in the plain model or the pruned one: what one output pixel sees. */
static void gather(const fitted *l, const tvis_tensor *x, bool plain, int64_t r, float *to)
{
    const int32_t k = plain ? l->wide : l->k;
    if (l->node->op == TVIS_OP_LINEAR) {
        memcpy(to, (const float *)x->data + r * k, (size_t)k * sizeof *to);
        return;
    }
    const int32_t all = is_depthwise(l) ? x->dims[3] : l->groups;
    const tvis_conv_shape s = tvis_conv_geometry(&l->node->p.conv, x->dims, plain_dims(l), sizeof(float));
    for (int32_t g = 0; g < l->groups; g++, to += k)
        tvis_conv_gather_rows(&s, x->data, (int32_t)r, 1, is_depthwise(l) && plain ? l->from[g] : g, all, 0,
                              (uint8_t *)to);
}

static int64_t rows_of(const fitted *l, const tvis_tensor *x)
{
    if (l->node->op == TVIS_OP_LINEAR)
        return tvis_elements(x->dims) / x->dims[3];
    const tvis_conv_shape s = tvis_conv_geometry(&l->node->p.conv, x->dims, plain_dims(l), sizeof(float));
    return (int64_t)x->dims[0] * s.oh * s.ow;
}

static bool has_bias(const tvis_gnode *n)
{
    return n->in_count > 2 && n->in[2] != TVIS_NONE;
}

/* y = what the plain layer makes of its inputs, where its channels are still there */
static void aim(fitted *l, int32_t rows)
{
    const float *bias = has_bias(l->node) ? l->plain->tensor[l->node->in[2]].data : NULL;
    const int32_t out = l->groups * l->n, channels = plain_dims(l)[is_depthwise(l) ? 3 : 0];
    int32_t at = 0;
    for (int32_t o = 0; o < channels; o++)
        if (keeps(l, l->node->out[0], o)) {
            for (ptrdiff_t i = 0; i < rows; i++)
                l->y[i * out + at] = bias ? bias[o] : 0.0f;
            at++;
        }
    for (ptrdiff_t g = 0; g < l->groups; g++)
        tvis_product_add(&(tvis_product){ .y = l->y + g * l->n,
                                          .x = l->plain_x + g * l->wide,
                                          .w = l->before + g * l->n * l->wide,
                                          .m = rows,
                                          .n = l->n,
                                          .k = l->wide,
                                          .ldy = out,
                                          .ldx = l->groups * l->wide,
                                          .ldw = l->wide,
                                          .sign = 1,
                                          .panel = l->panel,
                                          .cpu = l->p->cpu });
}

static bool has_sum(const tvis_gnode *n)
{
    return n->in_count > 3 && n->in[3] != TVIS_NONE;
}

/* What is added in the plain model and not in the pruned one becomes the layer's. */
static void aim_at_sum(fitted *l, int32_t i, const float *plain, const float *pruned)
{
    float *y = l->y + (ptrdiff_t)i * l->groups * l->n;
    for (int32_t o = 0; o < plain_dims(l)[0]; o++)
        if (keeps(l, l->node->out[0], o))
            *y++ += plain[o] - *pruned++;
}

/* Rows of one view of a picture, spread evenly, other ones for each. The views of a picture are in the same half. */
static tvis_status add_view(void *user, uint32_t picture, uint32_t view, const tvis_tensor *plain,
                            const tvis_tensor *pruned)
{
    fitted *l = user;
    const tvis_flow *f = l->flow;
    const int64_t most = l->groups == 1 ? MOST_ROWS : MOST_GROUP_ROWS; /* of small groups there are fewer weights */
    const int64_t all = rows_of(l, plain), share = (most - 1) / ((int64_t)f->images * f->views) + 1;
    const int64_t count = all < share ? all : share;
    const double step = (double)all / (double)count,
                 shift = fmod((double)(picture * f->views + view) * 0.6180339887498949, 1.0);
    for (int64_t at = 0; at < count; at += TVIS_LSQ_ROWS) {
        const int32_t rows = (int32_t)(count - at < TVIS_LSQ_ROWS ? count - at : TVIS_LSQ_ROWS);
        const double first = (double)at + shift;
        for (int32_t i = 0; i < rows; i++) {
            const int64_t r = (int64_t)((first + i) * step);
            gather(l, plain, true, r, l->plain_x + (ptrdiff_t)i * l->groups * l->wide);
            gather(l, pruned, false, r, l->x + (ptrdiff_t)i * l->groups * l->k);
        }
        aim(l, rows);
        for (int32_t i = 0; has_sum(l->node) && i < rows; i++) {
            const int64_t r = (int64_t)((first + i) * step);
            aim_at_sum(l, i, (const float *)plain[1].data + r * plain[1].dims[3],
                       (const float *)pruned[1].data + r * pruned[1].dims[3]);
        }
        tvis_lsq_add(&l->lsq, picture % 2, l->x, l->y, rows);
    }
    return TVIS_OK;
}

static bool begin_layer(fitted *l)
{
    describe(l);
    if (!allocate(l)) {
        tvis_graph_out_of_memory(l->p->g);
        return false;
    }
    arrange_plain(l);
    fill_from(l);
    arrange(l, l->p->g->tensor[l->node->in[1]].data, l->now, false);
    return true;
}

bool tvis_fitted_see(fitted *l, tvis_flow *f)
{
    tvis_graph *g = l->p->g;
    const uint32_t end = (uint32_t)(l->node - g->node), tensor[2] = { l->node->in[0], l->node->in[3] };
    l->flow = f;
    if (begin_layer(l))
        g->status = tvis_flow_run(f, end, tensor, has_sum(l->node) ? 2 : 1, add_view, l);
    return !g->status;
}

float *tvis_fitted_bias(fitted *l)
{
    return has_bias(l->node) ? tvis_prune_writable(l->p, l->node->in[2]) : NULL;
}

void tvis_fitted_write(const fitted *l, float *rows)
{
    float *w = tvis_prune_writable(l->p, l->node->in[1]);
    if (w)
        arrange(l, w, rows, true);
}
