/* SPDX-License-Identifier: MIT */
/* Quantizing whole networks to fp16, dynamic int8 and int4. */
#include <math.h>

#include "core/half.h"
#include "core/port.h"
#include "core/s4.h"
#include "tests/net_tokens.h"
#include "tests/network.h"

#include <tinyvis/quantize.h>

enum { SIDE = 16, OUT = 30, BATCH = 2 };

static tvis_status picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    (void)user;
    (void)d;
    tvt_srand(70 + i);
    tvt_fill_f32(in->data, (size_t)in->dims[1] * (size_t)in->dims[2] * (size_t)in->dims[3]);
    return TVIS_OK;
}

typedef struct kept {
    uint32_t count;
    char names[200];
} kept;

static void keep(void *user, const char *layer, const char *why)
{
    kept *k = user;
    k->count++;
    assert_true(strlen(why) > 10);
    (void)snprintf(k->names + strlen(k->names), sizeof k->names - strlen(k->names), "%s ", layer);
}

static tvis_quantize_config config(uint8_t mode, kept *k)
{
    return (tvis_quantize_config){
        .struct_size = sizeof(tvis_quantize_config), .mode = mode, .kept = keep, .input_user = k
    };
}

static void open_blob(const tvis_blob *blob, tvis_model *m)
{
    tvis_diag d;
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &d), &d);
    tvt_ok(tvis_blob_verify(m, &d), &d);
}

static uint32_t with_sum(tvt_net *n, uint32_t y, uint32_t add)
{
    tvis_gnode *node = tvis_graph_producer(&n->g, y);
    node->in[3] = add;
    node->in_count = 4;
    return y;
}

/* n3: 3 x 3; n6: depthwise; then a 1 x 1 with a sum in place, a grouped one and a linear layer. */
static void make_net(tvis_blob *blob, tvis_model *m, float spoiled)
{
    tvt_net n;
    tvt_conv depthwise = tvt_conv_of(0, 3, 1), grouped = tvt_conv_of(36, 1, 1);
    depthwise.groups = 0;
    grouped.groups = 2;
    tvt_net_begin(&n, SIDE, SIDE);
    const uint32_t x = tvt_net_conv(&n, tvt_net_input(&n, 3), tvt_conv_of(40, 5, 2)); /* 75 weights an output */
    tvt_net_set_act(&n, x, TVIS_ACT_RELU6);
    const uint32_t deep = tvt_net_conv(&n, x, depthwise);
    tvt_net_set_act(&n, deep, TVIS_ACT_SILU);
    uint32_t y = with_sum(&n, tvt_net_conv(&n, deep, tvt_conv_of(40, 1, 1)), x);
    tvt_net_set_act(&n, y, TVIS_ACT_RELU);
    y = tvt_net_conv(&n, y, grouped);
    tvt_net_set_act(&n, y, TVIS_ACT_GELU);
    y = tvt_net_linear(&n, tvt_net_unary(&n, TVIS_OP_GLOBAL_AVG_POOL, y), OUT, true);
    ((float *)n.g.tensor[tvis_graph_producer(&n.g, y)->in[1]].data)[5] += spoiled;
    tvis_graph_output(&n.g, y);
    n.g.max_side = 64;
    tvt_ok(tvt_net_write(&n, blob), &n.diag);
    open_blob(blob, m);
}

static double snr_db(const float *want, const float *got, size_t n)
{
    double signal = 0.0, noise = 0.0;
    for (size_t i = 0; i < n; i++) {
        signal += (double)want[i] * (double)want[i];
        noise += ((double)want[i] - (double)got[i]) * ((double)want[i] - (double)got[i]);
    }
    return 10 * log10(signal / noise);
}

