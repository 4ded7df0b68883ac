/* SPDX-License-Identifier: MIT */
/* Pickles made to harm: what they may not do, and what the error says. */
#include "tests/test_weights.h"

/* A legacy file under construction. */
typedef struct stream {
    uint8_t *data;
    size_t size, capacity;
} stream;

static void put(stream *s, const void *bytes, size_t n)
{
    if (s->size + n > s->capacity) {
        s->capacity = 2 * (s->size + n);
        s->data = realloc(s->data, s->capacity);
        assert_non_null(s->data);
    }
    memcpy(s->data + s->size, bytes, n);
    s->size += n;
}

static void op(stream *s, const char *ops)
{
    put(s, ops, strlen(ops));
}

static void little(stream *s, uint64_t n, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        uint8_t byte = (uint8_t)(n >> (8 * i));
        put(s, &byte, 1);
    }
}

static void text(stream *s, const char *t)
{
    op(s, "X");
    little(s, strlen(t), 4);
    op(s, t);
}

static void integer(stream *s, int64_t n)
{
    op(s, "\x8a\x08");
    little(s, (uint64_t)n, 8);
}

static void integers(stream *s, const int64_t *n, size_t count)
{
    op(s, "(");
    for (size_t i = 0; i < count; i++)
        integer(s, n[i]);
    op(s, "t");
}

/* Magic number, protocol version and, up to the bool, the system information. */
static stream begin(void)
{
    static const uint8_t head[] = { 0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8,
                                    0x50, 0x19, '.',  0x80, 2,    'M',  0xe9, 3,    '.',  0x80, 2 };
    stream s = { NULL, 0, 0 };
    put(&s, head, sizeof head);
    op(&s, "}");
    text(&s, "little_endian");
    op(&s, "\x88s.\x80\x02");
    return s;
}

#define STORED 6

/* The pickle's end and no storage. */
static void finish_empty(stream *s)
{
    op(s, ".\x80\x02].");
}

/* The pickle's end, the keys, and the one storage "7" of 6 floats. */
static void finish(stream *s)
{
    op(s, ".\x80\x02]");
    text(s, "7");
    op(s, "a.");
    little(s, STORED, 8);
    for (uint32_t i = 0; i < STORED; i++)
        little(s, 0x3f800000u + i, 4);
}

static void storage(stream *s, const char *key, int64_t elements)
{
    op(s, "(");
    text(s, "storage");
    op(s, "ctorch\nFloatStorage\n");
    text(s, key);
    text(s, "cpu");
    integer(s, elements);
    op(s, "NtQ");
}

static void tensor(stream *s, int64_t offset, const int64_t *dims, const int64_t *strides, size_t rank)
{
    op(s, "ctorch._utils\n_rebuild_tensor_v2\n(");
    storage(s, "7", STORED);
    integer(s, offset);
    integers(s, dims, rank);
    integers(s, strides, rank);
    op(s, "\x89}tR");
}

static void whole(stream *s)
{
    static const int64_t dims[] = { STORED }, strides[] = { 1 };
    tensor(s, 0, dims, strides, 1);
}

/* Parses and frees it. What is refused is refused with this code and subject (NULL: any). */
static void expect_code(stream *s, tvis_diag_code code, const char *subject)
{
    tvis_weights *w;
    tvis_diag d;
    tvis_status status = tvis_weights_parse(&w, s->data, s->size, "stream", &d);
    if (code == TVIS_DIAG_NONE) {
        if (status)
            fail_msg("%s: %s", d.subject, d.detail);
        touch_all(w);
    } else {
        assert_int_equal(status, TVIS_EFORMAT);
        check_diag(&d, TVIS_EFORMAT);
        if (d.code != code || (subject && strcmp(subject, d.subject) != 0))
            fail_msg("code %d, not %d: %s: %s", (int)d.code, (int)code, d.subject, d.detail);
    }
    tvis_weights_close(w);
    free(s->data);
}

static void test_sound(void **state)
{
    stream s = begin();
    (void)state;
    op(&s, "}");
    text(&s, "w");
    whole(&s);
    op(&s, "s");
    finish(&s);
    expect_code(&s, TVIS_DIAG_NONE, NULL);
}

