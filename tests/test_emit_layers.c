/* SPDX-License-Identifier: MIT */
/* Layers of a small float network made in all mixtures of 8 and 16 bits: how near they come to the float model, and
 * that sums of 16 bits can't overflow. */
#include <math.h>

#include "core/port.h"
#include "quant/maker.h"
#include "tests/net.h"
#include "tests/network.h"

enum { SIDE = 12, IMAGES = 3, VALUES = SIDE * SIDE * 3, OUT = 10, NODES = 16 };

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

/* Dense and depthwise layers with limits, tables and a sum; activations are nodes of their own. */
static void make_net(tvis_blob *blob, tvis_model *m)
{
    tvt_net n;
    tvt_net_begin(&n, SIDE, SIDE);
    uint32_t x = tvt_net_conv(&n, tvt_net_input(&n, 3), tvt_conv_of(24, 3, 2));
    tvt_net_set_act(&n, x, TVIS_ACT_RELU6);
    tvt_conv depthwise = tvt_conv_of(0, 3, 1);
    depthwise.groups = 0;
    uint32_t y = tvt_net_activation(&n, tvt_net_conv(&n, x, depthwise), TVIS_ACT_HARD_SWISH);
    y = tvt_net_conv(&n, y, tvt_conv_of(24, 1, 1));
    tvis_gnode *last = &n.g.node[n.g.node_count - 1];
    last->in[3] = x;
    last->in_count = 4;
    y = tvt_net_activation(&n, tvt_net_linear(&n, y, 40, true), TVIS_ACT_GELU);
    tvis_graph_output(&n.g, tvt_net_linear(&n, y, OUT, true));
    tvt_ok(tvt_net_write(&n, blob), &n.diag);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &n.diag), &n.diag);
}

typedef struct made {
    tvis_graph from;
    tvis_calibration k;
    tvis_range range[64];
} made;

static void prepare(made *t, const tvis_model *m)
{
    tvis_diag d;
    memset(&t->k, 0, sizeof t->k);
    tvis_graph_init(&t->from, &d);
    tvis_graph_read(&t->from, m);
    tvt_ok(t->from.status, &d);
    tvt_ok(tvis_calibrate(&t->k, m, &config, &d), &d);
    assert_true(t->from.tensor_count <= TVIS_COUNT(t->range) && t->from.node_count <= NODES);
    memset(t->range, 0, sizeof t->range);
    for (uint32_t i = 0; i < t->k.count; i++)
        t->range[i] = tvis_statistics_range(&t->k.tensor[i].s, config.observer, 100.0);
    tvis_bound_tables(&t->from, t->range);
}

static void make(made *t, const tvis_precision *precision, tvis_blob *blob)
{
    tvis_diag d;
    tvis_maker q = { .c = &config, .from = &t->from, .k = &t->k, .precision = precision, .range = t->range };
    tvt_ok(tvis_make(&q, blob, &d), &d);
}

static void drop(made *t)
{
    tvis_calibration_free(&t->k);
    tvis_graph_free(&t->from);
}

enum { ELEMENTS = SIDE * SIDE / 4 * OUT };

static void answers(const tvis_model *m, float *y)
{
    static float x[VALUES];
    tvt_srand(99);
    tvt_fill_f32(x, VALUES);
    tvt_run r = tvt_default_run(1, SIDE, SIDE);
    tvt_infer(m, &r, x, y);
}

static double decibels(const tvis_blob *blob, const float *want)
{
    float got[ELEMENTS];
    tvis_model m;
    tvis_diag d;
    double signal = 0.0, noise = 0.0;
    tvt_ok(tvis_model_open(&m, blob->data, blob->size, &d), &d);
    answers(&m, got);
    for (int i = 0; i < ELEMENTS; i++) {
        signal += (double)want[i] * (double)want[i];
        noise += ((double)want[i] - (double)got[i]) * ((double)want[i] - (double)got[i]);
    }
    return 10.0 * log10(signal / noise);
}

