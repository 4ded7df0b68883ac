/* SPDX-License-Identifier: MIT */
/* What is written into a blob comes back from it; its limits; the checksums of weights. */
#include "core/blob.h"

#include "core/port.h"
#include "tests/exercise.h"
#include "tests/net.h"
#include "tests/network.h"

static void sample(tvis_blob *blob, tvis_model *m)
{
    tvt_net n;
    tvt_ok(tvt_net_sample(&n, blob), &n.diag);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &n.diag), &n.diag);
}

/* Everything that a graph holds, tensor by tensor and node by node. */
static void compare(const tvis_graph *g, const tvis_model *m)
{
    const tvis_blob_header *h = tvis_header(m);
    uint32_t activations = 0, constants = h->activation_count;
    assert_int_equal(h->tensor_count, g->tensor_count);
    assert_int_equal(h->node_count, g->node_count);
    uint16_t *id = malloc(g->tensor_count * sizeof *id); /* of graph tensors in the blob: activations come first */
    assert_non_null(id);
    for (uint32_t i = 0; i < g->tensor_count; i++)
        id[i] = (uint16_t)(g->tensor[i].constant ? constants++ : activations++);
    for (uint32_t i = 0; i < g->tensor_count; i++) {
        const tvis_gtensor *want = &g->tensor[i];
        const tvis_blob_tensor *got = &tvis_tensors(m)[id[i]];
        assert_string_equal(tvis_string(m, got->name), want->name);
        assert_int_equal(got->dtype, want->dtype);
        assert_memory_equal(got->dims, want->dims, sizeof got->dims);
        assert_int_equal(got->bytes, want->bytes);
        if (want->constant) {
            assert_int_equal(got->offset % TVIS_BLOB_ALIGN, 0);
            assert_memory_equal(m->blob + got->offset, want->data, want->bytes);
            assert_int_equal(got->crc, tvis_crc32(0, want->data, want->bytes));
        }
    }
    for (uint32_t i = 0; i < g->node_count; i++) {
        const tvis_gnode *want = &g->node[i];
        const tvis_blob_node *got = &tvis_nodes(m)[i];
        const uint16_t *ids = tvis_ids(m) + got->ids;
        assert_string_equal(tvis_string(m, got->name), want->name);
        assert_int_equal(got->op, want->op);
        assert_int_equal(got->act, want->act);
        assert_int_equal(got->in_count, want->in_count);
        assert_int_equal(got->out_count, want->out_count);
        assert_memory_equal(&got->p, &want->p, sizeof got->p);
        for (uint32_t k = 0; k < want->in_count; k++)
            assert_int_equal(ids[k], want->in[k] == TVIS_NONE ? TVIS_NONE : id[want->in[k]]);
        for (uint32_t k = 0; k < want->out_count; k++) {
            assert_int_equal(ids[want->in_count + k], id[want->out[k]]);
            assert_int_equal(tvis_tensors(m)[id[want->out[k]]].producer, i);
        }
    }
    free(id);
}

static void round_trip(void **state)
{
    tvt_net n;
    tvis_blob blob;
    tvis_model m;
    (void)state;
    tvt_net_begin(&n, 9, 7);
    uint32_t x = tvt_net_input(&n, 3), ids[4];
    ids[0] = tvt_net_conv(&n, x, tvt_conv_of(5, 3, 1));
    ids[1] = tvt_net_conv(&n, ids[0], tvt_conv_of(5, 1, 1));
    const int32_t dims[4] = { 5, 1, 1, 5 };
    ids[1] = tvt_net_constant(&n, dims, TVIS_RANDOM_WEIGHT, 5);
    ids[2] = TVIS_NONE; /* an optional input that is not given */
    ids[3] = ids[0];
    const uint32_t y = tvt_net_node(&n, TVIS_OP_LINEAR, ids, 4, 5, NULL);
    tvt_net_set_act(&n, y, TVIS_ACT_GELU);
    tvis_graph_output(&n.g, y);
    tvis_graph_output(&n.g, tvt_net_batch_norm(&n, y));
    tvt_ok(tvis_blob_write(&n.g, &blob, &n.diag), &n.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &n.diag), &n.diag);
    compare(&n.g, &m);
    assert_int_equal(tvis_tensors(&m)[0].last_use, 0);
    assert_int_equal(tvis_tensors(&m)[1].last_use, 2); /* added to the linear layer */
    assert_int_equal(tvis_tensors(&m)[2].last_use, 1); /* read by nobody: its producer */
    assert_int_equal(tvis_tensors(&m)[3].last_use, 4); /* an output, though node 3 reads it */
    tvis_graph_free(&n.g);
    tvis_session_config c;
    tvis_session_defaults(&c);
    assert_true(tvt_exercise(&m, c));
    tvis_blob_free(&blob);
    assert_null(blob.data);
}

