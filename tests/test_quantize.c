/* SPDX-License-Identifier: MIT */
/* Halves, blobs that become graphs again, and models with halves for weights. */
#include <float.h>
#include <math.h>

#include "core/half.h"
#include "tests/net.h"
#include "tests/network.h"

#include <tinyvis/quantize.h>

static double half_value(uint32_t h)
{
    const int exponent = (int)(h >> 10 & 31u);
    const double mantissa = (double)(h & 0x3ffu) / 1024.0;
    const double v = exponent ? ldexp(1.0 + mantissa, exponent - 15) : ldexp(mantissa, -14);
    return h & 0x8000u ? -v : v;
}

static void every_half_survives(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        const uint16_t bits = (uint16_t)h;
        float x;
        if ((h & 0x7c00u) == 0x7c00u)
            continue;
        tvis_half_expand(&bits, 1, &x);
        assert_true((double)x == half_value(h));
        assert_int_equal(tvis_half_from(x), h);
    }
}

/* Between two halves the nearer one is taken, in the middle the even one. */
static void halves_are_rounded(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x7bff; h++) {
        const float low = (float)half_value(h), high = (float)half_value(h + 1), middle = (low + high) / 2.0f;
        assert_int_equal(tvis_half_from(middle), h + (h & 1u));
        assert_int_equal(tvis_half_from(nextafterf(middle, 0.0f)), h);
        assert_int_equal(tvis_half_from(nextafterf(middle, FLT_MAX)), h + 1);
        assert_int_equal(tvis_half_from(-middle), 0x8000u | (h + (h & 1u)));
    }
}

static void blobs_become_graphs_again(void **state)
{
    tvt_net n;
    tvis_blob first, second;
    tvis_model m;
    tvis_graph g;
    tvis_diag d;
    (void)state;
    tvt_ok(tvt_net_sample(&n, &first), &n.diag);
    tvt_ok(tvis_model_open(&m, first.data, first.size, &d), &d);
    tvis_graph_init(&g, &d);
    tvis_graph_read(&g, &m);
    tvt_ok(g.status ? g.status : tvis_blob_write(&g, &second, &d), &d);
    tvis_graph_free(&g);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    tvis_blob_free(&first);
    tvis_blob_free(&second);
}

static void quantize(const tvis_model *m, tvis_blob *blob, tvis_model *half, tvis_quantize_report *r)
{
    const tvis_quantize_config c = { .struct_size = sizeof c, .mode = TVIS_QUANTIZE_FP16 };
    tvis_diag d;
    tvt_ok(tvis_quantize(m, &c, blob, r, &d), &d);
    tvt_ok(tvis_model_open(half, blob->data, blob->size, &d), &d);
    tvt_ok(tvis_blob_verify(half, &d), &d);
}

/* Rounds the weights of `m` in its blob to those of `half`. */
static void round_weights(tvis_model *m, const tvis_model *half)
{
    tvis_weight_info from, to;
    tvis_model_info info;
    tvis_model_get_info(half, &info);
    for (uint32_t i = 0; i < info.tensors; i++)
        for (uint32_t k = 0; tvis_model_weight(half, i, &from) && from.dtype == TVIS_F16 && k < info.tensors; k++)
            if (tvis_model_weight(m, k, &to) && strcmp(from.name, to.name) == 0)
                tvis_half_expand(from.data, from.bytes / sizeof(uint16_t), (float *)(uintptr_t)to.data);
}

