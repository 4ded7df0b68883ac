/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "fail.h"
#include "files.h"
#include "image_write.h"
#include "inputs.h"
#include "json.h"
#include "npy.h"
#include "outputs.h"
#include "token_pictures.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASS_TOKEN, PATCH_TOKENS, ATTENTION }; /* outputs of a vision transformer */

typedef struct request {
    const char *model, *input, *output, *attention, *other;
    arg_size size;
    uint64_t threads;
    uint32_t plan;
    bool strict;
    bool json;
} request;

typedef struct features {
    loaded model;
    source file;
    patch_grid grid;
    int32_t input[4]; /* N H W C */
    double ms, similarity;
    float *other; /* class token of the other picture, or NULL */
    pca components;
} features;

static bool is_picture(const char *name)
{
    return files_ends_with(name, ".png") || files_ends_with(name, ".ppm");
}

/* A file that is to be written, if it is asked for. */
static int check_output(const request *r, const char *option, const char *name)
{
    if (!name)
        return ARGS_GO_ON;
    if (!files_ends_with(name, ".npy") && !is_picture(name))
        return print_usage_error(cmd_features.name, "option '%s': '%.100s' does not end in .npy, .png or .ppm", option,
                                 name);
    if (files_same(name, r->model) || files_same(name, r->input) || (r->other && files_same(name, r->other)))
        return print_failure(name, "would be written over an input");
    return ARGS_GO_ON;
}

static int check(const request *r)
{
    const int status = check_output(r, "-o", r->output);
    if (status == ARGS_GO_ON && r->output && r->attention && strcmp(r->output, r->attention) == 0)
        return print_usage_error(cmd_features.name, "'-o' and '--attention' name the same file");
    return status == ARGS_GO_ON ? check_output(r, "--attention", r->attention) : status;
}

/* Whether the outputs are those of a vision transformer, for a single picture. */
static tvis_status look(features *f, const tvis_tensor *in, const request *r, tvis_diag *d)
{
    const loaded *l = &f->model;
    const int32_t step = l->info.multiple, rows = in->dims[1] / step, cols = in->dims[2] / step;
    const int32_t *a = l->outputs[CLASS_TOKEN].dims, *b = l->info.outputs > 1 ? l->outputs[PATCH_TOKENS].dims : a;
    f->grid = (patch_grid){ rows, cols, step };
    memcpy(f->input, in->dims, sizeof f->input);
    if (l->info.outputs < 2 || a[1] != 1 || a[2] != 1 || b[1] != 1 || b[3] != a[3] || b[2] != rows * cols)
        return tool_fail(d, TVIS_EUNSUP, TVIS_DIAG_REFUSED, r->model,
                         "not a vision transformer: its outputs are no class token and patch tokens");
    if (in->dims[0] != 1)
        return tool_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, r->input, "one picture at a time", 1, in->dims[0]);
    if (r->attention && l->info.outputs <= ATTENTION)
        return tool_fail(d, TVIS_EUNSUP, TVIS_DIAG_REFUSED, r->model,
                         "this model has no attention maps as an output; those of DINO have");
    return TVIS_OK;
}

/* Runs the network on a file. */
static tvis_status run_file(features *f, const request *r, const char *path, tvis_diag *d)
{
    tvis_tensor in;
    tvis_status s = source_read(&f->file, path, d);
    if (!s)
        s = source_prepare(&f->file, &f->model, r->size, &in, d);
    if (!s)
        s = look(f, &in, r, d);
    return s ? s : model_run(&f->model, &in, &f->ms, d);
}

static double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* All that is kept of the other picture is one token. */
static tvis_status run_other(features *f, const request *r, tvis_diag *d)
{
    tvis_status s = run_file(f, r, r->other, d);
    if (s)
        return s;
    const size_t bytes = tensor_elements(&f->model.outputs[CLASS_TOKEN]) * sizeof(float);
    f->other = malloc(bytes);
    if (!f->other)
        return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "class token", NULL);
    memcpy(f->other, f->model.outputs[CLASS_TOKEN].data, bytes);
    return TVIS_OK;
}

static tvis_status run_input(features *f, const request *r, tvis_diag *d)
{
    tvis_status s = run_file(f, r, r->input, d);
    const tvis_tensor *y = f->model.outputs;
    if (!s && f->other)
        f->similarity = cosine(y[CLASS_TOKEN].data, f->other, tensor_elements(&y[CLASS_TOKEN]));
    if (!s)
        s = pca_of(&f->components, y[PATCH_TOKENS].data, (size_t)y[PATCH_TOKENS].dims[2],
                   (size_t)y[PATCH_TOKENS].dims[3], d);
    return s;
}

/* Patch tokens, then the class token. */
static tvis_status write_tokens(const features *f, const char *path, tvis_diag *d)
{
    const tvis_tensor *y = f->model.outputs;
    const tvis_status s = output_write(path, &y[PATCH_TOKENS], 0, d);
    return s ? s : output_write(path, &y[CLASS_TOKEN], 1, d);
}

static tvis_status write_components(const features *f, const char *path, tvis_diag *d)
{
    picture p;
    tvis_status s = picture_of_components(&p, &f->components, f->grid, d);
    if (s)
        return s;
    s = picture_write(path, &p, d);
    picture_free(&p);
    return s;
}

