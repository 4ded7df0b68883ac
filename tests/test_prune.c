/* SPDX-License-Identifier: MIT */
/* Pruning: exactly as many zeros as were asked for, of what is worth least; layers by name; weights that make up for
 * the zeros; what is refused. */
#include <math.h>

#include "core/kernel.h"
#include "core/port.h"
#include "quant/prune.h"
#include "tests/net.h"
#include "tests/network.h"

static tvis_prune_config config(double amount)
{
    return (tvis_prune_config){ .struct_size = sizeof(tvis_prune_config), .amount = amount };
}

/* 3 x 12 x 12; convolution, inverted residual with a sum, linear. */
static void make_model(tvis_blob *blob, tvis_model *m)
{
    tvt_net n;
    tvt_conv depthwise = tvt_conv_of(0, 3, 1);
    depthwise.groups = 0;
    tvt_net_begin(&n, 12, 12);
    uint32_t x = tvt_net_conv(&n, tvt_net_input(&n, 3), tvt_conv_of(10, 3, 1));
    uint32_t y = tvt_net_activation(&n, tvt_net_conv(&n, x, tvt_conv_of(40, 1, 1)), TVIS_ACT_RELU);
    y = tvt_net_activation(&n, tvt_net_conv(&n, y, depthwise), TVIS_ACT_RELU);
    y = tvt_net_add(&n, tvt_net_conv(&n, y, tvt_conv_of(10, 1, 1)), x);
    tvis_graph_output(&n.g, tvt_net_linear(&n, tvt_net_unary(&n, TVIS_OP_GLOBAL_AVG_POOL, y), 8, true));
    tvis_pass_fuse_activation(&n.g);
    tvis_pass_fuse_add(&n.g);
    tvis_pass_remove_dead(&n.g);
    tvt_ok(tvt_net_write(&n, blob), &n.diag);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &n.diag), &n.diag);
}

/* What tvis_prune() told of the layers. */
typedef struct told {
    tvis_prune_layer layer[16];
    uint32_t count;
} told;

static void tell(void *user, const tvis_prune_layer *l)
{
    told *t = user;
    t->layer[t->count++] = *l;
}

static void prune(const tvis_model *m, tvis_prune_config c, tvis_graph *g, tvis_blob *blob, told *t,
                  tvis_prune_report *r)
{
    tvis_diag d;
    tvis_model pruned;
    t->count = 0;
    c.layer = tell;
    c.input_user = t;
    tvt_ok(tvis_prune(m, &c, blob, r, &d), &d);
    tvt_ok(tvis_model_open(&pruned, blob->data, blob->size, &d), &d);
    tvt_ok(tvis_blob_verify(&pruned, &d), &d);
    tvis_graph_init(g, &d);
    tvis_graph_read(g, &pruned);
    tvt_ok(g->status, &d);
}

static void end(tvis_graph *g, tvis_blob *blob)
{
    tvis_graph_free(g);
    tvis_blob_free(blob);
}

static uint64_t zeros_of(const tvis_gtensor *t)
{
    uint64_t n = 0;
    for (size_t i = 0; i < t->bytes / sizeof(float); i++)
        n += fabsf(((const float *)t->data)[i]) <= 0.0f;
    return n;
}

