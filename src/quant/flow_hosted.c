/* SPDX-License-Identifier: MIT */
#include "quant/flow_hosted.h"
#include "core/array_hosted.h"
#include "core/op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of what is kept, of both networks together. */
#define BUDGET ((uint64_t)128 << 20)

static tvis_status no_memory(const tvis_flow *f)
{
    return tvis_fail(f->diag, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "calibration", "out of memory");
}

static uint32_t networks(const tvis_flow *f)
{
    return f->g[1] ? 2 : 1;
}

tvis_status tvis_flow_begin(tvis_flow *f)
{
    const tvis_graph *g = f->g[0];
    const uint32_t input = g->input[0];
    f->in = (tvis_tensor){ NULL, { 1, g->h, g->w, g->tensor[input].dims[3] }, TVIS_F32, TVIS_NHWC };
    f->in.data = tvis_array((uint64_t)tvis_elements(f->in.dims), sizeof(float));
    f->picture = tvis_array((uint64_t)tvis_elements(f->in.dims), sizeof(float));
    for (uint32_t k = 0; k < 2; k++) {
        f->from[k] = (tvis_place){ .tensor = input };
        memcpy(f->from[k].dims, f->in.dims, sizeof f->in.dims);
    }
    return f->in.data && f->picture ? TVIS_OK : no_memory(f);
}

static void close_taps(tvis_flow *f)
{
    tvis_tap_free(&f->tap[0]);
    tvis_tap_free(&f->tap[1]);
}

void tvis_flow_free(tvis_flow *f)
{
    close_taps(f);
    free(f->in.data);
    free(f->picture);
    free(f->kept[0]);
    free(f->kept[1]);
    *f = (tvis_flow){ .images = 0 };
}

/* ---- views ---- */

static double fraction(double x)
{
    return x - floor(x);
}

/* Part of one line of pixels `ld` elements apart: where between two of them each of `count` new ones lies. */
typedef struct spot {
    int32_t low, high;
    float part;
} spot;

static spot spot_of(double at, int32_t count)
{
    const double x = fmin(fmax(at, 0.0), (double)(count - 1));
    const int32_t low = (int32_t)x;
    return (spot){ low, low < count - 1 ? low + 1 : low, (float)(x - low) };
}

/* A part with `side` of the sides, which begins at shares top and left of what is left of them; right to left if
 * mirrored. */
static void cut_view(const tvis_flow *f, double side, double top, double left, bool mirrored)
{
    const int32_t h = f->in.dims[1], w = f->in.dims[2], c = f->in.dims[3];
    const float *from = f->picture;
    float *to = f->in.data;
    for (int32_t i = 0; i < h; i++) {
        const spot y = spot_of((1.0 - side) * top * h + (i + 0.5) * side - 0.5, h);
        for (int32_t j = 0; j < w; j++) {
            const spot x = spot_of((1.0 - side) * left * w + ((mirrored ? w - 1 - j : j) + 0.5) * side - 0.5, w);
            const float *a = from + ((ptrdiff_t)y.low * w + x.low) * c, *b = from + ((ptrdiff_t)y.low * w + x.high) * c;
            const ptrdiff_t down = (ptrdiff_t)(y.high - y.low) * w * c;
            for (int32_t k = 0; k < c; k++) {
                const float upper = a[k] + (b[k] - a[k]) * x.part,
                            lower = a[down + k] + (b[down + k] - a[down + k]) * x.part;
                *to++ = upper + (lower - upper) * y.part;
            }
        }
    }
}

/* Parts of 0.35 to all of the area, other ones for each picture. */
static void show(const tvis_flow *f, uint32_t picture, uint32_t view)
{
    const double at = (double)(picture * f->views + view);
    const double side = view < 2 ? 1.0 : sqrt(0.35 + 0.65 * fraction(at * 0.6180339887498949));
    if (view == 0)
        memcpy(f->in.data, f->picture, (size_t)tvis_elements(f->in.dims) * sizeof(float));
    else
        cut_view(f, side, fraction(at * 0.7548776662466927), fraction(at * 0.5698402909980532), view % 2);
}

