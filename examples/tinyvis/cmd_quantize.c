/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "files.h"
#include "json.h"
#include "load_model.h"

#include <tinyvis/hosted.h>
#include <tinyvis/quantize.h>

#include <math.h>
#include <stdio.h>

typedef struct request {
    const char *input, *output;
    uint32_t mode; /* tvis_quantize_mode */
    bool json;
} request;

/* ORDER TVIS_QUANTIZE */
static const char *const mode_names[] = { "fp16", NULL };

static int check(const request *r, bool mode_given)
{
    if (!mode_given)
        return print_usage_error(cmd_quantize.name, "option '--mode' is missing");
    if (!r->output)
        return print_usage_error(cmd_quantize.name, "option '-o' is missing");
    if (files_same(r->input, r->output))
        return print_failure(r->output, "would be written over an input");
    return ARGS_GO_ON;
}

static int print_report(const request *r, const tvis_quantize_report *q, size_t before, size_t after)
{
    if (r->json) {
        json j = { 0 };
        json_object(&j, NULL, true);
        json_string(&j, "file", r->output);
        json_string(&j, "mode", mode_names[r->mode]);
        json_integer(&j, "file_bytes_before", before);
        json_integer(&j, "file_bytes", after);
        json_integer(&j, "tensors", q->tensors);
        json_integer(&j, "elements", q->elements);
        json_number(&j, "weight_snr_db", q->snr_db);
        json_string(&j, "worst", q->worst);
        json_number(&j, "worst_snr_db", q->worst_db);
        json_end(&j);
        return json_print(&j);
    }
    print_text(r->output);
    printf(": %s, %s", mode_names[r->mode], print_bytes((double)before));
    printf(" to %s (%.1f %%), %u weight tensors", print_bytes((double)after), 100.0 * (double)after / (double)before,
           (unsigned)q->tensors);
    if (isfinite(q->snr_db)) {
        printf(", weights at %.1f dB, the worst ", q->snr_db);
        print_text(q->worst);
        printf(" at %.1f dB\n", q->worst_db);
    } else {
        printf(", all exact\n");
    }
    return TOOL_OK;
}

static int quantize(const request *r)
{
    tvis_diag d;
    loaded l;
    tvis_blob blob = { NULL, 0 };
    tvis_quantize_report report;
    const tvis_quantize_config c = { .struct_size = sizeof c, .mode = (uint8_t)r->mode };
    int status = TOOL_OK;
    if (model_load(&l, r->input, 1, &d) || tvis_quantize(&l.model, &c, &blob, &report, &d))
        status = print_diag(r->input, &d);
    else if (tvis_file_write(r->output, blob.data, blob.size, &d))
        status = print_diag(r->output, &d);
    else
        status = print_report(r, &report, l.file.size, blob.size);
    tvis_blob_free(&blob);
    model_unload(&l);
    return status;
}

static int run(int argc, char **argv)
{
    enum { NOT_GIVEN = 0xff };
    request r = { .mode = NOT_GIVEN };
    const arg_option options[] = {
        { .name = "mode",
          .kind = ARG_CHOICE,
          .value = &r.mode,
          .placeholder = "MODE",
          .choices = mode_names,
          .help = "fp16: weights as halves, arithmetic stays fp32" },
        OPTION_OUTPUT(&r.output, "the model to write"),
        OPTION_JSON(&r.json),
        { 0 },
    };
    int count, status = args_parse(&cmd_quantize, options, argc, argv, &count, 1, 1);
    if (status != ARGS_GO_ON)
        return status;
    r.input = argv[0];
    status = check(&r, r.mode != NOT_GIVEN);
    return status == ARGS_GO_ON ? quantize(&r) : status;
}

const command cmd_quantize = { "quantize", "IN.tvis -o OUT.tvis --mode fp16 [--json]",
                               "a smaller model by the type of its weights", run };
