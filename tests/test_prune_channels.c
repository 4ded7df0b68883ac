/* SPDX-License-Identifier: MIT */
/* Channels that are left out: a smaller model computes what the plain one does when nobody reads those channels. */
#include <math.h>

#include "core/port.h"
#include "quant/prune.h"
#include "tests/net.h"
#include "tests/network.h"

/* The pruned graph, and which units stay. */
static void cut(const tvis_model *m, const tvis_prune_config *c, tvis_graph *g, tvis_channel_groups *s)
{
    static tvis_diag d;
    tvis_pruner p = { .m = m, .c = c, .g = g };
    tvis_graph_init(g, &d);
    tvis_graph_read(g, m);
    tvis_prune_choose(&p);
    tvis_prune_channels(&p, s);
    tvt_ok(g->status, &d);
    free(p.chosen);
    free(p.was);
}

static void write_graph(tvis_graph *g, tvis_blob *blob, tvis_model *m)
{
    tvis_diag d;
    tvt_ok(tvis_blob_write(g, blob, &d), &d);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &d), &d);
    tvis_graph_free(g);
}

/* The plain model with zeros where layers read what is gone. */
static void mask(const tvis_model *m, const tvis_channel_groups *s, tvis_blob *blob, tvis_model *masked)
{
    tvis_diag d;
    tvis_graph g;
    tvis_graph_init(&g, &d);
    tvis_graph_read(&g, m);
    tvis_pruner p = { .m = m, .g = &g };
    for (uint32_t i = 0; i < g.node_count; i++) {
        const tvis_gnode *n = &g.node[i];
        if ((n->op != TVIS_OP_CONV2D && n->op != TVIS_OP_LINEAR) || s->fixed[s->root[n->in[0]]])
            continue;
        float *w = tvis_prune_writable(&p, n->in[1]);
        assert_non_null(w);
        const tvis_gtensor *t = &g.tensor[n->in[1]];
        for (size_t k = 0; k < t->bytes / sizeof *w; k++)
            if (!tvis_keeps(s, n->in[0], (int32_t)(k % (size_t)t->dims[3])))
                w[k] = 0.0f;
    }
    write_graph(&g, blob, masked);
}

static uint32_t groups_cut(const tvis_channel_groups *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->count; i++)
        n += s->keep[i] != NULL;
    return n;
}