static void information(void **state)
{
    tvis_blob blob;
    tvis_model m;
    tvis_model_info info;
    tvis_preprocess p;
    (void)state;
    sample(&blob, &m);
    tvis_model_get_info(&m, &info);
    assert_string_equal(info.arch, "test");
    assert_int_equal(info.classes, 5);
    assert_true(info.h == 8 && info.w == 8 && info.c == 3);
    assert_true(info.min_side == 2 && info.max_side == 64 && info.multiple == 2);
    assert_true(info.nodes == 9 && info.tensors == 20 && info.inputs == 1 && info.outputs == 2);
    assert_int_equal(info.params, (8 * 27 + 8) + (8 * 9 + 8) + 4 * 8 + (8 * 5 + 5));
    assert_int_equal(info.weight_bytes, info.params * 4);
    assert_int_equal(info.file_bytes, blob.size);
    tvis_model_preprocess(&m, &p);
    assert_true(p.filter == TVIS_FILTER_BILINEAR && p.fit == TVIS_FIT_CROP && p.channels == 3 && p.bgr == 0);
    assert_true(p.crop == 0.875f);
    assert_memory_equal(p.mean, tvis_imagenet_preprocess.mean, sizeof p.mean);
    assert_memory_equal(p.std, tvis_imagenet_preprocess.std, sizeof p.std);
    tvis_blob_free(&blob);
}

static void labels(void **state)
{
    static const char *const want[] = { "ant", "bee", "", "dragonfly", "earwig" };
    tvis_blob blob;
    tvis_model m;
    (void)state;
    sample(&blob, &m);
    for (uint32_t i = 0; i < TVIS_COUNT(want); i++)
        assert_string_equal(tvis_model_label(&m, i), want[i]);
    assert_null(tvis_model_label(&m, 5));
    assert_null(tvis_model_label(&m, UINT32_MAX));
    tvis_blob_free(&blob);
}

static void weights(void **state)
{
    tvis_blob blob;
    tvis_model m;
    tvis_weight_info w;
    (void)state;
    sample(&blob, &m);
    for (uint32_t i = 0; i < 10; i++)
        assert_false(tvis_model_weight(&m, i, &w));
    assert_true(tvis_model_weight(&m, 10, &w));
    assert_string_equal(w.name, "w1");
    const int32_t dims[4] = { 8, 3, 3, 3 };
    assert_memory_equal(w.dims, dims, sizeof dims);
    assert_true(w.dtype == TVIS_F32 && w.bytes == 8 * 27 * 4 && (uintptr_t)w.data % TVIS_BLOB_ALIGN == 0);
    assert_false(tvis_model_weight(&m, 20, &w));
    assert_false(tvis_model_weight(&m, UINT32_MAX, &w));
    tvis_blob_free(&blob);
}

/* One byte of each weight tensor: opening does not look at it, verifying names the tensor. */
static void verify(void **state)
{
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    tvis_weight_info w;
    (void)state;
    sample(&blob, &m);
    assert_int_equal(tvis_blob_verify(&m, &d), TVIS_OK);
    for (uint32_t i = 10; i < 20; i++)
        for (int last = 0; last < 2; last++) {
            assert_true(tvis_model_weight(&m, i, &w));
            uint8_t *byte = (uint8_t *)(uintptr_t)w.data + (last ? w.bytes - 1 : 0); /* in our own blob */
            *byte ^= 1;
            tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
            assert_int_equal(tvis_blob_verify(&m, NULL), TVIS_EFORMAT);
            assert_int_equal(tvis_blob_verify(&m, &d), TVIS_EFORMAT);
            assert_int_equal(d.code, TVIS_DIAG_CRC);
            assert_int_equal(d.tensor, i);
            assert_string_equal(d.subject, w.name);
            assert_int_equal(d.expected[0], tvis_tensors(&m)[i].crc);
            assert_int_equal(d.found[0], tvis_crc32(0, w.data, w.bytes));
            *byte ^= 1;
        }
    tvis_blob_free(&blob);
}

