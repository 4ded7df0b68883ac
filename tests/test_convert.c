/* SPDX-License-Identifier: MIT */
/* Conversion: from weight files that are made here, with one thing wrong at a time. */
#define _POSIX_C_SOURCE 200809L /* strdup */
#include <errno.h>
#include <math.h>

#include "tests/weight_file.h"

static tvis_convert_config config(void)
{
    return (tvis_convert_config){ .struct_size = sizeof(tvis_convert_config),
                                  .arch = "mobilenet_v2",
                                  .seed = SEED,
                                  .classes = CLASSES,
                                  .width = WIDTH };
}

static tvis_convert_config from_file(void)
{
    tvis_convert_config c = config();
    c.weights = path;
    c.classes = 0;
    c.seed = 99;
    return c;
}

/* ---- what goes well ---- */

static void sum_up(void *user, uint32_t i, const tvis_node_info *info)
{
    uint64_t *sums = user;
    (void)i;
    sums[0] += info->params;
    sums[1] += info->macs;
    if (strcmp(info->op, "conv2d") == 0 || strcmp(info->op, "depthwise") == 0)
        sums[2] += (uint64_t)info->out[3];
}

/* Where every convolution has a batch norm, its folded bias stands for two vectors of it. */
static bool all_have_batch_norm(const char *arch)
{
    return strstr(arch, "mobilenet_v1") || strstr(arch, "mobilenet_v2") || strstr(arch, "mobilenet_v4") ||
           strstr(arch, "resnet");
}

static void check_architecture(const tvis_arch_info *a)
{
    const tvis_convert_config cc = { .struct_size = sizeof cc, .arch = a->name };
    tvis_blob blob;
    tvis_model m;
    tvis_model_info info;
    tvt_convert(&cc, &blob, &m);
    tvis_model_get_info(&m, &info);
    assert_string_equal(info.arch, a->name);
    assert_true(info.h == a->h && info.w == a->w && info.c == a->c && info.classes == a->classes);
    for (int fused = 0; fused < 2; fused++) {
        tvis_session_config c;
        uint64_t sums[3] = { 0 };
        tvis_session_defaults(&c);
        c.no_fusion = !fused;
        tvt_ok(tvis_session_plan(&m, &c, NULL, sum_up, sums, NULL), NULL);
        assert_int_equal(sums[0], info.params);
        assert_int_equal(sums[1], a->macs);
        if (!fused && all_have_batch_norm(a->name))
            assert_int_equal(sums[0] + sums[2], a->params);
    }
    tvis_blob_free(&blob);
}

static void architectures(void **state)
{
    tvis_arch_info a, before = { 0 };
    uint32_t i = 0;
    bool mobilenet_v2 = false;
    (void)state;
    for (; tvis_arch(i, &a); before = a, i++) {
        assert_true(!before.name || strcmp(before.name, a.name) < 0);
        if (strcmp(a.name, "mobilenet_v2") == 0)
            mobilenet_v2 = a.params == 3504872 && a.macs == 300774272 && a.classes == 1000 && a.h == 224;
        if (a.params < (tvt_quick() ? 4000000 : 30000000))
            check_architecture(&a);
    }
    assert_true(mobilenet_v2);
    assert_false(tvis_arch(UINT32_MAX, &a));
}

static void same_blob(const tvis_convert_config *a, const tvis_convert_config *b, bool same)
{
    tvis_blob x, y;
    tvis_model m;
    tvt_convert(a, &x, &m);
    tvt_convert(b, &y, &m);
    assert_int_equal(x.size == y.size && memcmp(x.data, y.data, x.size) == 0, same);
    assert_int_equal((uintptr_t)x.data % TVIS_ARENA_ALIGN, 0);
    tvis_diag d;
    tvt_ok(tvis_blob_verify(&m, &d), &d);
    tvis_blob_free(&x);
    tvis_blob_free(&y);
}

/* Byte for byte, from the same values in a file or from the seed; bookkeeping of training does not matter. */
static void deterministic(void **state)
{
    tvis_convert_config random = config(), file = from_file(), other = config();
    const int64_t one = 1;
    (void)state;
    const uint32_t real = count;
    write_entries(real);
    same_blob(&random, &random, true);
    same_blob(&random, &file, true);
    put("features.0.1", "num_batches_tracked", TVIS_RANDOM_BIAS, 1, &one);
    write_entries(count);
    same_blob(&random, &file, true);
    free(entries[--count].values);
    other.seed++;
    same_blob(&random, &other, false);
}