/* ---- runs ---- */

static size_t elements_at(const tvis_flow *f, uint32_t network)
{
    return (size_t)tvis_elements(f->from[network].dims);
}

static const float *start_of(const tvis_flow *f, uint32_t network, uint32_t picture, uint32_t view)
{
    return f->kept[network] ? f->kept[network] + ((size_t)picture * f->views + view) * elements_at(f, network)
                            : f->in.data;
}

static tvis_status run_view(tvis_flow *f, uint32_t picture, uint32_t view, tvis_flow_use use, void *user)
{
    tvis_tensor seen[2][TVIS_TAP_MOST];
    tvis_status s = TVIS_OK;
    for (uint32_t k = 0; !s && k < 2; k++) {
        const float *start = start_of(f, k, picture, view);
        if (!f->tap[k].count)
            continue;
        s = tvis_tap_run(&f->tap[k], start, f->diag);
        for (uint32_t i = 0; !s && i < f->tap[k].count; i++)
            seen[k][i] = tvis_tap_view(&f->tap[k], i, start);
    }
    return s ? s : use(user, picture, view, seen[0], seen[f->tap[1].count ? 1 : 0]);
}

static tvis_status run_all(tvis_flow *f, tvis_flow_use use, void *user)
{
    tvis_status s = TVIS_OK;
    for (uint32_t i = 0; !s && i < f->images; i++) {
        tvis_tensor in = f->in;
        in.data = f->picture;
        if (!f->kept[0])
            s = f->input(f->user, f->first + i * f->step, &in, f->diag);
        for (uint32_t view = 0; !s && view < f->views; view++) {
            if (!f->kept[0])
                show(f, i, view);
            s = run_view(f, i, view, use, user);
        }
    }
    return s;
}

static tvis_status open_taps(tvis_flow *f, uint32_t end, const uint32_t *tensors, uint32_t count)
{
    tvis_status s = TVIS_OK;
    for (uint32_t k = 0; !s && k < networks(f); k++)
        s = tvis_tap_open(&f->tap[k], f->g[k], &f->from[k], end, tensors, count, f->cpu, f->diag);
    return s;
}

/* ---- what is kept ---- */

static bool reads(const tvis_gnode *n, uint32_t tensor)
{
    for (uint32_t k = 0; k < n->in_count; k++)
        if (n->in[k] == tensor)
            return true;
    return false;
}

static bool is_read_from(const tvis_graph *g, uint32_t node, uint32_t tensor)
{
    for (uint32_t i = 0; i < g->output_count; i++)
        if (g->output[i] == tensor)
            return true;
    for (uint32_t i = node; i < g->node_count; i++)
        if (reads(&g->node[i], tensor))
            return true;
    return false;
}

/* The tensor that alone is read by nodes from `node` on, of those that are there before it. TVIS_NONE: several are. */
static uint32_t neck_at(const tvis_flow *f, uint32_t node)
{
    const tvis_graph *g = f->g[0];
    uint32_t found = is_read_from(g, node, f->from[0].tensor) ? f->from[0].tensor : TVIS_NONE,
             count = found != TVIS_NONE;
    for (uint32_t i = f->from[0].node; i < node; i++)
        for (uint32_t k = 0; k < g->node[i].out_count; k++)
            if (is_read_from(g, node, g->node[i].out[k])) {
                found = g->node[i].out[k];
                count++;
            }
    return count == 1 && found != f->from[0].tensor ? found : TVIS_NONE;
}

/* Nodes that compute the same whatever the picture's size was. */
static bool is_local(const tvis_gnode *n)
{
    return n->op == TVIS_OP_CONV2D || n->op == TVIS_OP_DEPTHWISE || n->op == TVIS_OP_LINEAR || n->op == TVIS_OP_ADD ||
           n->op == TVIS_OP_SCALE || n->op == TVIS_OP_ACTIVATION || n->op == TVIS_OP_BATCH_NORM ||
           n->op == TVIS_OP_GLOBAL_AVG_POOL || n->op == TVIS_OP_MAX_POOL;
}