/* Offset, sizes and strides. */
static void test_views(void **state)
{
    static const struct {
        int64_t offset, dims[2], strides[2];
        tvis_diag_code code;
    } views[] = {
        { 0, { 2, 3 }, { 3, 1 }, TVIS_DIAG_NONE },
        { 5, { 1, 1 }, { INT64_MAX, INT64_MIN }, TVIS_DIAG_NONE },
        { 0, { 0, INT64_C(1) << 20 }, { -1, -1 }, TVIS_DIAG_NONE },
        { 0, { 4096, 4096 }, { 0, 0 }, TVIS_DIAG_NONE },
        { 6, { 0, 1 }, { 1, 1 }, TVIS_DIAG_NONE },
        { 6, { 1, 1 }, { 1, 1 }, TVIS_DIAG_BOUNDS },
        { -1, { 1, 1 }, { 1, 1 }, TVIS_DIAG_BOUNDS },
        { INT64_MAX, { 1, 1 }, { 1, 1 }, TVIS_DIAG_BOUNDS },
        { INT64_MIN, { 1, 1 }, { 1, 1 }, TVIS_DIAG_BOUNDS },
        { 1, { 2, 3 }, { 3, 1 }, TVIS_DIAG_BOUNDS },
        { 0, { 2, 2 }, { 5, 1 }, TVIS_DIAG_BOUNDS },
        { 5, { 2, 1 }, { -1, 1 }, TVIS_DIAG_BOUNDS },
        { 0, { 2, 2 }, { INT64_MAX, INT64_MAX }, TVIS_DIAG_BOUNDS },
        { 0, { 2, 2 }, { INT64_MAX / 4, 1 }, TVIS_DIAG_BOUNDS },
        { 0, { 3, 2 }, { INT64_C(1) << 31, INT64_C(1) << 32 }, TVIS_DIAG_BOUNDS },
        { 0, { -1, 1 }, { 1, 1 }, TVIS_DIAG_BOUNDS },
        { 0, { -1, -6 }, { 1, 1 }, TVIS_DIAG_BOUNDS },
        { 0, { 4097, 4096 }, { 0, 0 }, TVIS_DIAG_LIMIT },
        { 0, { INT64_MAX, INT64_MAX }, { 0, 0 }, TVIS_DIAG_LIMIT },
        { 0, { INT64_C(1) << 32, INT64_C(1) << 32 }, { 0, 0 }, TVIS_DIAG_LIMIT },
        { 0, { 0, INT64_MAX }, { 0, 0 }, TVIS_DIAG_LIMIT },
    };
    (void)state;
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        stream s = begin();
        op(&s, "}");
        text(&s, "w");
        tensor(&s, views[i].offset, views[i].dims, views[i].strides, 2);
        op(&s, "s");
        finish(&s);
        expect_code(&s, views[i].code, "w");
    }
}

/* Each with an empty stack, over a mark, over a number, a text, a list and a mark, and a whole call. */
static void test_every_operation(void **state)
{
    static const char *const below[] = { "",
                                         "(",
                                         "K\x01",
                                         "U\001a",
                                         "](",
                                         "(K\x01K\x02K\x03",
                                         "}]}",
                                         "ca\nb\n)R",
                                         "))" };
    (void)state;
    for (unsigned code = 0; code < 256; code++)
        for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
            stream s = begin();
            tvis_weights *w;
            uint8_t byte = (uint8_t)code;
            op(&s, below[i]);
            put(&s, &byte, 1);
            finish(&s);
            assert_int_equal(tvis_weights_parse(&w, s.data, s.size, "stream", NULL), TVIS_EFORMAT);
            free(s.data);
        }
}

static void test_nesting(void **state)
{
    static const char *const shapes[] = { "]", "(", "}K\x01", "ca\nb\n(" };
    static const char *const ends[] = { "a", "t", "s", "tR" };
    (void)state;
    for (size_t kind = 0; kind < sizeof shapes / sizeof *shapes; kind++) {
        stream s = begin();
        for (int i = 0; i < 200000; i++)
            op(&s, shapes[kind]);
        op(&s, "N");
        for (int i = 0; i < 200000; i++)
            op(&s, ends[kind]);
        finish_empty(&s);
        expect_code(&s, kind == 3 ? TVIS_DIAG_REFUSED : TVIS_DIAG_MISSING, NULL);
    }
}