static void labels(void **state)
{
    static const char *const names[CLASSES] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };
    tvis_convert_config c = config();
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    (void)state;
    c.labels = names;
    c.label_count = CLASSES;
    tvt_convert(&c, &blob, &m);
    for (uint32_t i = 0; i < CLASSES; i++)
        assert_string_equal(tvis_model_label(&m, i), names[i]);
    tvis_blob_free(&blob);
    c.label_count = CLASSES - 1;
    assert_int_equal(tvis_convert(&c, &blob, &d), TVIS_EINVAL);
    assert_string_equal(d.subject, "labels");
    assert_true(d.expected[0] == CLASSES && d.found[0] == CLASSES - 1);
}

static void input_sizes(void **state)
{
    static const struct {
        uint16_t h, w;
        int64_t expected, found;
    } bad[] = { { 31, 0, 32, 31 }, { 0, 8, 32, 8 }, { 16385, 0, 16384, 16385 }, { 64, 65535, 16384, 65535 } };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(bad); i++) {
        tvis_convert_config c = config();
        tvis_blob blob = { NULL, 0 };
        tvis_diag d;
        c.h = bad[i].h;
        c.w = bad[i].w;
        assert_int_equal(tvis_convert(&c, &blob, &d), TVIS_EINVAL);
        assert_int_equal(d.code, TVIS_DIAG_LIMIT);
        assert_string_equal(d.subject, "input size");
        assert_true(d.expected[0] == bad[i].expected && d.found[0] == bad[i].found);
        assert_null(blob.data);
    }
    tvis_convert_config c = config();
    tvis_blob blob;
    tvis_model m;
    tvis_model_info info;
    c.h = 97;
    c.w = 64;
    tvt_convert(&c, &blob, &m);
    tvis_model_get_info(&m, &info);
    assert_true(info.h == 97 && info.w == 64);
    tvis_blob_free(&blob);
}

/* ---- what goes wrong ---- */

static void refuse(const tvis_convert_config *c, tvis_status want, tvis_diag_code code, const char *subject)
{
    tvis_blob blob = { NULL, 0 };
    tvis_diag d;
    memset(&d, 0x55, sizeof d);
    const tvis_status s = tvis_convert(c, &blob, &d);
    if (s != want || d.status != want || d.code != code || strcmp(d.subject, subject) != 0)
        fail_msg("%s: status %d, code %d, subject %s", subject, (int)s, (int)d.code, d.subject);
    assert_null(blob.data);
    assert_int_equal(tvis_convert(c, &blob, NULL), want);
}

static void arguments(void **state)
{
    static const float widths[] = { -0.1f, 8.1f, INFINITY, NAN };
    tvis_convert_config c = config();
    tvis_diag d;
    (void)state;
    assert_int_equal(tvis_convert(&c, NULL, &d), TVIS_EINVAL);
    refuse(NULL, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "config");
    c.struct_size++;
    refuse(&c, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "config");
    c = config();
    c.arch = "mobilenet_v22";
    refuse(&c, TVIS_EINVAL, TVIS_DIAG_NAME, "mobilenet_v22");
    c.arch = NULL;
    refuse(&c, TVIS_EINVAL, TVIS_DIAG_NAME, "");
    c = config();
    c.classes = (1u << 24) + 1;
    refuse(&c, TVIS_EINVAL, TVIS_DIAG_LIMIT, "classes");
    c.classes = 1u << 24; /* 86 GB of weights */
    refuse(&c, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "classifier.1.weight");
    for (size_t i = 0; i < TVIS_COUNT(widths); i++) {
        c = config();
        c.width = widths[i];
        refuse(&c, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "width");
    }
}

static void files(void **state)
{
    tvis_convert_config c = from_file();
    (void)state;
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_true(fputs("neither of the two formats", f) >= 0);
    assert_int_equal(fclose(f), 0);
    tvis_blob blob;
    tvis_diag d;
    assert_int_equal(tvis_convert(&c, &blob, &d), TVIS_EFORMAT);
    assert_int_equal(remove(path), 0);
    assert_int_equal(tvis_convert(&c, &blob, &d), TVIS_EIO);
    assert_int_equal(d.found[0], ENOENT);
}

static void missing_tensors(void **state)
{
    const tvis_convert_config c = from_file();
    (void)state;
    for (uint32_t i = 0; i < count; i += tvt_quick() ? 61 : 7) {
        float *values = entries[i].values;
        entries[i].values = NULL;
        write_entries(count);
        entries[i].values = values;
        refuse(&c, TVIS_EMODEL, TVIS_DIAG_MISSING, entries[i].name);
    }
}

