/* SPDX-License-Identifier: MIT */
/* .npy files: NumPy's own (tests/golden/preprocess), damaged ones, and what we write. */
#include "tests/fault.h"
#include "tests/tvt.h"

#include "examples/tinyvis/npy.h"

#include <errno.h>

#define FOLDER "tests/golden/preprocess/"

static void assert_empty(const npy *a)
{
    assert_null(a->data);
    assert_int_equal(a->rank | a->count, 0);
}

/* Elements are first, first + 1/8, first + 2/8 … */
static void files_of_numpy(void **state)
{
    static const struct {
        const char *path;
        uint32_t rank;
        int32_t dims[4];
        float first;
    } files[] = {
        { FOLDER "rank0.npy", 0, { 0 }, 17 / 8.0f - 1 }, { FOLDER "rank1.npy", 1, { 4 }, -1 },
        { FOLDER "rank2.npy", 2, { 3, 4 }, -1 },         { FOLDER "rank3.npy", 3, { 2, 3, 4 }, -1 },
        { FOLDER "rank4.npy", 4, { 2, 3, 2, 2 }, -1 },   { FOLDER "empty.npy", 3, { 0, 3, 4 }, -1 },
        { FOLDER "version2.npy", 3, { 2, 3, 4 }, -1 },   { FOLDER "version3.npy", 3, { 2, 3, 4 }, -1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        npy a;
        tvis_diag d;
        size_t count = 1;
        if (npy_read(files[i].path, &a, &d))
            fail_msg("%s: %s", files[i].path, d.detail);
        assert_int_equal(a.rank, files[i].rank);
        for (uint32_t k = 0; k < a.rank; k++) {
            assert_int_equal(a.dims[k], files[i].dims[k]);
            count *= (size_t)a.dims[k];
        }
        assert_int_equal(a.count, count);
        for (size_t k = 0; k < count; k++)
            assert_true(a.data[k] == files[i].first + (float)k / 8);
        npy_free(&a);
        assert_empty(&a);
    }
}

static void other_types_are_refused_by_name(void **state)
{
    static const char *const files[][2] = {
        { FOLDER "bad_f8.npy", "<f8" },  { FOLDER "bad_f2.npy", "<f2" },      { FOLDER "bad_i4.npy", "<i4" },
        { FOLDER "bad_big.npy", ">f4" }, { FOLDER "bad_complex.npy", "<c8" }, { FOLDER "bad_fortran.npy", "" },
        { FOLDER "bad_rank5.npy", "" },  { FOLDER "bad_record.npy", "" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        npy a;
        tvis_diag d;
        assert_int_equal(npy_read(files[i][0], &a, &d), TVIS_EUNSUP);
        assert_empty(&a);
        assert_non_null(strstr(d.subject, files[i][0]));
        assert_non_null(strstr(d.subject, files[i][1]));
    }
}

/* Magic, version 1 and length before `header`, `elements` bytes after it. */
static tvis_status decode_header(const char *header, size_t elements, npy *a)
{
    const size_t n = strlen(header);
    tvt_buf file = tvt_paged(10 + n + elements);
    uint8_t *p = file.p;
    memset(p, 0, file.size);
    memcpy(p, "\x93NUMPY\x01\x00", 8);
    p[8] = (uint8_t)n;
    p[9] = (uint8_t)(n >> 8);
    memcpy(p + 10, header, n);
    const tvis_status s = npy_decode(p, file.size, "header", a, NULL);
    tvt_free(&file);
    return s;
}

static void headers(void **state)
{
    static const struct {
        const char *text;
        size_t elements;
        tvis_status status;
    } cases[] = {
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 8, TVIS_OK },
        { "{\"shape\":(2,1),\"descr\":\"<f4\",\"fortran_order\":False}\n", 8, TVIS_OK },
        { " { 'descr' : '<f4' , 'fortran_order' : True , 'shape' : ( 2 , ) } ", 8, TVIS_OK },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, TVIS_OK },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2), }", 8, TVIS_EFORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (,), }", 8, TVIS_EFORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", 8, TVIS_EFORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2 2), }", 8, TVIS_EFORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 4, TVIS_EFORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 12, TVIS_EFORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2147483648,), }", 8, TVIS_EFORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (65536, 65536, 65536, 65536), }", 0, TVIS_EFORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647, 2147483647, 3, 4), }", 0, TVIS_EFORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1), }", 4, TVIS_EUNSUP },
        { "{'descr': '<f4', 'fortran_order': False, }", 4, TVIS_EFORMAT },
        { "{'descr': '<f4', 'shape': (1,), }", 4, TVIS_EFORMAT },
        { "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 4, TVIS_EFORMAT },
        { "{'descr': '<f4', 'other': 1, 'fortran_order': False, 'shape': (1,), }", 4, TVIS_EFORMAT },
        { "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }", 4, TVIS_EFORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } x", 4, TVIS_EFORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", 4, TVIS_EFORMAT },
        { "{'descr': '<f4long long long', 'fortran_order': False, 'shape': (1,)}", 4, TVIS_EFORMAT },
        { "{'descr': '<f4", 4, TVIS_EFORMAT },
        { "{'descr': <f4, 'fortran_order': False, 'shape': (1,), }", 4, TVIS_EFORMAT },
        { "{'descr': '|u1', 'fortran_order': False, 'shape': (4,), }", 4, TVIS_EUNSUP },
        { "", 4, TVIS_EFORMAT },
        { "[]", 4, TVIS_EFORMAT },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        npy a;
        const tvis_status s = decode_header(cases[i].text, cases[i].elements, &a);
        if (s != cases[i].status)
            fail_msg("%s: status %d", cases[i].text, s);
        npy_free(&a);
    }
}