static void the_share_is_exact(void **state)
{
    static const double amounts[] = { 0.0, 0.001, 0.3, 0.5, 0.77, 0.99 };
    tvis_blob blob, out;
    tvis_model m;
    tvis_graph g;
    told t;
    tvis_prune_report r;
    (void)state;
    make_model(&blob, &m);
    for (uint32_t way = 0; way < 4 * TVIS_COUNT(amounts); way++) {
        tvis_prune_config c = config(amounts[way / 4]);
        c.worth = way & 1u;
        c.scope = way >> 1 & 1u;
        prune(&m, c, &g, &out, &t, &r);
        uint64_t zeros = 0, weights = 0;
        assert_int_equal(t.count, 5);
        assert_int_equal(r.layers, 5);
        for (uint32_t i = 0; i < t.count; i++) {
            zeros += t.layer[i].zeros;
            weights += t.layer[i].weights;
            if (c.scope == TVIS_SCOPE_LAYER)
                assert_int_equal(t.layer[i].zeros, floor(c.amount * (double)t.layer[i].weights + 0.5));
        }
        assert_int_equal(r.zeros, zeros);
        assert_int_equal(r.weights, weights);
        if (c.scope == TVIS_SCOPE_GLOBAL)
            assert_int_equal(zeros, floor(c.amount * (double)weights + 0.5));
        for (uint32_t i = 0; i < g.node_count; i++)
            if (g.node[i].in_count > 1)
                zeros -= zeros_of(&g.tensor[g.node[i].in[1]]);
        assert_int_equal(zeros, 0);
        end(&g, &out);
    }
    tvis_blob_free(&blob);
}

/* No weight that went is larger than one that stayed, and those that stayed are what they were. */
static void the_smallest_go(void **state)
{
    tvis_blob blob, out;
    tvis_model m;
    tvis_graph g;
    told t;
    float largest = 0.0f, smallest = INFINITY;
    (void)state;
    make_model(&blob, &m);
    tvis_prune_config c = config(0.4);
    c.worth = TVIS_WORTH_L1;
    prune(&m, c, &g, &out, &t, NULL);
    for (uint32_t i = 0; i < g.node_count; i++) {
        if (g.node[i].in_count < 2)
            continue;
        const tvis_gtensor *w = &g.tensor[g.node[i].in[1]];
        const float *before = (const void *)(m.blob + tvis_tensors(&m)[g.node[i].in[1]].offset), *now = w->data;
        for (size_t k = 0; k < w->bytes / sizeof(float); k++) {
            const float size = fabsf(before[k]);
            if (fabsf(now[k]) > 0.0f) {
                assert_memory_equal(&now[k], &before[k], sizeof *now);
                smallest = size < smallest ? size : smallest;
            } else {
                largest = size > largest ? size : largest;
            }
        }
    }
    assert_true(largest <= smallest);
    end(&g, &out);
    tvis_blob_free(&blob);
}

/* Scales of output channels change nothing of what goes. */
static void shares_do_not_see_scales(void **state)
{
    tvis_blob blob, first, second;
    tvis_model m;
    tvis_graph a, b;
    told t;
    (void)state;
    make_model(&blob, &m);
    prune(&m, config(0.5), &a, &first, &t, NULL);
    for (uint32_t i = 0; i < a.node_count; i++) {
        if (a.node[i].op != TVIS_OP_CONV2D)
            continue;
        const tvis_blob_tensor *w = &tvis_tensors(&m)[a.node[i].in[1]];
        float *x = (void *)((uint8_t *)blob.data + w->offset);
        const int32_t k = w->dims[1] * w->dims[2] * w->dims[3];
        for (int32_t o = 0; o < w->dims[0] * k; o++)
            x[o] *= ldexpf(1.0f, o / k % 9 - 4);
    }
    prune(&m, config(0.5), &b, &second, &t, NULL);
    for (uint32_t i = 0; i < a.node_count; i++)
        if (a.node[i].op == TVIS_OP_CONV2D)
            assert_int_equal(zeros_of(&a.tensor[a.node[i].in[1]]), zeros_of(&b.tensor[b.node[i].in[1]]));
    end(&a, &first);
    end(&b, &second);
    tvis_blob_free(&blob);
}

