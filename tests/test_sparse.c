/* SPDX-License-Identifier: MIT */
/* Weights stored without their zeros: the format, damaged bytes, and networks that give the bits of the same weights
 * stored plainly. */
#include <math.h>

#include "core/half.h"
#include "core/kernel.h"
#include "core/sparse.h"
#include "ops/gemm_s8.h"
#include "tests/net.h"
#include "tests/network.h"

#include <tinyvis/quantize.h>

static const int32_t sizes[][2] = { { 1, 1 }, { 1, 7 }, { 3, 8 }, { 15, 9 }, { 16, 33 }, { 17, 64 }, { 50, 131 } };

/* Elements that are all zeros with the given chance of 100. */
static tvt_buf plain_matrix(int32_t n, int32_t k, uint32_t size, uint32_t zeros)
{
    const size_t count = (size_t)n * (size_t)k;
    tvt_buf b = tvt_paged(count * size);
    for (size_t i = 0; i < count; i++) {
        tvt_fill((uint8_t *)b.p + i * size, size);
        if (tvt_below(100) < zeros)
            memset((uint8_t *)b.p + i * size, 0, size);
    }
    return b;
}

static tvt_buf compress(const tvt_buf *plain, int32_t n, int32_t k, uint32_t size, tvis_sparse *s)
{
    const size_t bytes = tvis_sparse_bytes(plain->p, n, k, size);
    tvt_buf b = tvt_guarded(bytes);
    *s = (tvis_sparse){ b.p, bytes, n, k, size };
    tvis_sparse_compress(plain->p, n, k, size, b.p);
    return b;
}

static void every_row_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(sizes); i++)
        for (uint32_t size = 1; size <= 4; size *= 2)
            for (uint32_t zeros = 0; zeros <= 100; zeros += 25) {
                const int32_t n = sizes[i][0], k = sizes[i][1];
                const size_t line = (size_t)k * size;
                tvis_sparse s;
                tvt_buf plain = plain_matrix(n, k, size, zeros), packed = compress(&plain, n, k, size, &s);
                for (int32_t row = 0; row < n; row += 1 + n / 5)
                    for (int32_t rows = 1; rows <= n - row; rows += 7) {
                        tvt_buf out = tvt_guarded((size_t)rows * line);
                        tvis_sparse_expand(&s, row, rows, out.p);
                        assert_memory_equal(out.p, (uint8_t *)plain.p + (size_t)row * line, (size_t)rows * line);
                        assert_true(tvt_guards_ok(&out));
                        tvt_free(&out);
                    }
                tvt_free(&plain);
                tvt_free(&packed);
            }
}

static void floats_are_scattered(void **state)
{
    enum { N = 21, K = 45, NR = 24 };
    (void)state;
    for (uint32_t size = 2; size <= 4; size += 2) {
        tvis_sparse s;
        tvt_buf plain = plain_matrix(N, K, size, 60), packed = compress(&plain, N, K, size, &s);
        float out[K * NR] = { 0 }, want = 0.0f;
        tvis_sparse_scatter(&s, 2, N - 2, 1, NR, out);
        for (int32_t j = 2; j < N; j++)
            for (int32_t p = 0; p < K; p++) {
                if (size == 4)
                    want = ((const float *)plain.p)[j * K + p];
                else
                    tvis_half_expand((const uint16_t *)plain.p + j * K + p, 1, &want);
                assert_memory_equal(&out[p * NR + j - 2], &want, sizeof want);
            }
        tvt_free(&plain);
        tvt_free(&packed);
    }
}

/* Panels out of sparse rows are those out of plain rows. */
static void panels_are_the_same(void **state)
{
    static const uint16_t packs[] = { TVIS_PACK_GROUPS(4, 16), TVIS_PACK_GROUPS(2, 16), TVIS_PACK_GROUPS(8, 16), TVIS_PACK_GROUPS(16, 4),
                                      TVIS_PACK_GROUPS(4, 2) };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(sizes); i++)
        for (size_t v = 0; v < TVIS_COUNT(packs); v++) {
            const int32_t n = sizes[i][0], k = sizes[i][1];
            const size_t bytes = tvis_gemm_s8_packed(n, k, packs[v]);
            tvis_sparse s;
            tvt_buf plain = plain_matrix(n, k, 1, 40), packed = compress(&plain, n, k, 1, &s);
            tvt_buf want = tvt_guarded(bytes), got = tvt_guarded(bytes);
            tvis_gemm_s8_pack(plain.p, n, k, packs[v], want.p);
            tvis_gemm_s8_pack_sparse(&s, 0, n, packs[v], got.p);
            assert_true(tvt_same(&want, &got));
            tvt_free(&want);
            tvt_free(&got);
            tvt_free(&plain);
            tvt_free(&packed);
        }
}