static void mixtures(void **state)
{
    (void)state;
    tvis_blob blob, small;
    tvis_model m;
    made t;
    float want[ELEMENTS];
    double all8 = 0.0, all16 = 0.0;
    make_net(&blob, &m);
    answers(&m, want);
    prepare(&t, &m);
    for (uint32_t i = 0; i < 200; i++) {
        tvis_precision precision[NODES];
        for (uint32_t k = 0; k < NODES; k++) {
            const uint32_t bits = i == 0 ? 0 : i == 1 ? 3 : tvt_below(4);
            precision[k].x = (uint8_t)(bits & 1 ? TVIS_FORM_S16 : TVIS_FORM_S8);
            precision[k].y = (uint8_t)(bits & 2 ? TVIS_FORM_S16 : TVIS_FORM_S8);
        }
        make(&t, precision, &small);
        const double db = decibels(&small, want);
        all8 = i == 0 ? db : all8;
        all16 = i == 1 ? db : all16;
        if (!(db > all8 - 3.0 && (i < 2 || db < all16 + 3.0)))
            fail_msg("mixture %u: %.1f dB, all in 8 bits %.1f, in 16 %.1f, seed %u", i, db, all8, all16, tvt_seed);
        tvis_blob_free(&small);
        tvt_srand(tvt_seed + i);
    }
    if (!(all8 > 25.0 && all16 > all8 + 6.0))
        fail_msg("all in 8 bits %.1f dB, in 16 %.1f", all8, all16);
    drop(&t);
    tvis_blob_free(&blob);
}

/* The weights of the last layer, all of a sign, or alternating: what they add up to at most. */
static void check_sums(bool alternate, uint8_t act)
{
    enum { K = 4600 };
    static const tvis_precision precision[2] = { { TVIS_FORM_S8, TVIS_FORM_S16 }, { TVIS_FORM_S16, TVIS_FORM_S8 } };
    tvt_net n;
    tvis_blob blob, small;
    tvis_model m;
    tvis_graph g;
    tvis_diag d;
    made t;
    tvt_net_begin(&n, SIDE, SIDE);
    const uint32_t x = tvt_net_linear(&n, tvt_net_input(&n, 3), K, true);
    tvt_net_set_act(&n, x, (tvis_act)act);
    tvis_graph_output(&n.g, tvt_net_linear(&n, x, 2, true));
    float *w = n.g.tensor[n.g.node[1].in[1]].data;
    for (int32_t i = 0; i < 2 * K; i++)
        w[i] = alternate && i % 2 ? -1.0f : 1.0f;
    tvt_ok(tvt_net_write(&n, &blob), &n.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
    prepare(&t, &m);
    make(&t, precision, &small);
    tvt_ok(tvis_model_open(&m, small.data, small.size, &d), &d);
    tvis_graph_init(&g, &d);
    tvis_graph_read(&g, &m);
    const tvis_gnode *layer = NULL;
    for (uint32_t i = 0; i < g.node_count; i++)
        layer = g.node[i].op == TVIS_OP_LINEAR ? &g.node[i] : layer;
    int64_t up = 0, down = 0, bias = ((const int32_t *)g.tensor[layer->in[2]].data)[0];
    for (int32_t i = 0; i < K; i++) {
        const int8_t v = ((const int8_t *)g.tensor[layer->in[1]].data)[i];
        up += v > 0 ? v : 0;
        down -= v < 0 ? v : 0;
    }
    const int64_t lo = act == TVIS_ACT_RELU ? 0 : -32768, high = 32767 * up - lo * down, low = lo * up - 32767 * down;
    if (high + bias > INT32_MAX || low + bias < INT32_MIN || (high < 1 << 30 && low > -(1 << 30)))
        fail_msg("alternate %d, activation %u: sums from %.0f to %.0f", alternate, act, (double)(low + bias),
                 (double)(high + bias));
    tvis_graph_free(&g);
    drop(&t);
    tvis_blob_free(&small);
    tvis_blob_free(&blob);
}

static void sums_fit(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        check_sums(i & 1, i & 2 ? TVIS_ACT_RELU : TVIS_ACT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(mixtures), cmocka_unit_test(sums_fit) };
    return cmocka_run_group_tests_name("emit_layers", tests, NULL, NULL);
}
