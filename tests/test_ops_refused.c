/* SPDX-License-Identifier: MIT */
/* Networks that blobs can hold and operators can not run: refused by planning, with the node and both shapes, whether
 * or not the layers would be fused. */
#include "core/op.h"
#include "core/port.h"
#include "tests/net.h"
#include "tests/network.h"

enum { C = 6, SIDE = 24 };

static tvis_gnode *node(tvt_net *n, uint32_t y)
{
    return tvis_graph_producer(&n->g, y);
}

/* Another constant in place of input k. */
static void replace(tvt_net *n, uint32_t y, uint32_t k, int32_t a, int32_t b, int32_t c, int32_t d)
{
    const int32_t dims[4] = { a, b, c, d };
    const uint32_t id = tvt_net_constant(n, dims, TVIS_RANDOM_BIAS, 1);
    node(n, y)->in[k] = id;
}

static uint32_t conv(tvt_net *n, uint32_t x)
{
    return tvt_net_conv(n, x, tvt_conv_of(4, 3, 1));
}

static uint32_t depthwise(tvt_net *n, uint32_t x)
{
    tvt_conv c = tvt_conv_of(0, 3, 1);
    c.groups = 0;
    return tvt_net_conv(n, x, c);
}

static uint32_t conv_weights(tvt_net *n, uint32_t x)
{
    const uint32_t y = conv(n, x);
    replace(n, y, 1, 4, 3, 3, 5);
    return y;
}

static uint32_t conv_groups(tvt_net *n, uint32_t x)
{
    const uint32_t y = conv(n, x);
    node(n, y)->p.conv.groups = 4;
    return y;
}

static uint32_t conv_bias(tvt_net *n, uint32_t x)
{
    const uint32_t y = conv(n, x);
    replace(n, y, 2, 1, 1, 1, 5);
    return y;
}

static uint32_t conv_add(tvt_net *n, uint32_t x)
{
    const uint32_t y = conv(n, x);
    node(n, y)->in[node(n, y)->in_count++] = x;
    return y;
}

static uint32_t conv_tall(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_conv(n, x, tvt_conv_of(4, 31, 1));
    memset(node(n, y)->p.conv.pad, 0, sizeof node(n, y)->p.conv.pad);
    return y;
}

static uint32_t conv_huge(tvt_net *n, uint32_t x)
{
    return tvt_net_conv(n, x, tvt_conv_of(4, 33, 1));
}

static uint32_t conv_activation(tvt_net *n, uint32_t x)
{
    const uint32_t y = conv(n, x);
    node(n, y)->in[1] = x;
    return y;
}

static uint32_t conv_bytes(tvt_net *n, uint32_t x)
{
    const uint32_t y = conv(n, x);
    const int32_t dims[4] = { 4, 3, 3, C };
    node(n, y)->in[1] = tvis_graph_constant(&n->g, "bytes", TVIS_S8, dims);
    return y;
}

static uint32_t conv_bias_bytes(tvt_net *n, uint32_t x)
{
    const uint32_t y = conv(n, x);
    const int32_t dims[4] = { 1, 1, 1, 4 };
    node(n, y)->in[2] = tvis_graph_constant(&n->g, "bytes", TVIS_S8, dims);
    return y;
}

static uint32_t conv_without(tvt_net *n, uint32_t x)
{
    const uint32_t y = conv(n, x);
    node(n, y)->in[1] = TVIS_NONE;
    return y;
}

static uint32_t output_bytes(tvt_net *n, uint32_t x)
{
    const uint32_t y = conv(n, x);
    n->g.tensor[y].dtype = TVIS_S8;
    n->g.tensor[y].scale = 0.1f;
    return y;
}

static uint32_t depthwise_weights(tvt_net *n, uint32_t x)
{
    const uint32_t y = depthwise(n, x);
    replace(n, y, 1, 1, 3, 3, 5);
    return y;
}

static uint32_t depthwise_add(tvt_net *n, uint32_t x)
{
    const uint32_t y = depthwise(n, x);
    node(n, y)->in[node(n, y)->in_count++] = x;
    return y;
}

static uint32_t linear_weights(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_linear(n, x, 3, true);
    replace(n, y, 1, 3, 1, 1, 7);
    return y;
}

static uint32_t linear_bias(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_linear(n, x, 3, true);
    replace(n, y, 2, 1, 1, 3, 1);
    return y;
}

