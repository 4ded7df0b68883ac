/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "fail.h"
#include "files.h"
#include "inputs.h"
#include "json.h"
#include "outputs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CLASSES 1000000 /* that the tool sorts */

typedef struct request {
    const char *model, *output;
    char **input;
    int inputs;
    arg_size size;
    uint64_t top, threads;
    uint32_t plan;
    bool strict, bf16;
    bool json;
} request;

typedef struct best {
    uint32_t *index; /* k of them a picture */
    float *prob;
    uint32_t k; /* 0: not a classifier */
} best;

static int check(const request *r)
{
    const char *const name = cmd_run.name;
    if (!r->output)
        return ARGS_GO_ON;
    if (!files_ends_with(r->output, ".npy"))
        return print_usage_error(name, "option '-o': '%.100s' does not end in .npy", r->output);
    if (r->inputs > 1)
        return print_usage_error(name, "option '-o' takes one input, not %d", r->inputs);
    if (files_same(r->output, r->input[0]) || files_same(r->output, r->model))
        return print_failure(r->output, "would be written over an input");
    return ARGS_GO_ON;
}

static tvis_status reserve_best(best *b, const loaded *l, uint64_t top, tvis_diag *d)
{
    b->k = model_logits(l, 0) ? (uint32_t)(top < l->info.classes ? top : l->info.classes) : 0;
    b->index = b->k ? calloc(b->k, sizeof *b->index) : NULL;
    b->prob = b->k ? calloc(b->k, sizeof *b->prob) : NULL;
    return b->k && (!b->index || !b->prob) ? tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "classes", NULL) : TVIS_OK;
}

static void free_best(best *b)
{
    free(b->index);
    free(b->prob);
}

static void json_best(json *j, const char *key, const loaded *l, best *b, int32_t n)
{
    json_list(j, key, false);
    if (b->k)
        tvis_top_k(model_logits(l, n), l->info.classes, b->k, b->index, b->prob);
    for (uint32_t i = 0; i < b->k; i++) {
        json_object(j, NULL, false);
        json_integer(j, "class", b->index[i]);
        json_string(j, "label", tvis_model_label(&l->model, b->index[i]));
        json_float(j, "prob", b->prob[i]);
        json_end(j);
    }
    json_end(j);
}

static void json_result(json *j, const char *path, const loaded *l, const source *s, best *b, double ms)
{
    int32_t pictures = l->outputs[0].dims[0];
    json_object(j, NULL, true);
    json_string(j, "input", path);
    json_number(j, "ms", ms);
    json_number(j, "read_ms", s->read_ms);
    json_number(j, "preprocess_ms", s->is_npy ? 0 : s->prepare_ms);
    json_best(j, "top", l, b, 0);
    if (pictures > 1) {
        json_list(j, "batch", true);
        for (int32_t i = 0; i < pictures; i++)
            json_best(j, NULL, l, b, i);
        json_end(j);
    }
    json_end(j);
}

static void print_outputs(const loaded *l)
{
    for (uint32_t i = 0; i < l->info.outputs; i++) {
        const int32_t *n = l->outputs[i].dims;
        printf("  output %u: %" PRId32 "x%" PRId32 "x%" PRId32 "x%" PRId32 " (N H W C)\n", (unsigned)i, n[0], n[1],
               n[2], n[3]);
    }
}

static void print_result(const char *path, const loaded *l, const source *s, best *b, double ms)
{
    print_text(path);
    printf(": %.2f ms", ms);
    if (!s->is_npy)
        printf(" (and %.2f to read, %.2f to pre-process)", s->read_ms, s->prepare_ms);
    printf("\n");
    if (b->k == 0)
        print_outputs(l);
    for (int32_t n = 0; b->k && n < l->outputs[0].dims[0]; n++) {
        tvis_top_k(model_logits(l, n), l->info.classes, b->k, b->index, b->prob);
        if (l->outputs[0].dims[0] > 1)
            printf("  picture %" PRId32 " of the batch\n", n);
        for (uint32_t i = 0; i < b->k; i++) {
            const char *label = tvis_model_label(&l->model, b->index[i]);
            printf("  %7.4f  class %-4" PRIu32 " ", (double)b->prob[i], b->index[i]);
            print_text(label ? label : "");
            printf("\n");
        }
    }
}

static int run_one(const request *r, loaded *l, source *s, const char *path, json *j)
{
    tvis_diag d;
    tvis_tensor in;
    double ms;
    best b = { 0 };
    int status = TOOL_OK;
    if (source_read(s, path, &d) || source_prepare(s, l, r->size, &in, &d) || model_run(l, &in, &ms, &d) ||
        reserve_best(&b, l, r->top, &d))
        status = print_diag(path, &d);
    for (uint32_t i = 0; status == TOOL_OK && r->output && i < l->info.outputs; i++)
        if (output_write(r->output, &l->outputs[i], i, &d))
            status = print_diag(r->output, &d);
    if (status == TOOL_OK && r->json)
        json_result(j, path, l, s, &b, ms);
    else if (status == TOOL_OK)
        print_result(path, l, s, &b, ms);
    free_best(&b);
    return status;
}

static int run_all(const request *r)
{
    tvis_diag d;
    loaded l;
    source s = { 0 };
    json j = { 0 };
    int status = TOOL_OK;
    if (model_load(&l, r->model, (uint32_t)r->threads, &d))
        status = print_diag(r->model, &d);
    l.config.plan = (uint8_t)r->plan;
    l.config.strict = r->strict;
    l.config.bf16 = r->bf16;
    json_list(&j, NULL, true);
    for (int i = 0; i < r->inputs && status == TOOL_OK; i++)
        status = run_one(r, &l, &s, r->input[i], &j);
    json_end(&j);
    if (status == TOOL_OK && r->json)
        status = json_print(&j);
    json_free(&j);
    source_free(&s);
    model_unload(&l);
    return status;
}

static int run(int argc, char **argv)
{
    request r = { .top = 5, .threads = 1 };
    const arg_option options[] = {
        OPTION_SIZE(&r.size),
        { .name = "top",
          .kind = ARG_NUMBER,
          .value = &r.top,
          .placeholder = "K",
          .min = 1,
          .max = MAX_CLASSES,
          .help = "how many classes to print, most probable first (5)" },
        OPTION_THREADS(&r.threads),
        OPTION_PLAN(&r.plan),
        OPTION_STRICT(&r.strict),
        OPTION_BF16(&r.bf16),
        OPTION_OUTPUT(&r.output, "write the outputs: FILE.npy, FILE.1.npy ...; for one\ninput only"),
        OPTION_JSON(&r.json),
        { 0 },
    };
    int count, status = args_parse(&cmd_run, options, argc, argv, &count, 2, INT32_MAX);
    if (status != ARGS_GO_ON)
        return status;
    r.model = argv[0];
    r.input = argv + 1;
    r.inputs = count - 1;
    status = check(&r);
    return status == ARGS_GO_ON ? run_all(&r) : status;
}

const command cmd_run = { "run", "M.tvis INPUT... [options]",
                          "classes of pictures, or outputs for float32 .npy arrays (NCHW)", run };