/* The check value of CRC-32 (ISO 3309), and pieces of it. */
static void crc(void **state)
{
    (void)state;
    assert_int_equal(tvis_crc32(0, "123456789", 9), 0xcbf43926u);
    assert_int_equal(tvis_crc32(tvis_crc32(0, "1234", 4), "56789", 5), 0xcbf43926u);
    assert_int_equal(tvis_crc32(0, "", 0), 0);
}

/* What docs/blob.md says. */
static void documented_offsets(void **state)
{
#define HEADER(field) offsetof(tvis_blob_header, field)
#define TENSOR(field) offsetof(tvis_blob_tensor, field)
#define NODE(field)   offsetof(tvis_blob_node, field)
    const size_t header[] = {
        HEADER(magic),
        HEADER(version),
        HEADER(header_bytes),
        HEADER(file_bytes),
        HEADER(crc),
        HEADER(tables_end),
        HEADER(tensor_offset),
        HEADER(node_offset),
        HEADER(id_offset),
        HEADER(string_offset),
        HEADER(id_count),
        HEADER(string_bytes),
        HEADER(tensor_count),
        HEADER(node_count),
        HEADER(activation_count),
        HEADER(input_count),
        HEADER(output_count),
        HEADER(multiple),
        HEADER(arch),
        HEADER(labels),
        HEADER(label_count),
        HEADER(classes),
        HEADER(h),
        HEADER(min_side),
        HEADER(filter),
        HEADER(fit),
        HEADER(channels),
        HEADER(bgr),
        HEADER(reserved),
        HEADER(crop),
        HEADER(mean),
        HEADER(std),
        HEADER(reserved2),
    };
    static const size_t header_at[] = { 0,  4,  6,  8,  12, 16, 20, 24, 28, 32, 36, 40, 44, 46, 48,  50, 52,
                                        54, 56, 60, 64, 68, 72, 78, 82, 83, 84, 85, 86, 88, 92, 104, 116 };
    const size_t tensor[] = { TENSOR(name),     TENSOR(dtype),    TENSOR(factors), TENSOR(pack),
                              TENSOR(dims),     TENSOR(offset),   TENSOR(bytes),    TENSOR(crc),
                              TENSOR(producer), TENSOR(last_use), TENSOR(scale),    TENSOR(zero) };
    static const size_t tensor_at[] = { 0, 4, 5, 6, 8, 24, 28, 32, 36, 38, 40, 44 };
    const size_t node[] = { NODE(name),        NODE(op),   NODE(act),   NODE(in_count),  NODE(out_count),
                            NODE(ids),         NODE(p),    NODE(q.mul), NODE(q.add_mul), NODE(q.shift),
                            NODE(q.add_shift), NODE(q.lo), NODE(q.hi), NODE(q.zero) };
    static const size_t node_at[] = { 0, 4, 5, 6, 7, 8, 12, 32, 36, 40, 41, 42, 43, 44 };
    (void)state;
    assert_memory_equal(header, header_at, sizeof header);
    assert_memory_equal(tensor, tensor_at, sizeof tensor);
    assert_memory_equal(node, node_at, sizeof node);
}

/* ---- limits ---- */

static void most_nodes(void **state)
{
    tvt_net n;
    tvis_blob blob;
    tvis_model m;
    tvis_session_config c;
    (void)state;
    tvt_net_begin(&n, 2, 2);
    uint32_t x = tvt_net_input(&n, 1), last = x;
    for (uint32_t i = 1; i < TVIS_MAX_TENSORS; i++) {
        last = tvt_net_unary(&n, TVIS_OP_ACTIVATION, last);
        n.g.node[i - 1].act = TVIS_ACT_RELU;
    }
    tvis_graph_output(&n.g, last);
    tvt_ok(tvis_blob_write(&n.g, &blob, &n.diag), &n.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &n.diag), &n.diag);
    assert_int_equal(tvis_header(&m)->node_count, TVIS_MAX_TENSORS - 1);
    tvis_session_defaults(&c);
    float v[4] = { -1, 2, -3, 4 };
    const tvis_tensor in = { v, { 1, 2, 2, 1 }, TVIS_F32, TVIS_NHWC };
    tvt_run_session(&m, &c, &in, v);
    assert_true(v[0] == 0 && v[1] == 2 && v[2] == 0 && v[3] == 4);
    tvis_blob_free(&blob);
    assert_int_equal(tvt_net_unary(&n, TVIS_OP_ACTIVATION, last), TVIS_NONE);
    assert_int_equal(n.g.status, TVIS_EUNSUP);
    assert_int_equal(n.diag.code, TVIS_DIAG_LIMIT);
    assert_string_equal(n.diag.subject, "tensors");
    tvis_graph_free(&n.g);
}