/* 60 dicts, each with two entries that are the next one, and a dict that holds itself. */
static void test_sharing(void **state)
{
    stream s = begin();
    (void)state;
    op(&s, "}q");
    little(&s, 0, 1);
    for (unsigned i = 1; i < 60; i++) {
        op(&s, "}q");
        little(&s, i, 1);
        for (int twice = 0; twice < 2; twice++) {
            text(&s, twice ? "state_dict" : "model");
            op(&s, "h");
            little(&s, i - 1, 1);
            op(&s, "s");
        }
    }
    finish_empty(&s);
    expect_code(&s, TVIS_DIAG_MISSING, "stream");
    s = begin();
    op(&s, "}q\x05");
    text(&s, "model");
    op(&s, "h\x05s");
    finish_empty(&s);
    expect_code(&s, TVIS_DIAG_MISSING, "stream");
}

/* 20000 objects made from one list of 20000 pairs. */
static void test_shared_list(void **state)
{
    stream s = begin();
    (void)state;
    op(&s, "](");
    for (int i = 0; i < 20000; i++)
        op(&s, "]U\001aa");
    op(&s, "eq\x01"
           "0}");
    for (int i = 0; i < 20000; i++) {
        text(&s, "x");
        op(&s, "ccollections\nOrderedDict\nh\x01\x85Rs");
    }
    finish_empty(&s);
    expect_code(&s, TVIS_DIAG_REFUSED, NULL);
}

static void one_value(const char *ops, tvis_diag_code code, const char *subject)
{
    stream s = begin();
    op(&s, "}");
    text(&s, "good");
    whole(&s);
    op(&s, "s");
    text(&s, "w");
    op(&s, ops);
    op(&s, "s");
    finish(&s);
    expect_code(&s, code, subject);
}

static void test_values(void **state)
{
    (void)state;
    one_value("K\x01", TVIS_DIAG_NONE, NULL);
    one_value("cposix\nsystem\nU\x05touch\x85R", TVIS_DIAG_REFUSED, "w: posix.system");
    one_value("cposix\nsystem\n)RU\x05touch\x85R", TVIS_DIAG_REFUSED, "w: posix.system");
    one_value("cposix\nsystem\n", TVIS_DIAG_REFUSED, "w: posix.system");
    one_value("(iposix\nsystem\n", TVIS_DIAG_REFUSED, "w: posix.system");
    one_value("(cposix\nsystem\no", TVIS_DIAG_REFUSED, "w: posix.system");
    one_value("c\x1b[2J\nx\n)R", TVIS_DIAG_REFUSED, "w: ?[2J.x");
    one_value("](K\x01"
              "e",
              TVIS_DIAG_REFUSED, "w");
    one_value("}K\x01K\x02s", TVIS_DIAG_REFUSED, "w");
    one_value("ctorch._utils\n_rebuild_tensor_v2\n)R", TVIS_DIAG_SYNTAX, "w");
    one_value("ctorch._utils\n_rebuild_tensor_v2\nNR", TVIS_DIAG_SYNTAX, "w");
    one_value("ctorch._utils\n_rebuild_tensor_v2\n(NNNNtR", TVIS_DIAG_SYNTAX, "w");
    one_value("ctorch._utils\n_rebuild_parameter\n)R", TVIS_DIAG_REFUSED, "w: torch._utils._rebuild_parameter");
    one_value("ctorch._tensor\n_rebuild_from_type_v2\n)R", TVIS_DIAG_REFUSED, "w: torch._tensor._rebuild_from_type_v2");
    one_value("NQ", TVIS_DIAG_REFUSED, "w");
    one_value("S'a'\n", TVIS_DIAG_NONE, NULL);
    one_value("S'a\\x41'\n", TVIS_DIAG_REFUSED, NULL);
    one_value("S'a\n", TVIS_DIAG_SYNTAX, NULL);
    one_value("I12x\n", TVIS_DIAG_SYNTAX, NULL);
    one_value("I\n", TVIS_DIAG_SYNTAX, NULL);
    one_value("L99999999999999999999L\n", TVIS_DIAG_NONE, NULL);
    one_value("I-9223372036854775808\n", TVIS_DIAG_NONE, NULL);
    one_value("r\xff\xff\xff\xff", TVIS_DIAG_LIMIT, NULL);
    one_value("p99999999999\n", TVIS_DIAG_LIMIT, NULL);
    one_value("g-1\n", TVIS_DIAG_SYNTAX, NULL);
    one_value("j\x01\x01\x01\x01", TVIS_DIAG_SYNTAX, NULL);
    one_value("\x80\x06", TVIS_DIAG_VERSION, NULL);
    one_value("Pid\n", TVIS_DIAG_REFUSED, NULL);
    one_value("\x82\x01", TVIS_DIAG_REFUSED, NULL);
    one_value("X\xff\xff\xff\xff", TVIS_DIAG_TRUNCATED, NULL);
    one_value("\x8d\xff\xff\xff\xff\xff\xff\xff\xff", TVIS_DIAG_TRUNCATED, NULL);
    one_value("\x8b\xff\xff\xff\xff", TVIS_DIAG_TRUNCATED, NULL);
    one_value("\x95\xff\xff\xff\xff\xff\xff\xff\xff", TVIS_DIAG_TRUNCATED, NULL);
}

