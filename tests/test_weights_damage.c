/* SPDX-License-Identifier: MIT */
/* Weight files cut off anywhere, with any bit turned over, read with any allocation failing. */
#include "tests/test_weights.h"

#include <errno.h>

#include <tinyvis/hosted.h>
#include "tests/fault.h"

/* A file in memory that ends where a page does. */
typedef struct loaded {
    tvt_buf memory;
    uint8_t *data;
    size_t size;
} loaded;

static loaded load(const char *name)
{
    char path[256];
    loaded f;
    uint8_t *file = tvt_read(fixture(name, path), &f.size);
    f.memory = tvt_paged(f.size);
    f.data = f.memory.p;
    memcpy(f.data, file, f.size);
    free(file);
    return f;
}

static void cut(const char *name)
{
    loaded f = load(name);
    for (size_t n = f.size; n-- > 0;) {
        tvis_weights *w;
        tvis_diag d;
        memmove(f.data + f.size - n, f.data + f.size - n - 1, n); /* drops the last byte; the page end stays the end */
        if (tvis_weights_parse(&w, f.data + f.size - n, n, name, &d) != TVIS_EFORMAT)
            fail_msg("%s: cut to %zu bytes it is accepted", name, n);
        assert_null(w);
        check_diag(&d, TVIS_EFORMAT);
    }
    tvt_free(&f.memory);
}

static void test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_files / sizeof *good_files; i++)
        cut(good_files[i]);
}

/* An error that says what, or tensors that are all inside the file. */
static void parse(const uint8_t *data, size_t size, const char *name, size_t at)
{
    tvis_weights *w;
    tvis_diag d;
    tvis_status s = tvis_weights_parse(&w, data, size, name, &d);
    if (s == TVIS_OK)
        touch_all(w);
    else if (s != TVIS_EFORMAT)
        fail_msg("%s: status %d with byte %zu damaged", name, (int)s, at);
    else
        check_diag(&d, s);
    tvis_weights_close(w);
}

static void flip(const char *name)
{
    loaded f = load(name);
    size_t step = f.size / 1500 + 1;
    for (size_t at = 0; at < f.size; at += step)
        for (int bit = 0; bit < 8; bit++) {
            f.data[at] ^= (uint8_t)(1u << bit);
            parse(f.data, f.size, name, at);
            f.data[at] ^= (uint8_t)(1u << bit);
        }
    tvt_free(&f.memory);
}

static void test_flip(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_files / sizeof *good_files; i++)
        flip(good_files[i]);
}

static void test_random(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_files / sizeof *good_files; i++) {
        loaded f = load(good_files[i]), copy = load(good_files[i]);
        for (int round = 0; round < 200; round++) {
            memcpy(copy.data, f.data, f.size);
            for (uint32_t n = 1 + tvt_below(8); n > 0; n--)
                copy.data[tvt_below((uint32_t)f.size)] = (uint8_t)tvt_rand();
            parse(copy.data, f.size, good_files[i], 0);
        }
        tvt_free(&f.memory);
        tvt_free(&copy.memory);
    }
}

/* A bit of the payload in a zip archive breaks its checksum. */
static void test_payload(void **state)
{
    tvis_weights *w;
    tvis_diag d;
    loaded f = load("shared.pth");
    (void)state;
    assert_int_equal(tvis_weights_parse(&w, f.data, f.size, "shared.pth", &d), TVIS_OK);
    uint8_t *payload = f.data + (tvis_weights_find(w, "half")->data - f.data);
    tvis_weights_close(w);
    payload[5] ^= 1;
    assert_int_equal(tvis_weights_parse(&w, f.data, f.size, "shared.pth", &d), TVIS_EFORMAT);
    check_diag(&d, TVIS_EFORMAT);
    assert_int_equal(d.code, TVIS_DIAG_CRC);
    assert_string_equal(d.subject, "data/0");
    tvt_free(&f.memory);
}

static void exhaust(const char *name)
{
    char path[256];
    loaded f = load(name);
    for (uint32_t n = 0;; n++) {
        tvis_weights *w;
        tvis_diag d;
        tvt_fault(TVT_ALLOC, n, ENOMEM);
        tvis_status s = tvis_weights_parse(&w, f.data, f.size, name, &d);
        bool fired = tvt_fault_fired();
        tvis_weights_close(w);
        if (!fired) {
            assert_int_equal(s, TVIS_OK);
            assert_true(n > 3);
            break;
        }
        assert_int_equal(s, TVIS_ENOMEM);
        assert_null(w);
        check_diag(&d, TVIS_ENOMEM);
    }
    tvis_weights *w;
    tvt_fault(TVT_ALLOC, 0, ENOMEM);
    assert_int_equal(tvis_weights_open(&w, fixture(name, path), NULL), TVIS_ENOMEM);
    assert_true(tvt_fault_fired());
    assert_null(w);
    tvt_free(&f.memory);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_files / sizeof *good_files; i++)
        exhaust(good_files[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),     cmocka_unit_test(test_flip),      cmocka_unit_test(test_random),
        cmocka_unit_test(test_payload), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("weights, damaged", tests, NULL, NULL);
}
