/* SPDX-License-Identifier: MIT */
/* Operators other than layers and attention, made in all mixtures of 8 and 16 bits: how near they come to the float
 * model. */
#include <math.h>

#include "core/port.h"
#include "quant/maker.h"
#include "tests/net_tokens.h"
#include "tests/network.h"

enum { SIDE = 6, CHANNELS = 24, IMAGES = 3, VALUES = SIDE * SIDE * 3, NODES = 16, MOST = 4096 };

static tvis_status picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    (void)user;
    (void)d;
    tvt_srand(50 + i);
    tvt_fill_f32(in->data, VALUES);
    return TVIS_OK;
}

static const tvis_quantize_config config = {
    .struct_size = sizeof config,
    .mode = TVIS_QUANTIZE_INT8,
    .observer = TVIS_OBSERVER_MINMAX,
    .images = IMAGES,
    .input = picture,
};

/* A convolution is in front, which stays in floats. */
static uint32_t begin(tvt_net *n)
{
    tvt_net_begin(n, SIDE, SIDE);
    return tvt_net_conv(n, tvt_net_input(n, 3), tvt_conv_of(CHANNELS, 3, 1));
}

/* Activation, sum, average, product, pool, shortcut, length. */
static void make_picture_net(tvt_net *n)
{
    const tvis_params pool = { .pool = { { 2, 2 }, { 2, 2 }, { 0, 0, 0, 0 } } },
                      shortcut = { .shortcut = { 1, 3, 2, 0 } };
    tvis_params length;
    memset(&length, 0, sizeof length);
    length.eps = 1e-12f;
    const uint32_t x = begin(n), a = tvt_net_activation(n, x, TVIS_ACT_SILU), sum = tvt_net_add(n, x, a);
    const uint32_t mean = tvt_net_unary(n, TVIS_OP_GLOBAL_AVG_POOL, sum);
    const uint32_t both[2] = { sum, tvt_net_activation(n, mean, TVIS_ACT_SIGMOID) };
    uint32_t y = tvt_net_node(n, TVIS_OP_SCALE, both, 2, CHANNELS, NULL);
    y = tvt_net_node(n, TVIS_OP_MAX_POOL, &y, 1, CHANNELS, &pool);
    y = tvt_net_node(n, TVIS_OP_SHORTCUT, &y, 1, CHANNELS + 5, &shortcut);
    tvis_graph_output(&n->g, tvt_net_node(n, TVIS_OP_L2_NORM, &y, 1, CHANNELS + 5, &length));
}

/* Tokens, layer normalisation, slice, activation, sum, reshape, softmax. */
static void make_token_net(tvt_net *n)
{
    const tvis_params flat = { .reshape = { { 0, 0, 0, CHANNELS }, 0 } };
    const uint32_t x = begin(n), t = tvt_net_tokens(n, x, (tvis_tokens_params){ { 4, 4 }, TVIS_STRETCH_OFFSET, 2 });
    const uint32_t y = tvt_net_slice(n, tvt_net_layer_norm(n, t), 1, 0);
    uint32_t z = tvt_net_add(n, y, tvt_net_activation(n, y, TVIS_ACT_GELU));
    z = tvt_net_node(n, TVIS_OP_RESHAPE, &z, 1, CHANNELS, &flat);
    tvis_graph_output(&n->g, tvt_net_unary(n, TVIS_OP_SOFTMAX, z));
}

typedef struct made {
    tvis_blob blob;
    tvis_model m;
    tvis_graph from;
    tvis_calibration k;
    tvis_range range[64];
    float want[MOST];
    size_t count;
} made;