/* A tensor whose storage is (ops). */
static void one_storage(const char *key, int64_t elements, tvis_diag_code code)
{
    static const int64_t one[] = { 1 };
    stream s = begin();
    op(&s, "}");
    text(&s, "w");
    op(&s, "ctorch._utils\n_rebuild_tensor_v2\n(");
    storage(&s, key, elements);
    integer(&s, 0);
    integers(&s, one, 1);
    integers(&s, one, 1);
    op(&s, "\x89}tRs");
    finish(&s);
    expect_code(&s, code, NULL);
}

static void test_storages(void **state)
{
    (void)state;
    one_storage("7", STORED, TVIS_DIAG_NONE);
    one_storage("8", STORED, TVIS_DIAG_SYNTAX); /* the file has 7, which nobody asked for */
    one_storage("7", STORED - 1, TVIS_DIAG_BOUNDS);
    one_storage("7", STORED + 1, TVIS_DIAG_TRUNCATED);
    one_storage("7", INT64_C(1) << 30, TVIS_DIAG_TRUNCATED);
    one_storage("7", INT64_C(1) << 60, TVIS_DIAG_TRUNCATED);
    one_storage("7", INT64_MAX, TVIS_DIAG_SYNTAX);
    one_storage("7", -1, TVIS_DIAG_SYNTAX);
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        uint32_t size;
        const char *subject;
    } names[] = { { "a\0b", 3, "a?b" },
                  { "", 0, "(no name)" },
                  { "a\nb", 3, "a?b" },
                  { "\xc0\x80", 2, "\xc0\x80" },
                  { "\xed\xa0\x80", 3, "\xed\xa0\x80" },
                  { "\xf4\x90\x80\x80", 4, "\xf4\x90\x80\x80" },
                  { "\xe2\x82", 2, "\xe2\x82" } };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        stream s = begin();
        op(&s, "}X");
        little(&s, names[i].size, 4);
        put(&s, names[i].name, names[i].size);
        whole(&s);
        op(&s, "s");
        finish(&s);
        expect_code(&s, TVIS_DIAG_REFUSED, names[i].subject);
    }
    stream s = begin();
    op(&s, "}(");
    for (int twice = 0; twice < 2; twice++) {
        text(&s, "w");
        whole(&s);
    }
    op(&s, "u");
    finish(&s);
    expect_code(&s, TVIS_DIAG_REFUSED, "w");
}

