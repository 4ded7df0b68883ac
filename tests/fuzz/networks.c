/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/networks.h"

#include "core/half.h"
#include "tests/exercise.h"
#include "tests/net.h"

#include <tinyvis/prune.h>

/* An inverted residual with its sum taken in, two convolutions and a pooling, and a residual of something else. */
static tvis_status rows(tvt_net *n, tvis_blob *blob)
{
    const tvis_params pool = { .pool = { { 2, 2 }, { 2, 2 }, { 0, 0, 0, 0 } } };
    tvt_net_begin(n, 24, 24);
    uint32_t x = tvt_net_conv(n, tvt_net_input(n, 1), tvt_conv_of(6, 3, 1)), y;
    y = tvt_net_conv(n, x, tvt_conv_of(6, 3, 1));
    x = tvt_net_node(n, TVIS_OP_MAX_POOL, &y, 1, 6, &pool);
    tvt_conv depthwise = tvt_conv_of(0, 3, 1);
    depthwise.groups = 0;
    y = tvt_net_conv(n, tvt_net_conv(n, x, tvt_conv_of(24, 1, 1)), depthwise);
    y = tvt_net_add(n, x, tvt_net_conv(n, y, tvt_conv_of(6, 1, 1)));
    x = tvt_net_conv(n, tvt_net_conv(n, y, depthwise), tvt_conv_of(6, 1, 1));
    tvis_graph_output(&n->g, tvt_net_add(n, tvt_net_activation(n, x, TVIS_ACT_SILU), y));
    if (!n->g.status)
        tvis_pass_fuse_add(&n->g);
    n->g.max_side = 64;
    return tvt_net_write(n, blob);
}

/* Two inputs, groups, dilation, TensorFlow's padding, a linear layer over pixels, a reshape. */
static tvis_status branches(tvt_net *n, tvis_blob *blob)
{
    tvis_params shape = { .reshape = { { 0, 1, 0, 0 }, 0 } };
    tvt_net_begin(n, 6, 6);
    const uint32_t a = tvt_net_input(n, 4), b = tvt_net_input(n, 4);
    tvt_conv c = tvt_conv_of(8, 3, 1);
    c.groups = 2;
    c.p.dilation[0] = c.p.dilation[1] = 2;
    c.p.pad[0] = c.p.pad[1] = c.p.pad[2] = c.p.pad[3] = 0;
    c.p.same = 1;
    uint32_t x = tvt_net_conv(n, tvt_net_add(n, a, b), c);
    x = tvt_net_linear(n, tvt_net_activation(n, x, TVIS_ACT_GELU), 4, true);
    tvis_graph_output(&n->g, x);
    shape.reshape.dims[2] = 36;
    x = tvt_net_node(n, TVIS_OP_RESHAPE, &x, 1, 4, &shape);
    tvis_graph_output(&n->g, tvt_net_unary(n, TVIS_OP_SOFTMAX, x));
    return tvt_net_write(n, blob);
}

/* The same after the passes of conversion. */
static tvis_status passes(tvt_net *n, tvis_blob *blob)
{
    tvt_net_begin(n, 12, 12);
    uint32_t x = tvt_net_activation(
        n, tvt_net_batch_norm(n, tvt_net_conv(n, tvt_net_input(n, 3), tvt_conv_of(9, 3, 2))), TVIS_ACT_HARD_SWISH);
    uint32_t y = tvt_net_batch_norm(n, tvt_net_conv(n, x, tvt_conv_of(9, 5, 1)));
    y = tvt_net_unary(n, TVIS_OP_GLOBAL_AVG_POOL, tvt_net_activation(n, tvt_net_add(n, y, x), TVIS_ACT_RELU));
    tvis_graph_output(&n->g, tvt_net_linear(n, y, 40, true));
    if (!n->g.status) {
        tvis_pass_fold_batch_norm(&n->g);
        tvis_pass_fuse_activation(&n->g);
        tvis_pass_fuse_add(&n->g);
        tvis_pass_remove_dead(&n->g);
    }
    n->g.max_side = 64;
    return tvt_net_write(n, blob);
}

