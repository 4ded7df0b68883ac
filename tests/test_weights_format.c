/* SPDX-License-Identifier: MIT */
/* safetensors headers and zip directories that break their rules. */
#include "tests/test_weights.h"

#define LONG_SHAPE "\"shape\":[1,1,1,1,1,1,1,1,1]"

static void expect_code(const uint8_t *data, size_t size, const char *what, tvis_diag_code code, const char *subject)
{
    tvis_weights *w;
    tvis_diag d;
    tvis_status s = tvis_weights_parse(&w, data, size, "file", &d);
    if (code == TVIS_DIAG_NONE) {
        if (s)
            fail_msg("%s: %s: %s", what, d.subject, d.detail);
        touch_all(w);
        tvis_weights_close(w);
        return;
    }
    assert_int_equal(s, TVIS_EFORMAT);
    assert_null(w);
    check_diag(&d, TVIS_EFORMAT);
    if (d.code != code || (subject && strcmp(subject, d.subject) != 0))
        fail_msg("%s: code %d, not %d: %s: %s", what, (int)d.code, (int)code, d.subject, d.detail);
}

/* A header and so many bytes after it; `length` < 0: the header's own. */
static void header(const char *json, int64_t length, size_t tail, tvis_diag_code code, const char *subject)
{
    size_t n = strlen(json), size = 8 + n + tail;
    uint64_t said = length < 0 ? n : (uint64_t)length;
    tvt_buf b = tvt_paged(size);
    uint8_t *p = b.p;
    memset(p, 0, size);
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(said >> (8 * i));
    memcpy(p + 8, json, n);
    expect_code(p, size, json, code, subject);
    tvt_free(&b);
}

static void test_header_length(void **state)
{
    (void)state;
    header("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", -1, 1, TVIS_DIAG_NONE, NULL);
    header("{", 2, 0, TVIS_DIAG_TRUNCATED, "file");
    header("{}", 100000000, 0, TVIS_DIAG_TRUNCATED, "file");
    header("{}", 100000001, 0, TVIS_DIAG_LIMIT, "file");
    header("{}", INT64_MAX, 0, TVIS_DIAG_LIMIT, "file");
    header("{}", 0, 0, TVIS_DIAG_BOUNDS, NULL);
    header("{}", 1, 0, TVIS_DIAG_SYNTAX, NULL);
}

