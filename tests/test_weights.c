/* SPDX-License-Identifier: MIT */
/* The weight readers against what PyTorch holds: tests/golden/weights/make_weights.py. */
#include "tests/test_weights.h"

#include <math.h>

#include <tinyvis/hosted.h>

static void same_number(const char *file, const char *name, size_t i, float want, float got)
{
    bool same = isnan(want) ? isnan(got) : want == got && signbit(want) == signbit(got);
    if (!same)
        fail_msg("%s: %s[%zu] is %.9g, not %.9g", file, name, i, (double)got, (double)want);
}

/* "2x3" or "-". */
static void same_dims(const char *file, const tvis_weight *t, const char *dims)
{
    char text[128] = "";
    size_t len = 0;
    for (uint32_t i = 0; i < t->rank; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%lld", i ? "x" : "", (long long)t->dims[i]);
    if (strcmp(t->rank ? text : "-", dims) != 0)
        fail_msg("%s: %s is %s, not %s", file, t->name, text, dims);
}

/* A line of the text file: name, dtype, dims, values. */
static void same_tensor(const char *file, const tvis_weights *w, char *line, size_t index)
{
    const char *name = strtok(line, " "), *dtype = strtok(NULL, " "), *dims = strtok(NULL, " ");
    const tvis_weight *t = tvis_weights_find(w, name);
    if (!t)
        fail_msg("%s: %s is not there", file, name);
    assert_ptr_equal(t, tvis_weights_at(w, index));
    assert_string_equal(tvis_dtype_name(t->dtype), dtype);
    same_dims(file, t, dims);
    float *values = read_all(t);
    size_t n = 0;
    for (const char *v = strtok(NULL, " "); v; v = strtok(NULL, " "), n++)
        same_number(file, name, n, strtof(v, NULL), values[n]);
    assert_int_equal(n, tvis_weight_elements(t));
    free(values);
}

static void text_name(const char *file, char name[256])
{
    size_t stem = strcspn(file, ".");
    if (strncmp(file, "protocol", 8) == 0)
        (void)snprintf(name, 256, FOLDER "protocols.txt");
    else
        (void)snprintf(name, 256, FOLDER "%.*s.txt", (int)stem, file);
}

/* safetensors sorts its tensors, so there the order is not compared. */
static void same_as_text(const char *file, const tvis_weights *w)
{
    char path[256];
    size_t size, count = 0, at;
    text_name(file, path);
    char *text = (char *)tvt_read(path, &size);
    for (char *line = text, *end; *line; line = end, count++) {
        end = strchr(line, '\n');
        *end++ = '\0';
        at = count;
        if (strstr(file, ".safetensors")) {
            char name[64];
            assert_int_equal(sscanf(line, "%63s", name), 1);
            for (at = 0; at < tvis_weights_count(w) && strcmp(tvis_weights_at(w, at)->name, name) != 0;)
                at++;
        }
        same_tensor(file, w, line, at);
    }
    assert_int_equal(count, tvis_weights_count(w));
    free(text);
}

static void test_fixtures(void **state)
{
    char path[256];
    (void)state;
    for (size_t i = 0; i < sizeof good_files / sizeof *good_files; i++) {
        tvis_weights *w;
        tvis_diag d;
        if (tvis_weights_open(&w, fixture(good_files[i], path), &d) != TVIS_OK)
            fail_msg("%s: %s: %s", path, d.subject, d.detail ? d.detail : "");
        same_as_text(good_files[i], w);
        tvis_weights_close(w);
    }
}

/* The same bytes, one off any alignment. */
static void test_unaligned(void **state)
{
    char path[256];
    (void)state;
    for (size_t i = 0; i < sizeof good_files / sizeof *good_files; i++) {
        size_t size;
        tvis_weights *w;
        uint8_t *file = tvt_read(fixture(good_files[i], path), &size), *moved = malloc(size + 1);
        assert_non_null(moved);
        memcpy(moved + 1, file, size);
        assert_int_equal(tvis_weights_parse(&w, moved + 1, size, "moved", NULL), TVIS_OK);
        same_as_text(good_files[i], w);
        tvis_weights_close(w);
        free(file);
        free(moved);
    }
}

static void test_find(void **state)
{
    tvis_weights *w;
    (void)state;
    assert_int_equal(tvis_weights_open(&w, FOLDER "prefix_all.pth", NULL), TVIS_OK);
    assert_null(tvis_weights_find(w, ""));
    assert_null(tvis_weights_find(w, "a"));
    assert_null(tvis_weights_find(w, "module.a.weight"));
    assert_null(tvis_weights_find(w, "zzz"));
    assert_non_null(tvis_weights_find(w, "a.weight"));
    tvis_weights_close(w);
    tvis_weights_close(NULL);
}

/* Views of one storage, and nothing copied. */
static void test_shared(void **state)
{
    tvis_weights *w;
    (void)state;
    assert_int_equal(tvis_weights_open(&w, FOLDER "shared.pth", NULL), TVIS_OK);
    const tvis_weight *whole = tvis_weights_find(w, "whole"), *half = tvis_weights_find(w, "half");
    assert_ptr_equal(half->data, whole->data + 12 * sizeof(float));
    assert_ptr_equal(tvis_weights_find(w, "matrix")->data, whole->data);
    assert_ptr_not_equal(tvis_weights_find(w, "other")->data, whole->data);
    tvis_weights_close(w);
}

static const struct refused {
    const char *file, *subject;
    tvis_diag_code code;
} refused[] = {
    { "deflated.pth", "byteorder", TVIS_DIAG_REFUSED },
    { "big_endian.pth", "byteorder", TVIS_DIAG_REFUSED },
    { "script.pth", FOLDER "script.pth", TVIS_DIAG_REFUSED },
    { "module.pth", "torch.nn.modules.linear.Linear", TVIS_DIAG_REFUSED },
    { "evil.pth", "x: posix.system", TVIS_DIAG_REFUSED },
    { "evil.legacy.pth", "x: posix.system", TVIS_DIAG_REFUSED },
    { "sparse.pth", "s: torch._utils._rebuild_sparse_tensor", TVIS_DIAG_REFUSED },
    { "sparse.legacy.pth", "s: torch._utils._rebuild_sparse_tensor", TVIS_DIAG_REFUSED },
    { "complex.pth", "c", TVIS_DIAG_DTYPE },
    { "complex.legacy.pth", "c", TVIS_DIAG_DTYPE },
    { "unsigned.pth", "u", TVIS_DIAG_DTYPE },
    { "unsigned.legacy.pth", "u", TVIS_DIAG_DTYPE },
    { "rank9.pth", "r", TVIS_DIAG_LIMIT },
    { "rank9.legacy.pth", "r", TVIS_DIAG_LIMIT },
    { "list.pth", FOLDER "list.pth", TVIS_DIAG_MISSING },
    { "list.legacy.pth", FOLDER "list.legacy.pth", TVIS_DIAG_MISSING },
    { "make_weights.py", FOLDER "make_weights.py", TVIS_DIAG_MAGIC },
};

static void test_refused(void **state)
{
    char path[256];
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        tvis_weights *w;
        tvis_diag d;
        assert_int_equal(tvis_weights_open(&w, fixture(refused[i].file, path), &d), TVIS_EFORMAT);
        assert_null(w);
        check_diag(&d, TVIS_EFORMAT);
        assert_string_equal(d.subject, refused[i].subject);
        if (d.code != refused[i].code)
            fail_msg("%s: code %d, not %d: %s", path, (int)d.code, (int)refused[i].code, d.detail);
    }
}