/* The first output, from malloc. */
static float *infer(const tvis_model *m, const tvis_session_config *c, const tvis_tensor *in, size_t *count)
{
    tvis_session *s;
    tvis_tensor out;
    tvis_diag d;
    size_t bytes;
    tvt_ok(tvis_session_size(m, c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    tvt_ok(tvis_session_init(&s, m, c, arena.p, bytes, &d), &d);
    tvt_ok(tvis_session_run(s, in, NULL, &d), &d);
    tvt_ok(tvis_session_output(s, 0, &out), &d);
    *count = (size_t)(out.dims[0] * out.dims[1] * out.dims[2] * out.dims[3]);
    float *y = malloc(*count * sizeof *y);
    assert_non_null(y);
    memcpy(y, out.data, *count * sizeof *y);
    tvt_free(&arena);
    return y;
}

static void compare(const char *name, const tvis_model *a, const tvis_model *b, uint16_t side)
{
    const tvt_run r = tvt_default_run(1, side, side);
    const tvis_session_config c = tvt_config(&r);
    const int32_t channels = tvis_header(a)->c;
    const size_t values = (size_t)channels * side * side;
    size_t outs, same;
    float *x = malloc(values * sizeof *x);
    const tvis_tensor in = { x, { 1, side, side, channels }, TVIS_F32, TVIS_NHWC };
    assert_non_null(x);
    tvt_fill_f32(x, values);
    float *y = infer(a, &c, &in, &outs), *z = infer(b, &c, &in, &same);
    assert_int_equal(outs, same);
    const double range = tvt_range_f32(y, outs), off = tvt_max_diff_f32(y, z, outs);
    if (!(range > 0.0) || !(off <= 1e-4 * range))
        fail_msg("%s: off by %g of a range of %g", name, off, range);
    free(x);
    free(y);
    free(z);
}

static void check(const char *arch, const tvis_model *m, uint16_t side, const tvis_prune_config *c, uint32_t groups)
{
    tvis_blob small_blob, masked_blob;
    tvis_model small, masked;
    tvis_graph g;
    tvis_channel_groups s;
    cut(m, c, &g, &s);
    if (groups_cut(&s) < groups)
        fail_msg("%s: only %u groups were cut", arch, (unsigned)groups_cut(&s));
    write_graph(&g, &small_blob, &small);
    mask(m, &s, &masked_blob, &masked);
    assert_true(small_blob.size < masked_blob.size);
    compare(arch, &masked, &small, side);
    tvis_channel_groups_free(&s);
    tvis_blob_free(&small_blob);
    tvis_blob_free(&masked_blob);
}

static const tvis_prune_config channels = { .struct_size = sizeof(tvis_prune_config), .method = TVIS_PRUNE_CHANNEL };

static void every_network_is_cut(void **state)
{
    static const struct {
        const char *arch;
        uint16_t side;
        float width;
        uint32_t groups; /* at least */
    } nets[] = {
        /* slow ones at the end */
        { "mobilenet_v2", 64, 0.35f, 20 },      { "resnet20_cifar10", 32, 0.0f, 9 },
        { "mobilenet_v3_small", 64, 0.0f, 20 }, { "superpoint", 32, 0.0f, 8 },
        { "dino_vits16", 32, 0.0f, 12 },        { "mobilenet_v4_conv_small", 64, 0.0f, 15 },
        { "efficientnet_b0", 64, 0.0f, 20 },    { "resnet18", 64, 0.0f, 10 },
        { "dinov2_vits14", 70, 0.0f, 24 },      { "mobilenet_v3_large", 64, 0.0f, 20 },
        { "resnet50", 64, 0.0f, 20 },
    };
    const size_t count = tvt_quick() ? 1 : tvt_full() ? TVIS_COUNT(nets) : 5;
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const tvis_convert_config c = {
            .struct_size = sizeof c, .arch = nets[i].arch, .seed = 3, .width = nets[i].width
        };
        tvis_prune_config p = channels;
        p.amount = 0.25;
        p.scope = TVIS_SCOPE_LAYER;
        tvis_blob blob;
        tvis_model m;
        tvt_convert(&c, &blob, &m);
        check(nets[i].arch, &m, nets[i].side, &p, nets[i].groups);
        tvis_blob_free(&blob);
    }
}

static void make_small(tvis_blob *blob, tvis_model *m)
{
    const tvis_convert_config c = { .struct_size = sizeof c, .arch = "resnet20_cifar10", .seed = 4 };
    tvt_convert(&c, blob, m);
}

static void budgets_are_met(void **state)
{
    static const double amounts[] = { 0.05, 0.2, 0.5, 0.7 };
    tvis_blob blob, out;
    tvis_model m, small;
    tvis_diag d;
    (void)state;
    make_small(&blob, &m);
    const double all = (double)tvt_macs_of(&m);
    for (size_t i = 0; i < 2 * TVIS_COUNT(amounts); i++) {
        tvis_prune_config c = channels;
        c.amount = amounts[i / 2];
        c.worth = i & 1u;
        tvt_ok(tvis_prune(&m, &c, &out, NULL, &d), &d);
        tvt_ok(tvis_model_open(&small, out.data, out.size, &d), &d);
        const double left = (double)tvt_macs_of(&small) / all;
        assert_true(left <= 1.0 - c.amount + 1e-9 && left > 0.95 - c.amount);
        tvis_blob_free(&out);
    }
    tvis_blob_free(&blob);
}

static void expect(const tvis_model *m, const tvis_prune_config *c, tvis_diag_code code, int64_t most)
{
    tvis_blob out = { NULL, 0 };
    tvis_diag d;
    assert_int_equal(tvis_prune(m, c, &out, NULL, &d), TVIS_EINVAL);
    assert_int_equal(d.code, code);
    assert_null(out.data);
    if (code == TVIS_DIAG_LIMIT)
        assert_true(d.expected[0] > most && d.found[0] == 99);
}

static void what_cannot_be_cut_is_refused(void **state)
{
    tvis_blob blob;
    tvis_model m;
    (void)state;
    make_small(&blob, &m);
    tvis_prune_config c = channels;
    c.amount = 0.99;
    expect(&m, &c, TVIS_DIAG_LIMIT, 70); /* the closest */
    c.amount = 0.2;
    c.modules = "nobody";
    expect(&m, &c, TVIS_DIAG_NAME, 0);
    c.modules = NULL;
    c.pattern = TVIS_PATTERN_1X4;
    expect(&m, &c, TVIS_DIAG_ARGUMENT, 0);
    tvis_blob_free(&blob);
}

static tvis_status picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    (void)user;
    (void)d;
    tvt_srand(i + 1);
    tvt_fill_f32(in->data, (size_t)in->dims[1] * (size_t)in->dims[2] * (size_t)in->dims[3]);
    return TVIS_OK;
}

/* Distance of the outputs on pictures that were not used. */
static double distance(const tvis_model *a, const tvis_blob *b)
{
    tvis_model small;
    tvis_diag d;
    double sum = 0.0;
    const tvt_run r = tvt_default_run(1, 32, 32);
    const tvis_session_config c = tvt_config(&r);
    static float x[32 * 32 * 3];
    const tvis_tensor in = { x, { 1, 32, 32, 3 }, TVIS_F32, TVIS_NHWC };
    tvt_ok(tvis_model_open(&small, b->data, b->size, &d), &d);
    for (uint32_t i = 0; i < 4; i++) {
        size_t count;
        (void)picture(NULL, 1000 + i, &in, NULL);
        float *y = infer(a, &c, &in, &count), *z = infer(&small, &c, &in, &count);
        for (size_t k = 0; k < count; k++)
            sum += (double)(y[k] - z[k]) * (double)(y[k] - z[k]);
        free(y);
        free(z);
    }
    return sum;
}

static void readers_make_up_for_channels(void **state)
{
    tvis_blob blob, cut_only, fitted;
    tvis_model m;
    tvis_diag d;
    (void)state;
    if (tvt_quick())
        skip(); /* minutes in an emulator */
    make_small(&blob, &m);
    tvis_prune_config c = channels;
    c.amount = 0.2;
    tvt_ok(tvis_prune(&m, &c, &cut_only, NULL, &d), &d);
    c.images = 8;
    c.input = picture;
    tvt_ok(tvis_prune(&m, &c, &fitted, NULL, &d), &d);
    const double before = distance(&m, &cut_only), after = distance(&m, &fitted);
    if (!(after < before / 2))
        fail_msg("%g before, %g after fitting", before, after);
    tvis_blob_free(&cut_only);
    tvis_blob_free(&fitted);
    tvis_blob_free(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_network_is_cut),
        cmocka_unit_test(budgets_are_met),
        cmocka_unit_test(what_cannot_be_cut_is_refused),
        cmocka_unit_test(readers_make_up_for_channels),
    };
    return cmocka_run_group_tests_name("prune_channels", tests, NULL, NULL);
}