/* A vision transformer of one block: positions stretched, registers, the class token's attention as a second output. */
static tvis_status transformer(tvt_net *n, tvis_blob *blob)
{
    enum { C = 12, GRID = 3, REGISTERS = 2 };
    const int32_t grid[4] = { 1, GRID, GRID, C }, registers[4] = { 1, 1, REGISTERS, C };
    tvis_params tokens, eps, heads, patches;
    memset(&tokens, 0, sizeof tokens);
    memset(&eps, 0, sizeof eps);
    memset(&heads, 0, sizeof heads);
    memset(&patches, 0, sizeof patches);
    tokens.tokens = (tvis_tokens_params){ { GRID, GRID }, TVIS_STRETCH_OFFSET, REGISTERS };
    eps.eps = 1e-6f;
    heads.attention = (tvis_attention_params){ 3, 1 };
    patches.slice.begin = 1 + REGISTERS;
    tvt_net_begin(n, 8, 8);
    tvt_conv patch = tvt_conv_of(C, 4, 4);
    memset(patch.p.pad, 0, sizeof patch.p.pad);
    uint32_t in[4] = { tvt_net_conv(n, tvt_net_input(n, 3), patch) };
    in[1] = tvt_net_vector(n, TVIS_RANDOM_BIAS, C);
    in[2] = tvt_net_constant(n, grid, TVIS_RANDOM_BIAS, 1);
    in[3] = tvt_net_constant(n, registers, TVIS_RANDOM_BIAS, 1);
    const uint32_t x = tvt_net_node(n, TVIS_OP_TOKENS, in, 4, C, &tokens);
    in[0] = x;
    in[2] = tvt_net_vector(n, TVIS_RANDOM_BIAS, C);
    uint32_t y = tvt_net_linear(n, tvt_net_node(n, TVIS_OP_LAYER_NORM, in, 3, C, &eps), 3 * C, true);
    uint32_t out[2] = { tvis_graph_add_tensor(&n->g, "y", TVIS_F32), tvis_graph_add_tensor(&n->g, "maps", TVIS_F32) };
    tvis_graph_add_node(&n->g, "attention", TVIS_OP_ATTENTION, &y, 1, out, 2, &heads);
    if (n->g.status)
        return tvt_net_write(n, blob);
    n->g.tensor[out[0]].channels = C;
    y = tvt_net_add(n, tvt_net_linear(n, out[0], C, true), x);
    tvis_graph_output(&n->g, tvt_net_node(n, TVIS_OP_L2_NORM, &y, 1, C, &eps));
    tvis_graph_output(&n->g, tvt_net_node(n, TVIS_OP_SLICE, &y, 1, C, &patches));
    tvis_graph_output(&n->g, out[1]);
    n->g.min_side = n->g.multiple = 4;
    n->g.max_side = 64;
    return tvt_net_write(n, blob);
}

static void halve_weights(tvt_net *n, uint32_t y)
{
    uint32_t *w = &tvis_graph_producer(&n->g, y)->in[1];
    const uint32_t half = tvis_graph_constant(&n->g, "half", TVIS_F16, n->g.tensor[*w].dims);
    for (size_t i = 0; half != TVIS_NONE && i < n->g.tensor[half].bytes / 2; i++)
        ((uint16_t *)n->g.tensor[half].data)[i] = tvis_half_from(((const float *)n->g.tensor[*w].data)[i]);
    *w = half;
}

/* Squeeze and excite, a shortcut without weights, weights stored as halves or not. */
static tvis_status excite(tvt_net *n, tvis_blob *blob, bool halved)
{
    tvis_params shortcut;
    memset(&shortcut, 0, sizeof shortcut);
    shortcut.shortcut = (tvis_shortcut_params){ 2, 3, 1, 0 };
    tvt_net_begin(n, 10, 10);
    tvt_conv depthwise = tvt_conv_of(0, 3, 1);
    depthwise.groups = 0;
    const uint32_t a = tvt_net_conv(n, tvt_net_input(n, 3), tvt_conv_of(20, 1, 1)), b = tvt_net_conv(n, a, depthwise);
    uint32_t s = tvt_net_linear(n, tvt_net_unary(n, TVIS_OP_GLOBAL_AVG_POOL, b), 6, true);
    s = tvt_net_linear(n, tvt_net_activation(n, s, TVIS_ACT_RELU), 20, true);
    const uint32_t in[2] = { b, tvt_net_activation(n, s, TVIS_ACT_HARD_SIGMOID) };
    const uint32_t y = tvt_net_conv(n, tvt_net_node(n, TVIS_OP_SCALE, in, 2, 20, NULL), tvt_conv_of(8, 1, 1));
    tvis_graph_output(&n->g, tvt_net_node(n, TVIS_OP_SHORTCUT, &y, 1, 12, &shortcut));
    tvis_graph_output(&n->g, tvt_net_unary(n, TVIS_OP_SOFTMAX, s));
    const uint32_t halves[] = { a, b, y };
    for (size_t i = 0; halved && !n->g.status && i < sizeof halves / sizeof *halves; i++)
        halve_weights(n, halves[i]);
    n->g.max_side = 64;
    return tvt_net_write(n, blob);
}