static void extra_tensor(void **state)
{
    const tvis_convert_config c = from_file();
    const int64_t dims[3] = { 2, 3, 4 };
    tvis_blob blob;
    tvis_diag d;
    (void)state;
    put("features.7", "surplus", TVIS_RANDOM_BIAS, 3, dims);
    write_entries(count);
    refuse(&c, TVIS_EMODEL, TVIS_DIAG_EXTRA, "features.7.surplus");
    assert_int_equal(tvis_convert(&c, &blob, &d), TVIS_EMODEL);
    assert_true(d.found[0] == 2 && d.found[1] == 3 && d.found[2] == 4 && d.found[3] == -1);
    free(entries[--count].values);
}

/* Both shapes are told: a dimension more, a dimension less, two of them swapped. */
static void misshapen_tensors(void **state)
{
    const tvis_convert_config c = from_file();
    (void)state;
    for (uint32_t i = 0; i < count; i += tvt_quick() ? 97 : 23) {
        entry *e = &entries[i];
        const entry good = *e;
        tvis_blob blob;
        tvis_diag d;
        if (e->rank == 1) {
            e->rank = 2;
            e->dims[1] = 1;
        } else {
            e->dims[e->rank - 2] *= e->dims[e->rank - 1];
            e->rank--;
        }
        write_entries(count);
        refuse(&c, TVIS_EMODEL, TVIS_DIAG_SHAPE, e->name);
        assert_int_equal(tvis_convert(&c, &blob, &d), TVIS_EMODEL);
        for (uint32_t k = 0; k < 4; k++) {
            assert_int_equal(d.expected[k], k < good.rank ? good.dims[k] : -1);
            assert_int_equal(d.found[k], k < e->rank ? e->dims[k] : -1);
        }
        *e = good;
    }
}

static void other_classes(void **state)
{
    tvis_convert_config c = from_file();
    tvis_blob blob;
    tvis_model m;
    tvis_model_info info;
    tvis_diag d;
    (void)state;
    write_entries(count);
    tvt_convert(&c, &blob, &m);
    tvis_model_get_info(&m, &info);
    assert_int_equal(info.classes, CLASSES);
    tvis_blob_free(&blob);
    c.classes = 7;
    refuse(&c, TVIS_EMODEL, TVIS_DIAG_SHAPE, "classifier.1.weight");
    assert_int_equal(tvis_convert(&c, &blob, &d), TVIS_EMODEL);
    assert_true(d.expected[0] == 7 && d.expected[1] == 1280 && d.found[0] == CLASSES && d.found[1] == 1280);
    c = from_file();
    c.width = 1.0f;
    refuse(&c, TVIS_EMODEL, TVIS_DIAG_SHAPE, "features.0.0.weight");
}

static void not_finite(void **state)
{
    const tvis_convert_config c = from_file();
    const float values[] = { NAN, INFINITY, -INFINITY };
    (void)state;
    for (uint32_t i = 0; i < count; i += tvt_quick() ? 89 : 29) {
        float *last = &entries[i].values[elements(&entries[i]) - 1];
        const float good = *last;
        *last = values[i % 3];
        write_entries(count);
        refuse(&c, TVIS_EMODEL, TVIS_DIAG_VALUE, entries[i].name);
        *last = good;
    }
    float *variance = &entries[4].values[0];
    const float good = *variance;
    *variance = -0.5f;
    write_entries(count);
    refuse(&c, TVIS_EMODEL, TVIS_DIAG_VALUE, "features.0.0.weight");
    *variance = good;
}

/* Every allocation fails once: of the weight reader, the builder, the passes, the writer. */
static void no_memory(void **state)
{
    const tvis_convert_config c = from_file();
    uint32_t i = 0;
    (void)state;
    write_entries(count);
    for (;; i += tvt_quick() ? 83 : 5) {
        tvis_blob blob = { NULL, 0 };
        tvis_diag d;
        tvt_fault(TVT_ALLOC, i, ENOMEM);
        const tvis_status s = tvis_convert(&c, &blob, &d);
        if (!tvt_fault_fired()) {
            tvt_ok(s, &d);
            tvis_blob_free(&blob);
            break;
        }
        if (s != TVIS_ENOMEM || d.status != s)
            fail_msg("allocation %u: status %d", (unsigned)i, (int)s);
        assert_null(blob.data);
    }
    assert_true(i > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(architectures),   cmocka_unit_test(deterministic), cmocka_unit_test(labels),
        cmocka_unit_test(input_sizes),     cmocka_unit_test(arguments),     cmocka_unit_test(files),
        cmocka_unit_test(missing_tensors), cmocka_unit_test(extra_tensor),  cmocka_unit_test(misshapen_tensors),
        cmocka_unit_test(other_classes),   cmocka_unit_test(not_finite),    cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, make_weights, free_weights);
}