static uint32_t linear_alone(tvt_net *n, uint32_t x)
{
    return tvt_net_unary(n, TVIS_OP_LINEAR, x);
}

static uint32_t bn_vector(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_batch_norm(n, x);
    replace(n, y, 3, 1, 1, 1, 7);
    return y;
}

static uint32_t add_shapes(tvt_net *n, uint32_t x)
{
    return tvt_net_add(n, x, conv(n, x));
}

static uint32_t add_three(tvt_net *n, uint32_t x)
{
    const uint32_t ids[3] = { x, x, x };
    return tvt_net_node(n, TVIS_OP_ADD, ids, 3, C, NULL);
}

static uint32_t reshape_count(tvt_net *n, uint32_t x)
{
    const tvis_params p = { .reshape = { { 0, 5, 5, 0 }, 0 } };
    return tvt_net_node(n, TVIS_OP_RESHAPE, &x, 1, C, &p);
}

static uint32_t softmax_act(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_unary(n, TVIS_OP_SOFTMAX, x);
    tvt_net_set_act(n, y, TVIS_ACT_RELU);
    return y;
}

static uint32_t l2_norm_act(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_unary(n, TVIS_OP_L2_NORM, x);
    tvt_net_set_act(n, y, TVIS_ACT_RELU);
    return y;
}

static uint32_t l2_norm_two(tvt_net *n, uint32_t x)
{
    const uint32_t ids[2] = { x, x };
    return tvt_net_node(n, TVIS_OP_L2_NORM, ids, 2, C, NULL);
}

static uint32_t pool_act(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_unary(n, TVIS_OP_GLOBAL_AVG_POOL, x);
    tvt_net_set_act(n, y, TVIS_ACT_RELU);
    return y;
}

/* ---- inside of what would be fused ---- */

static uint32_t expand(tvt_net *n, uint32_t x)
{
    return tvt_net_conv(n, x, tvt_conv_of(36, 1, 1));
}

static uint32_t project(tvt_net *n, uint32_t x)
{
    return tvt_net_conv(n, x, tvt_conv_of(C, 1, 1));
}

static uint32_t fused(tvt_net *n, uint32_t x)
{
    return project(n, depthwise(n, expand(n, x)));
}

static uint32_t fused_bias(tvt_net *n, uint32_t x)
{
    const uint32_t y = fused(n, x);
    replace(n, y, 2, 1, 1, 1, 1);
    return y;
}

static uint32_t fused_depthwise_bias(tvt_net *n, uint32_t x)
{
    const uint32_t y = depthwise(n, expand(n, x));
    replace(n, y, 2, 1, 1, 1, 1);
    return project(n, y);
}

static uint32_t fused_output_bytes(tvt_net *n, uint32_t x)
{
    const uint32_t y = fused(n, x);
    n->g.tensor[y].dtype = TVIS_S8;
    n->g.tensor[y].scale = 0.1f;
    return y;
}

static uint32_t fused_add_bytes(tvt_net *n, uint32_t x)
{
    const uint32_t y = fused(n, x);
    const int32_t dims[4] = { 1, SIDE, SIDE, C };
    node(n, y)->in[node(n, y)->in_count++] = tvis_graph_constant(&n->g, "bytes", TVIS_S8, dims);
    return y;
}

static uint32_t fused_add_shape(tvt_net *n, uint32_t x)
{
    const uint32_t y = fused(n, x);
    const int32_t dims[4] = { 1, SIDE, SIDE - 1, C };
    node(n, y)->in[3] = tvt_net_constant(n, dims, TVIS_RANDOM_BIAS, 1);
    node(n, y)->in_count = 4;
    return y;
}

static uint32_t fused_without(tvt_net *n, uint32_t x)
{
    const uint32_t y = depthwise(n, expand(n, x));
    node(n, y)->in[1] = TVIS_NONE;
    return project(n, y);
}

static uint32_t fused_window(tvt_net *n, uint32_t x)
{
    const tvis_params p = { .pool = { { 33, 1 }, { 1, 1 }, { 32, 0, 32, 0 } } };
    const uint32_t y = conv(n, conv(n, x));
    return tvt_net_node(n, TVIS_OP_MAX_POOL, &y, 1, 4, &p);
}

