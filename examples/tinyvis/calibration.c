/* SPDX-License-Identifier: MIT */
#include "calibration.h"

#include "fail.h"
#include "print.h"

#include <stdlib.h>
#include <string.h>

/* Pictures that are asked for again and again are kept in so many bytes. */
#define KEPT_BYTES ((size_t)16 << 20)

/* Copies a view of one picture, in either layout, to NHWC. */
static void copy_nhwc(const tvis_tensor *from, float *y)
{
    const size_t pixels = (size_t)from->dims[1] * (size_t)from->dims[2], channels = (size_t)from->dims[3];
    const float *x = from->data;
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < channels; c++)
            y[i * channels + c] = from->layout == TVIS_NHWC ? x[i * channels + c] : x[c * pixels + i];
}

static void reserve(calibration *c, const tvis_tensor *in)
{
    c->each = tensor_elements(in);
    c->room = (uint32_t)(KEPT_BYTES / (c->each * sizeof *c->kept));
    c->room = c->room < c->files.count ? c->room : (uint32_t)c->files.count;
    c->kept = malloc(c->room * c->each * sizeof *c->kept);
    c->is_ready = calloc((size_t)c->room + 1, sizeof *c->is_ready);
    if (!c->kept || !c->is_ready)
        c->room = 0; /* it works without */
}

static tvis_status next_picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    calibration *c = user;
    tvis_tensor t;
    if (c->each == 0)
        reserve(c, in);
    float *kept = i < c->room ? c->kept + (size_t)i * c->each : NULL;
    if (kept && c->is_ready[i]) {
        memcpy(in->data, kept, c->each * sizeof *kept);
        return TVIS_OK;
    }
    tvis_status s = source_read(&c->s, c->files.path[i], d);
    if (!s)
        s = source_prepare(&c->s, c->model, (arg_size){ 0, 0 }, &t, d);
    if (!s && memcmp(t.dims, in->dims, sizeof t.dims) != 0)
        s = tool_fail(d, TVIS_EINVAL, TVIS_DIAG_SHAPE, c->files.path[i],
                      "is not one picture of the model's default size");
    if (s)
        return s;
    copy_nhwc(&t, in->data);
    if (kept) {
        memcpy(kept, in->data, c->each * sizeof *kept);
        c->is_ready[i] = true;
    }
    return TVIS_OK;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int32_t class_of(void *user, uint32_t i)
{
    const calibration *c = user;
    for (size_t k = 0; k < c->labels.count; k++)
        if (strcmp(base_name(c->labels.row[k].file), base_name(c->files.path[i])) == 0)
            return (int32_t)c->labels.row[k].class_index;
    return -1;
}

static void show_progress(void *user, const char *what, uint32_t done, uint32_t total)
{
    (void)user;
    print_progress(what, done, total);
}

tvis_status calibration_open(calibration *c, loaded *l, const char *folder, const char *labels, tvis_diag *d)
{
    c->model = l;
    tvis_status s = files_of_folder(folder, &c->files, d);
    if (!s && labels)
        s = labels_read_csv(labels, l->info.classes, &c->labels, d);
    for (uint32_t i = 0; !s && labels && i < c->files.count; i++)
        if (class_of(c, i) < 0)
            s = tool_fail(d, TVIS_EINVAL, TVIS_DIAG_NAME, c->files.path[i], "has no line in the table of labels");
    return s;
}

void calibration_use(calibration *c, tvis_quantize_config *config)
{
    config->images = (uint32_t)c->files.count;
    config->input = next_picture;
    config->input_user = c;
    config->label = c->labels.count ? class_of : NULL;
    config->progress = show_progress;
}

void calibration_free(calibration *c)
{
    source_free(&c->s);
    labels_free_csv(&c->labels);
    files_free(&c->files);
    free(c->kept);
    free(c->is_ready);
    *c = (calibration){ .model = NULL };
}