static size_t answers(const tvis_model *m, float *y)
{
    static float x[VALUES];
    tvis_session_config c;
    tvis_diag d;
    size_t bytes;
    tvis_session *s;
    tvis_tensor out;
    const tvis_tensor in = { x, { 1, SIDE, SIDE, 3 }, TVIS_F32, TVIS_NHWC };
    tvt_srand(51);
    tvt_fill_f32(x, VALUES);
    tvis_session_defaults(&c);
    tvt_ok(tvis_session_size(m, &c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    tvt_ok(tvis_session_init(&s, m, &c, arena.p, bytes, &d), &d);
    tvt_ok(tvis_session_run(s, &in, NULL, &d), &d);
    assert_int_equal(tvis_session_output(s, 0, &out), TVIS_OK);
    const size_t count = (size_t)out.dims[0] * (size_t)out.dims[1] * (size_t)out.dims[2] * (size_t)out.dims[3];
    assert_true(count <= MOST);
    memcpy(y, out.data, count * sizeof *y);
    assert_true(tvt_guards_ok(&arena));
    tvt_free(&arena);
    return count;
}

static void prepare(made *t, void (*net)(tvt_net *n))
{
    tvt_net n;
    tvis_diag d;
    memset(t, 0, sizeof *t);
    net(&n);
    tvt_ok(tvt_net_write(&n, &t->blob), &n.diag);
    tvt_ok(tvis_model_open(&t->m, t->blob.data, t->blob.size, &d), &d);
    tvis_graph_init(&t->from, &d);
    tvis_graph_read(&t->from, &t->m);
    tvt_ok(t->from.status, &d);
    tvt_ok(tvis_calibrate(&t->k, &t->m, &config, &d), &d);
    assert_true(t->from.tensor_count <= TVIS_COUNT(t->range) && t->from.node_count <= NODES);
    for (uint32_t i = 0; i < t->k.count; i++)
        t->range[i] = tvis_statistics_range(&t->k.tensor[i].s, config.observer, 100.0);
    tvis_bound_tables(&t->from, t->range);
    t->count = answers(&t->m, t->want);
}

static void drop(made *t)
{
    tvis_calibration_free(&t->k);
    tvis_graph_free(&t->from);
    tvis_blob_free(&t->blob);
}

/* How near the network with these forms comes. */
static double decibels(made *t, const tvis_precision *precision)
{
    static float got[MOST];
    tvis_maker q = { .c = &config, .from = &t->from, .k = &t->k, .precision = precision, .range = t->range };
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    double signal = 0.0, noise = 0.0;
    tvt_ok(tvis_make(&q, &blob, &d), &d);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
    assert_int_equal(answers(&m, got), t->count);
    for (size_t i = 0; i < t->count; i++) {
        signal += (double)t->want[i] * (double)t->want[i];
        noise += ((double)t->want[i] - (double)got[i]) * ((double)t->want[i] - (double)got[i]);
    }
    tvis_blob_free(&blob);
    return 10.0 * log10(signal / noise);
}

static void mixtures(void (*net)(tvt_net *n), double least8, double least16)
{
    static made t;
    double all8 = 0.0, all16 = 0.0;
    prepare(&t, net);
    for (uint32_t i = 0; i < 200; i++) {
        tvis_precision precision[NODES] = { { TVIS_FORM_F32, TVIS_FORM_F32 } };
        tvt_srand(i);
        for (uint32_t k = 1; k < NODES; k++) {
            const uint32_t bits = i == 0 ? 0 : i == 1 ? 3 : tvt_below(9);
            precision[k].x = (uint8_t)(bits & 1 ? TVIS_FORM_S16 : TVIS_FORM_S8);
            precision[k].y = (uint8_t)(bits & 2 ? TVIS_FORM_S16 : TVIS_FORM_S8);
            if (bits == 8)
                precision[k] = precision[0];
        }
        const double db = decibels(&t, precision);
        all8 = i == 0 ? db : all8;
        all16 = i == 1 ? db : all16;
        if (!(db > all8 - 3.0))
            fail_msg("mixture %u: %.1f dB, all in 8 bits %.1f, in 16 %.1f", i, db, all8, all16);
    }
    if (!(all8 > least8 && all16 > least16))
        fail_msg("all in 8 bits %.1f dB, in 16 %.1f", all8, all16);
    drop(&t);
}

static void pictures(void **state)
{
    (void)state;
    mixtures(make_picture_net, 27.0, 65.0);
}

static void token_nets(void **state)
{
    (void)state;
    mixtures(make_token_net, 27.0, 65.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(pictures), cmocka_unit_test(token_nets) };
    return cmocka_run_group_tests_name("emit_others", tests, NULL, NULL);
}
