/* SPDX-License-Identifier: MIT */
/* What the tests of the weight readers share. */
#ifndef TEST_WEIGHTS_H
#define TEST_WEIGHTS_H

#include "tests/tvt.h"
#include "models/import/weights.h"

#define FOLDER "tests/golden/weights/"

/* Every fixture that can be read; the text file with its contents is named by the part before the first dot. */
static const char *const good_files[] = {
    "dtypes.pth",         "dtypes.legacy.pth",
    "dtypes.safetensors", "strides.pth",
    "strides.legacy.pth", "shared.pth",
    "shared.legacy.pth",  "shapes.pth",
    "shapes.legacy.pth",  "shapes.safetensors",
    "checkpoint.pth",     "checkpoint.legacy.pth",
    "teacher.pth",        "teacher.legacy.pth",
    "prefix_all.pth",     "prefix_all.legacy.pth",
    "prefix_some.pth",    "prefix_some.legacy.pth",
    "parameters.pth",     "parameters.legacy.pth",
    "protocol1.pth",      "protocol1.legacy.pth",
    "protocol3.pth",      "protocol3.legacy.pth",
    "protocol4.pth",      "protocol4.legacy.pth",
    "protocol5.pth",      "protocol5.legacy.pth",
    "cuda.pth",           "cuda.legacy.pth",
    "nocrc.pth",          "python2.legacy.pth",
    "zip64.pth",
};

static inline const char *fixture(const char *name, char path[256])
{
    if (snprintf(path, 256, FOLDER "%s", name) >= 256)
        fail_msg("%s: the path is too long", name);
    return path;
}

/* All elements in malloc's memory; NULL for none. */
static inline float *read_all(const tvis_weight *t)
{
    size_t n = (size_t)tvis_weight_elements(t);
    float *values = malloc(n * sizeof *values + 1);
    assert_non_null(values);
    tvis_weight_read_f32(t, values);
    return values;
}

/* Reads everything that a file which was accepted has to offer. */
static inline void touch_all(const tvis_weights *w)
{
    for (size_t i = 0; i < tvis_weights_count(w); i++) {
        const tvis_weight *t = tvis_weights_at(w, i);
        assert_ptr_equal(tvis_weights_find(w, t->name), t);
        free(read_all(t));
    }
}

/* What a failure has to say. */
static inline void check_diag(const tvis_diag *d, tvis_status status)
{
    assert_int_equal(d->status, status);
    assert_true(d->code > TVIS_DIAG_NONE && d->code < TVIS_DIAG_COUNT_);
    assert_non_null(d->detail);
    assert_true(d->subject[0] != '\0');
}

#endif