static void test_no_file(void **state)
{
    tvis_weights *w;
    tvis_diag d;
    (void)state;
    assert_int_equal(tvis_weights_open(&w, FOLDER "nowhere.pth", &d), TVIS_EIO);
    assert_null(w);
    assert_int_equal(d.status, TVIS_EIO);
}

/* The same network, saved in both formats. */
static void same_files(const char *pth, const char *safetensors)
{
    tvis_weights *a, *b;
    assert_int_equal(tvis_weights_open(&a, pth, NULL), TVIS_OK);
    assert_int_equal(tvis_weights_open(&b, safetensors, NULL), TVIS_OK);
    assert_int_equal(tvis_weights_count(a), tvis_weights_count(b));
    for (size_t i = 0; i < tvis_weights_count(a); i++) {
        const tvis_weight *x = tvis_weights_at(a, i), *y = tvis_weights_find(b, x->name);
        assert_non_null(y);
        assert_int_equal(x->dtype, y->dtype);
        assert_int_equal(x->rank, y->rank);
        assert_memory_equal(x->dims, y->dims, x->rank * sizeof *x->dims);
        float *p = read_all(x), *q = read_all(y);
        assert_memory_equal(p, q, (size_t)tvis_weight_elements(x) * sizeof *p);
        free(p);
        free(q);
    }
    tvis_weights_close(a);
    tvis_weights_close(b);
}

static void test_mobilenet_v2(void **state)
{
    (void)state;
    same_files(tvt_data("weights/mobilenet_v2.pth"), tvt_data("weights/mobilenet_v2.safetensors"));
}

static void test_mobilenet_v3(void **state)
{
    (void)state;
    same_files(tvt_data("weights/mobilenet_v3_small_tfpad.pth"),
               tvt_data("weights/mobilenet_v3_small_tfpad.safetensors"));
}

static void test_resnet20(void **state)
{
    (void)state;
    same_files(tvt_data("weights/resnet20_cifar10.pth"), tvt_data("weights/resnet20_cifar10.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixtures),     cmocka_unit_test(test_unaligned),    cmocka_unit_test(test_find),
        cmocka_unit_test(test_shared),       cmocka_unit_test(test_refused),      cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_mobilenet_v2), cmocka_unit_test(test_mobilenet_v3), cmocka_unit_test(test_resnet20),
    };
    return cmocka_run_group_tests_name("weights", tests, NULL, NULL);
}
