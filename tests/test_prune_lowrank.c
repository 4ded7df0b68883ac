/* SPDX-License-Identifier: MIT */
/* Eigenvectors; layers of low rank are found and become two that compute the same; budgets are kept; pictures help. */
#include "quant/eigen_hosted.h"

#include <math.h>

#include "core/port.h"
#include "tests/net.h"
#include "tests/network.h"

#include <tinyvis/prune.h>

enum { SIDE = 12, PICTURES = 16, OUT = 8 };

/* s = sum of value[i] * v v^T over random v; answers its trace. */
static double fill_symmetric(float *s, int32_t n, int32_t terms)
{
    float v[64];
    double trace = 0.0;
    memset(s, 0, (size_t)n * (size_t)n * sizeof *s);
    for (int32_t t = 0; t < terms; t++) {
        tvt_fill_f32(v, (size_t)n);
        for (int32_t i = 0; i < n; i++)
            for (int32_t j = 0; j < n; j++)
                s[i * n + j] += v[i] * v[j] / (float)(1 + t * t);
    }
    for (int32_t i = 0; i < n; i++)
        trace += (double)s[i * n + i];
    return trace;
}

/* s * v = value * v, at right angles, of length 1; all of them have the trace. */
static void eigenvectors_are_such(void **state)
{
    static const int32_t sizes[][2] = { { 1, 1 }, { 2, 1 }, { 7, 7 }, { 20, 6 }, { 40, 13 }, { 60, 60 } };
    static float s[64 * 64], v[64 * 64];
    double value[64];
    (void)state;
    for (size_t k = 0; k < TVIS_COUNT(sizes); k++) {
        const int32_t n = sizes[k][0], count = sizes[k][1];
        const double trace = fill_symmetric(s, n, n);
        double sum = 0.0;
        assert_true(tvis_eigen_largest(s, n, count, v, value, 0));
        for (int32_t a = 0; a < count; a++) {
            sum += value[a];
            assert_true(a == 0 || value[a] <= value[a - 1]);
            for (int32_t b = 0; b <= a; b++) {
                double product = 0.0;
                for (int32_t i = 0; i < n; i++)
                    product += (double)v[a * n + i] * (double)v[b * n + i];
                assert_true(fabs(product - (a == b)) < 1e-4);
            }
            for (int32_t i = 0; a < (count + 1) / 2 && i < n; i++) { /* the last ones have not settled */
                double y = 0.0;
                for (int32_t j = 0; j < n; j++)
                    y += (double)s[i * n + j] * (double)v[a * n + j];
                assert_true(fabs(y - value[a] * (double)v[a * n + i]) < 0.01 * trace);
            }
        }
        assert_true(sum <= trace * 1.0001);
        assert_true(count < n || sum >= trace * 0.9999);
    }
}

/* Weights of a node become a sum of `rank` products of a column and a row. */
static void lower_rank(tvis_graph *g, uint32_t node, int32_t rank)
{
    tvis_gtensor *t = &g->tensor[g->node[node].in[1]];
    const size_t n = (size_t)t->dims[0], k = t->bytes / sizeof(float) / n;
    float *w = t->data, column[64], row[512];
    memset(w, 0, t->bytes);
    for (int32_t r = 0; r < rank; r++) {
        tvt_fill_f32(column, n);
        tvt_fill_f32(row, k);
        for (size_t i = 0; i < n * k; i++)
            w[i] += 0.2f * column[i / k] * row[i % k];
    }
}

/* 3 x 3 with stride 2, 1 x 1 with a sum, depthwise, linear. */
static void make_model(tvis_blob *blob, tvis_model *m)
{
    tvt_net n;
    tvt_conv stem = tvt_conv_of(24, 3, 2), depthwise = tvt_conv_of(0, 3, 1);
    depthwise.groups = 0;
    stem.bias = true;
    tvt_net_begin(&n, SIDE, SIDE);
    uint32_t x = tvt_net_activation(&n, tvt_net_conv(&n, tvt_net_input(&n, 3), stem), TVIS_ACT_RELU);
    uint32_t y = tvt_net_conv(&n, x, tvt_conv_of(40, 3, 1));
    y = tvt_net_conv(&n, tvt_net_conv(&n, y, depthwise), tvt_conv_of(24, 1, 1));
    y = tvt_net_unary(&n, TVIS_OP_GLOBAL_AVG_POOL, tvt_net_add(&n, y, x));
    tvis_graph_output(&n.g, tvt_net_linear(&n, y, OUT, true));
    tvt_srand(3);
    lower_rank(&n.g, 0, 2);
    tvis_pass_fuse_activation(&n.g);
    tvis_pass_fuse_add(&n.g);
    for (uint32_t i = 1; i < n.g.node_count; i++)
        if (n.g.node[i].op == TVIS_OP_CONV2D && !n.g.node[i].dead)
            lower_rank(&n.g, i, 3);
    tvis_pass_remove_dead(&n.g);
    tvt_ok(tvt_net_write(&n, blob), &n.diag);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &n.diag), &n.diag);
}

static tvis_status picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    float *x = in->data;
    (void)user;
    (void)d;
    tvt_srand(1000 + i);
    for (int c = 0; c < 3; c++) {
        const float a = tvt_float(-1, 1), b = tvt_float(-1, 1);
        for (int at = 0; at < SIDE * SIDE; at++)
            x[at * 3 + c] = a + b * (float)(at % SIDE) / SIDE + tvt_float(-0.2f, 0.2f);
    }
    return TVIS_OK;
}

