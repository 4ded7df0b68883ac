/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "comparison.h"
#include "files.h"

#include <math.h>
#include <stdio.h>

typedef struct request {
    const char *model[2], *images;
    arg_size size;
    uint64_t threads;
    uint32_t plan;
    bool strict, bf16;
    bool layers, json;
} request;

static int print_json(const request *r, const comparison *c)
{
    json j = { 0 };
    json_object(&j, NULL, true);
    json_integer(&j, "images", c->pictures);
    comparison_json(&j, c);
    if (r->layers) {
        json_list(&j, "layers", true);
        for (uint32_t i = 0; i < c->pairs.count; i++)
            comparison_json_layer(&j, &c->pairs.layer[i]);
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
        printf("same class   %.2f %%\n", comparison_agreement(c));
    for (uint32_t i = 0; r->layers && i < c->pairs.count; i++) {
        print_snr(&c->pairs.layer[i].sum);
        printf("  ");
        print_text(c->pairs.layer[i].name);
        printf("\n");
    }
    return TOOL_OK;
}

static int compare(const request *r)
{
    tvis_diag d;
    loaded model[2] = { { .path = r->model[0] }, { .path = r->model[1] } };
    file_list files = { NULL, 0 };
    comparison c = { .outputs = 0 };
    int status = TOOL_OK;
    for (int i = 0; i < 2 && status == TOOL_OK; i++) {
        if (model_load(&model[i], r->model[i], (uint32_t)r->threads, &d))
            status = print_diag(r->model[i], &d);
        model[i].config.plan = (uint8_t)r->plan;
        model[i].config.strict = r->strict;
        model[i].config.bf16 = r->bf16;
    }
    if (status == TOOL_OK && comparison_begin(&c, model, r->layers, &d))
        status = print_diag(r->model[1], &d);
    if (status == TOOL_OK && files_of_folder(r->images, &files, &d))
        status = print_diag(r->images, &d);
    if (status == TOOL_OK)
        status = comparison_add_all(&c, model, &files, r->size);
    if (status == TOOL_OK)
        status = r->json ? print_json(r, &c) : print_human(r, &c);
    comparison_free(&c);
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
        OPTION_STRICT(&r.strict),
        OPTION_BF16(&r.bf16),
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
