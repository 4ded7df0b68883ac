/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "fail.h"
#include "files.h"
#include "inputs.h"
#include "quantize_report.h"
#include "stats.h"

#include <tinyvis/hosted.h>
#include <tinyvis/quantize.h>

#include <stdio.h>
#include <string.h>

enum { NOT_GIVEN = 0xff };

typedef struct request {
    const char *input, *output, *folder;
    uint32_t mode, observer, equalize; /* tvis_quantize_mode, tvis_observer_kind, tvis_equalize */
    double percentile;
    bool json;
} request;

/* The calibration pictures, one after the other. */
typedef struct pictures {
    file_list files;
    loaded *model; /* whose session's input they are prepared in */
    source s;
} pictures;

/* ORDER TVIS_QUANTIZE */
static const char *const mode_names[] = { "fp16", "int8", NULL };
/* ORDER TVIS_OBSERVER */
static const char *const observer_names[] = { "minmax", "average", "percentile", "mse", "entropy", "best", NULL };
/* ORDER TVIS_EQUALIZE */
static const char *const equalize_names[] = { "best", "off", "on", NULL };

static int check(const request *r)
{
    const char *const name = cmd_quantize.name;
    if (r->mode == NOT_GIVEN)
        return print_usage_error(name, "option '--mode' is missing");
    if (!r->output)
        return print_usage_error(name, "option '-o' is missing");
    if (r->mode == TVIS_QUANTIZE_INT8 && !r->folder)
        return print_usage_error(name, "option '--calibrate' is missing: int8 needs pictures");
    if (r->mode != TVIS_QUANTIZE_INT8 && (r->folder || r->observer != NOT_GIVEN))
        return print_usage_error(name, "'--calibrate' and '--observer' go with --mode int8");
    if (files_same(r->input, r->output))
        return print_failure(r->output, "would be written over an input");
    return ARGS_GO_ON;
}

/* Copies a view of one picture, in either layout, to NHWC. */
static void copy_nhwc(const tvis_tensor *from, const tvis_tensor *to)
{
    const size_t pixels = (size_t)to->dims[1] * (size_t)to->dims[2], channels = (size_t)to->dims[3];
    const float *x = from->data;
    float *y = to->data;
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < channels; c++)
            y[i * channels + c] = from->layout == TVIS_NHWC ? x[i * channels + c] : x[c * pixels + i];
}

static tvis_status next_picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    pictures *p = user;
    tvis_tensor t;
    tvis_status s = source_read(&p->s, p->files.path[i], d);
    if (!s)
        s = source_prepare(&p->s, p->model, (arg_size){ 0, 0 }, &t, d);
    if (!s && memcmp(t.dims, in->dims, sizeof t.dims) != 0)
        s = tool_fail(d, TVIS_EINVAL, TVIS_DIAG_SHAPE, p->files.path[i],
                      "is not one picture of the model's default size");
    if (!s)
        copy_nhwc(&t, in);
    return s;
}

static void show_progress(void *user, const char *what, uint32_t done, uint32_t total)
{
    (void)user;
    print_progress(what, done, total);
}

static int quantize(const request *r, loaded *l)
{
    tvis_diag d;
    tvis_blob blob = { NULL, 0 };
    quantize_report report = { .before = l, .mode = mode_names[r->mode] };
    pictures p = { .model = l };
    tvis_quantize_config c = {
        .struct_size = sizeof c,
        .mode = (uint8_t)r->mode,
        .observer = (uint8_t)(r->observer == NOT_GIVEN ? TVIS_OBSERVER_BEST : r->observer),
        .percentile = (float)r->percentile,
        .input = next_picture,
        .input_user = &p,
        .equalize = (uint8_t)r->equalize,
        .progress = show_progress,
    };
    int status = TOOL_OK;
    l->unpacked = true;
    const double start = stats_now_ms();
    if (r->folder && files_of_folder(r->folder, &p.files, &d))
        status = print_diag(r->folder, &d);
    c.images = (uint32_t)p.files.count;
    if (status == TOOL_OK) {
        const tvis_status failed = tvis_quantize(&l->model, &c, &blob, &report.made, &d);
        print_progress("", p.files.count, p.files.count);
        if (failed)
            status = print_diag(r->input, &d);
    }
    report.seconds = (stats_now_ms() - start) / 1000;
    if (status == TOOL_OK && tvis_file_write(r->output, blob.data, blob.size, &d))
        status = print_diag(r->output, &d);
    tvis_blob_free(&blob);
    source_free(&p.s);
    if (status == TOOL_OK)
        status = quantize_report_fill(&report, r->output, &p.files);
    if (status == TOOL_OK)
        status = quantize_report_print(&report, r->json);
    quantize_report_free(&report);
    files_free(&p.files);
    return status;
}

static int run(int argc, char **argv)
{
    request r = { .mode = NOT_GIVEN, .observer = NOT_GIVEN, .percentile = 99.99 };
    const arg_option options[] = {
        { .name = "mode",
          .kind = ARG_CHOICE,
          .value = &r.mode,
          .placeholder = "MODE",
          .choices = mode_names,
          .help = "fp16: weights as halves, arithmetic stays fp32;\nint8: integers throughout" },
        { .name = "calibrate",
          .kind = ARG_TEXT,
          .value = &r.folder,
          .placeholder = "DIR",
          .help = "pictures, or .npy inputs, that show int8 what ranges\nto expect" },
        { .name = "observer",
          .kind = ARG_CHOICE,
          .value = &r.observer,
          .placeholder = "NAME",
          .choices = observer_names,
          .help = "how ranges are taken: minmax, average, percentile,\nmse, entropy, or best (the default): what answers best" },
        { .name = "equalize",
          .kind = ARG_CHOICE,
          .value = &r.equalize,
          .placeholder = "WHEN",
          .choices = equalize_names,
          .help = "factors by channel between layers: on, off, or best\n(the default): if it answers better" },
        OPTION_OUTPUT(&r.output, "the model to write"),
        OPTION_JSON(&r.json),
        { 0 },
    };
    tvis_diag d;
    loaded l;
    int count, status = args_parse(&cmd_quantize, options, argc, argv, &count, 1, 1);
    if (status != ARGS_GO_ON)
        return status;
    r.input = argv[0];
    status = check(&r);
    if (status != ARGS_GO_ON)
        return status;
    status = model_load(&l, r.input, 1, &d) ? print_diag(r.input, &d) : quantize(&r, &l);
    model_unload(&l);
    return status;
}

const command cmd_quantize = { "quantize", "IN.tvis -o OUT.tvis --mode fp16|int8 [options]",
                               "a smaller model by the type of its numbers", run };
