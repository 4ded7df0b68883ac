/* SPDX-License-Identifier: MIT */
#include "calibration.h"
#include "commands.h"
#include "fail.h"
#include "files.h"
#include "making.h"
#include "quantize_report.h"
#include "stats.h"

#include <tinyvis/hosted.h>
#include <tinyvis/quantize.h>

#include <stdio.h>
#include <string.h>

enum { NOT_GIVEN = 0xff };

/* ORDER TVIS_QUANTIZE */
static const char *const mode_names[] = { "fp16", "int8", "dynamic", "int4", NULL };
/* ORDER TVIS_OBSERVER */
static const char *const observer_names[] = { "minmax", "average", "percentile", "mse", "entropy", "best", NULL };
/* ORDER TVIS_EQUALIZE */
static const char *const equalize_names[] = { "best", "off", "on", NULL };

static int check(const quantize_request *r)
{
    const char *const name = cmd_quantize.name;
    if (r->mode == NOT_GIVEN)
        return print_usage_error(name, "option '--mode' is missing");
    if (!r->output)
        return print_usage_error(name, "option '-o' is missing");
    if (r->mode == TVIS_QUANTIZE_INT8 && !r->folder)
        return print_usage_error(name, "option '--calibrate' is missing: int8 needs pictures");
    if (r->mode != TVIS_QUANTIZE_INT8 && (r->observer != NOT_GIVEN || r->equalize || r->mixed || r->labels))
        return print_usage_error(name, "'--observer', '--equalize', '--max-drop' and '--labels' go with --mode int8");
    if (r->mode != TVIS_QUANTIZE_INT8 && r->mode != TVIS_QUANTIZE_INT4 && r->folder)
        return print_usage_error(name, "'--calibrate' goes with --mode int8 and int4");
    if (r->most_macs < 100 && !r->mixed)
        return print_usage_error(name, "option '--most-macs' goes with --max-drop");
    if (files_same(r->input, r->output))
        return print_failure(r->output, "would be written over an input");
    return ARGS_GO_ON;
}

static void note_decision(void *user, const tvis_decision *d)
{
    const calibration *c = user;
    quantize_report_decide(c->user, d);
}

static void note_kept(void *user, const char *name, const char *why)
{
    const calibration *c = user;
    quantize_report_keep(c->user, name, why);
}

static int quantize(const quantize_request *r, loaded *l)
{
    tvis_diag d;
    tvis_blob blob = { NULL, 0 };
    quantize_report report = { .before = l, .mode = mode_names[r->mode] };
    calibration pictures = { .user = &report };
    tvis_quantize_config c = {
        .struct_size = sizeof c,
        .mode = (uint8_t)r->mode,
        .observer = (uint8_t)(r->observer == NOT_GIVEN ? TVIS_OBSERVER_BEST : r->observer),
        .percentile = (float)r->percentile,
        .equalize = (uint8_t)r->equalize,
        .mixed = r->mixed,
        .max_drop = (float)r->max_drop,
        .most_macs = (float)(r->most_macs / 100),
        .decided = note_decision,
        .kept = note_kept,
    };
    int status = TOOL_OK;
    l->unpacked = true;
    const double start = stats_now_ms();
    if (r->folder && calibration_open(&pictures, l, r->folder, r->labels, &d))
        status = print_diag(r->folder, &d);
    calibration_use(&pictures, &c);
    if (status == TOOL_OK) {
        const tvis_status failed = tvis_quantize(&l->model, &c, &blob, &report.made, &d);
        print_progress("", 1, 1);
        if (failed)
            status = print_diag(r->input, &d);
    }
    report.seconds = (stats_now_ms() - start) / 1000;
    if (status == TOOL_OK && tvis_file_write(r->output, blob.data, blob.size, &d))
        status = print_diag(r->output, &d);
    tvis_blob_free(&blob);
    if (status == TOOL_OK && !r->quiet)
        status = quantize_report_fill(&report, r->output, &pictures.files);
    if (status == TOOL_OK && !r->quiet)
        status = quantize_report_print(&report, r->json);
    quantize_report_free(&report);
    calibration_free(&pictures);
    return status;
}

int quantize_parse(quantize_request *r, int argc, char **argv)
{
    *r = (quantize_request){ .mode = NOT_GIVEN, .observer = NOT_GIVEN, .percentile = 99.99, .most_macs = 100 };
    const arg_option options[] = {
        { .name = "mode",
          .kind = ARG_CHOICE,
          .value = &r->mode,
          .placeholder = "MODE",
          .choices = mode_names,
          .help = "fp16: weights as halves, arithmetic stays fp32;\nint8: integers throughout;\n"
                  "dynamic: weights as int8, activations rounded while\nlayers run;\n"
                  "int4: weights in 4 bits, arithmetic stays fp32" },
        { .name = "calibrate",
          .kind = ARG_TEXT,
          .value = &r->folder,
          .placeholder = "DIR",
          .help =
              "pictures, or .npy inputs, that show int8 what ranges\nto expect, and int4 how to make up for rounding" },
        { .name = "observer",
          .kind = ARG_CHOICE,
          .value = &r->observer,
          .placeholder = "NAME",
          .choices = observer_names,
          .help = "how ranges are taken: minmax, average, percentile,\nmse, entropy, or best (the default): what "
                  "answers best" },
        { .name = "equalize",
          .kind = ARG_CHOICE,
          .value = &r->equalize,
          .placeholder = "WHEN",
          .choices = equalize_names,
          .help = "factors by channel between layers: on, off, or best\n(the default): if it answers better" },
        { .name = "max-drop",
          .kind = ARG_AMOUNT,
          .value = &r->max_drop,
          .placeholder = "X",
          .max = 100,
          .given = &r->mixed,
          .help =
              "give layers 16-bit activations, or leave them floats,\nthe worst first, until at most X points of top-1 "
              "are\n"
              "lost on the calibration pictures (or X per cent of\nerror in the outputs of what is no classifier)" },
        { .name = "labels",
          .kind = ARG_TEXT,
          .value = &r->labels,
          .placeholder = "CSV",
          .help = "classes of the calibration pictures: X is points of\naccuracy then, else of agreement with the "
                  "input model" },
        { .name = "most-macs",
          .kind = ARG_AMOUNT,
          .value = &r->most_macs,
          .placeholder = "P",
          .max = 100,
          .help = "at most P per cent of the multiplications leave int8" },
        OPTION_OUTPUT(&r->output, "the model to write"),
        OPTION_JSON(&r->json),
        { 0 },
    };
    int count, status = args_parse(&cmd_quantize, options, argc, argv, &count, 1, 1);
    r->input = argv[0];
    return status == ARGS_GO_ON ? check(r) : status;
}

int quantize_run(const quantize_request *r)
{
    tvis_diag d;
    loaded l;
    const int status = model_load(&l, r->input, 1, &d) ? print_diag(r->input, &d) : quantize(r, &l);
    model_unload(&l);
    return status;
}

static int run(int argc, char **argv)
{
    quantize_request r;
    const int status = quantize_parse(&r, argc, argv);
    return status == ARGS_GO_ON ? quantize_run(&r) : status;
}

const command cmd_quantize = { "quantize", "IN.tvis -o OUT.tvis --mode fp16|int8|dynamic|int4 [options]",
                               "a smaller model by the type of its numbers", run };