static tvis_status squeeze(tvt_net *n, tvis_blob *blob)
{
    return excite(n, blob, true);
}

static tvis_status excited(tvt_net *n, tvis_blob *blob)
{
    return excite(n, blob, false);
}

static tvis_status picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    (void)user;
    (void)d;
    for (int32_t k = 0; k < in->dims[1] * in->dims[2] * in->dims[3]; k++)
        ((float *)in->data)[k] = (float)((k * 7 + (int32_t)i) % 17) * 0.25f - 2.0f;
    return TVIS_OK;
}

typedef tvis_status (*maker)(tvt_net *, tvis_blob *);

typedef struct recipe {
    const char *name;
    maker make;
    uint8_t mode; /* tvis_quantize_mode, or NONE */
    bool mixed, sparse;
} recipe;

enum { NONE = 0xff };

/* New ones go to the end: inputs of fuzzers name them by number. */
static const recipe recipes[TVT_NETWORKS] = {
    { "sample", tvt_net_sample, NONE, false, false },
    { "rows", rows, NONE, false, false },
    { "branches", branches, NONE, false, false },
    { "passes", passes, NONE, false, false },
    { "transformer", transformer, NONE, false, false },
    { "squeeze", squeeze, NONE, false, false },
    { "rows_int8", rows, TVIS_QUANTIZE_INT8, false, false },
    { "passes_int8", passes, TVIS_QUANTIZE_INT8, false, false },
    { "transformer_int8", transformer, TVIS_QUANTIZE_INT8, false, false },
    { "squeeze_int8", excited, TVIS_QUANTIZE_INT8, false, false },
    { "passes_mixed", passes, TVIS_QUANTIZE_INT8, true, false },
    { "transformer_mixed", transformer, TVIS_QUANTIZE_INT8, true, false },
    { "transformer_dynamic", transformer, TVIS_QUANTIZE_DYNAMIC, false, false },
    { "transformer_int4", transformer, TVIS_QUANTIZE_INT4, false, false },
    { "rows_sparse", rows, NONE, false, true },
    { "transformer_sparse", transformer, NONE, false, true },
    { "passes_sparse_int8", passes, TVIS_QUANTIZE_INT8, false, true },
    { "transformer_sparse_dynamic", transformer, TVIS_QUANTIZE_DYNAMIC, false, true },
};

/* `blob` is replaced. */
static tvis_status prune(tvis_blob *blob)
{
    const tvis_prune_config c = { .struct_size = sizeof c, .amount = 0.7, .portable = true };
    tvis_blob plain = *blob;
    tvis_model m;
    tvis_status s = tvis_model_open(&m, plain.data, plain.size, NULL);
    if (!s)
        s = tvis_prune(&m, &c, blob, NULL, NULL);
    tvis_blob_free(&plain);
    return s;
}

static tvis_status quantize(const recipe *r, tvis_blob *blob)
{
    const tvis_quantize_config c = { .struct_size = sizeof c,
                                     .mode = r->mode,
                                     .observer = TVIS_OBSERVER_MINMAX,
                                     .percentile = 100.0f,
                                     .images = r->mode == TVIS_QUANTIZE_INT8 ? 2 : 0,
                                     .input = picture,
                                     .equalize = TVIS_EQUALIZE_OFF,
                                     .portable = true,
                                     .mixed = r->mixed,
                                     .most_macs = 0.5f };
    tvis_blob plain = *blob;
    tvis_model m;
    tvis_status s = tvis_model_open(&m, plain.data, plain.size, NULL);
    if (!s)
        s = tvis_quantize(&m, &c, blob, NULL, NULL);
    tvis_blob_free(&plain);
    return s;
}

const char *tvt_network_name(uint32_t i)
{
    return recipes[i].name;
}

const tvis_blob *tvt_network(uint32_t i)
{
    static tvis_blob made[TVT_NETWORKS];
    const recipe *r = &recipes[i];
    tvt_net n;
    if (made[i].data)
        return &made[i];
    tvis_status s = r->make(&n, &made[i]);
    if (!s && r->sparse)
        s = prune(&made[i]);
    if (!s && r->mode != NONE)
        s = quantize(r, &made[i]);
    if (s)
        tvt_exercise_die(r->name);
    return &made[i];
}
