/* SPDX-License-Identifier: MIT */
/* Small graphs made in memory, for tests and fuzzers: needs nothing but the library. Weights come from the names. */
#ifndef TVT_NET_H
#define TVT_NET_H

#include <stdio.h>
#include <string.h>

#include "core/graph_hosted.h"
#include "models/builder_hosted.h"
#include "models/random_hosted.h"

typedef struct tvt_net {
    tvis_graph g;
    tvis_diag diag;
    uint32_t made; /* names are numbers */
} tvt_net;

/* A convolution, or a depthwise one when groups is 0. */
typedef struct tvt_conv {
    int32_t out, kh, kw, groups;
    bool bias;
    tvis_conv_params p; /* groups is set from above */
} tvt_conv;

/* Any size from 1 x 1 on; h x w by default. */
static inline void tvt_net_begin(tvt_net *n, uint16_t h, uint16_t w)
{
    tvis_graph_init(&n->g, &n->diag);
    n->made = 0;
    n->g.arch = "test";
    n->g.h = h;
    n->g.w = w;
    n->g.preprocess = tvis_imagenet_preprocess;
}

static inline const char *tvt_net_name(tvt_net *n, char *buffer, const char *what)
{
    return tvis_name(buffer, "%s%u", what, (unsigned)n->made++);
}

static inline uint32_t tvt_net_input(tvt_net *n, int32_t channels)
{
    char name[TVIS_NAME_MAX];
    return tvis_graph_input(&n->g, tvt_net_name(n, name, "x"), channels);
}

/* fan_in counts for weights only. */
static inline uint32_t tvt_net_constant(tvt_net *n, const int32_t *dims, tvis_random_role role, int64_t fan_in)
{
    char name[TVIS_NAME_MAX];
    uint32_t id = tvis_graph_constant(&n->g, tvt_net_name(n, name, "w"), TVIS_F32, dims);
    if (id != TVIS_NONE)
        tvis_random_fill(7, name, role, fan_in, n->g.tensor[id].data, (int64_t)(n->g.tensor[id].bytes / sizeof(float)));
    return id;
}

static inline uint32_t tvt_net_vector(tvt_net *n, tvis_random_role role, int32_t count)
{
    const int32_t dims[4] = { 1, 1, 1, count };
    return tvt_net_constant(n, dims, role, 1);
}

static inline uint32_t tvt_net_node(tvt_net *n, tvis_op_code op, const uint32_t *in, uint32_t count, int32_t channels,
                                    const tvis_params *p)
{
    char name[TVIS_NAME_MAX];
    return tvis_graph_node(&n->g, tvt_net_name(n, name, "n"), (uint8_t)op, in, count, channels, p);
}

static inline int32_t tvt_net_channels(const tvt_net *n, uint32_t x)
{
    return n->g.status ? 1 : n->g.tensor[x].channels;
}

static inline tvt_conv tvt_conv_of(int32_t out, int32_t kernel, uint16_t stride)
{
    const uint16_t pad = (uint16_t)((kernel - 1) / 2);
    return (tvt_conv){ out,    kernel,
                       kernel, 1,
                       true,   { .stride = { stride, stride }, .dilation = { 1, 1 }, .pad = { pad, pad, pad, pad } } };
}

static inline uint32_t tvt_net_conv(tvt_net *n, uint32_t x, tvt_conv c)
{
    const bool depthwise = c.groups == 0;
    const int32_t in = tvt_net_channels(n, x), out = depthwise ? in : c.out;
    const int32_t each = depthwise ? 1 : in / c.groups;
    const int32_t dims[4] = { depthwise ? 1 : out, c.kh, c.kw, depthwise ? in : each };
    tvis_params p = { .conv = c.p };
    p.conv.groups = (uint16_t)(depthwise ? 1 : c.groups);
    uint32_t ids[3] = { x, tvt_net_constant(n, dims, TVIS_RANDOM_WEIGHT, (int64_t)c.kh * c.kw * each), TVIS_NONE };
    if (c.bias)
        ids[2] = tvt_net_vector(n, TVIS_RANDOM_BIAS, out);
    return tvt_net_node(n, depthwise ? TVIS_OP_DEPTHWISE : TVIS_OP_CONV2D, ids, c.bias ? 3 : 2, out, &p);
}

