/* SPDX-License-Identifier: MIT */
/* Fused rows against the same layers one by one, in floats and in integers: the same bits, whatever the shapes, threads
 * and placing. */
#include "tests/net.h"
#include "tests/network.h"

#include <tinyvis/quantize.h>

typedef struct net {
    tvis_blob blob;
    tvis_model m;
    uint32_t fused; /* nodes named "rows" by the plan */
} net;

static tvis_act some_act(void)
{
    return (tvis_act)tvt_below(TVIS_ACT_COUNT_);
}

static uint32_t conv(tvt_net *n, uint32_t x, int32_t out, int32_t kernel, uint16_t stride, tvis_act act)
{
    tvt_conv c = tvt_conv_of(out, kernel, stride);
    c.bias = tvt_below(4) != 0;
    if (out == 0)
        c.groups = 0;
    for (int i = 0; kernel > 1 && i < 4; i++) /* also lopsided, also none */
        c.p.pad[i] = (uint16_t)tvt_below((uint32_t)kernel);
    if (kernel > 1 && tvt_below(3)) {
        c.p.pad[0] = c.p.pad[2] = (uint16_t)(kernel / 2);
        c.p.pad[1] = c.p.pad[3] = (uint16_t)(kernel / 2);
    }
    uint32_t y = tvt_net_conv(n, x, c);
    tvt_net_set_act(n, y, act);
    return y;
}

/* Expand, depthwise, project with or without a residual of x or of something else. */
static uint32_t inverted_residual(tvt_net *n, uint32_t x)
{
    const int32_t in = tvt_net_channels(n, x), hidden = 1 + (int32_t)tvt_below(40);
    const bool same = tvt_below(2);
    const uint16_t stride = same ? 1 : (uint16_t)(1 + tvt_below(3));
    const int32_t kernel = same ? 3 : 1 + (int32_t)tvt_below(5);
    uint32_t y = tvt_below(4) ? conv(n, x, hidden, 1, 1, some_act()) : x;
    tvt_conv depthwise = tvt_conv_of(0, kernel, stride);
    depthwise.groups = 0;
    y = tvt_net_conv(n, y, depthwise);
    tvt_net_set_act(n, y, some_act());
    if (tvt_below(5) == 0)
        return y; /* the depthwise output is the last */
    y = conv(n, y, same ? in : 1 + (int32_t)tvt_below(40), 1, 1, TVIS_ACT_NONE);
    return same && tvt_below(2) ? tvt_net_add(n, y, x) : y;
}

/* Two convolutions and a pooling. */
static uint32_t stem(tvt_net *n, uint32_t x)
{
    const tvis_params pool = { .pool = { { 2, 2 }, { 2, 2 }, { 0, 0, 0, 0 } } };
    const tvis_params wide = { .pool = { { 3, 3 }, { 2, 1 }, { 1, 1, 1, 0 } } };
    uint32_t y = conv(n, x, 1 + (int32_t)tvt_below(20), 3, 1, some_act());
    y = conv(n, y, 1 + (int32_t)tvt_below(20), 3, 1, some_act());
    return tvt_net_node(n, TVIS_OP_MAX_POOL, &y, 1, tvt_net_channels(n, y), tvt_below(2) ? &pool : &wide);
}

/* MobileNetV1's pairs behind a first convolution, and a depthwise convolution in front of a block. */
static uint32_t separable(tvt_net *n, uint32_t x)
{
    tvt_conv depthwise = tvt_conv_of(0, tvt_below(2) ? 3 : 5, (uint16_t)(1 + tvt_below(2)));
    depthwise.groups = 0;
    if (tvt_below(2))
        x = conv(n, x, 1 + (int32_t)tvt_below(24), 3, 2, some_act());
    x = tvt_net_conv(n, x, depthwise);
    tvt_net_set_act(n, x, some_act());
    x = conv(n, x, 1 + (int32_t)tvt_below(60), 1, 1, some_act());
    return tvt_below(2) ? inverted_residual(n, x) : x;
}

static tvis_status random_picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    (void)user;
    (void)i;
    (void)d;
    tvt_fill_f32(in->data, (size_t)in->dims[0] * (size_t)in->dims[1] * (size_t)in->dims[2] * (size_t)in->dims[3]);
    return TVIS_OK;
}

/* The model in its place, in int8: sums of residuals may be int16. */
static void quantize(net *t)
{
    const tvis_quantize_config k = {
        .struct_size = sizeof k, .mode = TVIS_QUANTIZE_INT8, .percentile = 99.99f, .images = 2, .input = random_picture
    };
    tvis_blob small;
    tvis_diag d;
    tvt_ok(tvis_quantize(&t->m, &k, &small, NULL, &d), &d);
    tvis_blob_free(&t->blob);
    t->blob = small;
    tvt_ok(tvis_model_open(&t->m, t->blob.data, t->blob.size, &d), &d);
}

static void make(net *t, uint32_t (*block)(tvt_net *, uint32_t), int blocks)
{
    tvt_net n;
    tvt_net_begin(&n, 64, 56);
    uint32_t x = tvt_net_input(&n, 1 + (int32_t)tvt_below(12));
    for (int i = 0; i < blocks; i++)
        x = block(&n, x);
    tvis_graph_output(&n.g, x);
    n.g.max_side = 256;
    if (!n.g.status)
        tvis_pass_fuse_add(&n.g);
    tvt_ok(tvt_net_write(&n, &t->blob), &n.diag);
    tvt_ok(tvis_model_open(&t->m, t->blob.data, t->blob.size, &n.diag), &n.diag);
}

static void count_fused(void *user, uint32_t node, const tvis_node_info *info)
{
    (void)node;
    ((net *)user)->fused += strcmp(info->op, "rows") == 0;
}