/* Any kernels, threads and plans: the same, but for activation functions. */
static void dynamic_networks_run(void **state)
{
    static const uint32_t masks[] = { 0, TVIS_CPU_AVX2, TVIS_CPU_NEON | TVIS_CPU_ARMV6, ~0u };
    tvis_blob blob, small;
    tvis_model m, q;
    tvis_diag d;
    kept k = { 0 };
    tvis_quantize_report r;
    float x[BATCH * 3 * SIDE * SIDE], exact[BATCH * OUT], want[BATCH * OUT], got[BATCH * OUT];
    const tvis_quantize_config c = config(TVIS_QUANTIZE_DYNAMIC, &k);
    (void)state;
    make_net(&blob, &m, 0.0f);
    tvt_ok(tvis_quantize(&m, &c, &small, &r, &d), &d);
    open_blob(&small, &q);
    assert_int_equal(r.tensors, 5);
    assert_int_equal(k.count, 1);
    assert_true(r.snr_db > 40.0 && r.worst_db > 35.0);
    tvt_fill_f32(x, TVIS_COUNT(x));
    tvt_run run = tvt_default_run(BATCH, SIDE, SIDE);
    tvt_infer(&m, &run, x, exact);
    run.cpu = 0;
    tvt_infer(&q, &run, x, want);
    if (!(snr_db(exact, want, TVIS_COUNT(want)) > 30.0))
        fail_msg("%.1f dB", snr_db(exact, want, TVIS_COUNT(want)));
    for (uint32_t way = 0; way < 32; way++) {
        run.threads = way & 1u ? 3 : 1;
        run.plan = way & 2u ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST;
        run.packed = way & 4u;
        run.cpu = tvt_cpu() & masks[way / 8];
        tvt_infer(&q, &run, x, got);
        if (tvt_differs_f32(want, got, TVIS_COUNT(got), 1e-5 * tvt_range_f32(want, TVIS_COUNT(want))) >= 0)
            fail_msg("way %u, cpu %x: %g", way, run.cpu, tvt_max_diff_f32(want, got, TVIS_COUNT(got)));
    }
    tvis_blob_free(&blob);
    tvis_blob_free(&small);
}

/* One 1 x 1 convolution by the formula of docs/quantization.md. */
static void dynamic_layers_are_what_is_written(void **state)
{
    enum { N = 21, PIXELS = SIDE * SIDE };
    tvt_net n;
    tvis_blob blob, small;
    tvis_model m, q;
    tvis_diag d;
    kept k = { 0 };
    static float x[3 * PIXELS], y[N * PIXELS];
    const tvis_quantize_config c = config(TVIS_QUANTIZE_DYNAMIC, &k);
    (void)state;
    tvt_net_begin(&n, SIDE, SIDE);
    tvis_graph_output(&n.g, tvt_net_conv(&n, tvt_net_input(&n, 3), tvt_conv_of(N, 1, 1)));
    tvt_ok(tvt_net_write(&n, &blob), &n.diag);
    open_blob(&blob, &m);
    tvt_ok(tvis_quantize(&m, &c, &small, NULL, &d), &d);
    open_blob(&small, &q);
    const uint16_t *id = tvis_ids(&q) + tvis_nodes(&q)[0].ids;
    const tvis_blob_tensor *t = tvis_tensors(&q);
    const int8_t *w = (const int8_t *)(q.blob + t[id[1]].offset);
    const float *bias = (const float *)(const void *)(q.blob + t[id[2]].offset);
    const float *scale = (const float *)(const void *)(q.blob + t[id[4]].offset);
    const int32_t *sum = (const int32_t *)(const void *)(q.blob + t[id[5]].offset);
    tvt_fill_f32(x, TVIS_COUNT(x));
    tvt_run run = tvt_default_run(1, SIDE, SIDE);
    tvt_infer(&q, &run, x, y);
    for (int p = 0; p < PIXELS; p++) {
        const double v[3] = { (double)x[p], (double)x[PIXELS + p], (double)x[2 * PIXELS + p] };
        const double lo = fmin(fmin(fmin(v[0], v[1]), v[2]), 0), hi = fmax(fmax(fmax(v[0], v[1]), v[2]), 0);
        const double step = (hi - lo) / 255, zero = floor(-128 - lo / step + 0.5);
        for (int j = 0; j < N; j++) {
            double acc = 0.0;
            for (int i = 0; i < 3; i++)
                acc += fmin(fmax(floor(v[i] / step + zero + 0.5), -128), 127) * w[j * 3 + i];
            const double want = step * (double)scale[j] * (acc - zero * sum[j]) + (double)bias[j];
            assert_true(fabs(want - (double)y[p * N + j]) <= 1e-5);
        }
    }
    tvis_blob_free(&blob);
    tvis_blob_free(&small);
}