static inline uint32_t tvt_net_linear(tvt_net *n, uint32_t x, int32_t out, bool bias)
{
    const int32_t in = tvt_net_channels(n, x), dims[4] = { out, 1, 1, in };
    uint32_t ids[3] = { x, tvt_net_constant(n, dims, TVIS_RANDOM_WEIGHT, in), TVIS_NONE };
    if (bias)
        ids[2] = tvt_net_vector(n, TVIS_RANDOM_BIAS, out);
    return tvt_net_node(n, TVIS_OP_LINEAR, ids, bias ? 3 : 2, out, NULL);
}

static inline uint32_t tvt_net_batch_norm(tvt_net *n, uint32_t x)
{
    const int32_t c = tvt_net_channels(n, x);
    tvis_params p;
    memset(&p, 0, sizeof p);
    p.eps = 1e-3f;
    uint32_t ids[5] = { x };
    for (uint32_t i = 1; i < 5; i++)
        ids[i] = tvt_net_vector(n, (tvis_random_role)(TVIS_RANDOM_BN_WEIGHT + i - 1), c);
    return tvt_net_node(n, TVIS_OP_BATCH_NORM, ids, 5, c, &p);
}

static inline uint32_t tvt_net_unary(tvt_net *n, tvis_op_code op, uint32_t x)
{
    return tvt_net_node(n, op, &x, 1, tvt_net_channels(n, x), NULL);
}

static inline uint32_t tvt_net_add(tvt_net *n, uint32_t a, uint32_t b)
{
    const uint32_t ids[2] = { a, b };
    return tvt_net_node(n, TVIS_OP_ADD, ids, 2, tvt_net_channels(n, a), NULL);
}

static inline void tvt_net_set_act(tvt_net *n, uint32_t y, tvis_act act)
{
    if (!n->g.status)
        tvis_graph_producer(&n->g, y)->act = (uint8_t)act;
}

static inline uint32_t tvt_net_activation(tvt_net *n, uint32_t x, tvis_act act)
{
    uint32_t y = tvt_net_unary(n, TVIS_OP_ACTIVATION, x);
    tvt_net_set_act(n, y, act);
    return y;
}

/* Writes the graph as it is and frees it. */
static inline tvis_status tvt_net_write(tvt_net *n, tvis_blob *blob)
{
    tvis_status s = n->g.status ? n->g.status : tvis_blob_write(&n->g, blob, &n->diag);
    tvis_graph_free(&n->g);
    return s;
}

/* A small network with every operator: 3 x 8 x 8 in, a classifier of 5 with labels and a map out. */
static inline tvis_status tvt_net_sample(tvt_net *n, tvis_blob *blob)
{
    static const char *const labels[] = { "ant", "bee", "", "dragonfly", "earwig" };
    const tvis_params flat = { .reshape = { { 0, 0, 0, 0 }, 1 } };
    tvt_net_begin(n, 8, 8);
    uint32_t x = tvt_net_conv(n, tvt_net_input(n, 3), tvt_conv_of(8, 3, 2));
    tvt_net_set_act(n, x, TVIS_ACT_RELU6);
    tvt_conv depthwise = tvt_conv_of(0, 3, 1);
    depthwise.groups = 0;
    uint32_t y = tvt_net_batch_norm(n, tvt_net_conv(n, x, depthwise));
    tvis_graph_output(&n->g, tvt_net_activation(n, tvt_net_add(n, x, y), TVIS_ACT_RELU));
    y = tvt_net_unary(n, TVIS_OP_GLOBAL_AVG_POOL, y);
    y = tvt_net_linear(n, tvt_net_node(n, TVIS_OP_RESHAPE, &y, 1, 8, &flat), 5, true);
    tvis_graph_output(&n->g, tvt_net_unary(n, TVIS_OP_SOFTMAX, y));
    n->g.max_side = 64;
    n->g.multiple = 2;
    n->g.min_side = 2;
    n->g.classes = 5;
    n->g.labels = labels;
    return tvt_net_write(n, blob);
}

#endif
