/* SPDX-License-Identifier: MIT */
/* Weights of 4 bits: how they lie in memory, and layers that read them. */
#include "core/s4.h"

#include <math.h>

#include "core/half.h"
#include "core/kernel.h"
#include "core/port.h"
#include "tests/net.h"
#include "tests/network.h"

/* A row of random groups, and the floats that it stands for. */
static void make_row(uint8_t *row, float *w, int32_t k)
{
    memset(row, 0, (size_t)tvis_s4_row_bytes((uint64_t)k));
    for (int32_t i = 0; i < k; i++) {
        uint8_t *group = row + i / 32 * 18;
        if (i % 32 == 0) {
            const uint16_t scale = tvis_half_from(tvt_float(-0.1f, 0.1f));
            group[0] = (uint8_t)(scale & 255u);
            group[1] = (uint8_t)(scale >> 8);
        }
        const uint16_t half = (uint16_t)(group[0] + 256u * group[1]);
        const uint32_t value = tvt_below(16);
        float scale;
        tvis_half_expand(&half, 1, &scale);
        group[2 + i % 32 / 2] = (uint8_t)(group[2 + i % 32 / 2] + (i % 2 ? 16u : 1u) * value);
        w[i] = ((float)value - 8.0f) * scale;
    }
}

static void rows_expand(void **state)
{
    (void)state;
    for (int32_t k = 1; k <= 200; k++) {
        const size_t bytes = (size_t)tvis_s4_row_bytes((uint64_t)k);
        tvt_buf row = tvt_paged(bytes), got = tvt_guarded((size_t)k * sizeof(float));
        float want[200];
        assert_int_equal(bytes, k / 32 * 18 + (k % 32 ? 2 + (k % 32 + 3) / 4 * 2 : 0));
        make_row(row.p, want, k);
        for (int32_t first = 0; first < k; first += 32) {
            tvis_s4_expand(row.p, first, k - first, (float *)got.p + first);
            assert_memory_equal(want + first, (float *)got.p + first, (size_t)(k - first) * sizeof(float));
        }
        assert_true(tvt_guards_ok(&row) && tvt_guards_ok(&got));
        tvt_free(&row);
        tvt_free(&got);
    }
}

/* Weights of layers of 4 bits, or the floats that they stand for. */
static void set_weights(tvt_net *n, uint32_t y, bool packed)
{
    tvis_gnode *node = tvis_graph_producer(&n->g, y);
    const uint32_t old = node->in[1];
    const int32_t *d = n->g.tensor[old].dims, rows = d[0], k = d[1] * d[2] * d[3];
    const uint32_t s4 = tvis_graph_constant(&n->g, "s4", TVIS_S4, d);
    for (int32_t j = 0; j < rows; j++)
        make_row((uint8_t *)n->g.tensor[s4].data + (size_t)j * (size_t)tvis_s4_row_bytes((uint64_t)k),
                 (float *)n->g.tensor[old].data + j * k, k);
    if (packed)
        node->in[1] = s4;
}

enum { SIDE = 12, OUT = 40 };

/* Grouped and k x k convolutions, sums, fused rows, a layer of one row. */
static void make_net(bool packed, tvis_blob *blob, tvis_model *m)
{
    tvt_net n;
    tvis_diag d;
    tvt_srand(5);
    tvt_net_begin(&n, SIDE, SIDE);
    tvt_conv grouped = tvt_conv_of(24, 1, 1), depthwise = tvt_conv_of(0, 3, 2);
    grouped.groups = 2;
    depthwise.groups = 0;
    uint32_t y[5] = { tvt_net_conv(&n, tvt_net_input(&n, 3), tvt_conv_of(36, 3, 1)) };
    tvt_net_set_act(&n, y[0], TVIS_ACT_RELU6);
    y[1] = tvt_net_conv(&n, y[0], grouped);
    y[2] = tvt_net_conv(&n, y[1], tvt_conv_of(70, 1, 1));
    tvt_net_set_act(&n, y[2], TVIS_ACT_HARD_SWISH);
    y[3] = tvt_net_conv(&n, tvt_net_conv(&n, y[2], depthwise), tvt_conv_of(50, 1, 1));
    y[4] = tvt_net_linear(&n, tvt_net_unary(&n, TVIS_OP_GLOBAL_AVG_POOL, y[3]), OUT, true);
    for (size_t i = 0; i < TVIS_COUNT(y); i++)
        set_weights(&n, y[i], packed);
    tvis_graph_output(&n.g, y[4]);
    n.g.max_side = 64;
    tvt_ok(tvt_net_write(&n, blob), &n.diag);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &d), &d);
}

