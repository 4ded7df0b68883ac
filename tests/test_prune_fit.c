/* SPDX-License-Identifier: MIT */
/* Parts of fitting what is left: what two networks give at a place, which weights of a layer go, in which order inputs
 * go. */
#include <math.h>

#include "core/op.h"
#include "core/port.h"
#include "quant/flow_hosted.h"
#include "quant/lsq_hosted.h"
#include "quant/prune_order_hosted.h"
#include "tests/net.h"
#include "tests/network.h"

enum { SIDE = 16, PICTURES = 3 };

/* ---- flow ---- */

/* A residual block: in its middle two tensors are alive. */
static void make_model(tvis_blob *blob, tvis_model *m)
{
    tvt_net n;
    tvt_net_begin(&n, SIDE, SIDE);
    uint32_t x = tvt_net_conv(&n, tvt_net_input(&n, 3), tvt_conv_of(6, 3, 2));
    uint32_t y = tvt_net_activation(&n, tvt_net_conv(&n, x, tvt_conv_of(9, 1, 1)), TVIS_ACT_RELU);
    y = tvt_net_add(&n, tvt_net_conv(&n, y, tvt_conv_of(6, 3, 1)), x);
    y = tvt_net_activation(&n, tvt_net_conv(&n, y, tvt_conv_of(7, 3, 1)), TVIS_ACT_RELU);
    tvis_graph_output(&n.g, tvt_net_linear(&n, tvt_net_unary(&n, TVIS_OP_GLOBAL_AVG_POOL, y), 5, true));
    tvis_pass_fuse_activation(&n.g);
    tvis_pass_fuse_add(&n.g);
    tvis_pass_remove_dead(&n.g);
    tvt_ok(tvt_net_write(&n, blob), &n.diag);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &n.diag), &n.diag);
}

static uint32_t pictures_read;

static tvis_status picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    (void)user;
    (void)d;
    pictures_read++;
    tvt_srand(40 + i);
    for (int64_t k = 0; k < tvis_elements(in->dims); k++)
        ((float *)in->data)[k] = tvt_float(-1, 1);
    return TVIS_OK;
}

typedef struct sight {
    float value[PICTURES * TVIS_FLOW_VIEWS][2][4000];
    size_t count;
} sight;

static tvis_status look(void *user, uint32_t i, uint32_t view, const tvis_tensor *plain, const tvis_tensor *other)
{
    sight *s = user;
    const tvis_tensor *t[2] = { plain, other };
    s->count = (size_t)tvis_elements(plain->dims);
    assert_true(s->count <= TVIS_COUNT(s->value[0][0]));
    for (int k = 0; k < 2; k++)
        memcpy(s->value[i * TVIS_FLOW_VIEWS + view][k], t[k]->data, s->count * sizeof(float));
    return TVIS_OK;
}

/* What a network gives at the node before `end` when it begins at its input. */
static void run_from_start(const tvis_flow *f, const tvis_graph *g, uint32_t end, const float *x, size_t count,
                           float *y)
{
    const tvis_place start = { .tensor = g->input[0], .dims = { 1, SIDE, SIDE, 3 } };
    tvis_tap tap;
    tvt_ok(tvis_tap_open(&tap, g, &start, end, &g->node[end - 1].out[0], 1, f->cpu, f->diag), f->diag);
    tvt_ok(tvis_tap_run(&tap, x, f->diag), f->diag);
    memcpy(y, tvis_tap_view(&tap, 0, x).data, count * sizeof *y);
    tvis_tap_free(&tap);
}

static void check_place(tvis_flow *f, uint32_t end)
{
    static sight s;
    static float y[2][TVIS_COUNT(s.value[0][0])];
    pictures_read = 0;
    tvt_ok(tvis_flow_run(f, end, &f->g[0]->node[end - 1].out[0], 1, look, &s), f->diag);
    assert_int_equal(pictures_read > 0, end == 1);
    for (uint32_t i = 0; i < PICTURES; i++) {
        float x[SIDE * SIDE * 3];
        const tvis_tensor in = { x, { 1, SIDE, SIDE, 3 }, TVIS_F32, TVIS_NHWC };
        tvt_ok(picture(NULL, i, &in, f->diag), f->diag);
        for (int k = 0; k < 2; k++) {
            run_from_start(f, f->g[k], end, x, s.count, y[k]);
            for (size_t e = 0; e < s.count; e++)
                assert_true(fabsf(y[k][e] - s.value[i * TVIS_FLOW_VIEWS][k][e]) < 1e-5f);
        }
        assert_int_equal(memcmp(y[0], y[1], s.count * sizeof(float)) != 0, end >= 2);
    }
}

