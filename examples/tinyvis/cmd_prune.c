/* SPDX-License-Identifier: MIT */
#include "calibration.h"
#include "commands.h"
#include "fail.h"
#include "making.h"
#include "prune_report.h"
#include "stats.h"

#include <tinyvis/hosted.h>

#include <stdlib.h>

/* ORDER TVIS_PRUNE */
static const char *const method_names[] = { "magnitude", "channel", "lowrank", NULL };
/* ORDER TVIS_PATTERN */
static const char *const pattern_names[] = { "unstructured", "2:4", "1x4", NULL };
/* ORDER TVIS_SCOPE */
static const char *const scope_names[] = { "global", "layer", "measured", NULL };

/* ORDER TVIS_WORTH */
static const char *const worth_names[] = { "share", "l1", NULL };

static int check(prune_request *r)
{
    const char *const name = cmd_prune.name;
    if (!r->output)
        return print_usage_error(name, "option '-o' is missing");
    const bool target = r->target.size > 0 || r->target.latency > 0;
    if (target && (r->amount_given || r->macs > 0 || r->energy > 0 || r->pattern == TVIS_PATTERN_2_4))
        return print_usage_error(name, "'--target-size' and '--target-latency' take the place of '--amount'");
    if (r->pattern == TVIS_PATTERN_2_4 && !r->amount_given)
        r->amount = 0.5;
    else if (r->energy > 0 && (r->method != TVIS_PRUNE_LOWRANK || r->amount_given || r->macs > 0))
        return print_usage_error(name, "'--rank-energy' goes with '--method lowrank', without '--amount'");
    else if (r->macs > 0 && r->method == TVIS_PRUNE_MAGNITUDE)
        return print_usage_error(name, "'--target-macs' goes with '--method channel' or 'lowrank'");
    else if (r->macs > 0 && (r->amount_given || r->scope == TVIS_SCOPE_LAYER))
        return print_usage_error(name, "'--target-macs' takes the place of '--amount' and '--scope'");
    else if (r->macs > 0)
        r->amount = 1 - r->macs;
    else if (!r->amount_given && r->energy <= 0 && !target)
        return print_usage_error(name, "option '--amount' is missing");
    if (!r->scope_given && r->folder && r->method != TVIS_PRUNE_LOWRANK && r->pattern == TVIS_PATTERN_UNSTRUCTURED &&
        r->worth == TVIS_WORTH_SHARE)
        r->scope = TVIS_SCOPE_MEASURED;
    if (r->scope == TVIS_SCOPE_MEASURED && !r->folder)
        return print_usage_error(name, "'--scope measured' needs '--calibrate'");
    if (!(r->amount < 1))
        return print_usage_error(name, "'--amount' is a share below 1");
    if (files_same(r->input, r->output))
        return print_failure(r->output, "would be written over an input");
    return ARGS_GO_ON;
}

static void keep_layer(void *user, const tvis_prune_layer *l)
{
    prune_report *r = ((calibration *)user)->user;
    r->layer[r->layers++] = *l;
}

static tvis_status prune(const prune_request *r, calibration *pictures, prune_report *report, tvis_diag *d)
{
    tvis_blob blob = { NULL, 0 };
    tvis_quantize_config from = { .images = 0 };
    const double start = stats_now_ms();
    calibration_use(pictures, &from);
    tvis_prune_config c = {
        .struct_size = sizeof c,
        .method = (uint8_t)r->method,
        .pattern = (uint8_t)r->pattern,
        .scope = (uint8_t)r->scope,
        .worth = (uint8_t)r->worth,
        .amount = r->amount,
        .energy = r->energy,
        .modules = r->modules,
        .images = from.images,
        .input = from.input,
        .input_user = pictures,
        .layer = keep_layer,
        .progress = from.progress,
    };
    pictures->user = report;
    report->layer = calloc((size_t)report->before->info.nodes + 1, sizeof *report->layer);
    if (!report->layer)
        return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, r->input, NULL);
    const bool target = r->target.size > 0 || r->target.latency > 0;
    tvis_status s = target ? prune_to_target(report->before, &r->target, &c, d) : TVIS_OK;
    if (!s)
        s = tvis_prune(&report->before->model, &c, &blob, &report->made, d);
    print_progress("", 1, 1);
    report->seconds = (stats_now_ms() - start) / 1000;
    if (!s)
        s = tvis_file_write(r->output, blob.data, blob.size, d);
    tvis_blob_free(&blob);
    return s;
}

