/* SPDX-License-Identifier: MIT */
/* Damaged blobs: each check of opening by a field that breaks it, then every bit, every length and random weights. */
#define _POSIX_C_SOURCE 200809L /* posix_memalign */
#include "core/blob.h"

#include "core/kernel.h"
#include "core/port.h"
#include "tests/exercise.h"
#include "tests/net.h"
#include "tests/network.h"

/* The sample's tensors: activations 0 (input) to 9, then weights; those of the outputs are 5 and 9. Its nodes:
 * convolution, depthwise, batch norm, add, activation, pool, reshape, linear, softmax. */
static tvis_blob sample;

static int make_sample(void **state)
{
    tvt_net n;
    (void)state;
    tvt_ok(tvt_net_sample(&n, &sample), &n.diag);
    return 0;
}

static int free_sample(void **state)
{
    (void)state;
    tvis_blob_free(&sample);
    return 0;
}

/* In memory that ends with the blob, so that reading past it is seen by sanitizers. */
static uint8_t *copy(size_t size)
{
    void *p;
    if (posix_memalign(&p, TVIS_ARENA_ALIGN, size ? size : 1) != 0)
        fail_msg("no memory");
    memcpy(p, sample.data, size);
    return p;
}

static void repair(uint8_t *blob)
{
    ((tvis_blob_header *)(void *)blob)->crc = tvis_blob_crc(blob);
}

/* ---- each check ---- */

typedef enum section { HEADER, TENSOR, NODE, ID } section;

typedef struct damage {
    section where;
    uint16_t index, offset, bytes; /* of the field */
    uint32_t value;
    tvis_diag_code code;
    const char *subject;
} damage;

#define SIZE(type, field) sizeof(((type *)0)->field)
#define AT(type, field)   offsetof(type, field), SIZE(type, field)
#define H(field, value, code, s)                                                                                       \
    {                                                                                                                  \
        HEADER, 0, AT(tvis_blob_header, field), value, TVIS_DIAG_##code, s                                             \
    }
#define T(i, field, value, code)                                                                                       \
    {                                                                                                                  \
        TENSOR, i, AT(tvis_blob_tensor, field), value, TVIS_DIAG_##code, NULL                                          \
    }
#define N(i, field, value, code)                                                                                       \
    {                                                                                                                  \
        NODE, i, AT(tvis_blob_node, field), value, TVIS_DIAG_##code, NULL                                              \
    }
#define I(i, value, code, s)                                                                                           \
    {                                                                                                                  \
        ID, i, 0, 2, value, TVIS_DIAG_##code, s                                                                        \
    }
#define BIG  0xffffffffu
#define NANS 0x7fc00000u