static void patterns_hold(void **state)
{
    tvis_blob blob, out;
    tvis_model m;
    tvis_graph g;
    told t;
    (void)state;
    make_model(&blob, &m);
    for (uint32_t pattern = TVIS_PATTERN_2_4; pattern <= TVIS_PATTERN_1X4; pattern++) {
        tvis_prune_config c = config(0.5);
        c.pattern = (uint8_t)pattern;
        prune(&m, c, &g, &out, &t, NULL);
        for (uint32_t i = 0; i < g.node_count; i++) {
            const tvis_gtensor *w = g.node[i].in_count > 1 ? &g.tensor[g.node[i].in[1]] : NULL;
            if (!w || g.node[i].op == TVIS_OP_DEPTHWISE)
                continue;
            const int32_t k = w->dims[1] * w->dims[2] * w->dims[3];
            for (int32_t at = 0; at < w->dims[0] * k; at += k - at % k < 4 ? k - at % k : 4) {
                const int32_t count = k - at % k < 4 ? k - at % k : 4;
                int32_t there = 0;
                for (int32_t j = 0; j < count; j++)
                    there += fabsf(((const float *)w->data)[at + j]) > 0.0f;
                assert_true(pattern == TVIS_PATTERN_2_4 ? there <= 2 && (count < 4 || there == 2)
                                                        : there == 0 || there == count);
            }
        }
        end(&g, &out);
    }
    tvis_blob_free(&blob);
}

static void names_choose_layers(void **state)
{
    static const struct {
        const char *patterns, *name;
        bool fits;
    } cases[] = {
        { "*", "", true },
        { "a", "a", true },
        { "a", "ab", false },
        { "a*", "ab", true },
        { "*b*c", "abbcbc", true },
        { "*b*c", "abbcb", false },
        { "?b", "ab", true },
        { "?b", "b", false },
        { "x,a?", "ab", true },
        { "x,a?", "x", true },
        { "x,a?", "xa?", false },
        { "", "", true },
        { "*.conv.?.0", "features.1.conv.0.0", true },
    };
    tvis_blob blob, out;
    tvis_model m;
    tvis_graph g;
    told t;
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(cases); i++)
        assert_int_equal(tvis_name_fits(cases[i].patterns, cases[i].name), cases[i].fits);
    make_model(&blob, &m);
    tvis_prune_config c = config(0.5);
    char name[64];
    (void)snprintf(name, sizeof name, "nothing,%s", tvis_string(&m, tvis_nodes(&m)[1].name));
    c.modules = name;
    prune(&m, c, &g, &out, &t, NULL);
    assert_int_equal(t.count, 1);
    assert_string_equal(t.layer[0].name, tvis_string(&m, tvis_nodes(&m)[1].name));
    assert_int_equal(zeros_of(&g.tensor[g.node[1].in[1]]), t.layer[0].weights / 2);
    assert_int_equal(zeros_of(&g.tensor[g.node[0].in[1]]), 0);
    end(&g, &out);
    tvis_blob_free(&blob);
}

/* ---- fitting ---- */

enum { SIDE = 12, PICTURES = 24 };

/* Smooth pictures, so that what the network sees has structure to fit. */
static void draw(uint32_t i, float *x)
{
    tvt_srand(1000 + i);
    for (int c = 0; c < 3; c++) {
        const float a = tvt_float(-1, 1), b = tvt_float(-1, 1), d = tvt_float(-1, 1);
        for (int at = 0; at < SIDE * SIDE; at++)
            x[at * 3 + c] = a + b * (float)(at % SIDE) / SIDE + d * (float)(at / SIDE) / SIDE + tvt_float(-0.2f, 0.2f);
    }
}

static tvis_status picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    (void)user;
    (void)d;
    draw(i, in->data);
    return TVIS_OK;
}

/* Squares of what another model's outputs are off by, on pictures that were not used. */
static double distance(const tvis_model *a, const tvis_blob *blob)
{
    tvis_model b;
    tvis_diag d;
    double sum = 0.0;
    tvt_ok(tvis_model_open(&b, blob->data, blob->size, &d), &d);
    for (uint32_t i = 0; i < 8; i++) {
        tvt_run r = tvt_default_run(1, SIDE, SIDE);
        float x[SIDE * SIDE * 3], planes[SIDE * SIDE * 3], y[2][8];
        draw(5000 + i, x);
        for (int k = 0; k < SIDE * SIDE * 3; k++)
            planes[k % 3 * SIDE * SIDE + k / 3] = x[k];
        tvt_infer(a, &r, planes, y[0]);
        tvt_infer(&b, &r, planes, y[1]);
        for (int k = 0; k < 8; k++)
            sum += (double)(y[0][k] - y[1][k]) * (double)(y[0][k] - y[1][k]);
    }
    return sum;
}