/* Weights, scales and sums of any bytes: no harm. */
static void any_bytes_will_do(void **state)
{
    tvis_blob blob, small;
    tvis_model m, q;
    tvis_diag d;
    kept k = { 0 };
    float x[3 * SIDE * SIDE], y[OUT];
    const tvis_quantize_config c = config(TVIS_QUANTIZE_DYNAMIC, &k);
    (void)state;
    make_net(&blob, &m, 0.0f);
    tvt_ok(tvis_quantize(&m, &c, &small, NULL, &d), &d);
    open_blob(&small, &q);
    for (uint32_t i = 0; i < 16; i++) {
        const tvis_blob_header *h = tvis_header(&q);
        for (uint32_t t = h->activation_count; t < h->tensor_count; t++)
            tvt_fill((uint8_t *)small.data + tvis_tensors(&q)[t].offset, tvis_tensors(&q)[t].bytes);
        for (size_t p = 0; p < TVIS_COUNT(x); p++)
            x[p] = i & 4u ? tvt_float(-3e38f, 3e38f) : tvt_float(-1.0f, 1.0f);
        x[tvt_below(100)] = i & 8u ? NAN : INFINITY;
        tvt_run run = tvt_default_run(1, SIDE, SIDE);
        run.packed = i & 1u;
        run.cpu = i & 2u ? 0 : tvt_cpu();
        tvt_infer(&q, &run, x, y);
    }
    tvis_blob_free(&blob);
    tvis_blob_free(&small);
}

/* Inputs of a layer that do not fit: refused when a session is planned. */
static void damaged_layers_are_refused(void **state)
{
    enum { NO_SCALES, NO_SUMS, SCALES, SUMS, WEIGHTS, CASES };
    tvis_blob blob, small;
    tvis_model m, q;
    tvis_diag d;
    kept k = { 0 };
    tvis_session_config session;
    size_t bytes;
    const tvis_quantize_config c = config(TVIS_QUANTIZE_DYNAMIC, &k);
    (void)state;
    make_net(&blob, &m, 0.0f);
    tvt_ok(tvis_quantize(&m, &c, &small, NULL, &d), &d);
    open_blob(&small, &q);
    tvis_session_defaults(&session);
    tvis_blob_header *h = (void *)small.data;
    tvis_blob_node *node = (tvis_blob_node *)(void *)((uint8_t *)small.data + h->node_offset) + h->node_count - 1;
    uint16_t *id = (uint16_t *)(void *)((uint8_t *)small.data + h->id_offset) + node->ids;
    assert_int_equal(node->in_count, 6);
    for (int i = 0; i < CASES; i++) {
        uint16_t good[6];
        memcpy(good, id, sizeof good);
        id[4] = i == NO_SCALES ? TVIS_NONE : i == SCALES ? id[5] : id[4];
        id[5] = i == NO_SUMS ? TVIS_NONE : i == SUMS ? good[2] : id[5];
        id[1] = i == WEIGHTS ? tvis_ids(&q)[tvis_nodes(&q)[0].ids + 1] : id[1];
        h->crc = tvis_blob_crc((const uint8_t *)small.data);
        open_blob(&small, &q);
        assert_int_equal(tvis_session_size(&q, &session, &bytes, &d), TVIS_EFORMAT);
        memcpy(id, good, sizeof good);
    }
    h->crc = tvis_blob_crc((const uint8_t *)small.data);
    open_blob(&small, &q);
    tvt_ok(tvis_session_size(&q, &session, &bytes, &d), &d);
    tvis_blob_free(&blob);
    tvis_blob_free(&small);
}

