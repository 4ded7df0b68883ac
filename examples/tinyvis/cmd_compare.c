/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "fail.h"
#include "files.h"
#include "inputs.h"
#include "json.h"
#include "layer_pairs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct request {
    const char *model[2], *images;
    arg_size size;
    uint64_t threads;
    uint32_t plan;
    bool layers, json;
} request;

typedef struct comparison {
    difference *output; /* outputs of them */
    uint32_t outputs;
    size_t pictures, agree; /* agree: the same best class */
    bool classes;           /* both are classifiers */
    layer_pairs pairs;
} comparison;

static uint32_t best_class(const float *logits, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

static tvis_status check_outputs(const loaded *a, const loaded *b, tvis_diag *d)
{
    for (uint32_t i = 0; i < a->info.outputs; i++) {
        const int32_t *want = a->outputs[i].dims, *got = b->outputs[i].dims;
        if (memcmp(want, got, 4 * sizeof *want) == 0)
            continue;
        (void)tool_fail(d, TVIS_EINVAL, TVIS_DIAG_SHAPE, b->path,
                        "output of another shape than the first model's, N H W C");
        for (int k = 0; k < 4; k++) {
            d->expected[k] = want[k];
            d->found[k] = got[k];
        }
        return TVIS_EINVAL;
    }
    return TVIS_OK;
}

static void add_outputs(comparison *c, const loaded *a, const loaded *b)
{
    int32_t pictures = a->outputs[0].dims[0];
    for (uint32_t i = 0; i < c->outputs; i++) {
        size_t n = tensor_elements(&a->outputs[i]) / (size_t)pictures;
        const float *x = a->outputs[i].data, *y = b->outputs[i].data;
        for (size_t k = 0; k < (size_t)pictures; k++)
            difference_add(&c->output[i], x + k * n, y + k * n, n);
    }
    for (int32_t k = 0; k < pictures; k++) {
        const float *x = model_logits(a, k), *y = model_logits(b, k);
        c->classes = x && y;
        if (c->classes)
            c->agree += best_class(x, a->info.classes) == best_class(y, b->info.classes);
    }
    c->pictures += (size_t)pictures;
}

static tvis_status compare_file(const request *r, loaded *model, source *s, const char *path, comparison *c,
                                tvis_diag *d)
{
    tvis_status status = source_read(s, path, d);
    for (int i = 0; i < 2 && !status; i++) {
        tvis_tensor in;
        double ms;
        status = source_prepare(s, &model[i], r->size, &in, d);
        if (!status)
            status = model_run(&model[i], &in, &ms, d);
    }
    if (!status && c->pairs.failed)
        status = tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "layers", NULL);
    if (!status)
        status = check_outputs(&model[0], &model[1], d);
    if (!status)
        add_outputs(c, &model[0], &model[1]);
    return status;
}

static int compare_files(const request *r, loaded *model, const file_list *files, comparison *c)
{
    tvis_diag d;
    source s = { 0 };
    int status = TOOL_OK;
    for (size_t i = 0; i < files->count && status == TOOL_OK; i++) {
        print_progress("picture", i, files->count);
        tvis_status failed = compare_file(r, model, &s, files->path[i], c, &d);
        if (failed || i + 1 == files->count)
            print_progress("picture", files->count, files->count);
        if (failed)
            status = print_diag(files->path[i], &d);
    }
    source_free(&s);
    return status;
}

static int print_json(const request *r, const comparison *c)
{
    json j = { 0 };
    json_object(&j, NULL, true);
    json_integer(&j, "images", c->pictures);
    json_list(&j, "snr_db", false);
    for (uint32_t i = 0; i < c->outputs; i++)
        json_number(&j, NULL, difference_snr_db(&c->output[i]));
    json_end(&j);
    json_list(&j, "cosine", false);
    for (uint32_t i = 0; i < c->outputs; i++)
        json_number(&j, NULL, difference_cosine(&c->output[i]));
    json_end(&j);
    json_number(&j, "top1_agree", c->classes ? 100 * (double)c->agree / (double)c->pictures : (double)NAN);
    if (r->layers) {
        json_list(&j, "layers", true);
        for (uint32_t i = 0; i < c->pairs.count; i++) {
            json_object(&j, NULL, false);
            json_string(&j, "name", c->pairs.layer[i].name);
            json_number(&j, "snr_db", difference_snr_db(&c->pairs.layer[i].sum));
            json_end(&j);
        }
        json_end(&j);
    }
    json_end(&j);
    return json_print(&j);
}