static void weights_make_up_for_zeros(void **state)
{
    tvis_blob blob, plain, fitted, again;
    tvis_model m;
    tvis_diag d;
    tvis_prune_report r;
    (void)state;
    make_model(&blob, &m);
    tvis_prune_config c = config(0.6);
    tvt_ok(tvis_prune(&m, &c, &plain, NULL, &d), &d);
    c.images = PICTURES;
    c.input = picture;
    tvt_ok(tvis_prune(&m, &c, &fitted, &r, &d), &d);
    tvt_ok(tvis_prune(&m, &c, &again, NULL, &d), &d);
    assert_int_equal(fitted.size, again.size);
    assert_memory_equal(fitted.data, again.data, again.size);
    assert_int_equal(r.zeros, floor(0.6 * (double)r.weights + 0.5));
    const double before = distance(&m, &plain), after = distance(&m, &fitted);
    if (!(after < before / 2))
        fail_msg("%g before, %g after fitting", before, after);
    tvis_blob_free(&again);
    tvis_blob_free(&fitted);
    tvis_blob_free(&plain);
    tvis_blob_free(&blob);
}

/* As many of each layer as do least harm: exactly the share asked for, and outputs nearer than with one threshold. */
static void harm_is_measured(void **state)
{
    static const double amounts[] = { 0.0, 0.3, 0.5, 0.7, 0.98 };
    tvis_blob blob, measured, global;
    tvis_model m;
    tvis_graph g;
    tvis_diag d;
    told t;
    tvis_prune_report r;
    double sum[2] = { 0.0, 0.0 };
    (void)state;
    make_model(&blob, &m);
    for (size_t i = 0; i < TVIS_COUNT(amounts); i++) {
        tvis_prune_config c = config(amounts[i]);
        c.images = PICTURES;
        c.input = picture;
        tvt_ok(tvis_prune(&m, &c, &global, NULL, &d), &d);
        c.scope = TVIS_SCOPE_MEASURED;
        prune(&m, c, &g, &measured, &t, &r);
        assert_int_equal(r.zeros, floor(c.amount * (double)r.weights + 0.5));
        const double a = distance(&m, &measured), b = distance(&m, &global);
        if (c.amount >= 0.3 && c.amount <= 0.7) {
            sum[0] += log(a);
            sum[1] += log(b);
        }
        tvis_blob_free(&global);
        end(&g, &measured);
    }
    if (!(sum[0] < sum[1]))
        fail_msg("%g measured, %g with one threshold", sum[0], sum[1]);
    tvis_blob_free(&blob);
}

static void add_macs(void *user, uint32_t node, const tvis_node_info *info)
{
    (void)node;
    *(double *)user += (double)info->macs;
}

static double macs_of(const tvis_blob *blob)
{
    tvis_model m;
    tvis_session_config c;
    tvis_session_bytes bytes;
    tvis_diag d;
    double macs = 0.0;
    tvt_ok(tvis_model_open(&m, blob->data, blob->size, &d), &d);
    tvis_session_defaults(&c);
    tvt_ok(tvis_session_plan(&m, &c, &bytes, add_macs, &macs, &d), &d);
    return macs;
}

/* Each of the second half of the hidden units is a copy of one of the first. */
static void copy_units(tvis_blob *blob, const tvis_model *m)
{
    enum { UNITS = 40 };
    for (uint32_t node = 1; node <= 2; node++)
        for (uint32_t in = 1; in <= 2; in++) {
            const tvis_blob_tensor *t = &tvis_tensors(m)[tvis_ids(m)[tvis_nodes(m)[node].ids + in]];
            float *w = (void *)((uint8_t *)blob->data + t->offset);
            const size_t all = t->bytes / sizeof *w, row = node == 1 && in == 1 ? all / UNITS : 1;
            for (size_t i = 0; i < all; i++)
                if (i / row % UNITS >= UNITS / 2)
                    w[i] = w[i - UNITS / 2 * row];
        }
}

