/* SPDX-License-Identifier: MIT */
#include "quant/hessian_hosted.h"
#include "core/op.h"
#include "quant/layer_rows_hosted.h"
#include "quant/linalg_hosted.h"
#include "quant/runner_hosted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 256 }; /* rows that are added at a time */

typedef struct gathering {
    const tvis_model *m;
    const tvis_pictures *pictures;
    uint32_t picture;
    tvis_hessian *active;
    uint32_t count;
    float *row, *batch, *panel; /* (k), (k, BATCH), of tvis_product */
    tvis_diag *diag;
} gathering;

static tvis_status no_memory(tvis_diag *d)
{
    return tvis_fail(d, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "calibration", "out of memory");
}

static const uint16_t *inputs_of(const tvis_model *m, uint32_t node)
{
    return tvis_ids(m) + tvis_nodes(m)[node].ids;
}

static tvis_hessian describe(const tvis_model *m, uint32_t node, uint32_t cpu)
{
    const tvis_layer_rows r = tvis_layer_rows_of(m, node);
    return (tvis_hessian){ .node = node, .cpu = cpu, .k = r.k, .groups = r.groups };
}

static size_t bytes_of(const tvis_hessian *h)
{
    const uint64_t bytes = (uint64_t)h->k * (uint64_t)h->k * (uint64_t)h->groups;
    return bytes > SIZE_MAX / sizeof(float) ? SIZE_MAX : (size_t)bytes * sizeof(float);
}

static void add_group(const gathering *g, const tvis_hessian *h, const tvis_layer_rows *rows, const float *x,
                      int32_t step, int32_t group)
{
    float *sums = h->h + (size_t)group * (size_t)h->k * (size_t)h->k;
    int32_t count = 0;
    for (int32_t r = (int32_t)(g->picture % (uint32_t)step); r < rows->count; r += step) {
        const float *row = tvis_layer_row(rows, x, r, group, g->row);
        for (int32_t i = 0; i < h->k; i++)
            g->batch[(size_t)i * BATCH + (size_t)count] = row[i];
        if (++count == BATCH || r + step >= rows->count) {
            tvis_add_squares(sums, h->k, g->batch, count, BATCH, g->panel, h->cpu);
            count = 0;
        }
    }
}

static void add_input(const gathering *g, tvis_hessian *h, const tvis_tensor *x)
{
    tvis_layer_rows rows = tvis_layer_rows_of(g->m, h->node);
    tvis_layer_rows_fit(&rows, g->m, h->node, x->dims);
    const int32_t step = tvis_hessian_step(rows.count, g->pictures->images);
    const int32_t first = (int32_t)(g->picture % (uint32_t)step);
    for (int32_t group = 0; group < h->groups; group++)
        add_group(g, h, &rows, x->data, step, group);
    h->rows += first < rows.count ? (uint64_t)((rows.count - 1 - first) / step + 1) : 0;
}

static void seen(const gathering *g, uint32_t tensor, const tvis_tensor *x)
{
    for (uint32_t i = 0; i < g->count; i++)
        if (inputs_of(g->m, g->active[i].node)[0] == tensor)
            add_input(g, &g->active[i], x);
}

static void after_node(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count)
{
    const gathering *g = user;
    for (uint32_t k = 0; outputs && k < count; k++)
        seen(g, inputs_of(g->m, node)[tvis_nodes(g->m)[node].in_count + k], &outputs[k]);
}

static tvis_status run_model(gathering *g)
{
    tvis_runner r;
    tvis_status s = tvis_runner_start(&r, g->m, g->pictures->cpu, after_node, g, g->diag);
    for (g->picture = 0; !s && g->picture < g->pictures->images; g->picture++) {
        s = g->pictures->input(g->pictures->user, g->picture, &r.input, g->diag);
        if (s)
            break;
        seen(g, 0, &r.input);
        s = tvis_session_run(r.session, &r.input, NULL, g->diag);
    }
    tvis_runner_free(&r);
    return s;
}

static tvis_status check_finite(const gathering *g)
{
    for (uint32_t i = 0; i < g->count; i++) {
        const tvis_hessian *h = &g->active[i];
        for (size_t at = 0; at < (size_t)h->groups * (size_t)h->k; at++)
            if (!isfinite(h->h[at * (size_t)h->k + at % (size_t)h->k]))
                return tvis_fail(g->diag, TVIS_EMODEL, TVIS_DIAG_VALUE,
                                 tvis_string(g->m, tvis_nodes(g->m)[h->node].name),
                                 "its input is not finite, or too large, on a calibration picture");
    }
    return TVIS_OK;
}

static tvis_status allocate(gathering *g)
{
    size_t k = 0;
    for (uint32_t i = 0; i < g->count; i++) {
        tvis_hessian *h = &g->active[i];
        h->h = calloc(1, bytes_of(h));
        if (!h->h)
            return no_memory(g->diag);
        k = (size_t)h->k > k ? (size_t)h->k : k;
    }
    g->row = malloc(k * sizeof(float));
    g->batch = malloc(k * BATCH * sizeof(float));
    g->panel = malloc(TVIS_PRODUCT_COLUMNS * BATCH * sizeof(float));
    return g->row && g->batch && g->panel ? TVIS_OK : no_memory(g->diag);
}

static void release_buffers(gathering *g)
{
    free(g->row);
    free(g->batch);
    free(g->panel);
    g->row = g->batch = g->panel = NULL;
}

/* One pass: as many nodes as fit, at least one. */
static tvis_status gather(gathering *g, tvis_hessian_use use, void *user)
{
    tvis_status s = allocate(g);
    if (!s)
        s = run_model(g);
    if (!s)
        s = check_finite(g);
    release_buffers(g);
    for (uint32_t i = 0; i < g->count; i++) {
        if (!s)
            s = use(user, &g->active[i], g->diag);
        free(g->active[i].h);
    }
    return s;
}

tvis_status tvis_hessian_each(const tvis_model *m, const tvis_pictures *pictures, const uint32_t *nodes, uint32_t count,
                              size_t budget, tvis_hessian_use use, void *user, tvis_diag *diag)
{
    tvis_status s = TVIS_OK;
    tvis_hessian *all = calloc((size_t)count + 1, sizeof *all);
    if (!all)
        return no_memory(diag);
    for (uint32_t i = 0; i < count; i++)
        all[i] = describe(m, nodes[i], pictures->cpu);
    for (uint32_t i = 0; i < count && !s;) {
        gathering g = { .m = m, .pictures = pictures, .active = all + i, .diag = diag };
        size_t bytes = bytes_of(&all[i]);
        if (bytes > budget) {
            s = use(user, &all[i++], diag);
            continue;
        }
        for (g.count = 1; i + g.count < count; g.count++) {
            const size_t more = bytes_of(&all[i + g.count]);
            if (more > budget - bytes)
                break;
            bytes += more;
        }
        s = gather(&g, use, user);
        i += g.count;
    }
    free(all);
    return s;
}
