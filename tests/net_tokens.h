/* SPDX-License-Identifier: MIT */
/* Layers of transformers for the small networks of tests and fuzzers. */
#ifndef TVT_NET_TOKENS_H
#define TVT_NET_TOKENS_H

#include "tests/net.h"

static inline uint32_t tvt_net_layer_norm(tvt_net *n, uint32_t x)
{
    const int32_t c = tvt_net_channels(n, x);
    tvis_params p;
    memset(&p, 0, sizeof p);
    p.eps = 1e-6f;
    const uint32_t ids[3] = { x, tvt_net_vector(n, TVIS_RANDOM_BN_WEIGHT, c),
                              tvt_net_vector(n, TVIS_RANDOM_BN_BIAS, c) };
    return tvt_net_node(n, TVIS_OP_LAYER_NORM, ids, 3, c, &p);
}

/* x: q, k and v. With maps, *maps gets the second output. */
static inline uint32_t tvt_net_attention(tvt_net *n, uint32_t x, uint16_t heads, uint32_t *maps)
{
    tvis_params p;
    memset(&p, 0, sizeof p);
    p.attention = (tvis_attention_params){ heads, maps != NULL };
    const uint32_t y = tvt_net_node(n, TVIS_OP_ATTENTION, &x, 1, tvt_net_channels(n, x) / 3, &p);
    if (maps) {
        *maps = tvis_graph_add_tensor(&n->g, "maps", TVIS_F32);
        if (*maps != TVIS_NONE) {
            tvis_gnode *node = tvis_graph_producer(&n->g, y);
            node->out[node->out_count++] = *maps;
        }
    }
    return y;
}

static inline uint32_t tvt_net_tokens(tvt_net *n, uint32_t x, tvis_tokens_params t)
{
    const int32_t c = tvt_net_channels(n, x), grid[4] = { 1, t.grid[0], t.grid[1], c };
    const int32_t registers[4] = { 1, 1, t.registers, c };
    tvis_params p;
    memset(&p, 0, sizeof p);
    p.tokens = t;
    uint32_t ids[4] = { x, tvt_net_vector(n, TVIS_RANDOM_TOKEN, c), tvt_net_constant(n, grid, TVIS_RANDOM_TOKEN, 1) };
    if (t.registers)
        ids[3] = tvt_net_constant(n, registers, TVIS_RANDOM_TOKEN, 1);
    return tvt_net_node(n, TVIS_OP_TOKENS, ids, t.registers ? 4 : 3, c, &p);
}

static inline uint32_t tvt_net_slice(tvt_net *n, uint32_t x, int32_t begin, int32_t count)
{
    tvis_params p;
    memset(&p, 0, sizeof p);
    p.slice = (tvis_slice_params){ begin, count };
    return tvt_net_node(n, TVIS_OP_SLICE, &x, 1, tvt_net_channels(n, x), &p);
}

/* A vision transformer of one block, width 12 and patches of 4, after the passes of conversion. */
static inline tvis_status tvt_net_transformer(tvt_net *n, tvis_blob *blob)
{
    uint32_t maps;
    tvt_net_begin(n, 12, 16);
    uint32_t x = tvt_net_input(n, 3), y;
    tvt_conv patch = tvt_conv_of(12, 4, 4);
    memset(patch.p.pad, 0, sizeof patch.p.pad);
    x = tvt_net_tokens(n, tvt_net_conv(n, x, patch), (tvis_tokens_params){ { 3, 3 }, TVIS_STRETCH_ANTIALIAS, 2 });
    y = tvt_net_attention(n, tvt_net_linear(n, tvt_net_layer_norm(n, x), 36, true), 3, &maps);
    x = tvt_net_add(n, tvt_net_linear(n, y, 12, true), x);
    y = tvt_net_activation(n, tvt_net_linear(n, tvt_net_layer_norm(n, x), 20, true), TVIS_ACT_GELU);
    x = tvt_net_layer_norm(n, tvt_net_add(n, tvt_net_linear(n, y, 12, true), x));
    tvis_graph_output(&n->g, tvt_net_slice(n, x, 0, 1));
    tvis_graph_output(&n->g, tvt_net_slice(n, x, 3, 0));
    tvis_graph_output(&n->g, maps);
    n->g.min_side = n->g.multiple = 4;
    n->g.max_side = 64;
    if (!n->g.status) {
        tvis_pass_fuse_activation(&n->g);
        tvis_pass_fuse_add(&n->g);
    }
    return tvt_net_write(n, blob);
}

#endif