static void int4_networks_run(void **state)
{
    tvis_blob blob, small;
    tvis_model m, q;
    tvis_diag d;
    float x[BATCH * 3 * SIDE * SIDE], exact[BATCH * OUT], got[BATCH * OUT];
    double db[2];
    (void)state;
    make_net(&blob, &m, 0.0f);
    tvt_fill_f32(x, TVIS_COUNT(x));
    tvt_run run = tvt_default_run(BATCH, SIDE, SIDE);
    tvt_infer(&m, &run, x, exact);
    for (uint32_t images = 0; images < 9; images += 8) {
        kept k = { 0 };
        tvis_quantize_report r;
        tvis_quantize_config c = config(TVIS_QUANTIZE_INT4, &k);
        c.images = images;
        c.input = picture;
        tvt_ok(tvis_quantize(&m, &c, &small, &r, &d), &d);
        open_blob(&small, &q);
        assert_int_equal(r.tensors, 5);
        assert_int_equal(k.count, 2);
        assert_string_equal(k.names, "n3 n6 ");
        run.packed = images != 0;
        tvt_infer(&q, &run, x, got);
        db[images != 0] = snr_db(exact, got, TVIS_COUNT(got));
        tvis_blob_free(&small);
    }
    if (!(db[0] > 12.0 && db[1] > db[0]))
        fail_msg("%.1f dB by rounding, %.1f dB with pictures", db[0], db[1]);
    tvis_blob_free(&blob);
}

/* Position embedding, class token and registers as halves: the bits of the rounded floats, at the stored size and
 * stretched. */
static void embeddings_may_be_halves(void **state)
{
    enum { FLOATS = 40 * 12 };
    tvt_net n;
    tvis_blob blob, small;
    tvis_model m, q;
    tvis_diag d;
    kept k = { 0 };
    static float x[3 * 24 * 24], want[FLOATS], got[FLOATS];
    const tvis_quantize_config c = config(TVIS_QUANTIZE_FP16, &k);
    (void)state;
    tvt_net_begin(&n, 8, 8);
    tvt_conv patch = tvt_conv_of(12, 4, 4);
    memset(patch.p.pad, 0, sizeof patch.p.pad);
    uint32_t y = tvt_net_conv(&n, tvt_net_input(&n, 3), patch);
    y = tvt_net_tokens(&n, y, (tvis_tokens_params){ { 2, 2 }, TVIS_STRETCH_OFFSET, 3 });
    tvis_graph_output(&n.g, y);
    n.g.min_side = n.g.multiple = 4;
    n.g.max_side = 64;
    tvt_ok(tvt_net_write(&n, &blob), &n.diag);
    open_blob(&blob, &m);
    tvt_ok(tvis_quantize(&m, &c, &small, NULL, &d), &d);
    open_blob(&small, &q);
    for (uint32_t t = 0; t < tvis_header(&q)->tensor_count; t++)
        for (uint32_t o = 0; tvis_tensors(&q)[t].dtype == TVIS_F16 && o < tvis_header(&m)->tensor_count; o++)
            if (strcmp(tvis_string(&q, tvis_tensors(&q)[t].name), tvis_string(&m, tvis_tensors(&m)[o].name)) == 0)
                tvis_half_expand((const uint16_t *)(const void *)(q.blob + tvis_tensors(&q)[t].offset),
                                 tvis_tensors(&q)[t].bytes / 2,
                                 (float *)(void *)((uint8_t *)blob.data + tvis_tensors(&m)[o].offset));
    for (uint32_t t = tvis_header(&q)->activation_count, halves = 0; t < tvis_header(&q)->tensor_count; t++) {
        halves += tvis_tensors(&q)[t].dtype == TVIS_F16;
        assert_true(t + 1 < tvis_header(&q)->tensor_count || halves == 4);
    }
    tvt_fill_f32(x, TVIS_COUNT(x));
    for (uint16_t side = 8; side <= 24; side = (uint16_t)(side + 16)) {
        tvt_run run = tvt_default_run(1, side, side);
        run.threads = side == 8 ? 1 : 3;
        memset(want, 0, sizeof want);
        memset(got, 0, sizeof got);
        tvt_infer(&m, &run, x, want);
        tvt_infer(&q, &run, x, got);
        assert_memory_equal(want, got, sizeof got);
        assert_true(tvt_std_f32(got, TVIS_COUNT(got)) > 0.0);
    }
    tvis_blob_free(&blob);
    tvis_blob_free(&small);
}