static size_t output_floats(const tvis_model *m, const tvis_session_config *c, net *t)
{
    tvis_session *s;
    tvis_tensor y;
    tvis_session_bytes bytes;
    tvis_diag d;
    t->fused = 0;
    tvt_ok(tvis_session_plan(m, c, &bytes, count_fused, t, &d), &d);
    tvt_buf arena = tvt_guarded(bytes.total);
    tvt_ok(tvis_session_init(&s, m, c, arena.p, bytes.total, &d), &d);
    tvt_ok(tvis_session_output(s, 0, &y), &d);
    tvt_free(&arena);
    return (size_t)y.dims[0] * (size_t)y.dims[1] * (size_t)y.dims[2] * (size_t)y.dims[3];
}

/* Runs with a config, fused and not; the number of fused nodes. */
static uint32_t compare(net *t, const tvt_run *r, int32_t channels)
{
    tvis_session_config c = tvt_config(r);
    tvis_pool *pool = r->threads > 1 ? tvis_pool_create(r->threads) : NULL;
    tvt_buf x = tvt_paged((size_t)r->n * r->h * r->w * (size_t)channels * sizeof(float)), pack = { 0 };
    const tvis_tensor in = { x.p, { r->n, r->h, r->w, channels }, TVIS_F32, TVIS_NHWC };
    tvt_fill_f32(x.p, x.size / sizeof(float));
    c.parallel_for = pool ? tvis_pool_parallel_for : NULL;
    c.pool = pool;
    if (r->packed)
        pack = tvt_pack(&t->m, &c);
    const size_t floats = output_floats(&t->m, &c, t);
    const uint32_t fused = t->fused;
    tvt_buf want = tvt_guarded(floats * sizeof(float)), got = tvt_guarded(floats * sizeof(float));
    tvt_run_session(&t->m, &c, &in, got.p);
    c.no_fusion = true;
    assert_int_equal(output_floats(&t->m, &c, t), floats);
    assert_int_equal(t->fused, 0);
    tvt_run_session(&t->m, &c, &in, want.p);
    if (!tvt_same(&want, &got))
        fail_msg("seed %u: n %u, %u x %u, %u threads, plan %u", tvt_seed, r->n, r->h, r->w, r->threads, r->plan);
    tvis_pool_destroy(pool);
    tvt_free(&x);
    tvt_free(&want);
    tvt_free(&got);
    if (pack.p)
        tvt_free(&pack);
    return fused;
}

static uint32_t sweep(uint32_t (*block)(tvt_net *, uint32_t), int networks, int blocks, bool integers)
{
    uint32_t fused = 0;
    for (int i = 0; i < networks; i++) {
        net t;
        tvis_model_info info;
        make(&t, block, blocks);
        if (integers)
            quantize(&t);
        tvis_model_get_info(&t.m, &info);
        tvt_run r = tvt_default_run((uint16_t)(1 + tvt_below(3)), (uint16_t)(20 + tvt_below(30)),
                                    (uint16_t)(20 + tvt_below(60)));
        r.plan = tvt_below(4) ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST;
        r.threads = (uint16_t)(1 + tvt_below(3));
        r.packed = tvt_below(2);
        r.cpu = tvt_below(3) ? tvt_cpu() : 0;
        fused += compare(&t, &r, info.c);
        tvis_blob_free(&t.blob);
    }
    return fused;
}

static void floats(void **state)
{
    (void)state;
    assert_true(sweep(inverted_residual, tvt_quick() ? 10 : 150, 3, false) > 5);
    assert_true(sweep(separable, tvt_quick() ? 20 : 150, 1, false) > 5);
    assert_true(sweep(stem, tvt_quick() ? 6 : 60, 1, false) > 2);
}

static void integers(void **state)
{
    (void)state;
    assert_true(sweep(inverted_residual, tvt_quick() ? 20 : 150, 3, true) > 5);
    assert_true(sweep(separable, tvt_quick() ? 30 : 150, 1, true) > (tvt_quick() ? 0u : 5u));
    assert_true(sweep(stem, tvt_quick() ? 10 : 60, 1, true) > 2);
}

/* A residual block in its input's place: one thread only. */
static void in_place(void **state)
{
    (void)state;
    tvt_net n;
    net t;
    size_t one, two;
    tvt_net_begin(&n, 64, 64);
    uint32_t x = tvt_net_input(&n, 16), y = tvt_net_conv(&n, x, tvt_conv_of(64, 1, 1));
    tvt_conv depthwise = tvt_conv_of(0, 3, 1);
    depthwise.groups = 0;
    y = tvt_net_conv(&n, y, depthwise);
    tvis_graph_output(&n.g, tvt_net_add(&n, tvt_net_conv(&n, y, tvt_conv_of(16, 1, 1)), x));
    tvis_pass_fuse_add(&n.g);
    tvt_ok(tvt_net_write(&n, &t.blob), &n.diag);
    tvt_ok(tvis_model_open(&t.m, t.blob.data, t.blob.size, &n.diag), &n.diag);
    tvt_run r = tvt_default_run(2, 64, 64);
    r.plan = TVIS_PLAN_SMALL;
    one = tvt_arena_bytes(&t.m, &r);
    assert_int_equal(compare(&t, &r, 16), 1);
    r.threads = 2;
    two = tvt_arena_bytes(&t.m, &r);
    assert_int_equal(compare(&t, &r, 16), 1);
    assert_true(two - one >= 2 * 64 * 64 * 16 * sizeof(float)); /* a second tensor, and a second set of rings */
    tvis_blob_free(&t.blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats),
        cmocka_unit_test(integers),
        cmocka_unit_test(in_place),
    };
    return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
