/* SPDX-License-Identifier: MIT */
/* PyTorch's networks without some of their channels (tests/golden/parity/make_pruned*.py), and how tinyvis leaves out
 * the same ones. Which channels belong together is found on both sides, and has to be the same. */
#ifndef TVT_PRUNED_NET_H
#define TVT_PRUNED_NET_H

#include "core/port.h"
#include "models/random_hosted.h"
#include "quant/channel_groups_hosted.h"
#include "tests/network.h"

#include <tinyvis/quantize.h>

enum { TVT_MOST_LAYERS = 256, TVT_PRUNED_SEED = 5 };

/* A layer of PyTorch's network, in the order in which they run; key: of the group that it writes, "-" if that is fixed.
 */
typedef struct tvt_pruned_layer {
    int32_t dims[4]; /* out, in, height, width */
    char key[80];
    bool used;
} tvt_pruned_layer;

typedef struct tvt_pruned_net {
    char file[64];
    unsigned h, w, groups, layer_count;
    double gap; /* of PyTorch in float32 from the reference, over its range */
    tvt_pruned_layer layer[TVT_MOST_LAYERS];
    size_t first; /* of its stored values */
} tvt_pruned_net;

/* The network of this name; `text` is the whole file. */
static inline void tvt_pruned_load(tvt_pruned_net *p, const char *text, const char *file)
{
    char head[80];
    (void)snprintf(head, sizeof head, "net %s ", file);
    const char *line = strstr(text, head);
    memset(p, 0, sizeof *p);
    if (!line)
        fail_msg("%s is not there", file);
    assert_int_equal(sscanf(line, "net %63s %u %u %lf groups %u layers %u at %zu", p->file, &p->h, &p->w, &p->gap,
                            &p->groups, &p->layer_count, &p->first),
                     7);
    assert_true(p->layer_count <= TVT_MOST_LAYERS);
    for (unsigned k = 0; k < p->layer_count; k++) {
        tvt_pruned_layer *l = &p->layer[k];
        line = tvt_next_line(line, file);
        assert_int_equal(sscanf(line, "%d %d %d %d %79s", &l->dims[0], &l->dims[1], &l->dims[2], &l->dims[3], l->key),
                         5);
    }
}

/* PyTorch's layer that a node is: the first one of its shape that was not another node. */
static inline const tvt_pruned_layer *tvt_pruned_layer_of(tvt_pruned_net *p, const tvis_gnode *n, const int32_t *w)
{
    const bool depthwise = n->op == TVIS_OP_DEPTHWISE;
    const int32_t dims[4] = { depthwise ? w[3] : w[0], depthwise ? 1 : w[3], w[1], w[2] };
    for (unsigned i = 0; i < p->layer_count; i++)
        if (!p->layer[i].used && memcmp(p->layer[i].dims, dims, sizeof dims) == 0) {
            p->layer[i].used = true;
            return &p->layer[i];
        }
    fail_msg("%s: PyTorch's network has no layer like %s", p->file, n->name);
    return NULL;
}

static inline bool *tvt_draw_keep(const char *key, int32_t units)
{
    char name[100];
    float *v = malloc((size_t)units * sizeof *v);
    bool *keep = malloc((size_t)units * sizeof *keep);
    assert_true(v && keep);
    (void)snprintf(name, sizeof name, "keep.%s", key);
    tvis_random_fill(TVT_PRUNED_SEED, name, TVIS_RANDOM_BN_MEAN, 1, v, units);
    for (int32_t i = 0; i < units; i++)
        keep[i] = i == 0 || v[i] > -0.05f;
    free(v);
    return keep;
}

/* The layer's group is PyTorch's: fixed where that is, of the same name as those of other layers that write it. */
static inline void tvt_pruned_mark(const tvt_pruned_net *p, tvis_channel_groups *s, const char **key,
                                   const tvis_gnode *n, const tvt_pruned_layer *l)
{
    const uint32_t root = s->root[n->out[0]];
    const bool fixed = strcmp(l->key, "-") == 0;
    if (s->fixed[root] != fixed)
        fail_msg("%s: channels of %s are %s here", p->file, n->name, fixed ? "free" : "fixed");
    if (key[root] && strcmp(key[root], l->key) != 0)
        fail_msg("%s: %s belongs to %s, here to %s", p->file, n->name, l->key, key[root]);
    key[root] = l->key;
    if (!fixed && !s->keep[root])
        s->keep[root] = tvt_draw_keep(l->key, s->units[root]);
}

static inline void tvt_pruned_cut(tvt_pruned_net *p, tvis_graph *g)
{
    tvis_channel_groups s;
    const char **key = calloc(g->tensor_count, sizeof *key);
    unsigned cut_groups = 0;
    assert_non_null(key);
    assert_int_equal(tvis_channel_groups_find(&s, g), TVIS_OK);
    for (uint32_t i = 0; i < g->node_count; i++) {
        const tvis_gnode *n = &g->node[i];
        if (n->op == TVIS_OP_CONV2D || n->op == TVIS_OP_DEPTHWISE || n->op == TVIS_OP_LINEAR)
            tvt_pruned_mark(p, &s, key, n, tvt_pruned_layer_of(p, n, g->tensor[n->in[1]].dims));
    }
    for (uint32_t i = 0; i < s.count; i++)
        cut_groups += s.keep[i] != NULL;
    assert_int_equal(cut_groups, p->groups);
    tvis_channel_groups_cut(&s, g);
    tvis_channel_groups_free(&s);
    free(key);
}

/* Makes the smaller model; `plain`, the whole network, is freed. */
static inline void tvt_pruned_make(tvt_pruned_net *p, tvis_blob *plain, tvis_blob *blob)
{
    tvis_model m;
    tvis_graph graph;
    tvis_diag d;
    tvt_ok(tvis_model_open(&m, plain->data, plain->size, &d), &d);
    tvis_graph_init(&graph, &d);
    tvis_graph_read(&graph, &m);
    tvt_pruned_cut(p, &graph);
    tvt_ok(graph.status, &d);
    tvt_ok(tvis_blob_write(&graph, blob, &d), &d);
    assert_true(blob->size < plain->size);
    tvis_graph_free(&graph);
    tvis_blob_free(plain);
}

static inline void tvt_pruned_open(tvis_model *m, const tvis_blob *blob)
{
    tvis_diag d;
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &d), &d);
    tvt_ok(tvis_blob_verify(m, &d), &d);
}

static inline void tvt_pruned_quantize(const tvis_blob *blob, const tvis_quantize_config *q, tvis_blob *smaller)
{
    tvis_model m;
    tvis_diag d;
    tvt_pruned_open(&m, blob);
    tvt_ok(tvis_quantize(&m, q, smaller, NULL, &d), &d);
}

#endif