static void expect_refusal(const tvis_model *m, const tvis_quantize_config *c, tvis_status status, const char *words)
{
    tvis_blob blob = { NULL, 0 };
    tvis_diag d;
    assert_int_equal(tvis_quantize(m, c, &blob, NULL, &d), status);
    if (!strstr(d.detail, words))
        fail_msg("'%s' instead of '%s'", d.detail, words);
    assert_null(blob.data);
}

static void what_cannot_be_done_is_refused(void **state)
{
    static const uint8_t modes[] = { TVIS_QUANTIZE_DYNAMIC, TVIS_QUANTIZE_INT4 };
    kept k = { 0 };
    tvis_blob blob, small;
    tvis_model m, q;
    tvis_diag d;
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(modes); i++) {
        tvis_quantize_config c = config(modes[i], &k);
        make_net(&blob, &m, NAN);
        expect_refusal(&m, &c, TVIS_EMODEL, "a weight is");
        tvis_blob_free(&blob);
        make_net(&blob, &m, 0.0f);
        tvt_ok(tvis_quantize(&m, &c, &small, NULL, &d), &d);
        open_blob(&small, &q);
        expect_refusal(&q, &c, TVIS_EINVAL, "quantized already");
        c.images = 1;
        c.input = picture;
        expect_refusal(&q, &c, TVIS_EINVAL, "quantized already");
        tvis_blob_free(&small);
        tvis_blob_free(&blob);
    }
    tvt_net n;
    tvt_net_begin(&n, 8, 8);
    tvis_graph_output(&n.g, tvt_net_conv(&n, tvt_net_input(&n, 3), tvt_conv_of(4, 3, 1)));
    tvt_ok(tvt_net_write(&n, &blob), &n.diag);
    open_blob(&blob, &m);
    const tvis_quantize_config c = config(TVIS_QUANTIZE_INT4, &k);
    expect_refusal(&m, &c, TVIS_EINVAL, "no layer that this mode is for");
    tvis_blob_free(&blob);
}

static void every_allocation_may_fail(void **state)
{
    tvis_blob blob, small;
    tvis_model m;
    tvis_diag d;
    (void)state;
    make_net(&blob, &m, 0.0f);
    for (uint32_t mode = TVIS_QUANTIZE_DYNAMIC; mode <= TVIS_QUANTIZE_INT4; mode++)
        for (uint32_t i = 0;; i++) {
            kept k = { 0 };
            tvis_quantize_config c = config((uint8_t)mode, &k);
            c.images = 1;
            c.input = picture;
            small.data = NULL;
            tvt_fault(TVT_ALLOC, i, 12);
            const tvis_status s = tvis_quantize(&m, &c, &small, NULL, &d);
            const bool fired = tvt_fault_fired();
            assert_int_equal(s, fired ? TVIS_ENOMEM : TVIS_OK);
            if (fired)
                continue;
            tvis_blob_free(&small);
            break;
        }
    tvis_blob_free(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dynamic_networks_run),
        cmocka_unit_test(dynamic_layers_are_what_is_written),
        cmocka_unit_test(any_bytes_will_do),
        cmocka_unit_test(damaged_layers_are_refused),
        cmocka_unit_test(int4_networks_run),
        cmocka_unit_test(embeddings_may_be_halves),
        cmocka_unit_test(what_cannot_be_done_is_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("weight_modes", tests, NULL, NULL);
}