static uint32_t fused_pool_act(tvt_net *n, uint32_t x)
{
    const tvis_params p = { .pool = { { 2, 2 }, { 2, 2 }, { 0, 0, 0, 0 } } };
    uint32_t y = conv(n, conv(n, x));
    y = tvt_net_node(n, TVIS_OP_MAX_POOL, &y, 1, 4, &p);
    tvt_net_set_act(n, y, TVIS_ACT_RELU6);
    return y;
}

#define NOTHING                                                                                                        \
    {                                                                                                                  \
        -1, -1, -1, -1                                                                                                 \
    }

static const struct refusal {
    uint32_t (*build)(tvt_net *n, uint32_t x);
    tvis_status status;
    tvis_diag_code code;
    int64_t expected[4], found[4];
} refusals[] = {
    { conv_weights, TVIS_EFORMAT, TVIS_DIAG_SHAPE, { 4, 3, 3, 6 }, { 4, 3, 3, 5 } },
    { conv_groups, TVIS_EFORMAT, TVIS_DIAG_SHAPE, { 4, 3, 3, 1 }, { 4, 3, 3, 6 } },
    { conv_bias, TVIS_EFORMAT, TVIS_DIAG_SHAPE, { 1, 1, 1, 4 }, { 1, 1, 1, 5 } },
    { conv_add, TVIS_EFORMAT, TVIS_DIAG_SHAPE, { 1, 24, 24, 4 }, { 1, 24, 24, 6 } },
    { conv_tall, TVIS_EFORMAT, TVIS_DIAG_SHAPE, NOTHING, NOTHING },
    { conv_huge, TVIS_EUNSUP, TVIS_DIAG_LIMIT, NOTHING, NOTHING },
    { conv_activation, TVIS_EFORMAT, TVIS_DIAG_DTYPE, NOTHING, NOTHING },
    { conv_bytes, TVIS_EFORMAT, TVIS_DIAG_DTYPE, NOTHING, NOTHING },
    { conv_bias_bytes, TVIS_EFORMAT, TVIS_DIAG_DTYPE, NOTHING, NOTHING },
    { conv_without, TVIS_EFORMAT, TVIS_DIAG_GRAPH, NOTHING, NOTHING },
    { output_bytes, TVIS_EFORMAT, TVIS_DIAG_DTYPE, NOTHING, NOTHING },
    { depthwise_weights, TVIS_EFORMAT, TVIS_DIAG_SHAPE, { 1, 3, 3, 6 }, { 1, 3, 3, 5 } },
    { depthwise_add, TVIS_EFORMAT, TVIS_DIAG_GRAPH, NOTHING, NOTHING },
    { linear_weights, TVIS_EFORMAT, TVIS_DIAG_SHAPE, { 3, 1, 1, 6 }, { 3, 1, 1, 7 } },
    { linear_bias, TVIS_EFORMAT, TVIS_DIAG_SHAPE, { 1, 1, 1, 3 }, { 1, 1, 3, 1 } },
    { linear_alone, TVIS_EFORMAT, TVIS_DIAG_GRAPH, NOTHING, NOTHING },
    { bn_vector, TVIS_EFORMAT, TVIS_DIAG_SHAPE, { 1, 1, 1, 6 }, { 1, 1, 1, 7 } },
    { add_shapes, TVIS_EFORMAT, TVIS_DIAG_SHAPE, { 1, 24, 24, 6 }, { 1, 24, 24, 4 } },
    { add_three, TVIS_EFORMAT, TVIS_DIAG_GRAPH, NOTHING, NOTHING },
    { reshape_count, TVIS_EFORMAT, TVIS_DIAG_SHAPE, { 1, 5, 5, 6 }, { 1, 24, 24, 6 } },
    { softmax_act, TVIS_EFORMAT, TVIS_DIAG_ENUM, NOTHING, NOTHING },
    { l2_norm_act, TVIS_EFORMAT, TVIS_DIAG_ENUM, NOTHING, NOTHING },
    { l2_norm_two, TVIS_EFORMAT, TVIS_DIAG_GRAPH, NOTHING, NOTHING },
    { pool_act, TVIS_EFORMAT, TVIS_DIAG_ENUM, NOTHING, NOTHING },
    { fused_bias, TVIS_EFORMAT, TVIS_DIAG_SHAPE, { 1, 1, 1, 6 }, { 1, 1, 1, 1 } },
    { fused_depthwise_bias, TVIS_EFORMAT, TVIS_DIAG_SHAPE, { 1, 1, 1, 36 }, { 1, 1, 1, 1 } },
    { fused_output_bytes, TVIS_EFORMAT, TVIS_DIAG_DTYPE, NOTHING, NOTHING },
    { fused_add_bytes, TVIS_EFORMAT, TVIS_DIAG_SHAPE, { 1, 24, 24, 6 }, { 1, 24, 24, 6 } },
    { fused_add_shape, TVIS_EFORMAT, TVIS_DIAG_SHAPE, { 1, 24, 24, 6 }, { 1, 24, 23, 6 } },
    { fused_without, TVIS_EFORMAT, TVIS_DIAG_GRAPH, NOTHING, NOTHING },
    { fused_window, TVIS_EFORMAT, TVIS_DIAG_SHAPE, NOTHING, NOTHING },
    { fused_pool_act, TVIS_EFORMAT, TVIS_DIAG_DTYPE, NOTHING, NOTHING },
};

