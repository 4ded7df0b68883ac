/* SPDX-License-Identifier: MIT */
#include "layer_pairs.h"

#include "fail.h"

#include <stdlib.h>
#include <string.h>

static void keep_name(void *user, uint32_t node, const tvis_node_info *info)
{
    ((layer_pairs *)user)->layer[node].name = info->name;
}

static void find_partner(void *user, uint32_t node, const tvis_node_info *info)
{
    layer_pairs *p = user;
    p->partner[node] = TVIS_NONE;
    for (uint32_t i = 0; i < p->count; i++)
        if (strcmp(p->layer[i].name, info->name) == 0) {
            p->partner[node] = i;
            return;
        }
}

static bool reserve(layer *l, size_t count)
{
    if (count <= l->room)
        return true;
    float *larger = realloc(l->value, count * sizeof *larger);
    if (!larger)
        return false;
    l->value = larger;
    l->room = count;
    return true;
}

static void keep_values(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count)
{
    layer_pairs *p = user;
    if (!outputs || count == 0)
        return;
    layer *l = &p->layer[node];
    l->count = 0;
    if (outputs->dtype != TVIS_F32)
        return;
    size_t n = tensor_elements(outputs);
    if (!reserve(l, n)) {
        p->failed = true;
        return;
    }
    memcpy(l->value, outputs->data, n * sizeof *l->value);
    memcpy(l->dims, outputs->dims, sizeof l->dims);
    l->count = n;
}

static void compare_values(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count)
{
    layer_pairs *p = user;
    if (!outputs || count == 0 || p->partner[node] == TVIS_NONE)
        return;
    layer *l = &p->layer[p->partner[node]];
    if (l->count > 0 && outputs->dtype == TVIS_F32 && memcmp(l->dims, outputs->dims, sizeof l->dims) == 0)
        difference_add(&l->sum, l->value, outputs->data, l->count);
}

tvis_status layer_pairs_watch(layer_pairs *p, loaded *a, loaded *b, tvis_diag *d)
{
    p->count = a->info.nodes;
    p->layer = calloc((size_t)a->info.nodes + 1, sizeof *p->layer);
    p->partner = calloc((size_t)b->info.nodes + 1, sizeof *p->partner);
    if (!p->layer || !p->partner)
        return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "layers", NULL);
    a->config.no_fusion = b->config.no_fusion = true;
    tvis_status s = tvis_session_plan(&a->model, &a->config, &a->bytes, keep_name, p, d);
    if (!s)
        s = tvis_session_plan(&b->model, &b->config, &b->bytes, find_partner, p, d);
    a->config.observe = keep_values;
    b->config.observe = compare_values;
    a->config.observe_user = b->config.observe_user = p;
    return s;
}

void layer_pairs_free(layer_pairs *p)
{
    for (uint32_t i = 0; p->layer && i < p->count; i++)
        free(p->layer[i].value);
    free(p->layer);
    free(p->partner);
    *p = (layer_pairs){ 0 };
}