/* Whatever the bytes are, nothing outside is read or written. */
static void random_bytes_are_safe(void **state)
{
    enum { N = 37, K = 29 };
    (void)state;
    for (uint32_t again = 0; again < 200; again++) {
        const uint32_t size = 1u << again % 3;
        const size_t values = tvt_below(N * K + 1), bytes = tvis_sparse_head(N, K) + values * size;
        tvt_buf data = tvt_paged((bytes + 3) & ~(size_t)3), out = tvt_guarded(N * K * sizeof(float));
        tvt_fill(data.p, data.size);
        for (int32_t i = 0; tvt_below(2) && i < 3; i++) /* starts that are nearly right */
            ((uint32_t *)data.p)[i] = tvt_below((uint32_t)values + 2);
        const tvis_sparse s = { data.p, bytes, N, K, size };
        tvis_sparse_expand(&s, 0, N, out.p);
        if (size > 1)
            tvis_sparse_scatter(&s, 0, N, K, 1, out.p);
        assert_true(tvt_guards_ok(&out));
        tvt_free(&data);
        tvt_free(&out);
    }
}

/* ---- networks ---- */

static void clear_some(tvis_graph *g, uint32_t zeros)
{
    for (uint32_t i = 0; i < g->tensor_count; i++) {
        tvis_gtensor *t = &g->tensor[i];
        for (size_t k = 0; t->constant && t->dims[0] * t->dims[1] * t->dims[2] > 1 && k < t->bytes / sizeof(float); k++)
            if (tvt_below(100) < zeros)
                ((float *)t->data)[k] = 0.0f;
    }
}

/* A stem, an inverted residual, a grouped convolution and a classifier. */
static void make_net(tvt_net *n, uint32_t zeros)
{
    tvt_conv depthwise = tvt_conv_of(0, 3, 1), grouped = tvt_conv_of(36, 3, 2);
    depthwise.groups = 0;
    grouped.groups = 3;
    tvt_net_begin(n, 20, 20);
    uint32_t x = tvt_net_conv(n, tvt_net_input(n, 3), tvt_conv_of(18, 3, 1));
    uint32_t y = tvt_net_activation(n, tvt_net_conv(n, x, tvt_conv_of(70, 1, 1)), TVIS_ACT_RELU6);
    y = tvt_net_conv(n, tvt_net_conv(n, y, depthwise), tvt_conv_of(18, 1, 1));
    y = tvt_net_conv(n, tvt_net_add(n, y, x), grouped);
    y = tvt_net_linear(n, tvt_net_unary(n, TVIS_OP_GLOBAL_AVG_POOL, y), 33, true);
    tvis_graph_output(&n->g, y);
    tvis_pass_fuse_activation(&n->g);
    tvis_pass_fuse_add(&n->g);
    tvis_pass_remove_dead(&n->g);
    clear_some(&n->g, zeros);
}

static void make_model(uint32_t zeros, bool sparse, tvis_blob *blob, tvis_model *m)
{
    tvt_net n;
    tvt_srand(5);
    make_net(&n, zeros);
    n.g.sparse = sparse;
    tvt_ok(tvt_net_write(&n, blob), &n.diag);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &n.diag), &n.diag);
    tvt_ok(tvis_blob_verify(m, &n.diag), &n.diag);
}

static uint32_t count_sparse(const tvis_model *m)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < tvis_header(m)->tensor_count; i++)
        count += tvis_tensors(m)[i].pack == TVIS_PACK_SPARSE;
    return count;
}