static bool all_local(const tvis_graph *g, uint32_t node)
{
    for (uint32_t i = node; i < g->node_count; i++)
        if (!is_local(&g->node[i]))
            return false;
    return true;
}

typedef struct keeping {
    const tvis_flow *f;
    float *to[2];
    size_t elements[2];
} keeping;

static tvis_status keep_view(void *user, uint32_t picture, uint32_t view, const tvis_tensor *plain,
                             const tvis_tensor *other)
{
    const keeping *k = user;
    const size_t at = (size_t)picture * k->f->views + view;
    memcpy(k->to[0] + at * k->elements[0], plain->data, k->elements[0] * sizeof(float));
    if (k->to[1])
        memcpy(k->to[1] + at * k->elements[1], other->data, k->elements[1] * sizeof(float));
    return TVIS_OK;
}

/* Both networks' tensors at a neck, where they fit. *kept: whether they did. */
static tvis_status keep(tvis_flow *f, uint32_t node, uint32_t tensor, bool *kept)
{
    keeping k = { .f = f };
    tvis_place to[2] = { { node, tensor, { 0 } }, { node, tensor, { 0 } } };
    uint64_t bytes = 0;
    tvis_status s = open_taps(f, node, &tensor, 1);
    for (uint32_t i = 0; !s && i < networks(f); i++) {
        const tvis_tensor v = tvis_tap_view(&f->tap[i], 0, NULL);
        memcpy(to[i].dims, v.dims, sizeof v.dims);
        k.elements[i] = (size_t)tvis_elements(v.dims);
        bytes += (uint64_t)f->images * f->views * k.elements[i] * sizeof(float);
    }
    *kept = !s && bytes <= BUDGET && to[0].dims[0] == 1;
    for (uint32_t i = 0; *kept && !s && i < networks(f); i++) {
        k.to[i] = tvis_array((uint64_t)f->images * f->views * k.elements[i], sizeof(float));
        s = k.to[i] ? TVIS_OK : no_memory(f);
    }
    if (!s && *kept)
        s = run_all(f, keep_view, &k);
    close_taps(f);
    for (uint32_t i = 0; i < 2; i++) {
        free(s || !*kept ? k.to[i] : f->kept[i]);
        if (!s && *kept) {
            f->kept[i] = k.to[i];
            f->from[i] = to[i];
        }
    }
    return s;
}

tvis_status tvis_flow_advance(tvis_flow *f, uint32_t end)
{
    tvis_status s = TVIS_OK;
    bool kept = false;
    for (uint32_t node = end; !s && !kept && node > f->from[0].node && all_local(f->g[0], node); node--) {
        const uint32_t tensor = neck_at(f, node);
        if (tensor != TVIS_NONE)
            s = keep(f, node, tensor, &kept);
    }
    return s;
}

tvis_status tvis_flow_run(tvis_flow *f, uint32_t end, const uint32_t *tensors, uint32_t count, tvis_flow_use use,
                          void *user)
{
    tvis_status s = tvis_flow_advance(f, end);
    if (!s)
        s = open_taps(f, end, tensors, count);
    if (!s)
        s = run_all(f, use, user);
    close_taps(f);
    return s;
}

tvis_status tvis_flow_finish(tvis_flow *f, const tvis_graph *g, tvis_flow_use use, void *user)
{
    const uint32_t count = g->output_count < TVIS_TAP_MOST ? g->output_count : TVIS_TAP_MOST;
    tvis_status s = tvis_tap_open(&f->tap[0], g, &f->from[0], g->node_count, g->output, count, f->cpu, f->diag);
    if (!s)
        s = run_all(f, use, user);
    close_taps(f);
    return s;
}
