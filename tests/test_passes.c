/* SPDX-License-Identifier: MIT */
/* Each pass: which nodes are left, and that they compute what all of them did. */
#include <math.h>

#include "core/op.h"
#include "core/port.h"
#include "tests/net.h"
#include "tests/network.h"

enum { C = 6, SIDE = 7, OUT_MAX = 1024 };

/* ---- graphs: from x (6 channels) to the output ---- */

static tvt_conv bare(int32_t out, int32_t kernel, int32_t groups)
{
    tvt_conv c = tvt_conv_of(out, kernel, 1);
    c.bias = false;
    c.groups = groups;
    return c;
}

static uint32_t conv_bn(tvt_net *n, uint32_t x)
{
    return tvt_net_batch_norm(n, tvt_net_conv(n, x, tvt_conv_of(9, 3, 1)));
}

static uint32_t bare_conv_bn(tvt_net *n, uint32_t x)
{
    return tvt_net_batch_norm(n, tvt_net_conv(n, x, bare(9, 3, 1)));
}

static uint32_t grouped_bn(tvt_net *n, uint32_t x)
{
    return tvt_net_batch_norm(n, tvt_net_conv(n, x, bare(8, 3, 2)));
}

static uint32_t depthwise_bn(tvt_net *n, uint32_t x)
{
    tvt_conv c = tvt_conv_of(0, 3, 1);
    c.groups = 0;
    return tvt_net_batch_norm(n, tvt_net_conv(n, x, c));
}

static uint32_t bare_depthwise_bn(tvt_net *n, uint32_t x)
{
    return tvt_net_batch_norm(n, tvt_net_conv(n, x, bare(0, 5, 0)));
}

static uint32_t linear_bn(tvt_net *n, uint32_t x)
{
    return tvt_net_batch_norm(n, tvt_net_linear(n, x, 11, true));
}

static uint32_t bare_linear_bn(tvt_net *n, uint32_t x)
{
    return tvt_net_batch_norm(n, tvt_net_linear(n, x, 11, false));
}

static uint32_t bn_first(tvt_net *n, uint32_t x)
{
    return tvt_net_conv(n, tvt_net_activation(n, tvt_net_batch_norm(n, x), TVIS_ACT_RELU), tvt_conv_of(4, 3, 1));
}

static uint32_t bn_twice(tvt_net *n, uint32_t x)
{
    return tvt_net_batch_norm(n, conv_bn(n, x));
}

static uint32_t bn_of_shared(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_conv(n, x, tvt_conv_of(C, 3, 1));
    return tvt_net_add(n, y, tvt_net_batch_norm(n, y));
}

static uint32_t bn_of_output(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_conv(n, x, tvt_conv_of(C, 3, 1));
    tvis_graph_output(&n->g, y);
    return tvt_net_batch_norm(n, y);
}

static uint32_t bn_after_act(tvt_net *n, uint32_t x)
{
    return tvt_net_batch_norm(n, tvt_net_activation(n, tvt_net_conv(n, x, tvt_conv_of(5, 1, 1)), TVIS_ACT_RELU));
}

/* Two layers with the same weights: neither is changed. With the same bias: each gets its own. */
static uint32_t shared(tvt_net *n, uint32_t x, uint32_t which)
{
    const uint32_t y = tvt_net_conv(n, x, tvt_conv_of(C, 3, 1)), z = tvt_net_conv(n, x, tvt_conv_of(C, 3, 1));
    if (!n->g.status)
        tvis_graph_producer(&n->g, z)->in[which] = tvis_graph_producer(&n->g, y)->in[which];
    return tvt_net_add(n, tvt_net_batch_norm(n, y), tvt_net_activation(n, tvt_net_batch_norm(n, z), TVIS_ACT_RELU));
}

static uint32_t shared_weights(tvt_net *n, uint32_t x)
{
    return shared(n, x, 1);
}

static uint32_t shared_bias(tvt_net *n, uint32_t x)
{
    return shared(n, x, 2);
}