/* Kinds of tensors that files of today seldom have. */
static void test_rebuilt(void **state)
{
    static const int64_t one[] = { 1 };
    static const struct {
        const char *kind, *type;
        tvis_diag_code code;
    } cases[] = {
        { "FloatStorage", "float32", TVIS_DIAG_NONE },        { "UntypedStorage", "float32", TVIS_DIAG_NONE },
        { "UntypedStorage", "float64", TVIS_DIAG_NONE },      { "DoubleStorage", "float64", TVIS_DIAG_TRUNCATED },
        { "UntypedStorage", "float8_e5m2", TVIS_DIAG_DTYPE }, { "Float", "float32", TVIS_DIAG_SYNTAX },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stream s = begin();
        op(&s, "}");
        text(&s, "w");
        op(&s, "ctorch._utils\n_rebuild_tensor_v3\n((");
        text(&s, "storage");
        op(&s, "ctorch\n");
        op(&s, cases[i].kind);
        op(&s, "\n");
        text(&s, "7");
        text(&s, "cpu");
        integer(&s, STORED * (i ? 4 : 1));
        op(&s, "tQK\x01"
               "ctorch\nSize\n");
        integers(&s, one, 1);
        op(&s, "\x85R");
        integers(&s, one, 1);
        op(&s, "\x89}ctorch\n");
        op(&s, cases[i].type);
        op(&s, "\ntRs.\x80\x02]");
        text(&s, "7");
        op(&s, "a.");
        little(&s, STORED * (i ? 4 : 1), 8);
        for (int n = 0; n < STORED; n++)
            little(&s, 0x3f800000u, 4);
        expect_code(&s, cases[i].code, NULL);
    }
}

static void test_wrapped(void **state)
{
    (void)state;
    for (int depth = 2; depth < 4; depth++) {
        stream s = begin();
        op(&s, "}");
        text(&s, "w");
        for (int i = 0; i < depth; i++)
            op(&s, "ctorch._utils\n_rebuild_parameter\n(");
        whole(&s);
        for (int i = 0; i < depth; i++)
            op(&s, "\x88}tR");
        op(&s, "s");
        finish(&s);
        expect_code(&s, depth == 2 ? TVIS_DIAG_NONE : TVIS_DIAG_REFUSED, NULL);
    }
}

static void test_stack(void **state)
{
    static char marks[4096];
    stream s = begin();
    (void)state;
    memset(marks, '(', sizeof marks);
    for (size_t n = 0; n <= (1u << 24); n += sizeof marks)
        put(&s, marks, sizeof marks);
    expect_code(&s, TVIS_DIAG_LIMIT, NULL);
}

/* The list after the object. */
static void test_keys(void **state)
{
    static const char *const lists[] = { "N.", "](N", "](NNe.",
                                         "](K\x01"
                                         "e.",
                                         "](U\x01"
                                         "8e." };
    static const tvis_diag_code codes[] = { TVIS_DIAG_SYNTAX, TVIS_DIAG_TRUNCATED, TVIS_DIAG_SYNTAX, TVIS_DIAG_SYNTAX,
                                            TVIS_DIAG_SYNTAX };
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        stream s = begin();
        op(&s, "}");
        text(&s, "w");
        whole(&s);
        op(&s, "s.");
        op(&s, lists[i]);
        expect_code(&s, codes[i], NULL);
    }
}

static void test_tar(void **state)
{
    stream s = { NULL, 0, 0 };
    (void)state;
    little(&s, 0, 1);
    while (s.size < 257)
        op(&s, "x");
    op(&s, "ustar");
    expect_code(&s, TVIS_DIAG_REFUSED, "stream");
}

/* What comes before the object. */
static void test_head(void **state)
{
    static const struct {
        size_t at;
        uint8_t byte;
        tvis_diag_code code;
    } changes[] = { { 4, 0x6d, TVIS_DIAG_MAGIC },
                    { 18, 0xe8, TVIS_DIAG_VERSION },
                    { 23, ')', TVIS_DIAG_SYNTAX },
                    { 42, 0x89, TVIS_DIAG_REFUSED },
                    { 1, 1, TVIS_DIAG_MAGIC } };
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        stream s = begin();
        op(&s, "}");
        finish(&s);
        s.data[changes[i].at] = changes[i].byte;
        expect_code(&s, changes[i].code, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),   cmocka_unit_test(test_views),    cmocka_unit_test(test_every_operation),
        cmocka_unit_test(test_nesting), cmocka_unit_test(test_sharing),  cmocka_unit_test(test_shared_list),
        cmocka_unit_test(test_values),  cmocka_unit_test(test_storages), cmocka_unit_test(test_names),
        cmocka_unit_test(test_head),    cmocka_unit_test(test_rebuilt),  cmocka_unit_test(test_wrapped),
        cmocka_unit_test(test_stack),   cmocka_unit_test(test_keys),     cmocka_unit_test(test_tar),
    };
    return cmocka_run_group_tests_name("weights, hostile pickles", tests, NULL, NULL);
}