/* Every shorter file is refused; flipped bits do no harm. */
static void damaged_files(void **state)
{
    (void)state;
    size_t size;
    uint8_t *data = tvt_read(FOLDER "rank3.npy", &size);
    npy a;
    for (size_t n = 0; n < size; n++) {
        tvt_buf cut = tvt_paged(n ? n : 1);
        memcpy(cut.p, data, n);
        assert_int_equal(npy_decode(cut.p, n, "cut", &a, NULL), TVIS_EFORMAT);
        assert_empty(&a);
        tvt_free(&cut);
    }
    for (size_t bit = 0; bit < 8 * size; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        const tvis_status s = npy_decode(data, size, "flipped", &a, NULL);
        assert_true(s == TVIS_OK || s == TVIS_EFORMAT || s == TVIS_EUNSUP);
        npy_free(&a);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    data[6] = 4; /* version */
    assert_int_equal(npy_decode(data, size, "version", &a, NULL), TVIS_EUNSUP);
    assert_true(npy_recognize(data, size));
    assert_false(npy_recognize(data, 5));
    assert_false(npy_recognize("P5 1 1 255 ", 11));
    free(data);
}

static void written_files_read_back(void **state)
{
    static const int32_t dims[] = { 2, 3, 5, 7 };
    (void)state;
    float data[2 * 3 * 5 * 7];
    tvt_fill_f32(data, 210);
    const char *path = tvt_temp("out.npy");
    for (uint32_t rank = 0; rank <= 4; rank++) {
        npy a;
        assert_int_equal(npy_write(path, data, rank, dims, NULL), TVIS_OK);
        assert_int_equal(npy_read(path, &a, NULL), TVIS_OK);
        assert_int_equal(a.rank, rank);
        assert_memory_equal(a.dims, dims, rank * sizeof *dims);
        assert_memory_equal(a.data, data, a.count * sizeof(float));
        npy_free(&a);
    }
    size_t size, largest;
    uint8_t *file = tvt_read(path, &size), *again;
    assert_int_equal(size, 128 + sizeof data);
    assert_int_equal(file[127], '\n');
    free(file);
    assert_int_equal(remove(path), 0);
    const int32_t wide[] = { 0, INT32_MAX, INT32_MAX, INT32_MAX }; /* the longest header; no elements */
    const int32_t many[] = { INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX }, below[] = { 3, -1 };
    tvis_status s = npy_encode(data, 4, wide, &again, &largest, NULL);
    assert_true(s == TVIS_EINVAL || largest == 128);
    free(again);
    assert_int_equal(npy_encode(data, 4, many, &again, &largest, NULL), TVIS_EINVAL);
    assert_int_equal(npy_encode(data, 2, below, &again, &largest, NULL), TVIS_EINVAL);
    assert_int_equal(npy_encode(data, 5, dims, &again, &largest, NULL), TVIS_EINVAL);
    assert_null(again);
}

static void failures_leave_nothing(void **state)
{
    static const tvt_fault_kind kinds[] = { TVT_ALLOC, TVT_OPEN, TVT_WRITE, TVT_SYNC, TVT_CLOSE, TVT_RENAME };
    (void)state;
    npy a;
    tvis_diag d;
    assert_int_equal(npy_read("tests/no-such-file.npy", &a, &d), TVIS_EIO);
    assert_string_equal(d.subject, "tests/no-such-file.npy");
    tvt_fault(TVT_ALLOC, 0, ENOMEM);
    const tvis_status read_status = npy_read(FOLDER "rank3.npy", &a, &d);
    assert_true(tvt_fault_fired());
    assert_int_equal(read_status, TVIS_ENOMEM);
    assert_empty(&a);
    const float data[4] = { 1, 2, 3, 4 };
    const int32_t dims[] = { 4 };
    const char *path = tvt_temp("fault.npy");
    assert_int_equal(npy_write("tests/no/such/folder/x.npy", data, 1, dims, &d), TVIS_EIO);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (uint32_t n = 0;; n++) {
            tvt_fault(kinds[i], n, EACCES);
            const tvis_status s = npy_write(path, data, 1, dims, NULL);
            const bool fired = tvt_fault_fired();
            assert_true(fired || s == TVIS_OK);
            assert_int_equal(remove(path) == 0, s == TVIS_OK); /* whole or absent */
            if (!fired)
                break;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_numpy),
        cmocka_unit_test(other_types_are_refused_by_name),
        cmocka_unit_test(headers),
        cmocka_unit_test(damaged_files),
        cmocka_unit_test(written_files_read_back),
        cmocka_unit_test(failures_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