static uint32_t conv_bn_relu6(tvt_net *n, uint32_t x)
{
    return tvt_net_activation(n, conv_bn(n, x), TVIS_ACT_RELU6);
}

static uint32_t bn_relu(tvt_net *n, uint32_t x)
{
    return tvt_net_activation(n, tvt_net_batch_norm(n, x), TVIS_ACT_RELU);
}

static uint32_t two_acts(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_activation(n, tvt_net_conv(n, x, tvt_conv_of(4, 1, 1)), TVIS_ACT_RELU6);
    return tvt_net_activation(n, y, TVIS_ACT_SILU);
}

static uint32_t pool_act(tvt_net *n, uint32_t x)
{
    return tvt_net_activation(n, tvt_net_unary(n, TVIS_OP_GLOBAL_AVG_POOL, x), TVIS_ACT_RELU);
}

static uint32_t residual(tvt_net *n, uint32_t x)
{
    return tvt_net_add(n, conv_bn(n, conv_bn_relu6(n, x)), tvt_net_conv(n, x, bare(9, 1, 1)));
}

static uint32_t residual_of_input(tvt_net *n, uint32_t x)
{
    return tvt_net_add(n, tvt_net_conv(n, x, tvt_conv_of(C, 3, 1)), x);
}

static uint32_t residual_relu(tvt_net *n, uint32_t x)
{
    return tvt_net_activation(n, residual_of_input(n, x), TVIS_ACT_RELU);
}

static uint32_t linear_residual(tvt_net *n, uint32_t x)
{
    return tvt_net_add(n, x, tvt_net_linear(n, x, C, true));
}

static uint32_t later_on_the_left(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_conv(n, x, tvt_conv_of(4, 1, 1)), z = tvt_net_conv(n, x, tvt_conv_of(4, 3, 1));
    return tvt_net_add(n, z, y);
}

/* The convolution runs before the other side exists. */
static uint32_t too_early(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_conv(n, x, tvt_conv_of(C, 1, 1));
    return tvt_net_add(n, y, tvt_net_unary(n, TVIS_OP_SOFTMAX, x));
}

static uint32_t same_twice(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_conv(n, x, tvt_conv_of(4, 3, 1));
    return tvt_net_add(n, y, y);
}

static uint32_t depthwise_residual(tvt_net *n, uint32_t x)
{
    return tvt_net_add(n, tvt_net_conv(n, x, bare(0, 3, 0)), x);
}

static uint32_t act_before_add(tvt_net *n, uint32_t x)
{
    return tvt_net_add(n, tvt_net_activation(n, tvt_net_conv(n, x, tvt_conv_of(C, 1, 1)), TVIS_ACT_RELU), x);
}

static uint32_t add_twice(tvt_net *n, uint32_t x)
{
    return tvt_net_add(n, residual_of_input(n, x), x);
}

static uint32_t dead_ends(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_conv(n, x, tvt_conv_of(4, 1, 1));
    conv_bn(n, tvt_net_unary(n, TVIS_OP_SOFTMAX, y));
    tvt_net_unary(n, TVIS_OP_SOFTMAX, x);
    return tvt_net_unary(n, TVIS_OP_GLOBAL_AVG_POOL, y);
}

/* ---- what is left: c convolution, d depthwise, l linear, b batch norm, a activation, + add, g pool, s softmax ---- */