/* The same of channels: the budget holds, and what goes first are units that others can stand in for. */
static void harm_of_channels_is_measured(void **state)
{
    tvis_blob blob, out[2];
    tvis_model m;
    tvis_diag d;
    double off[2];
    (void)state;
    make_model(&blob, &m);
    copy_units(&blob, &m);
    const double all = macs_of(&blob);
    tvis_prune_config c = config(0.39);
    c.method = TVIS_PRUNE_CHANNEL;
    c.images = PICTURES;
    c.input = picture;
    for (int measured = 0; measured < 2; measured++) {
        c.scope = measured ? TVIS_SCOPE_MEASURED : TVIS_SCOPE_GLOBAL;
        tvt_ok(tvis_prune(&m, &c, &out[measured], NULL, &d), &d);
        const double macs = macs_of(&out[measured]);
        assert_true(macs <= all * 0.61 && macs > all * 0.57);
        off[measured] = distance(&m, &out[measured]);
        tvis_blob_free(&out[measured]);
    }
    if (!(off[1] < off[0] / 4.0))
        fail_msg("%g measured, %g by worth", off[1], off[0]);
    tvis_blob_free(&blob);
}

/* ---- what is refused ---- */

static void expect(const tvis_model *m, tvis_prune_config c, tvis_status status, tvis_diag_code code)
{
    tvis_blob out = { NULL, 0 };
    tvis_diag d;
    assert_int_equal(tvis_prune(m, &c, &out, NULL, &d), status);
    assert_int_equal(d.code, code);
    assert_null(out.data);
}

static void bad_requests_are_refused(void **state)
{
    static const double amounts[] = { -0.1, 1.0, 2.0, NAN, INFINITY };
    tvis_blob blob;
    tvis_model m;
    (void)state;
    make_model(&blob, &m);
    for (size_t i = 0; i < TVIS_COUNT(amounts); i++)
        expect(&m, config(amounts[i]), TVIS_EINVAL, TVIS_DIAG_ARGUMENT);
    tvis_prune_config c = config(0.3);
    c.struct_size--;
    expect(&m, c, TVIS_EINVAL, TVIS_DIAG_ARGUMENT);
    c = config(0.3);
    c.method = TVIS_PRUNE_COUNT_;
    expect(&m, c, TVIS_EINVAL, TVIS_DIAG_ENUM);
    c = config(0.3);
    c.pattern = TVIS_PATTERN_2_4;
    expect(&m, c, TVIS_EINVAL, TVIS_DIAG_ARGUMENT);
    c = config(0.3);
    c.modules = "nobody*";
    expect(&m, c, TVIS_EINVAL, TVIS_DIAG_NAME);
    c = config(0.3);
    c.images = 1;
    expect(&m, c, TVIS_EINVAL, TVIS_DIAG_ARGUMENT);
    c = config(0.3);
    c.scope = TVIS_SCOPE_MEASURED;
    expect(&m, c, TVIS_EINVAL, TVIS_DIAG_ARGUMENT);
    c.images = 1;
    c.input = picture;
    c.worth = TVIS_WORTH_L1;
    expect(&m, c, TVIS_EINVAL, TVIS_DIAG_ARGUMENT);
    c.worth = TVIS_WORTH_SHARE;
    c.pattern = TVIS_PATTERN_1X4;
    expect(&m, c, TVIS_EINVAL, TVIS_DIAG_ARGUMENT);
    c.pattern = TVIS_PATTERN_UNSTRUCTURED;
    c.method = TVIS_PRUNE_LOWRANK;
    expect(&m, c, TVIS_EINVAL, TVIS_DIAG_ARGUMENT);
    tvis_blob_free(&blob);
}