/* A model with halves gives the bits of the model with the same weights as floats. */
static void halves_run(void **state)
{
    enum { CLASSES = 20 };
    const uint16_t side = tvt_quick() ? 32 : 96;
    const tvis_convert_config c = {
        .struct_size = sizeof c, .arch = "mobilenet_v2", .seed = 3, .classes = CLASSES, .width = 0.35f
    };
    tvis_blob blob, small;
    tvis_model m, half;
    tvis_quantize_report r;
    float *x = malloc((size_t)side * side * 3 * sizeof *x), exact[CLASSES], want[CLASSES], got[CLASSES];
    (void)state;
    assert_non_null(x);
    tvt_fill_f32(x, (size_t)side * side * 3);
    tvt_convert(&c, &blob, &m);
    quantize(&m, &small, &half, &r);
    assert_true(small.size < blob.size * 54 / 100);
    assert_int_equal(r.tensors, 53);
    assert_true(r.snr_db > 70.0 && r.worst_db > 65.0 && r.worst_db <= r.snr_db);
    tvt_run run = tvt_default_run(1, side, side);
    tvt_infer(&m, &run, x, exact);
    round_weights(&m, &half);
    for (uint32_t way = 0; way < 16; way++) {
        run.packed = way & 1u;
        run.threads = way & 2u ? 3 : 1;
        run.plan = way & 4u ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST;
        run.cpu = way & 8u ? 0 : tvt_cpu();
        tvt_infer(&m, &run, x, want);
        tvt_infer(&half, &run, x, got);
        assert_memory_equal(want, got, sizeof got);
        assert_memory_not_equal(exact, got, sizeof got);
    }
    tvis_blob_free(&blob);
    tvis_blob_free(&small);
    free(x);
}

static void expect_refusal(const tvis_model *m, tvis_status status, tvis_diag_code code, const char *subject)
{
    const tvis_quantize_config c = { .struct_size = sizeof c, .mode = TVIS_QUANTIZE_FP16 };
    tvis_blob blob = { NULL, 0 };
    tvis_diag d;
    assert_int_equal(tvis_quantize(m, &c, &blob, NULL, &d), status);
    assert_int_equal(d.code, code);
    assert_string_equal(d.subject, subject);
    assert_null(blob.data);
}

/* A linear layer whose third weight is `value`. */
static void make_linear(float value, tvis_blob *blob, tvis_model *m)
{
    tvt_net n;
    tvis_diag d;
    tvt_net_begin(&n, 1, 1);
    tvis_graph_output(&n.g, tvt_net_linear(&n, tvt_net_input(&n, 4), 2, true));
    for (uint32_t i = 0; i < n.g.tensor_count; i++)
        if (n.g.tensor[i].constant && n.g.tensor[i].dims[0] == 2)
            ((float *)n.g.tensor[i].data)[2] = value;
    tvt_ok(tvt_net_write(&n, blob), &n.diag);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &d), &d);
}

static void what_cannot_be_halved_is_refused(void **state)
{
    static const float bad[] = { 65520.0f, -1e30f, INFINITY, NAN };
    tvis_blob blob, small;
    tvis_model m, half;
    tvis_quantize_report r;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        make_linear(bad[i], &blob, &m);
        expect_refusal(&m, TVIS_EMODEL, TVIS_DIAG_VALUE, "w1");
        tvis_blob_free(&blob);
    }
    make_linear(65504.0f, &blob, &m);
    quantize(&m, &small, &half, &r);
    expect_refusal(&half, TVIS_EINVAL, TVIS_DIAG_REFUSED, "w1"); /* halves already */
    tvis_blob_free(&blob);
    tvis_blob_free(&small);
}

static void every_allocation_may_fail(void **state)
{
    const tvis_quantize_config c = { .struct_size = sizeof c, .mode = TVIS_QUANTIZE_FP16 };
    tvt_net n;
    tvis_blob blob, small;
    tvis_model m;
    tvis_diag d;
    (void)state;
    tvt_ok(tvt_net_sample(&n, &blob), &n.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
    for (uint32_t i = 0;; i++) {
        tvt_fault(TVT_ALLOC, i, 12);
        tvis_status s = tvis_quantize(&m, &c, &small, NULL, &d);
        const bool fired = tvt_fault_fired();
        assert_int_equal(s, fired ? TVIS_ENOMEM : TVIS_OK);
        if (!fired)
            break;
    }
    tvis_blob_free(&small);
    tvis_blob_free(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_survives),
        cmocka_unit_test(halves_are_rounded),
        cmocka_unit_test(blobs_become_graphs_again),
        cmocka_unit_test(halves_run),
        cmocka_unit_test(what_cannot_be_halved_is_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("quantize", tests, NULL, NULL);
}