static void make(uint32_t (*build)(tvt_net *n, uint32_t x), tvis_blob *blob, tvis_model *m)
{
    tvt_net n;
    tvt_net_begin(&n, SIDE, SIDE);
    tvis_graph_output(&n.g, build(&n, tvt_net_input(&n, C)));
    tvt_ok(tvt_net_write(&n, blob), &n.diag);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &n.diag), &n.diag);
}

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(refusals); i++)
        for (int way = 0; way < 2; way++) {
            const struct refusal *r = &refusals[i];
            tvis_blob blob;
            tvis_model m;
            tvis_session_config c;
            tvis_diag d;
            size_t bytes;
            make(r->build, &blob, &m);
            tvis_session_defaults(&c);
            c.plan = TVIS_PLAN_SMALL;
            c.no_fusion = way;
            const tvis_status s = tvis_session_size(&m, &c, &bytes, &d);
            if (s != r->status || d.status != s || d.code != r->code ||
                memcmp(d.expected, r->expected, sizeof d.expected) != 0 ||
                memcmp(d.found, r->found, sizeof d.found) != 0) {
                char text[256];
                tvis_diag_format(&d, text, sizeof text);
                fail_msg("row %u, way %d: status %d, code %d, %s", (unsigned)i, way, (int)s, (int)d.code,
                         s ? text : "");
            }
            assert_true(d.node < tvis_header(&m)->node_count);
            assert_true(d.subject[0] == 'n' && d.detail);
            assert_int_equal(tvis_session_size(&m, &c, &bytes, NULL), r->status);
            tvis_blob_free(&blob);
        }
}

/* ---- what is fused when nothing is wrong, and a case that must not overwrite its input ---- */

static uint32_t padded(tvt_net *n, uint32_t x)
{
    tvt_conv c = tvt_conv_of(5, 1, 1); /* rows little shorter than the input's, three of them before its first */
    c.p.pad[0] = 3;
    return tvt_net_conv(n, depthwise(n, expand(n, project(n, x))), c);
}

static void count_rows(void *user, uint32_t i, const tvis_node_info *info)
{
    (void)i;
    *(uint32_t *)user += strcmp(info->op, "rows") == 0;
}

static void fused_as_single(void **state)
{
    static float y[2][27 * SIDE * C];
    static float x[SIDE * SIDE * C];
    uint32_t (*const builds[])(tvt_net *, uint32_t) = { fused, padded };
    (void)state;
    tvt_fill_f32(x, TVIS_COUNT(x));
    for (size_t i = 0; i < TVIS_COUNT(builds); i++) {
        const tvis_tensor in = { x, { 1, SIDE, SIDE, C }, TVIS_F32, TVIS_NHWC };
        tvis_blob blob;
        tvis_model m;
        make(builds[i], &blob, &m);
        for (int way = 0; way < 2; way++) {
            tvis_session_config c;
            uint32_t rows = 0;
            tvis_session_defaults(&c);
            c.plan = TVIS_PLAN_SMALL;
            c.cpu = 0;
            c.no_fusion = way;
            tvt_ok(tvis_session_plan(&m, &c, NULL, count_rows, &rows, NULL), NULL);
            assert_int_equal(rows, !way);
            tvt_run_session(&m, &c, &in, y[way]);
        }
        assert_memory_equal(y[0], y[1], sizeof(float) * (i ? 27 * SIDE * 5 : SIDE * SIDE * C));
        tvis_blob_free(&blob);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(fused_as_single),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