static const damage damages[] = {
    H(magic, 0, MAGIC, ""),
    H(version, 2, VERSION, ""),
    H(header_bytes, 124, VERSION, ""),
    H(file_bytes, BIG, TRUNCATED, ""),
    H(file_bytes, 2048, BOUNDS, "file_bytes"),
    H(tables_end, 127, BOUNDS, "tables_end"),
    H(tables_end, BIG, BOUNDS, "tables_end"),
    H(tensor_offset, 0, BOUNDS, "tensors"),
    H(tensor_offset, 130, BOUNDS, "tensors"),
    H(tensor_offset, BIG - 3, BOUNDS, "tensors"),
    H(node_offset, 64, BOUNDS, "nodes"),
    H(node_offset, BIG - 3, BOUNDS, "nodes"),
    H(id_offset, 131, BOUNDS, "nodes"),
    H(id_offset, BIG - 1, BOUNDS, "nodes"),
    H(id_count, BIG, BOUNDS, "nodes"),
    H(id_count, 2, BOUNDS, "inputs, outputs"),
    H(string_offset, 0, BOUNDS, "strings"),
    H(string_bytes, 0, BOUNDS, "strings"),
    H(string_bytes, 1, BOUNDS, "strings"),
    H(string_bytes, BIG, BOUNDS, "strings"),
    H(tensor_count, 0xffff, BOUNDS, "tensors"),
    H(node_count, 0, GRAPH, "n3"),
    H(node_count, 0xffff, BOUNDS, "nodes"),
    H(activation_count, 21, BOUNDS, "tensors"),
    H(activation_count, 9, BOUNDS, "n19"),
    H(input_count, 0, BOUNDS, "x0"),
    H(input_count, 11, BOUNDS, "tensors"),
    H(output_count, 0, BOUNDS, "inputs, outputs"),
    H(output_count, 65, BOUNDS, "inputs, outputs"),
    H(multiple, 0, BOUNDS, "input size"),
    H(multiple, 3, BOUNDS, "default input size"),
    H(arch, BIG, BOUNDS, "arch"),
    H(labels, BIG, BOUNDS, "labels"),
    H(label_count, 4, BOUNDS, "labels"),
    H(classes, 4, BOUNDS, "labels"),
    H(h, 1, BOUNDS, "default input size"),
    H(w, 66, BOUNDS, "default input size"),
    H(c, 0, BOUNDS, "input size"),
    H(c, 4, BOUNDS, "x0"),
    H(min_side, 0, BOUNDS, "input size"),
    H(min_side, 65, BOUNDS, "input size"),
    H(max_side, TVIS_MAX_SIDE + 1, BOUNDS, "input size"),
    H(filter, TVIS_FILTER_COUNT_, ENUM, "preprocess"),
    H(fit, TVIS_FIT_COUNT_, ENUM, "preprocess"),
    H(channels, 2, ENUM, "preprocess"),
    H(bgr, 2, ENUM, "preprocess"),
    H(reserved, 1, ENUM, "reserved"),
    H(crop, 0, VALUE, "preprocess.crop"),
    H(crop, 0x3f800001, VALUE, "preprocess.crop"),
    H(crop, NANS, VALUE, "preprocess.crop"),
    { HEADER, 0, offsetof(tvis_blob_header, mean), 4, NANS, TVIS_DIAG_VALUE, "preprocess.mean, std" },
    { HEADER, 0, offsetof(tvis_blob_header, std) + 8, 4, 0, TVIS_DIAG_VALUE, "preprocess.mean, std" },
    { HEADER, 0, offsetof(tvis_blob_header, std), 4, 0xbf800000, TVIS_DIAG_VALUE, "preprocess.mean, std" },
    { HEADER, 0, offsetof(tvis_blob_header, reserved2) + 8, 4, 1, TVIS_DIAG_ENUM, "reserved" },
    T(3, name, BIG, BOUNDS),
    T(10, dtype, TVIS_DTYPE_COUNT_, ENUM),
    T(0, factors, 2, ENUM),
    T(10, pack, 2, ENUM),
    T(10, pack, 0x200, ENUM),
    T(10, pack, TVIS_PACK_PANEL(16), BOUNDS), /* would be 16 rows */
    T(2, pack, TVIS_PACK_PANEL(8), BOUNDS),
    { TENSOR, 10, offsetof(tvis_blob_tensor, dims), 4, 0, TVIS_DIAG_BOUNDS, NULL },
    { TENSOR, 10, offsetof(tvis_blob_tensor, dims), 4, TVIS_MAX_DIM + 1, TVIS_DIAG_BOUNDS, NULL },
    { TENSOR, 10, offsetof(tvis_blob_tensor, dims), 4, BIG, TVIS_DIAG_BOUNDS, NULL },
    { TENSOR, 10, offsetof(tvis_blob_tensor, dims), 4, 9, TVIS_DIAG_BOUNDS, NULL },
    { TENSOR, 0, offsetof(tvis_blob_tensor, dims) + 12, 4, 0, TVIS_DIAG_BOUNDS, NULL },
    { TENSOR, 0, offsetof(tvis_blob_tensor, dims) + 4, 4, BIG, TVIS_DIAG_BOUNDS, NULL },
    { TENSOR, 4, offsetof(tvis_blob_tensor, dims) + 4, 4, 1, TVIS_DIAG_BOUNDS, NULL },
    T(10, offset, 0, BOUNDS),
    T(10, offset, 0xffffffc0, BOUNDS),
    T(19, offset, 0x10000, BOUNDS),
    T(10, bytes, 4, BOUNDS),
    T(1, offset, 64, BOUNDS),
    T(1, bytes, 4, BOUNDS),
    T(1, crc, 1, BOUNDS),
    T(10, producer, 0, GRAPH),
    T(10, last_use, 0, GRAPH),
    T(0, producer, 0, GRAPH),
    T(1, producer, TVIS_NONE, GRAPH),
    T(1, producer, 9, GRAPH),
    { TENSOR, 2, AT(tvis_blob_tensor, producer), 0, TVIS_DIAG_GRAPH, "n6" }, /* whose output it is */
    T(1, last_use, 10, GRAPH),
    T(4, last_use, 2, GRAPH),                                                 /* before its producer */
    { TENSOR, 1, AT(tvis_blob_tensor, last_use), 1, TVIS_DIAG_GRAPH, "n12" }, /* which reads it, too */
    T(1, last_use, 4, GRAPH),                                                 /* which does not read it */
    T(1, last_use, 9, GRAPH),                                                 /* which only an output may have */
    { TENSOR, 9, AT(tvis_blob_tensor, last_use), 8, TVIS_DIAG_GRAPH, "inputs, outputs" }, /* an output lives on */
    T(1, scale, 0x3f800000, VALUE),                                                       /* of floats */
    T(1, zero, 1, VALUE),
    T(1, scale, NANS, VALUE),
    T(10, scale, 0x3f800000, VALUE),
    T(10, zero, 1, VALUE),
    T(1, dtype, TVIS_S8, VALUE), /* without a scale */
    N(2, q.mul, 3, BOUNDS),      /* odd */
    N(2, q.mul, 0x80000000, BOUNDS),
    N(2, q.add_mul, 1, BOUNDS),
    N(2, q.shift, 31, BOUNDS),
    N(2, q.add_shift, 255, BOUNDS),
    N(2, q.lo, 1, BOUNDS), /* over hi */
    N(2, q.reserved, 1, BOUNDS),
    N(2, name, BIG, BOUNDS),
    N(2, op, TVIS_OP_COUNT_, ENUM),
    N(2, act, TVIS_ACT_COUNT_, ENUM),
    N(2, in_count, 0, BOUNDS),
    N(2, in_count, TVIS_MAX_IN + 1, BOUNDS),
    N(2, out_count, 0, BOUNDS),
    N(2, out_count, TVIS_MAX_OUT + 1, BOUNDS),
    N(2, ids, BIG, BOUNDS),
    N(8, ids, 31, BOUNDS),
    N(1, ids, 3, GRAPH), /* node 0's own: the output is not node 1's */
    { NODE, 0, offsetof(tvis_blob_node, p), 2, 0, TVIS_DIAG_BOUNDS, NULL },          /* stride */
    { NODE, 0, offsetof(tvis_blob_node, p) + 4, 2, 256, TVIS_DIAG_BOUNDS, NULL },    /* dilation */
    { NODE, 0, offsetof(tvis_blob_node, p) + 8, 2, 256, TVIS_DIAG_BOUNDS, NULL },    /* padding */
    { NODE, 0, offsetof(tvis_blob_node, p) + 16, 2, 0, TVIS_DIAG_BOUNDS, NULL },     /* groups */
    { NODE, 0, offsetof(tvis_blob_node, p) + 18, 2, 1, TVIS_DIAG_BOUNDS, NULL },     /* SAME, and padding */
    { NODE, 2, offsetof(tvis_blob_node, p), 4, 0x3f800000, TVIS_DIAG_BOUNDS, NULL }, /* epsilon */
    { NODE, 2, offsetof(tvis_blob_node, p), 4, NANS, TVIS_DIAG_BOUNDS, NULL },
    { NODE, 2, offsetof(tvis_blob_node, p) + 4, 4, 1, TVIS_DIAG_BOUNDS, NULL },
    { NODE, 3, offsetof(tvis_blob_node, p), 4, 1, TVIS_DIAG_BOUNDS, NULL }, /* a sum has no parameters */
    { NODE, 6, offsetof(tvis_blob_node, p), 4, 1, TVIS_DIAG_BOUNDS, NULL }, /* flatten has no shape */
    { NODE, 6, offsetof(tvis_blob_node, p) + 16, 4, 2, TVIS_DIAG_BOUNDS, NULL },
    I(0, 1, GRAPH, "inputs, outputs"),
    I(1, 4, GRAPH, "inputs, outputs"),
    I(1, 10, GRAPH, "inputs, outputs"),
    I(3, 20, GRAPH, "n3"),        /* no tensor */
    I(3, TVIS_NONE, GRAPH, "n3"), /* the first input is not optional */
    I(3, 2, GRAPH, "n3"),         /* made later */
    I(6, 2, GRAPH, "n3"),         /* another node's output */
    I(6, 11, GRAPH, "n3"),        /* a constant */
    I(24, 5, GRAPH, NULL),        /* the pooled tensor is read by nobody then */
};