/* Of the patches only: they are the last tokens. */
static tvis_status write_attention(const features *f, const char *path, tvis_diag *d)
{
    const tvis_tensor *y = &f->model.outputs[ATTENTION];
    const int32_t heads = y->dims[2], tokens = y->dims[3], patches = f->grid.rows * f->grid.cols;
    const float *maps = (const float *)y->data + (tokens - patches);
    picture p;
    tvis_status s;
    if (is_picture(path)) {
        s = picture_of_maps(&p, maps, heads, (size_t)tokens, f->grid, d);
        if (s)
            return s;
        s = picture_write(path, &p, d);
        picture_free(&p);
        return s;
    }
    float *dense = malloc((size_t)heads * (size_t)patches * sizeof *dense);
    if (!dense)
        return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, path, NULL);
    for (int32_t i = 0; i < heads; i++)
        memcpy(dense + (ptrdiff_t)i * patches, maps + (ptrdiff_t)i * tokens, (size_t)patches * sizeof *dense);
    s = npy_write(path, dense, 4, (const int32_t[]){ 1, heads, f->grid.rows, f->grid.cols }, d);
    free(dense);
    return s;
}

static int print_json(const features *f, const request *r)
{
    json j = { 0 };
    json_object(&j, NULL, true);
    json_string(&j, "image", r->input);
    json_list(&j, "input", false);
    for (int i = 0; i < 4; i++)
        json_integer(&j, NULL, (uint64_t)f->input[i]);
    json_end(&j);
    json_list(&j, "grid", false);
    json_integer(&j, NULL, (uint64_t)f->grid.rows);
    json_integer(&j, NULL, (uint64_t)f->grid.cols);
    json_end(&j);
    json_integer(&j, "channels", (uint64_t)f->model.outputs[CLASS_TOKEN].dims[3]);
    json_list(&j, "explained", false);
    for (int i = 0; i < PCA_COMPONENTS; i++)
        json_number(&j, NULL, f->components.share[i]);
    json_end(&j);
    if (r->other)
        json_number(&j, "similarity", f->similarity);
    json_number(&j, "ms", f->ms);
    json_integer(&j, "arena_bytes", f->model.bytes.total);
    json_end(&j);
    return json_print(&j);
}

static int print_summary(const features *f, const request *r)
{
    const double *share = f->components.share;
    print_text(r->input);
    printf(": %" PRId32 "x%" PRId32 " patches, %" PRId32 " channels, in %.2f ms (arena %s)\n", f->grid.rows,
           f->grid.cols, f->model.outputs[CLASS_TOKEN].dims[3], f->ms, print_bytes((double)f->model.bytes.total));
    printf("  principal components: %.1f %%, %.1f %%, %.1f %% of the variance among patches\n", 100 * share[0],
           100 * share[1], 100 * share[2]);
    if (r->other) {
        printf("  similarity to ");
        print_text(r->other);
        printf(": %.4f\n", f->similarity);
    }
    return TOOL_OK;
}

static int write_and_print(const features *f, const request *r)
{
    tvis_diag d;
    if (r->output && (is_picture(r->output) ? write_components(f, r->output, &d) : write_tokens(f, r->output, &d)))
        return print_diag(r->output, &d);
    if (r->attention && write_attention(f, r->attention, &d))
        return print_diag(r->attention, &d);
    return r->json ? print_json(f, r) : print_summary(f, r);
}

static int run_all(const request *r)
{
    features f = { 0 };
    tvis_diag d;
    int status;
    tvis_status s = model_load(&f.model, r->model, (uint32_t)r->threads, &d);
    f.model.config.plan = (uint8_t)r->plan;
    f.model.config.strict = r->strict;
    if (s)
        status = print_diag(r->model, &d);
    else if (r->other && run_other(&f, r, &d))
        status = print_diag(r->other, &d);
    else if (run_input(&f, r, &d))
        status = print_diag(r->input, &d);
    else
        status = write_and_print(&f, r);
    free(f.other);
    pca_free(&f.components);
    source_free(&f.file);
    model_unload(&f.model);
    return status;
}

static int run(int argc, char **argv)
{
    request r = { .threads = 1 };
    const arg_option options[] = {
        OPTION_OUTPUT(&r.output, "write the patch tokens (.npy; FILE.1.npy: the class token),\nor their first three "
                                 "principal components as a picture (.png, .ppm)"),
        { .name = "attention",
          .kind = ARG_TEXT,
          .value = &r.attention,
          .placeholder = "FILE",
          .help = "DINO: write the class token's attention in the last block,\na map a head (.png, .ppm, .npy)" },
        { .name = "similarity",
          .kind = ARG_TEXT,
          .value = &r.other,
          .placeholder = "IMAGE",
          .help = "print the cosine between the class tokens of both pictures" },
        OPTION_SIZE(&r.size),
        OPTION_THREADS(&r.threads),
        OPTION_PLAN(&r.plan),
        OPTION_STRICT(&r.strict),
        OPTION_JSON(&r.json),
        { 0 },
    };
    int count, status = args_parse(&cmd_features, options, argc, argv, &count, 2, 2);
    if (status != ARGS_GO_ON)
        return status;
    r.model = argv[0];
    r.input = argv[1];
    status = check(&r);
    return status == ARGS_GO_ON ? run_all(&r) : status;
}

const command cmd_features = { "features", "M.tvis IMAGE [options]",
                               "features of a picture's patches, as an array or a picture", run };