static const struct {
    uint32_t (*build)(tvt_net *n, uint32_t x);
    const char *left;
    tvis_act act; /* of the last node */
} cases[] = {
    { conv_bn, "c", TVIS_ACT_NONE },
    { bare_conv_bn, "c", TVIS_ACT_NONE },
    { grouped_bn, "c", TVIS_ACT_NONE },
    { depthwise_bn, "d", TVIS_ACT_NONE },
    { bare_depthwise_bn, "d", TVIS_ACT_NONE },
    { linear_bn, "l", TVIS_ACT_NONE },
    { bare_linear_bn, "l", TVIS_ACT_NONE },
    { bn_first, "bc", TVIS_ACT_NONE },
    { bn_twice, "c", TVIS_ACT_NONE },
    { bn_of_shared, "cb+", TVIS_ACT_NONE },
    { bn_of_output, "cb", TVIS_ACT_NONE },
    { bn_after_act, "cb", TVIS_ACT_NONE },
    { shared_weights, "ccbb+", TVIS_ACT_NONE },
    { shared_bias, "cc+", TVIS_ACT_NONE },
    { conv_bn_relu6, "c", TVIS_ACT_RELU6 },
    { bn_relu, "b", TVIS_ACT_RELU },
    { two_acts, "ca", TVIS_ACT_SILU },
    { pool_act, "ga", TVIS_ACT_RELU },
    { residual, "ccc", TVIS_ACT_NONE },
    { residual_of_input, "c", TVIS_ACT_NONE },
    { residual_relu, "c", TVIS_ACT_RELU },
    { linear_residual, "l", TVIS_ACT_NONE },
    { later_on_the_left, "cc", TVIS_ACT_NONE },
    { too_early, "cs+", TVIS_ACT_NONE },
    { same_twice, "c+", TVIS_ACT_NONE },
    { depthwise_residual, "d+", TVIS_ACT_NONE },
    { act_before_add, "c+", TVIS_ACT_NONE },
    { add_twice, "c+", TVIS_ACT_NONE },
    { dead_ends, "cg", TVIS_ACT_NONE },
};

static void all_passes(tvis_graph *g)
{
    tvis_pass_fold_batch_norm(g);
    tvis_pass_fuse_activation(g);
    tvis_pass_fuse_add(g);
    tvis_pass_remove_dead(g);
}

static void check_left(const tvis_graph *g, size_t i)
{
    static const char letters[] = "cdlba+gs"; /* ORDER TVIS_OP */
    char left[32];
    size_t count = 0;
    uint8_t act = 0;
    for (uint32_t k = 0; k < g->node_count; k++)
        if (!g->node[k].dead) {
            left[count++] = letters[g->node[k].op];
            act = g->node[k].act;
        }
    left[count] = '\0';
    if (strcmp(left, cases[i].left) != 0 || act != cases[i].act)
        fail_msg("case %u: %s is left, with activation %u", (unsigned)i, left, act);
}

/* The last output of the graph, after its passes if it gets any. */
static size_t run_case(size_t i, bool passes, float *y)
{
    tvt_net n;
    tvis_blob blob;
    tvis_model m;
    tvis_session_config c;
    tvis_session *s;
    tvis_tensor in, out;
    size_t bytes;
    tvt_net_begin(&n, SIDE, SIDE);
    tvis_graph_output(&n.g, cases[i].build(&n, tvt_net_input(&n, C)));
    const uint32_t outputs = n.g.output_count;
    if (passes) {
        all_passes(&n.g);
        check_left(&n.g, i);
    }
    tvt_ok(tvt_net_write(&n, &blob), &n.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &n.diag), &n.diag);
    tvis_session_defaults(&c);
    c.cpu = 0;
    c.n = 2;
    tvt_ok(tvis_session_size(&m, &c, &bytes, &n.diag), &n.diag);
    tvt_buf arena = tvt_guarded(bytes);
    tvt_ok(tvis_session_init(&s, &m, &c, arena.p, bytes, &n.diag), &n.diag);
    assert_int_equal(tvis_session_input(s, 0, &in), TVIS_OK);
    tvis_random_fill(1, "input", TVIS_RANDOM_INPUT, 1, in.data, 2 * SIDE * SIDE * C);
    tvt_ok(tvis_session_run(s, &in, NULL, &n.diag), &n.diag);
    assert_int_equal(tvis_session_output(s, outputs - 1, &out), TVIS_OK);
    const size_t floats = (size_t)tvis_elements(out.dims);
    assert_true(floats <= 2 * OUT_MAX);
    memcpy(y, out.data, floats * sizeof *y);
    tvt_free(&arena);
    tvis_blob_free(&blob);
    return floats;
}