static uint8_t *field(uint8_t *blob, const damage *d)
{
    const tvis_blob_header *h = (const void *)blob;
    const size_t start[] = { 0, h->tensor_offset, h->node_offset, h->id_offset };
    const size_t each[] = { 0, sizeof(tvis_blob_tensor), sizeof(tvis_blob_node), sizeof(uint16_t) };
    return blob + start[d->where] + d->index * each[d->where] + d->offset;
}

/* The subject is what the row says, else the damaged record's name (or the table's, where that name is the damage). */
static bool names(const damage *d, const tvis_diag *diag, const tvis_model *good)
{
    const bool tensor = d->where == TENSOR;
    if (d->subject || d->where == HEADER || d->where == ID)
        return d->subject ? strcmp(diag->subject, d->subject) == 0 : diag->subject[0] != '\0';
    if (d->offset == 0) /* both records begin with their name */
        return strcmp(diag->subject, tensor ? "tensors" : "nodes") == 0;
    const char *name = tvis_string(good, tensor ? tvis_tensors(good)[d->index].name : tvis_nodes(good)[d->index].name);
    return strcmp(diag->subject, name) == 0 && (tensor ? diag->tensor : diag->node) == d->index;
}

static void each_check(void **state)
{
    tvis_model good;
    tvis_diag diag;
    (void)state;
    tvt_ok(tvis_model_open(&good, sample.data, sample.size, &diag), &diag);
    for (size_t i = 0; i < TVIS_COUNT(damages); i++) {
        const damage *d = &damages[i];
        uint8_t *blob = copy(sample.size);
        tvis_model m = { NULL, 0 };
        char text[256];
        memcpy(field(blob, d), &d->value, d->bytes);
        const tvis_blob_header *h = (const void *)blob;
        if (h->tables_end >= sizeof *h && h->tables_end <= sample.size)
            repair(blob);
        memset(&diag, 0x55, sizeof diag);
        const tvis_status s = tvis_model_open(&m, blob, sample.size, &diag);
        if (s != TVIS_EFORMAT || diag.status != s || diag.code != d->code)
            fail_msg("row %u: status %d, code %d, subject %s", (unsigned)i, (int)s, (int)diag.code, diag.subject);
        if (!names(d, &diag, &good))
            fail_msg("row %u: subject \"%s\", tensor %u, node %u", (unsigned)i, diag.subject, diag.tensor, diag.node);
        assert_null(m.blob);
        assert_true(tvis_diag_format(&diag, text, sizeof text) > 10);
        assert_int_equal(tvis_model_open(&m, blob, sample.size, NULL), TVIS_EFORMAT);
        free(blob);
    }
}