static void compare_runs(const tvis_model *plain, const tvis_model *sparse)
{
    enum { N = 2, SIDE = 20, OUT = 33 };
    static float x[N * 3 * SIDE * SIDE];
    float want[N * OUT], got[N * OUT];
    tvt_fill_f32(x, TVIS_COUNT(x));
    for (uint32_t way = 0; way < 24; way++) {
        tvt_run r = tvt_default_run(way & 16u ? 1 : N, SIDE, SIDE);
        r.packed = way & 1u;
        r.threads = way & 2u ? 3 : 1;
        r.plan = way & 4u ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST;
        r.cpu = way & 8u ? 0 : tvt_cpu();
        memset(got, 0, sizeof got);
        tvt_infer(plain, &r, x, want);
        tvt_infer(sparse, &r, x, got);
        assert_memory_equal(want, got, (size_t)r.n * OUT * sizeof *got);
    }
}

static void sparse_networks_give_the_same_bits(void **state)
{
    tvis_blob plain_blob, sparse_blob;
    tvis_model plain, sparse;
    (void)state;
    make_model(60, false, &plain_blob, &plain);
    make_model(60, true, &sparse_blob, &sparse);
    assert_int_equal(count_sparse(&plain), 0);
    assert_int_equal(count_sparse(&sparse), 5); /* not the depthwise one */
    assert_true(sparse_blob.size < plain_blob.size * 55 / 100);
    compare_runs(&plain, &sparse);
    tvis_blob_free(&plain_blob);
    tvis_blob_free(&sparse_blob);
}

static tvis_status any_picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    (void)user;
    (void)d;
    tvt_srand(100 + i);
    tvt_fill_f32(in->data, (size_t)in->dims[1] * (size_t)in->dims[2] * (size_t)in->dims[3]);
    return TVIS_OK;
}

/* What is quantized after pruning is as it would be of the plainly stored model, and stored without its zeros. */
static void zeros_outlive_quantization(void **state)
{
    tvis_quantize_config c = { .struct_size = sizeof c, .images = 3, .input = any_picture, .percentile = 99.99f };
    tvis_blob plain_blob, sparse_blob, a, b;
    tvis_model plain, sparse, from_plain, from_sparse;
    tvis_diag d;
    (void)state;
    make_model(60, false, &plain_blob, &plain);
    make_model(60, true, &sparse_blob, &sparse);
    for (uint32_t mode = 0; mode <= TVIS_QUANTIZE_DYNAMIC; mode++) {
        c.mode = (uint8_t)mode;
        tvt_ok(tvis_quantize(&plain, &c, &a, NULL, &d), &d);
        tvt_ok(tvis_quantize(&sparse, &c, &b, NULL, &d), &d);
        tvt_ok(tvis_model_open(&from_plain, a.data, a.size, &d), &d);
        tvt_ok(tvis_model_open(&from_sparse, b.data, b.size, &d), &d);
        assert_true(count_sparse(&from_sparse) >= 4);
        assert_true(b.size < a.size * 9 / 10);
        compare_runs(&from_plain, &from_sparse);
        tvis_blob_free(&a);
        tvis_blob_free(&b);
    }
    tvis_blob_free(&plain_blob);
    tvis_blob_free(&sparse_blob);
}

static void few_zeros_are_stored_plainly(void **state)
{
    tvis_blob a, b;
    tvis_model m;
    (void)state;
    make_model(2, true, &a, &m);
    assert_int_equal(count_sparse(&m), 0);
    make_model(2, false, &b, &m);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    tvis_blob_free(&a);
    tvis_blob_free(&b);
}

static void graphs_read_and_write_them(void **state)
{
    tvis_blob first, second;
    tvis_model m;
    tvis_graph g;
    tvis_diag d;
    (void)state;
    make_model(60, true, &first, &m);
    tvis_graph_init(&g, &d);
    tvis_graph_read(&g, &m);
    tvt_ok(g.status ? g.status : tvis_blob_write(&g, &second, &d), &d);
    tvis_graph_free(&g);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    tvis_blob_free(&first);
    tvis_blob_free(&second);
}