static tvis_prune_config config(double amount, double energy)
{
    return (tvis_prune_config){
        .struct_size = sizeof(tvis_prune_config), .method = TVIS_PRUNE_LOWRANK, .amount = amount, .energy = energy
    };
}

/* Energy of what outputs differ by, over that of the outputs, on pictures of their own. */
static double distance(const tvis_model *a, const tvis_model *b)
{
    double sum = 0.0, all = 0.0;
    for (uint32_t i = 0; i < 8; i++) {
        const tvt_run r = tvt_default_run(1, SIDE, SIDE);
        float x[SIDE * SIDE * 3], planes[SIDE * SIDE * 3], y[2][OUT];
        const tvis_tensor in = { .data = x };
        (void)picture(NULL, 500 + i, &in, NULL);
        for (int k = 0; k < SIDE * SIDE * 3; k++)
            planes[k % 3 * SIDE * SIDE + k / 3] = x[k];
        tvt_infer(a, &r, planes, y[0]);
        tvt_infer(b, &r, planes, y[1]);
        for (int k = 0; k < OUT; k++) {
            sum += (double)(y[0][k] - y[1][k]) * (double)(y[0][k] - y[1][k]);
            all += (double)y[0][k] * (double)y[0][k];
        }
    }
    return sum / all;
}

static void low_ranks_are_found(void **state)
{
    tvis_blob blob, out;
    tvis_model m, small;
    tvis_diag d;
    tvis_prune_report report;
    (void)state;
    make_model(&blob, &m);
    for (int pictures = 0; pictures < 2; pictures++) {
        tvis_prune_config c = config(0.0, 0.99999);
        c.images = pictures ? PICTURES : 0;
        c.input = picture;
        tvt_ok(tvis_prune(&m, &c, &out, &report, &d), &d);
        tvt_ok(tvis_model_open(&small, out.data, out.size, &d), &d);
        assert_true(tvis_header(&small)->node_count >= tvis_header(&m)->node_count + 2);
        assert_true(report.zeros > report.weights / 2);
        assert_true(tvt_macs_of(&small) < tvt_macs_of(&m) / 2);
        assert_true(distance(&m, &small) < 1e-3);
        tvis_blob_free(&out);
    }
    tvis_blob_free(&blob);
}

static void budgets_are_kept(void **state)
{
    tvis_blob blob, out;
    tvis_model m, small;
    tvis_diag d;
    double last = 0.0;
    (void)state;
    make_model(&blob, &m);
    for (int i = 1; i <= 4; i++) {
        tvis_prune_config c = config(0.2 * i, 0.0);
        c.images = PICTURES;
        c.input = picture;
        tvt_ok(tvis_prune(&m, &c, &out, NULL, &d), &d);
        tvt_ok(tvis_model_open(&small, out.data, out.size, &d), &d);
        assert_true((double)tvt_macs_of(&small) <= (1.0 - c.amount) * (double)tvt_macs_of(&m) + 1.0);
        const double now = distance(&m, &small);
        assert_true(now >= 0.5 * last);
        last = now;
        tvis_blob_free(&out);
    }
    tvis_blob_free(&blob);
}

static void expect(const tvis_model *m, const tvis_prune_config *c, tvis_diag_code code)
{
    tvis_blob out = { NULL, 0 };
    tvis_diag d;
    assert_int_equal(tvis_prune(m, c, &out, NULL, &d), TVIS_EINVAL);
    assert_int_equal(d.code, code);
    assert_null(out.data);
}

static void bad_requests_are_refused(void **state)
{
    static const double bad[] = { -0.1, 1.5, NAN };
    tvis_blob blob;
    tvis_model m;
    (void)state;
    make_model(&blob, &m);
    for (size_t i = 0; i < TVIS_COUNT(bad); i++) {
        const tvis_prune_config c = config(0.0, bad[i]);
        expect(&m, &c, TVIS_DIAG_ARGUMENT);
    }
    tvis_prune_config c = config(0.3, 0.9);
    expect(&m, &c, TVIS_DIAG_ARGUMENT);
    c = config(0.0, 0.9);
    c.method = TVIS_PRUNE_MAGNITUDE;
    expect(&m, &c, TVIS_DIAG_ARGUMENT);
    c = config(0.999, 0.0);
    expect(&m, &c, TVIS_DIAG_LIMIT);
    c = config(0.3, 0.0);
    c.modules = "nobody*";
    expect(&m, &c, TVIS_DIAG_NAME);
    tvis_blob_free(&blob);
}

/* With pictures, also where channels are left out that others make up for. */
static void every_allocation_may_fail(void **state)
{
    tvis_blob blob, out = { NULL, 0 };
    tvis_model m;
    tvis_diag d;
    (void)state;
    make_model(&blob, &m);
    for (uint32_t method = TVIS_PRUNE_CHANNEL; method <= TVIS_PRUNE_LOWRANK; method++)
        for (uint32_t i = 0;; i += 1 + i / 8) {
            tvis_prune_config c = config(0.3, 0.0);
            c.method = (uint8_t)method;
            c.images = 2;
            c.input = picture;
            tvt_fault(TVT_ALLOC, i, 12);
            const tvis_status s = tvis_prune(&m, &c, &out, NULL, &d);
            const bool fired = tvt_fault_fired();
            assert_int_equal(s, fired ? TVIS_ENOMEM : TVIS_OK);
            tvis_blob_free(&out);
            if (!fired)
                break;
        }
    tvis_blob_free(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eigenvectors_are_such),     cmocka_unit_test(low_ranks_are_found),
        cmocka_unit_test(budgets_are_kept),          cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("prune_lowrank", tests, NULL, NULL);
}