static void each_case(void **state)
{
    static float want[2 * OUT_MAX], got[2 * OUT_MAX];
    double worst = 0;
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(cases); i++) {
        const size_t floats = run_case(i, false, want);
        assert_int_equal(run_case(i, true, got), floats);
        const double range = tvt_range_f32(want, floats), e = tvt_max_diff_f32(got, want, floats) / range;
        assert_true(tvt_std_f32(want, floats) > 0.1 * range);
        if (!(e <= 1e-5))
            fail_msg("case %u: %g of the range off", (unsigned)i, e);
        worst = e > worst ? e : worst;
    }
    print_message("# passes change results by at most %.2e of their range\n", worst);
}

/* Biases that folding adds make the array of tensors grow while it is read. */
static void many_folds(void **state)
{
    (void)state;
    for (uint32_t layers = 7; layers < 45; layers++) {
        tvt_net n;
        tvis_blob blob;
        tvis_model m;
        tvt_net_begin(&n, SIDE, SIDE);
        uint32_t x = tvt_net_input(&n, C);
        for (uint32_t i = 0; i < layers; i++)
            x = bare_conv_bn(&n, x);
        tvis_graph_output(&n.g, x);
        all_passes(&n.g);
        tvt_ok(tvt_net_write(&n, &blob), &n.diag);
        tvt_ok(tvis_model_open(&m, blob.data, blob.size, &n.diag), &n.diag);
        assert_int_equal(tvis_header(&m)->node_count, layers);
        const int32_t bias[4] = { 1, 1, 1, 9 };
        for (uint32_t i = 0; i < layers; i++) {
            const uint16_t *ids = tvis_ids(&m) + tvis_nodes(&m)[i].ids;
            assert_memory_equal(tvis_tensors(&m)[ids[2]].dims, bias, sizeof bias);
        }
        tvis_blob_free(&blob);
    }
}

static void not_finite(void **state)
{
    static const struct {
        uint32_t input;
        float value;
    } damage[] = { { 4, -1.0f }, { 4, -1e-3f }, { 1, INFINITY }, { 1, 3e38f }, { 2, NAN }, { 3, -INFINITY } };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(damage); i++) {
        tvt_net n;
        tvt_net_begin(&n, SIDE, SIDE);
        const uint32_t y = conv_bn(&n, tvt_net_input(&n, C));
        const tvis_gnode *bn = tvis_graph_producer(&n.g, y);
        ((float *)n.g.tensor[bn->in[damage[i].input]].data)[3] = damage[i].value;
        for (int k = 0; k < 9 * 9 * C; k++)
            ((float *)n.g.tensor[tvis_graph_producer(&n.g, bn->in[0])->in[1]].data)[k] *= 10.0f;
        tvis_graph_output(&n.g, y);
        tvis_pass_fold_batch_norm(&n.g);
        assert_int_equal(n.g.status, TVIS_EMODEL);
        assert_int_equal(n.diag.code, TVIS_DIAG_VALUE);
        assert_true(n.diag.subject[0] == 'w');
        tvis_graph_free(&n.g);
    }
}

static void no_memory(void **state)
{
    (void)state;
    for (uint32_t i = 0;; i++) {
        tvt_net n;
        tvt_net_begin(&n, SIDE, SIDE);
        tvis_graph_output(&n.g, shared_bias(&n, bare_conv_bn(&n, tvt_net_input(&n, C))));
        tvt_fault(TVT_ALLOC, i, 12);
        all_passes(&n.g);
        const bool fired = tvt_fault_fired();
        assert_int_equal(n.g.status, fired ? TVIS_ENOMEM : TVIS_OK);
        tvis_graph_free(&n.g);
        if (!fired) {
            assert_true(i >= 4);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case),
        cmocka_unit_test(many_folds),
        cmocka_unit_test(not_finite),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