static void information_counts_elements(void **state)
{
    tvis_blob blob;
    tvis_model m;
    tvis_weight_info w;
    uint32_t found = 0;
    (void)state;
    make_model(60, true, &blob, &m);
    for (uint32_t i = 0; i < tvis_header(&m)->tensor_count; i++) {
        if (!tvis_model_weight(&m, i, &w))
            continue;
        const uint32_t all = (uint32_t)(w.dims[0] * w.dims[1] * w.dims[2] * w.dims[3]);
        const float *v = w.values;
        assert_true(w.sparse ? w.stored < all : w.stored == all);
        for (uint32_t k = 0; w.sparse && k < w.stored; k++)
            assert_true(v[k] < 0.0f || v[k] > 0.0f);
        found += w.sparse;
    }
    assert_int_equal(found, 5);
    tvis_blob_free(&blob);
}

static tvis_blob_tensor *first_sparse(tvis_blob *blob, const tvis_model *m)
{
    tvis_blob_tensor *t = (void *)((uint8_t *)blob->data + tvis_header(m)->tensor_offset);
    while (t->pack != TVIS_PACK_SPARSE)
        t++;
    return t;
}

static void expect_damage(tvis_blob *blob, tvis_diag_code code)
{
    tvis_model m;
    tvis_diag d;
    ((tvis_blob_header *)(void *)blob->data)->crc = tvis_blob_crc((const uint8_t *)blob->data);
    assert_int_equal(tvis_model_open(&m, blob->data, blob->size, &d), TVIS_EFORMAT);
    assert_int_equal(d.code, code);
}

static void damage_is_found(void **state)
{
    tvis_blob blob;
    tvis_model m;
    (void)state;
    make_model(60, true, &blob, &m);
    tvis_blob_tensor *t = first_sparse(&blob, &m), was = *t;
    const size_t head = tvis_sparse_head(t->dims[0], t->dims[1] * t->dims[2] * t->dims[3]);
    const uint32_t bytes[] = { 0, (uint32_t)head - 4, (uint32_t)head + 2, UINT32_MAX - 3,
                               (uint32_t)(head + 4 * (size_t)(t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3]) + 4) };
    for (size_t i = 0; i < TVIS_COUNT(bytes); i++, *t = was) {
        t->bytes = bytes[i];
        expect_damage(&blob, TVIS_DIAG_BOUNDS);
    }
    t->dtype = TVIS_S32;
    expect_damage(&blob, TVIS_DIAG_ENUM);
    *t = was;
    for (int i = 0; i < 4; i++)
        t->dims[i] = TVIS_MAX_DIM;
    expect_damage(&blob, TVIS_DIAG_BOUNDS);
    *t = was;
    tvis_blob_node *n = (void *)((uint8_t *)blob.data + tvis_header(&m)->node_offset);
    n->op = TVIS_OP_DEPTHWISE;
    n->p.conv.groups = 1;
    expect_damage(&blob, TVIS_DIAG_GRAPH);
    tvis_blob_free(&blob);
}

/* A whole network on random bytes where its weights are. */
static void networks_are_safe_on_random_weights(void **state)
{
    static float x[3 * 20 * 20];
    float y[33];
    tvis_blob blob;
    tvis_model m;
    (void)state;
    make_model(60, true, &blob, &m);
    for (uint32_t again = 0; again < 30; again++) {
        tvt_run r = tvt_default_run(1, 20, 20);
        r.packed = again & 1u;
        r.cpu = again & 2u ? 0 : tvt_cpu();
        for (uint32_t i = 0; i < tvis_header(&m)->tensor_count; i++)
            if (tvis_tensors(&m)[i].pack == TVIS_PACK_SPARSE)
                tvt_fill((uint8_t *)blob.data + tvis_tensors(&m)[i].offset, tvis_tensors(&m)[i].bytes);
        tvt_infer(&m, &r, x, y);
    }
    tvis_blob_free(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_comes_back),
        cmocka_unit_test(floats_are_scattered),
        cmocka_unit_test(panels_are_the_same),
        cmocka_unit_test(random_bytes_are_safe),
        cmocka_unit_test(sparse_networks_give_the_same_bits),
        cmocka_unit_test(zeros_outlive_quantization),
        cmocka_unit_test(few_zeros_are_stored_plainly),
        cmocka_unit_test(graphs_read_and_write_them),
        cmocka_unit_test(information_counts_elements),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(networks_are_safe_on_random_weights),
    };
    return cmocka_run_group_tests_name("sparse", tests, NULL, NULL);
}