/* Wherever two networks are looked at, they give what they would from their inputs; pictures are read once. */
static void what_is_kept_goes_on(void **state)
{
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    tvis_graph g[2];
    (void)state;
    make_model(&blob, &m);
    for (int k = 0; k < 2; k++) {
        tvis_graph_init(&g[k], &d);
        tvis_graph_read(&g[k], &m);
    }
    tvis_gtensor *w = &g[1].tensor[g[1].node[1].in[1]];
    void *const was = w->data;
    float changed[6 * 9] = { 0.5f };
    assert_int_equal(w->bytes, sizeof changed);
    w->data = changed;
    tvis_flow f = {
        .g = { &g[0], &g[1] }, .step = 1, .images = PICTURES, .views = TVIS_FLOW_VIEWS, .input = picture, .diag = &d
    };
    tvt_ok(tvis_flow_begin(&f), &d);
    for (uint32_t end = 1; end <= g[0].node_count; end++)
        check_place(&f, end);
    tvis_flow_free(&f);
    w->data = was;
    tvis_graph_free(&g[0]);
    tvis_graph_free(&g[1]);
    tvis_blob_free(&blob);
}

/* ---- choosing in a layer ---- */

enum { N = 5, K = 8, ROWS = 400 };

/* Inputs of which the last is the sum of the first two; targets are those of w. */
static void fill(tvis_lsq *f, const float *w)
{
    static float x[TVIS_LSQ_ROWS * K], y[TVIS_LSQ_ROWS * N];
    assert_true(tvis_lsq_begin(f, 1, N, K, 0));
    tvt_srand(7);
    for (int at = 0; at < ROWS; at += 100) {
        for (int r = 0; r < 100; r++) {
            for (int c = 0; c < K; c++)
                x[r * K + c] = c < K - 1 ? tvt_float(-1, 1) : x[r * K] + x[r * K + 1];
            for (int o = 0; o < N; o++) {
                y[r * N + o] = 3.0f;
                for (int c = 0; c < K; c++)
                    y[r * N + o] += w[o * K + c] * x[r * K + c];
            }
        }
        tvis_lsq_add(f, (uint32_t)at / 100 % 2, x, y, 100);
    }
}

static void draw_weights(float *w)
{
    tvt_srand(8);
    for (int i = 0; i < N * K; i++) {
        const float v = tvt_float(0.5f, 1.5f);
        w[i] = i % K == 3 ? 0.3f * v : i % 2 ? v : -v;
    }
}

/* The input that the others can replace goes first, though its weights are not the smallest. */
static void what_others_make_up_for_goes_first(void **state)
{
    float w[N * K];
    int32_t place[K], sum = 0;
    tvis_lsq f;
    (void)state;
    draw_weights(w);
    fill(&f, w);
    assert_true(tvis_prune_order(&f, w, place));
    assert_true(place[0] == 0 || place[1] == 0 || place[K - 1] == 0);
    assert_int_equal(place[3], 1);
    for (int c = 0; c < K; c++)
        sum += 1 << place[c];
    assert_int_equal(sum, (1 << K) - 1);
    tvis_lsq_free(&f);
}

static double distance(const float *w, const float *b, const float *now)
{
    double sum = 0.0;
    tvt_srand(9);
    for (int r = 0; r < 200; r++) {
        float x[K];
        for (int c = 0; c < K; c++)
            x[c] = c < K - 1 ? tvt_float(-1, 1) : x[0] + x[1];
        for (int o = 0; o < N; o++) {
            double d = 3.0 - (double)b[o];
            for (int c = 0; c < K; c++)
                d += ((double)w[o * K + c] - (double)now[o * K + c]) * (double)x[c];
            sum += d * d;
        }
    }
    return sum;
}

/* Exactly so many go, ties too, and in passes the others make up for more. */
static void weights_go_in_passes(void **state)
{
    float w[N * K], b[N];
    double off[2];
    (void)state;
    draw_weights(w);
    for (size_t count = 0; count <= N * K / 2; count += 5)
        for (int way = 0; way < 2; way++) {
            float now[N * K];
            tvis_lsq f;
            fill(&f, w);
            memcpy(now, w, sizeof w);
            assert_true(tvis_lsq_drop(&f, now, count, way ? 4 : 1));
            size_t zeros = 0;
            for (int i = 0; i < N * K; i++)
                zeros += fabsf(now[i]) <= 0.0f;
            assert_int_equal(zeros, count);
            assert_true(tvis_lsq_try(&f, w, now, b));
            off[way] = distance(w, b, now);
            tvis_lsq_free(&f);
            if (count == 0)
                assert_true(off[way] < 1e-6);
            if (way && count >= 10)
                assert_true(off[1] < off[0] * 1.01);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_goes_on),
        cmocka_unit_test(what_others_make_up_for_goes_first),
        cmocka_unit_test(weights_go_in_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