/* ---- everything ---- */

static void truncated(void **state)
{
    const tvis_blob_header *h = (const void *)sample.data;
    (void)state;
    for (size_t size = 0; size < sample.size; size++) {
        tvis_model m;
        tvis_diag d;
        uint8_t *blob = copy(size);
        assert_int_equal(tvis_model_open(&m, blob, size, &d), TVIS_EFORMAT);
        assert_int_equal(d.code, TVIS_DIAG_TRUNCATED);
        assert_int_equal(d.found[0], size);
        assert_int_equal(d.expected[0], size < sizeof *h ? sizeof *h : h->file_bytes);
        free(blob);
    }
}

static void longer(void **state)
{
    tvis_model m;
    tvis_diag d;
    void *blob;
    (void)state;
    assert_int_equal(posix_memalign(&blob, TVIS_ARENA_ALIGN, sample.size + 1), 0);
    memcpy(blob, sample.data, sample.size);
    ((uint8_t *)blob)[sample.size] = 0;
    assert_int_equal(tvis_model_open(&m, blob, sample.size + 1, &d), TVIS_EFORMAT);
    assert_int_equal(d.code, TVIS_DIAG_BOUNDS);
    assert_string_equal(d.subject, "file_bytes");
    assert_int_equal(d.expected[0], sample.size);
    assert_int_equal(d.found[0], sample.size + 1);
    free(blob);
}