static void print_snr(const difference *s)
{
    double db = difference_snr_db(s);
    if (isnan(db))
        printf("  not comparable");
    else if (isinf(db) && db > 0)
        printf("  %14s", "equal");
    else
        printf("  %11.2f dB", db);
}

static int print_human(const request *r, const comparison *c)
{
    printf("pictures     %zu\n", c->pictures);
    for (uint32_t i = 0; i < c->outputs; i++) {
        printf("output %u   ", (unsigned)i);
        print_snr(&c->output[i]);
        printf(" SNR, cosine %.6f\n", difference_cosine(&c->output[i]));
    }
    if (c->classes)
        printf("same class   %.2f %%\n", 100 * (double)c->agree / (double)c->pictures);
    for (uint32_t i = 0; r->layers && i < c->pairs.count; i++) {
        print_snr(&c->pairs.layer[i].sum);
        printf("  ");
        print_text(c->pairs.layer[i].name);
        printf("\n");
    }
    return TOOL_OK;
}

static tvis_status prepare(const request *r, loaded *model, comparison *c, tvis_diag *d)
{
    if (model[0].info.outputs != model[1].info.outputs)
        return tool_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, r->model[1],
                               "number of outputs, against the first model's", model[0].info.outputs,
                               model[1].info.outputs);
    c->outputs = model[0].info.outputs;
    c->output = calloc(c->outputs, sizeof *c->output);
    if (!c->output)
        return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, r->model[1], NULL);
    model[0].config.plan = model[1].config.plan = (uint8_t)r->plan;
    return r->layers ? layer_pairs_watch(&c->pairs, &model[0], &model[1], d) : TVIS_OK;
}

static int compare(const request *r)
{
    tvis_diag d;
    loaded model[2] = { { .path = r->model[0] }, { .path = r->model[1] } };
    file_list files = { NULL, 0 };
    comparison c = { .outputs = 0 };
    int status = TOOL_OK;
    for (int i = 0; i < 2 && status == TOOL_OK; i++)
        if (model_load(&model[i], r->model[i], (uint32_t)r->threads, &d))
            status = print_diag(r->model[i], &d);
    if (status == TOOL_OK && prepare(r, model, &c, &d))
        status = print_diag(r->model[1], &d);
    if (status == TOOL_OK && files_of_folder(r->images, &files, &d))
        status = print_diag(r->images, &d);
    if (status == TOOL_OK)
        status = compare_files(r, model, &files, &c);
    if (status == TOOL_OK)
        status = r->json ? print_json(r, &c) : print_human(r, &c);
    layer_pairs_free(&c.pairs);
    free(c.output);
    files_free(&files);
    model_unload(&model[0]);
    model_unload(&model[1]);
    return status;
}

static int run(int argc, char **argv)
{
    request r = { .threads = 1 };
    const arg_option options[] = {
        OPTION_IMAGES(&r.images),
        { .name = "layers",
          .kind = ARG_FLAG,
          .value = &r.layers,
          .help = "every layer too; layers are matched by name" },
        OPTION_SIZE(&r.size),
        OPTION_THREADS(&r.threads),
        OPTION_PLAN(&r.plan),
        OPTION_JSON(&r.json),
        { 0 },
    };
    int count, status = args_parse(&cmd_compare, options, argc, argv, &count, 2, 2);
    if (status != ARGS_GO_ON)
        return status;
    r.model[0] = argv[0];
    r.model[1] = argv[1];
    if (!r.images)
        return print_usage_error(cmd_compare.name, "option '--images' is missing");
    return compare(&r);
}

const command cmd_compare = { "compare", "A.tvis B.tvis --images DIR [--layers] [options]",
                              "how far model B's answers are from model A's on the same pictures", run };
