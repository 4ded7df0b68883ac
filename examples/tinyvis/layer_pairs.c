/* SPDX-License-Identifier: MIT */
#include "layer_pairs.h"

#include "fail.h"

#include <stdlib.h>
#include <string.h>

static void keep_name(void *user, uint32_t node, const tvis_node_info *info)
{
    layer *l = &((layer_pairs *)user)->layer[node];
    l->name = info->name;
    l->scale = (node_scale){ info->scale, info->zero, info->factors };
    l->planned = 1;
    for (int i = 0; i < 4; i++)
        l->planned *= (size_t)info->out[i];
}

/* The last layer of that name; its earlier partners lose it. */
static void find_partner(void *user, uint32_t node, const tvis_node_info *info)
{
    layer_pairs *p = user;
    uint32_t found = TVIS_NONE;
    for (uint32_t i = 0; i < p->count; i++)
        if (strcmp(p->layer[i].name, info->name) == 0)
            found = i;
    for (uint32_t i = 0; found != TVIS_NONE && i < p->partners; i++)
        if (p->partner[i].layer == found)
            p->partner[i].layer = TVIS_NONE;
    p->partner[node] = (layer_partner){ found, { info->scale, info->zero, info->factors } };
}

static bool reserve(float **value, size_t *room, size_t count)
{
    if (count <= *room)
        return true;
    float *larger = realloc(*value, count * sizeof *larger);
    if (!larger)
        return false;
    *value = larger;
    *room = count;
    return true;
}

static bool is_comparable(const tvis_tensor *t)
{
    return t->dtype == TVIS_F32 || t->dtype == TVIS_S8 || t->dtype == TVIS_S16;
}

static void to_floats(const tvis_tensor *t, node_scale s, float *y)
{
    const size_t n = tensor_elements(t);
    if (t->dtype == TVIS_F32)
        memcpy(y, t->data, n * sizeof *y);
    for (size_t i = 0; t->dtype == TVIS_S8 && i < n; i++)
        y[i] = s.scale * (float)(((const int8_t *)t->data)[i] - s.zero);
    for (size_t i = 0; t->dtype == TVIS_S16 && i < n; i++)
        y[i] = s.scale * (float)(((const int16_t *)t->data)[i] - s.zero);
}

static void keep_values(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count)
{
    layer_pairs *p = user;
    if (!outputs || count == 0)
        return;
    layer *l = &p->layer[node];
    l->count = 0;
    if (!is_comparable(outputs) || node < p->begin || node >= p->end)
        return;
    const size_t n = tensor_elements(outputs);
    if (!reserve(&l->value, &l->room, n)) {
        p->failed = true;
        return;
    }
    to_floats(outputs, l->scale, l->value);
    memcpy(l->dims, outputs->dims, sizeof l->dims);
    l->count = n;
}

static void compare_values(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count)
{
    layer_pairs *p = user;
    if (!outputs || count == 0 || p->partner[node].layer == TVIS_NONE)
        return;
    layer *l = &p->layer[p->partner[node].layer];
    if (l->count == 0 || !is_comparable(outputs) || memcmp(l->dims, outputs->dims, sizeof l->dims) != 0)
        return;
    if (!reserve(&p->value, &p->room, l->count)) {
        p->failed = true;
        return;
    }
    to_floats(outputs, p->partner[node].scale, p->value);
    difference_add(&l->sum, l->value, p->value, l->count);
    if (p->partner[node].scale.factors) {
        p->failed = p->failed || !channels_add(&l->channels, l->value, p->value, l->count, (size_t)outputs->dims[3]);
        channels_finish(&l->channels, &l->sum);
    }
}

tvis_status layer_pairs_watch(layer_pairs *p, loaded *a, loaded *b, tvis_diag *d)
{
    p->count = a->info.nodes;
    p->partners = b->info.nodes;
    p->layer = calloc((size_t)a->info.nodes + 1, sizeof *p->layer);
    p->partner = calloc((size_t)b->info.nodes + 1, sizeof *p->partner);
    if (!p->layer || !p->partner)
        return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "layers", NULL);
    for (uint32_t i = 0; i < p->partners; i++)
        p->partner[i].layer = TVIS_NONE;
    a->config.no_fusion = b->config.no_fusion = true;
    tvis_status s = tvis_session_plan(&a->model, &a->config, &a->bytes, keep_name, p, d);
    if (!s)
        s = tvis_session_plan(&b->model, &b->config, &b->bytes, find_partner, p, d);
    a->config.observe = keep_values;
    b->config.observe = compare_values;
    a->config.observe_user = b->config.observe_user = p;
    if (!s)
        (void)layer_pairs_next(p);
    return s;
}

static void layer_free(layer *l)
{
    free(l->value);
    channels_free(&l->channels);
}

bool layer_pairs_next(layer_pairs *p)
{
    for (uint32_t i = p->begin; i < p->end; i++) {
        free(p->layer[i].value);
        p->layer[i].value = NULL;
        p->layer[i].count = p->layer[i].room = 0;
    }
    size_t n = 0;
    p->begin = p->end;
    while (p->end < p->count && (p->end == p->begin || p->most == 0 || n + p->layer[p->end].planned <= p->most))
        n += p->layer[p->end++].planned;
    return p->begin < p->end;
}

void layer_pairs_free(layer_pairs *p)
{
    for (uint32_t i = 0; p->layer && i < p->count; i++)
        layer_free(&p->layer[i]);
    free(p->layer);
    free(p->partner);
    free(p->value);
    *p = (layer_pairs){ 0 };
}