static void most_bytes(void **state)
{
    const int32_t large[4] = { 1, 1 << 15, 1 << 15, 1 }, wide[4] = { 1, 1, 1, TVIS_MAX_DIM + 1 },
                  none[4] = { 1, 0, 1, 1 };
    const int32_t *const dims[] = { large, wide, none };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(dims); i++) {
        tvt_net n;
        tvt_net_begin(&n, 2, 2);
        assert_int_equal(tvt_net_constant(&n, dims[i], TVIS_RANDOM_WEIGHT, 1), TVIS_NONE);
        assert_int_equal(n.g.status, TVIS_EUNSUP);
        assert_int_equal(n.diag.code, TVIS_DIAG_LIMIT);
        assert_string_equal(n.diag.subject, "w0");
        tvis_graph_free(&n.g);
    }
}

static void ends(void **state)
{
    tvt_net n;
    (void)state;
    tvt_net_begin(&n, 2, 2);
    for (int i = 0; i < 4; i++)
        assert_int_not_equal(tvt_net_input(&n, 1), TVIS_NONE);
    assert_int_equal(tvt_net_input(&n, 1), TVIS_NONE);
    assert_string_equal(n.diag.subject, "inputs");
    tvis_graph_free(&n.g);
    tvt_net_begin(&n, 2, 2);
    const uint32_t x = tvt_net_input(&n, 1);
    for (int i = 0; i < 9; i++)
        tvis_graph_output(&n.g, x);
    assert_int_equal(n.g.status, TVIS_EUNSUP);
    assert_string_equal(n.diag.subject, "outputs");
    tvis_graph_free(&n.g);
}

/* An output that no node writes: a constant that nobody reads, one that a node reads, a tensor without a producer. */
static void loose_outputs(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        tvt_net n;
        tvis_blob blob = { NULL, 0 };
        tvt_net_begin(&n, 8, 8);
        const uint32_t y = tvt_net_conv(&n, tvt_net_input(&n, 3), tvt_conv_of(4, 1, 1));
        const uint32_t loose = i == 0   ? tvt_net_vector(&n, TVIS_RANDOM_BIAS, 4)
                               : i == 1 ? tvis_graph_producer(&n.g, y)->in[1]
                                        : tvis_graph_add_tensor(&n.g, "loose", TVIS_F32);
        tvis_graph_output(&n.g, y);
        tvis_graph_output(&n.g, loose);
        assert_int_equal(n.g.status, TVIS_OK);
        assert_int_equal(tvis_blob_write(&n.g, &blob, &n.diag), TVIS_EINVAL);
        assert_int_equal(n.diag.code, TVIS_DIAG_GRAPH);
        assert_string_equal(n.diag.subject, n.g.tensor[loose].name);
        assert_null(blob.data);
        tvis_graph_free(&n.g);
    }
}

/* Every allocation of a graph and its blob made to fail in turn. */
static void no_memory(void **state)
{
    uint32_t i = 0;
    (void)state;
    for (;; i++) {
        tvt_net n;
        tvis_blob blob = { NULL, 0 };
        tvt_fault(TVT_ALLOC, i, 12);
        const tvis_status s = tvt_net_sample(&n, &blob);
        if (!tvt_fault_fired()) {
            tvt_ok(s, &n.diag);
            tvis_blob_free(&blob);
            break;
        }
        assert_int_equal(s, TVIS_ENOMEM);
        assert_null(blob.data);
    }
    assert_true(i > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(information),
        cmocka_unit_test(labels),
        cmocka_unit_test(weights),
        cmocka_unit_test(verify),
        cmocka_unit_test(crc),
        cmocka_unit_test(most_nodes),
        cmocka_unit_test(most_bytes),
        cmocka_unit_test(ends),
        cmocka_unit_test(loose_outputs),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(documented_offsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
