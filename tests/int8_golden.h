/* SPDX-License-Identifier: MIT */
/* tests/golden/int8: pictures, the ranges of activations that were found on them, and CRCs of models and outputs. */
#ifndef TVT_INT8_GOLDEN_H
#define TVT_INT8_GOLDEN_H

#include <math.h>

#include "core/port.h"
#include "quant/maker.h"
#include "tests/network.h"
#include "tests/pictures.h"

#define FOLDER  "tests/golden/int8/"
#define OUTPUTS FOLDER "outputs.txt"

enum { PICTURES = 3, MAX_LINES = 64 };

/* A line of OUTPUTS. */
typedef struct expected {
    char name[40];
    unsigned side;
    uint32_t model, outputs; /* CRCs */
} expected;

static expected lines[MAX_LINES];
static unsigned line_count;
static FILE *written; /* OUTPUTS, while it is made anew */

/* ---- what is expected ---- */

static inline bool asked_for(const char *variable)
{
    const char *text = getenv(variable);
    return text && *text == '1';
}

static inline int load(void **state)
{
    size_t size;
    (void)state;
    if (asked_for("TVT_WRITE_GOLDEN")) {
        written = fopen(OUTPUTS, "w");
        return written && fputs("# network, side, CRC of the int8 model, CRC of its outputs\n", written) >= 0 ? 0 : -1;
    }
    char *text = (char *)tvt_read(OUTPUTS, &size), *rest = text;
    for (char *line; (line = tvt_line(&rest)) != NULL;) {
        assert_true(line_count < MAX_LINES);
        expected *e = &lines[line_count++];
        assert_int_equal(sscanf(line, "%39s %u %x %x", e->name, &e->side, &e->model, &e->outputs), 4);
    }
    free(text);
    return 0;
}

static inline int finish(void **state)
{
    (void)state;
    return written ? fclose(written) : 0;
}

static inline expected look_up(const char *name, unsigned side)
{
    for (unsigned i = 0; i < line_count; i++)
        if (strcmp(lines[i].name, name) == 0 && lines[i].side == side)
            return lines[i];
    fail_msg("%s has no line for %s %u", OUTPUTS, name, side);
    return lines[0];
}

/* `found` against its line, or a new line. */
static inline void check_line(const expected *found)
{
    if (written) {
        fprintf(written, "%s %u %08x %08x\n", found->name, found->side, found->model, found->outputs);
        return;
    }
    const expected want = look_up(found->name, found->side);
    if (want.model != found->model)
        fail_msg("%s: the model's crc is %08x, not %08x", found->name, found->model, want.model);
    if (want.outputs != found->outputs)
        fail_msg("%s %u: the outputs' crc is %08x, not %08x", found->name, found->side, found->outputs, want.outputs);
}

/* ---- pictures and ranges ---- */

/* Multiples of 1/64 from -2 to 127/64: an int8 each, exactly. */
static inline void picture(uint32_t seed, uint32_t side, uint32_t channels, float *x)
{
    const size_t n = (size_t)side * side * channels;
    uint8_t *p = malloc(n);
    assert_non_null(p);
    tvt_synthetic(p, seed, side, side, channels);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((int32_t)p[i] - 128) / 64.0f;
    free(p);
}

static inline tvis_status calibration_picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    (void)user;
    (void)d;
    picture(i, (uint32_t)in->dims[1], (uint32_t)in->dims[3], in->data);
    return TVIS_OK;
}

static inline tvis_quantize_config calibration(void)
{
    return (tvis_quantize_config){ .struct_size = sizeof(tvis_quantize_config),
                                   .mode = TVIS_QUANTIZE_INT8,
                                   .observer = TVIS_OBSERVER_MINMAX,
                                   .percentile = 100.0f,
                                   .images = PICTURES,
                                   .input = calibration_picture,
                                   .equalize = TVIS_EQUALIZE_OFF,
                                   .portable = true };
}

static inline void write_ranges(const char *path, const tvis_model *plain)
{
    const tvis_quantize_config c = calibration();
    tvis_calibration k;
    tvis_diag d;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    tvt_ok(tvis_calibrate(&k, plain, &c, &d), &d);
    fputs("# least value, largest value and channels of each activation\n", f);
    for (uint32_t i = 0; i < k.count; i++)
        fprintf(f, "%.4g %.4g %d\n", fmin((double)k.tensor[i].s.min, 0.0), fmax((double)k.tensor[i].s.max, 0.0),
                (int)k.tensor[i].channels);
    assert_int_equal(fclose(f), 0);
    tvis_calibration_free(&k);
}

/* One for each activation, as if it had been observed; the input's is that of its int8. */
static inline void read_ranges(const char *path, tvis_calibration *k, tvis_range *range)
{
    size_t size;
    char *text = (char *)tvt_read(path, &size), *rest = text;
    for (uint32_t i = 0; i < k->count; i++) {
        const char *line = tvt_line(&rest);
        int channels = 0;
        if (!line || sscanf(line, "%lf %lf %d", &range[i].lo, &range[i].hi, &channels) != 3)
            fail_msg("%s: %u ranges, not %u", path, i, k->count);
        if (i == 0)
            range[i] = (tvis_range){ -2.0, 127.0 / 64.0 };
        k->tensor[i].s.min = (float)range[i].lo;
        k->tensor[i].s.max = (float)range[i].hi;
        k->tensor[i].channels = channels;
    }
    assert_null(tvt_line(&rest));
    free(text);
}

#endif