static int prune_and_report(const prune_request *r, loaded *l)
{
    tvis_diag d;
    calibration pictures = { .model = l };
    prune_report report = { .before = l, .method = method_names[r->method] };
    int status = TOOL_OK;
    l->unpacked = true;
    if (r->folder && calibration_open(&pictures, l, r->folder, NULL, &d))
        status = print_diag(r->folder, &d);
    if (status == TOOL_OK && prune(r, &pictures, &report, &d))
        status = print_diag(r->input, &d);
    if (status == TOOL_OK && !r->quiet)
        status = prune_report_fill(&report, r->output, &pictures.files);
    if (status == TOOL_OK && !r->quiet)
        status = prune_report_print(&report, r->json);
    prune_report_free(&report);
    calibration_free(&pictures);
    return status;
}

int prune_parse(prune_request *r, int argc, char **argv)
{
    *r = (prune_request){ .amount = 0 };
    const arg_option options[] = {
        { .name = "method",
          .kind = ARG_CHOICE,
          .value = &r->method,
          .placeholder = "METHOD",
          .choices = method_names,
          .help = "magnitude (default): the smallest weights become 0;\nchannel: channels, hidden units and heads are "
                  "left out;\nlowrank: layers become two with few channels between them" },
        { .name = "amount",
          .kind = ARG_AMOUNT,
          .value = &r->amount,
          .placeholder = "X",
          .max = 1,
          .given = &r->amount_given,
          .help =
              "share to leave out, below 1: 0.3 of the weights; with\nchannel and lowrank, of the multiplications" },
        { .name = "target-macs",
          .kind = ARG_REAL,
          .value = &r->macs,
          .placeholder = "X",
          .max = 1,
          .help = "channel and lowrank: share of the multiplications to keep,\ninstead of --amount" },
        { .name = "target-size",
          .kind = ARG_REAL,
          .value = &r->target.size,
          .placeholder = "X",
          .max = 1,
          .help = "share of the file's bytes to keep, instead of --amount,\nwhich is found by trying" },
        { .name = "target-latency",
          .kind = ARG_REAL,
          .value = &r->target.latency,
          .placeholder = "X",
          .max = 1,
          .help = "the same of the time of a run, measured on this machine" },
        { .name = "rank-energy",
          .kind = ARG_REAL,
          .value = &r->energy,
          .placeholder = "X",
          .max = 1,
          .help = "lowrank: share of the energy of each layer's outputs to\nkeep, instead of --amount" },
        { .name = "pattern",
          .kind = ARG_CHOICE,
          .value = &r->pattern,
          .placeholder = "NAME",
          .choices = pattern_names,
          .help = "of magnitude: unstructured (default), 2:4 (two of every\nfour neighbours), or 1x4 (four neighbours "
                  "at a time)" },
        { .name = "scope",
          .kind = ARG_CHOICE,
          .value = &r->scope,
          .placeholder = "NAME",
          .choices = scope_names,
          .given = &r->scope_given,
          .help =
              "the amount is one of all chosen layers together: global;\nmeasured, the default with --calibrate: also, "
              "and of each\nlayer as much as does least harm to the outputs; or of each\nlayer; with channel, of each "
              "group of channels" },
        { .name = "worth",
          .kind = ARG_CHOICE,
          .value = &r->worth,
          .placeholder = "NAME",
          .choices = worth_names,
          .help =
              "what a weight is worth: its share in its output channel\n(share, the default) or its magnitude (l1)" },
        { .name = "modules",
          .kind = ARG_TEXT,
          .value = &r->modules,
          .placeholder = "GLOB",
          .help = "names of layers to prune, with * and ?, several separated\nby commas (all convolutions and linear "
                  "layers)" },
        { .name = "calibrate",
          .kind = ARG_TEXT,
          .value = &r->folder,
          .placeholder = "DIR",
          .help = "pictures, or .npy inputs, on which the remaining weights\nare fitted to what the layers computed "
                  "before" },
        OPTION_OUTPUT(&r->output, "the model to write"),
        OPTION_JSON(&r->json),
        { 0 },
    };
    int count, status = args_parse(&cmd_prune, options, argc, argv, &count, 1, 1);
    r->input = argv[0];
    return status == ARGS_GO_ON ? check(r) : status;
}

int prune_run(const prune_request *r)
{
    tvis_diag d;
    loaded l;
    const int status = model_load(&l, r->input, 1, &d) ? print_diag(r->input, &d) : prune_and_report(r, &l);
    model_unload(&l);
    return status;
}

static int run(int argc, char **argv)
{
    prune_request r;
    const int status = prune_parse(&r, argc, argv);
    return status == ARGS_GO_ON ? prune_run(&r) : status;
}

const command cmd_prune = { "prune", "IN.tvis -o OUT.tvis --amount X [--method magnitude|channel|lowrank] [options]",
                            "a smaller model by leaving weights or channels out", run };