static void test_header_text(void **state)
{
    static const struct {
        const char *json;
        size_t tail;
        tvis_diag_code code;
        const char *subject;
    } cases[] = {
        { "{}", 0, TVIS_DIAG_MISSING, "file" },
        { "{\"__metadata__\":{}}  ", 0, TVIS_DIAG_MISSING, "file" },
        { "{}", 1, TVIS_DIAG_BOUNDS, "file" },
        { "{\"__metadata__\":{\"a\":1}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"__metadata__\":[]}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{,}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{}}", 0, TVIS_DIAG_SYNTAX, "byte 10 of file" },
        { "{\"a\":{}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"a\":{\"dtype\":\"U8\"}}", 0, TVIS_DIAG_SYNTAX, "a" },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}", 0, TVIS_DIAG_SYNTAX, "a" },
        { "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"a\":{\"stride\":[1]}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"a\":{\"dtype\":\"F8_E4M3\"}}", 0, TVIS_DIAG_DTYPE, "a" },
        { "{\"a\":{\"dtype\":7}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"a\":{" LONG_SHAPE "}}", 0, TVIS_DIAG_LIMIT, "a" },
        { "{\"a\":{\"shape\":[-1]}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"a\":{\"shape\":[1.5]}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"a\":{\"shape\":[01]}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"a\":{\"shape\":[1,]}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"a\":{\"shape\":[9223372036854775808]}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"a\":{\"data_offsets\":[1]}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"a\":{\"data_offsets\":[1,2,3]}}", 0, TVIS_DIAG_LIMIT, NULL },
        { "{\"a\\x\":{}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"a\\u12\":{}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"\\ud800\":{}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"\\ud800\\u0041\":{}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"\\udc00\":{}}", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"a", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"a\\", 0, TVIS_DIAG_SYNTAX, NULL },
        { "{\"a\n\":{}}", 0, TVIS_DIAG_SYNTAX, NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        header(cases[i].json, -1, cases[i].tail, cases[i].code, cases[i].subject);
}

static void one_tensor(const char *name, const char *dtype, const char *shape, const char *offsets, size_t tail,
                       tvis_diag_code code, const char *subject)
{
    char json[512];
    assert_true(snprintf(json, sizeof json, "{\"%s\":{\"data_offsets\":[%s],\"shape\":[%s],\"dtype\":\"%s\"}}", name,
                         offsets, shape, dtype) < (int)sizeof json);
    header(json, -1, tail, code, subject);
}

static void test_extents(void **state)
{
    (void)state;
    one_tensor("a", "F32", "2,3", "0,24", 24, TVIS_DIAG_NONE, NULL);
    one_tensor("a", "F32", "", "0,4", 4, TVIS_DIAG_NONE, NULL);
    one_tensor("a", "F32", "0,9223372036854775807", "0,0", 0, TVIS_DIAG_LIMIT, "a");
    one_tensor("a", "F32", "2,3", "0,24", 23, TVIS_DIAG_BOUNDS, "a");
    one_tensor("a", "F32", "2,3", "0,24", 25, TVIS_DIAG_BOUNDS, "file");
    one_tensor("a", "F32", "2,3", "1,25", 25, TVIS_DIAG_BOUNDS, "file");
    one_tensor("a", "F32", "2,3", "0,23", 23, TVIS_DIAG_BOUNDS, "a");
    one_tensor("a", "F32", "2,3", "24,0", 24, TVIS_DIAG_BOUNDS, "a");
    one_tensor("a", "F32", "2,3", "0,9223372036854775807", 24, TVIS_DIAG_BOUNDS, "a");
    one_tensor("a", "F32", "4294967296,4294967296", "0,0", 0, TVIS_DIAG_BOUNDS, "a");
    one_tensor("a", "F32", "4611686018427387904,4", "0,0", 0, TVIS_DIAG_BOUNDS, "a");
    one_tensor("a", "F32", "4611686018427387905", "0,4", 4, TVIS_DIAG_BOUNDS, "a");
    one_tensor("a", "F64", "0", "0,0", 0, TVIS_DIAG_NONE, NULL);
}

static void test_header_names(void **state)
{
    (void)state;
    one_tensor("\\u0000", "U8", "1", "0,1", 1, TVIS_DIAG_REFUSED, "?");
    one_tensor("a\\u0000b", "U8", "1", "0,1", 1, TVIS_DIAG_REFUSED, "a?b");
    one_tensor("", "U8", "1", "0,1", 1, TVIS_DIAG_REFUSED, "(no name)");
    one_tensor("\xff", "U8", "1", "0,1", 1, TVIS_DIAG_REFUSED, NULL);
    one_tensor("\\ud83d\\ude00\\u00e9\\u6a5f\\/\\\"\\\\", "U8", "1", "0,1", 1, TVIS_DIAG_NONE, NULL);
    header("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
           "\"\\u0061\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
           -1, 2, TVIS_DIAG_REFUSED, "a");
    header("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
           "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
           -1, 3, TVIS_DIAG_BOUNDS, "file");
    header("{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]},"
           "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
           -1, 3, TVIS_DIAG_NONE, NULL);
}

/* The escapes give the bytes of UTF-8. */
static void test_escapes(void **state)
{
    static const char json[] =
        "{\"\\ud83d\\ude00\\u00e9\\u6a5f\\/\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}";
    uint8_t file[8 + sizeof json] = { sizeof json - 1 };
    tvis_weights *w;
    (void)state;
    memcpy(file + 8, json, sizeof json - 1);
    file[8 + sizeof json - 1] = 200;
    assert_int_equal(tvis_weights_parse(&w, file, sizeof file, "file", NULL), TVIS_OK);
    const tvis_weight *t = tvis_weights_find(w, "\xf0\x9f\x98\x80\xc3\xa9\xe6\xa9\x9f/");
    assert_non_null(t);
    float value;
    tvis_weight_read_f32(t, &value);
    assert_true(value == 200.0f);
    tvis_weights_close(w);
}

/* ---- zip ---- */

typedef struct archive {
    uint8_t *data;
    size_t size;
} archive;

/* Without checksums, so that what follows them is reached. */
static archive load(void)
{
    archive a;
    a.data = tvt_read(FOLDER "nocrc.pth", &a.size);
    return a;
}

/* The directory entry of a record. */
static uint8_t *entry(const archive *a, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i + 46 + len <= a->size; i++)
        if (memcmp(a->data + i, "PK\1\2", 4) == 0 && a->data[i + 28] == len && memcmp(a->data + i + 46, name, len) == 0)
            return a->data + i;
    fail_msg("%s: no such record", name);
    return NULL;
}

static void little(uint8_t *p, uint64_t n, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(n >> (8 * i));
}

/* One field of one directory entry changed. */
static void change(const char *record, size_t at, uint64_t value, int bytes, tvis_diag_code code, const char *subject)
{
    archive a = load();
    little(entry(&a, record) + at, value, bytes);
    expect_code(a.data, a.size, record, code, subject);
    free(a.data);
}