static void arguments(void **state)
{
    tvis_model m;
    tvis_diag d;
    (void)state;
    for (size_t shift = 1; shift < TVIS_ARENA_ALIGN; shift *= 2) {
        assert_int_equal(tvis_model_open(&m, sample.data + shift, sample.size - shift, &d), TVIS_EINVAL);
        assert_int_equal(d.code, TVIS_DIAG_ALIGN);
    }
    assert_int_equal(tvis_model_open(NULL, sample.data, sample.size, &d), TVIS_EINVAL);
    assert_string_equal(d.subject, "model");
    assert_int_equal(tvis_model_open(&m, NULL, sample.size, &d), TVIS_EINVAL);
    assert_string_equal(d.subject, "blob");
}

/* Each bit of the tables: never accepted with a checksum that is not repaired, never harmful with one that is. */
static void every_bit(void **state)
{
    const uint32_t end = ((const tvis_blob_header *)(const void *)sample.data)->tables_end, step = tvt_quick() ? 5 : 1;
    uint32_t opened = 0, ran = 0;
    uint8_t *blob = copy(sample.size);
    tvis_session_config c;
    tvis_diag d;
    (void)state;
    tvis_session_defaults(&c);
    for (uint32_t at = 0; at < end; at += step)
        for (unsigned bit = 0; bit < 9; bit++) {
            tvis_model m;
            const uint8_t mask = (uint8_t)(bit < 8 ? 1u << bit : 0xffu);
            memcpy(blob, sample.data, end);
            blob[at] ^= mask;
            assert_int_equal(tvis_model_open(&m, blob, sample.size, &d), TVIS_EFORMAT);
            const tvis_blob_header *h = (const void *)blob;
            if (h->tables_end < sizeof *h || h->tables_end > sample.size)
                continue;
            repair(blob);
            if (tvis_model_open(&m, blob, sample.size, &d))
                continue;
            opened++;
            c.threads = (uint16_t)(1 + at % 3);
            c.no_fusion = bit % 2;
            ran += tvt_exercise(&m, c);
        }
    print_message("# %u damaged blobs open, %u of them run\n", opened, ran);
    assert_true(opened > ran && ran > 0);
    free(blob);
}

/* Weights that are any bits at all, and those that arithmetic likes least. */
static void any_weights(void **state)
{
    static const uint32_t patterns[] = { 0x7fc00000, 0x7f800000, 0xff800000, 0x00000001, 0x7f7fffff, 0xffffffff };
    const uint32_t end = ((const tvis_blob_header *)(const void *)sample.data)->tables_end;
    uint8_t *blob = copy(sample.size);
    (void)state;
    for (uint32_t i = 0; i < 40; i++) {
        tvis_model m;
        tvis_session_config c;
        tvis_diag d;
        tvis_session_defaults(&c);
        c.plan = (uint8_t)(i % 2);
        for (size_t at = (end + 3) & ~(size_t)3; at + 4 <= sample.size; at += 4) {
            const uint32_t v = i < TVIS_COUNT(patterns) ? patterns[i] : tvt_rand();
            memcpy(blob + at, &v, 4);
        }
        tvt_ok(tvis_model_open(&m, blob, sample.size, &d), &d);
        assert_int_equal(tvis_blob_verify(&m, &d), TVIS_EFORMAT);
        assert_true(tvt_exercise(&m, c));
    }
    free(blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_check), cmocka_unit_test(truncated), cmocka_unit_test(longer),
        cmocka_unit_test(arguments),  cmocka_unit_test(every_bit), cmocka_unit_test(any_weights),
    };
    return cmocka_run_group_tests(tests, make_sample, free_sample);
}