static void layers_read_them(void **state)
{
    enum { N = 2 };
    tvis_blob blob[2];
    tvis_model plain, small;
    float x[N * 3 * SIDE * SIDE], want[N * OUT], got[N * OUT];
    (void)state;
    make_net(false, &blob[0], &plain);
    make_net(true, &blob[1], &small);
    assert_true(blob[1].size < blob[0].size / 2);
    tvt_fill_f32(x, TVIS_COUNT(x));
    for (uint32_t way = 0; way < 16; way++) {
        tvt_run run = tvt_default_run(N, SIDE, SIDE);
        run.packed = way & 1u;
        run.threads = way & 2u ? 3 : 1;
        run.plan = way & 4u ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST;
        run.cpu = way & 8u ? 0 : tvt_cpu();
        tvt_infer(&plain, &run, x, want);
        tvt_infer(&small, &run, x, got);
        assert_memory_equal(want, got, sizeof got);
    }
    assert_true(tvt_std_f32(got, TVIS_COUNT(got)) > 0.1 * tvt_range_f32(got, TVIS_COUNT(got)));
    tvis_blob_free(&blob[0]);
    tvis_blob_free(&blob[1]);
}

/* Whatever the bytes are, scales that are infinite or not a number among them. */
static void any_bytes_will_do(void **state)
{
    tvis_blob blob;
    tvis_model m;
    float x[3 * SIDE * SIDE], y[OUT];
    (void)state;
    make_net(true, &blob, &m);
    tvt_fill_f32(x, TVIS_COUNT(x));
    for (uint32_t i = 0; i < 12; i++) {
        for (uint32_t t = 0; t < tvis_header(&m)->tensor_count; t++)
            if (tvis_tensors(&m)[t].dtype == TVIS_S4)
                tvt_fill((uint8_t *)blob.data + tvis_tensors(&m)[t].offset, tvis_tensors(&m)[t].bytes);
        tvt_run run = tvt_default_run(1, SIDE, SIDE);
        run.packed = i & 1u;
        run.cpu = i & 2u ? 0 : tvt_cpu();
        tvt_infer(&m, &run, x, y);
    }
    tvis_blob_free(&blob);
}

static uint32_t find_s4(const tvis_model *m)
{
    uint32_t t = tvis_header(m)->activation_count;
    while (tvis_tensors(m)[t].dtype != TVIS_S4)
        t++;
    return t;
}

/* Tables that do not fit: refused when opened, or when planned. */
static void damage_is_found(void **state)
{
    enum { BYTES, DIMS, PACK, OFFSET, ACTIVATION, CASES };
    tvis_blob blob;
    tvis_model m, opened;
    (void)state;
    make_net(true, &blob, &m);
    tvis_blob_header *h = (void *)blob.data;
    tvis_blob_tensor *t = (tvis_blob_tensor *)(void *)((uint8_t *)blob.data + h->tensor_offset) + find_s4(&m);
    tvis_blob_tensor *a = (tvis_blob_tensor *)(void *)((uint8_t *)blob.data + h->tensor_offset) + 1;
    for (int i = 0; i < CASES; i++) {
        const tvis_blob_tensor good = *t, activation = *a;
        tvis_diag d;
        t->bytes -= i == BYTES ? 2 : 0;
        t->dims[0] += i == DIMS ? 1 : 0;
        t->pack = i == PACK ? TVIS_PACK_PANEL(8) : t->pack;
        t->offset = i == OFFSET ? (uint32_t)blob.size / 64 * 64 : t->offset;
        a->dtype = i == ACTIVATION ? TVIS_S4 : a->dtype;
        h->crc = tvis_blob_crc((const uint8_t *)blob.data);
        assert_int_equal(tvis_model_open(&opened, blob.data, blob.size, &d), TVIS_EFORMAT);
        assert_int_equal(d.code, i == PACK || i == ACTIVATION ? TVIS_DIAG_ENUM : TVIS_DIAG_BOUNDS);
        *t = good;
        *a = activation;
    }
    tvis_blob_free(&blob);
}

static void depthwise_refuses_them(void **state)
{
    tvt_net n;
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    tvis_session_config c;
    size_t bytes;
    tvt_conv depthwise = tvt_conv_of(0, 3, 1);
    (void)state;
    depthwise.groups = 0;
    tvt_net_begin(&n, 8, 8);
    const uint32_t y = tvt_net_conv(&n, tvt_net_input(&n, 3), depthwise);
    set_weights(&n, y, true);
    tvis_graph_output(&n.g, y);
    tvt_ok(tvt_net_write(&n, &blob), &n.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
    tvis_session_defaults(&c);
    assert_int_equal(tvis_session_size(&m, &c, &bytes, &d), TVIS_EFORMAT);
    assert_int_equal(d.code, TVIS_DIAG_DTYPE);
    tvis_blob_free(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_expand),
        cmocka_unit_test(layers_read_them),
        cmocka_unit_test(any_bytes_will_do),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(depthwise_refuses_them),
    };
    return cmocka_run_group_tests_name("s4", tests, NULL, NULL);
}