static void smaller_models_are_refused(void **state)
{
    tvis_blob blob, out;
    tvis_model m, smaller;
    tvis_diag d;
    (void)state;
    make_model(&blob, &m);
    const tvis_prune_config c = config(0.5);
    const tvis_quantize_config q = { .struct_size = sizeof q, .mode = TVIS_QUANTIZE_FP16 };
    tvt_ok(tvis_prune(&m, &c, &out, NULL, &d), &d);
    tvt_ok(tvis_model_open(&smaller, out.data, out.size, &d), &d);
    expect(&smaller, c, TVIS_EINVAL, TVIS_DIAG_REFUSED);
    tvis_blob_free(&out);
    tvt_ok(tvis_quantize(&m, &q, &out, NULL, &d), &d);
    tvt_ok(tvis_model_open(&smaller, out.data, out.size, &d), &d);
    expect(&smaller, c, TVIS_EINVAL, TVIS_DIAG_REFUSED);
    tvis_blob_free(&out);
    tvis_blob_free(&blob);
}

static void weights_that_are_no_numbers_are_named(void **state)
{
    tvis_blob blob;
    tvis_model m;
    (void)state;
    make_model(&blob, &m);
    const uint16_t w = tvis_ids(&m)[tvis_nodes(&m)[1].ids + 1];
    ((float *)(void *)((uint8_t *)blob.data + tvis_tensors(&m)[w].offset))[3] = NAN;
    expect(&m, config(0.3), TVIS_EMODEL, TVIS_DIAG_VALUE);
    tvis_blob_free(&blob);
}

static tvis_status no_picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    (void)user;
    (void)in;
    if (i == 2 && d)
        *d = (tvis_diag){ .status = TVIS_EIO, .code = TVIS_DIAG_SYSTEM };
    return i == 2 ? TVIS_EIO : picture(user, i, in, d);
}

static void errors_of_pictures_come_through(void **state)
{
    tvis_blob blob;
    tvis_model m;
    (void)state;
    make_model(&blob, &m);
    tvis_prune_config c = config(0.3);
    c.images = 4;
    c.input = no_picture;
    expect(&m, c, TVIS_EIO, TVIS_DIAG_SYSTEM);
    tvis_blob_free(&blob);
}

static void fail_in_turn(const tvis_model *m, const tvis_prune_config *c)
{
    tvis_blob out;
    tvis_diag d;
    for (uint32_t i = 0;; i += 1 + i / 16) {
        tvt_fault(TVT_ALLOC, i, 12);
        const tvis_status s = tvis_prune(m, c, &out, NULL, &d);
        const bool fired = tvt_fault_fired();
        assert_int_equal(s, fired ? TVIS_ENOMEM : TVIS_OK);
        if (!fired)
            break;
    }
    tvis_blob_free(&out);
}

static void every_allocation_may_fail(void **state)
{
    tvis_blob blob;
    tvis_model m;
    (void)state;
    make_model(&blob, &m);
    tvis_prune_config c = config(0.5);
    c.images = 2;
    c.input = picture;
    fail_in_turn(&m, &c);
    c.scope = TVIS_SCOPE_MEASURED;
    fail_in_turn(&m, &c);
    c.method = TVIS_PRUNE_CHANNEL;
    c.amount = 0.2;
    fail_in_turn(&m, &c);
    tvis_blob_free(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_share_is_exact),
        cmocka_unit_test(the_smallest_go),
        cmocka_unit_test(shares_do_not_see_scales),
        cmocka_unit_test(patterns_hold),
        cmocka_unit_test(names_choose_layers),
        cmocka_unit_test(weights_make_up_for_zeros),
        cmocka_unit_test(harm_is_measured),
        cmocka_unit_test(harm_of_channels_is_measured),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(smaller_models_are_refused),
        cmocka_unit_test(weights_that_are_no_numbers_are_named),
        cmocka_unit_test(errors_of_pictures_come_through),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("prune", tests, NULL, NULL);
}