static void test_entries(void **state)
{
    (void)state;
    change("nocrc/data/0", 8, 1, 2, TVIS_DIAG_REFUSED, "data/0");  /* encrypted */
    change("nocrc/data/0", 10, 8, 2, TVIS_DIAG_REFUSED, "data/0"); /* deflated */
    change("nocrc/data/0", 16, 0x12345678, 4, TVIS_DIAG_CRC, "data/0");
    change("nocrc/data/0", 20, 15, 4, TVIS_DIAG_REFUSED, "data/0"); /* packed size */
    change("nocrc/data/0", 24, UINT32_MAX, 4, TVIS_DIAG_REFUSED, "data/0");
    change("nocrc/data/0", 28, 0xffff, 2, TVIS_DIAG_BOUNDS, NULL); /* length of the name */
    change("nocrc/data/0", 30, 0xffff, 2, TVIS_DIAG_BOUNDS, NULL);
    change("nocrc/data/0", 42, UINT32_MAX - 1, 4, TVIS_DIAG_BOUNDS, "data/0"); /* local header */
    change("nocrc/data/0", 42, 1, 4, TVIS_DIAG_BOUNDS, "data/0");
    change("nocrc/data/0", 46 + 6, 'D', 1, TVIS_DIAG_MISSING, "w");       /* another name */
    change("nocrc/data/0", 46 + 11, '1', 1, TVIS_DIAG_REFUSED, "data/1"); /* the same as the next */
    change("nocrc/data.pkl", 46 + 6, 'D', 1, TVIS_DIAG_MAGIC, "file");
    change("nocrc/byteorder", 46 + 6, 'B', 1, TVIS_DIAG_NONE, NULL);
    change("nocrc/version", 0, 'X', 1, TVIS_DIAG_SYNTAX, NULL);
}

static void test_sizes(void **state)
{
    archive a = load();
    uint8_t *e = entry(&a, "nocrc/data/0");
    (void)state;
    little(e + 20, 12, 4);
    little(e + 24, 12, 4);
    expect_code(a.data, a.size, "a short record", TVIS_DIAG_TRUNCATED, "w");
    little(e + 20, a.size, 4);
    little(e + 24, a.size, 4);
    expect_code(a.data, a.size, "a long record", TVIS_DIAG_BOUNDS, "data/0");
    free(a.data);
}

/* Records that share their bytes would let a small file ask for much work. */
static void test_overlap(void **state)
{
    archive a = load();
    uint8_t *pickle = entry(&a, "nocrc/data.pkl"), *end = entry(&a, "nocrc/data.pkl");
    uint32_t most = (uint32_t)(end - a.data) - 100;
    static const char *const records[] = { "nocrc/data/0", "nocrc/data/1" };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint8_t *e = entry(&a, records[i]);
        little(e + 20, most, 4);
        little(e + 24, most, 4);
        memcpy(e + 42, pickle + 42, 4);
    }
    expect_code(a.data, a.size, "records that overlap", TVIS_DIAG_BOUNDS, NULL);
    free(a.data);
}

static void test_end(void **state)
{
    static const struct {
        size_t at;
        uint64_t value;
        int bytes;
        tvis_diag_code code;
    } changes[] = {
        { 0, 0, 4, TVIS_DIAG_TRUNCATED },    { 10, 0, 2, TVIS_DIAG_MAGIC },
        { 10, 0xffff, 2, TVIS_DIAG_SYNTAX }, { 12, UINT32_MAX, 4, TVIS_DIAG_BOUNDS },
        { 12, 0, 4, TVIS_DIAG_SYNTAX },      { 16, UINT32_MAX, 4, TVIS_DIAG_BOUNDS },
        { 16, 0, 4, TVIS_DIAG_SYNTAX },      { 20, 1, 2, TVIS_DIAG_TRUNCATED },
    };
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        archive a = load();
        memset(a.data + a.size - 22 - 20, 0, 4); /* torch always writes the zip64 records as well: hidden here */
        little(a.data + a.size - 22 + changes[i].at, changes[i].value, changes[i].bytes);
        expect_code(a.data, a.size, "end record", changes[i].code, NULL);
        free(a.data);
    }
}

/* zip64.pth ends with the zip64 end record (56), its locator (20), the end record (22) and 3 bytes of comment. */
static void test_end64(void **state)
{
    static const struct {
        size_t at;
        uint64_t value;
        tvis_diag_code code;
    } changes[] = {
        { 0, 0, TVIS_DIAG_BOUNDS },           { 32, UINT64_MAX, TVIS_DIAG_SYNTAX },
        { 32, 0, TVIS_DIAG_MAGIC },           { 40, UINT64_MAX, TVIS_DIAG_BOUNDS },
        { 48, UINT64_MAX, TVIS_DIAG_BOUNDS }, { 48, UINT64_MAX - 100, TVIS_DIAG_BOUNDS },
        { 64, UINT64_MAX, TVIS_DIAG_BOUNDS }, { 64, 0, TVIS_DIAG_BOUNDS },
    };
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        archive a;
        a.data = tvt_read(FOLDER "zip64.pth", &a.size);
        little(a.data + a.size - 3 - 22 - 20 - 56 + changes[i].at, changes[i].value, 8);
        expect_code(a.data, a.size, "zip64 end record", changes[i].code, NULL);
        free(a.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_length), cmocka_unit_test(test_header_text), cmocka_unit_test(test_extents),
        cmocka_unit_test(test_header_names),  cmocka_unit_test(test_escapes),     cmocka_unit_test(test_entries),
        cmocka_unit_test(test_sizes),         cmocka_unit_test(test_overlap),     cmocka_unit_test(test_end),
        cmocka_unit_test(test_end64),
    };
    return cmocka_run_group_tests_name("weights, hostile headers", tests, NULL, NULL);
}
