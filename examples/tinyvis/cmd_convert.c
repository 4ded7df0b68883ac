/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "fail.h"
#include "files.h"
#include "json.h"
#include "labels.h"

#include <tinyvis/convert.h>
#include <tinyvis/hosted.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CLASSES 1000000
#define MAX_WIDTH   8

typedef struct request {
    const char *arch, *weights, *labels, *output;
    uint64_t classes, channels, seed;
    bool random, json;
    arg_size size;
    double width;
    uint32_t same;
} request;

typedef struct summary {
    tvis_model_info info;
    uint64_t macs;
} summary;

static bool known_architecture(const char *name)
{
    tvis_arch_info a;
    for (uint32_t i = 0; tvis_arch(i, &a); i++)
        if (strcmp(a.name, name) == 0)
            return true;
    return false;
}

static int check(const request *r)
{
    const char *const name = cmd_convert.name;
    if (!r->arch)
        return print_usage_error(name, "option '-m' is missing");
    if (!known_architecture(r->arch))
        return print_usage_error(name, "option '-m': '%.100s' is no architecture ('tinyvis models' lists them)",
                                 r->arch);
    if (!r->output)
        return print_usage_error(name, "option '-o' is missing");
    if (!r->weights == !r->random)
        return print_usage_error(name, "%s",
                                 r->random ? "a weight file and --random exclude each other"
                                           : "a weight file, or --random SEED, is missing");
    if ((r->weights && files_same(r->weights, r->output)) || (r->labels && files_same(r->labels, r->output)))
        return print_failure(r->output, "would be written over an input");
    return ARGS_GO_ON;
}

static void add_macs(void *user, uint32_t node, const tvis_node_info *info)
{
    (void)node;
    ((summary *)user)->macs += info->macs;
}

/* Opens what was made, as its users will. */
static tvis_status look(const tvis_blob *b, summary *s, tvis_diag *d)
{
    tvis_model m;
    tvis_session_config c;
    tvis_session_bytes bytes;
    tvis_session_defaults(&c);
    tvis_status status = tvis_model_open(&m, b->data, b->size, d);
    if (status)
        return status;
    tvis_model_get_info(&m, &s->info);
    return tvis_session_plan(&m, &c, &bytes, add_macs, s, d);
}

static int print_summary(const request *r, const summary *s)
{
    const tvis_model_info *i = &s->info;
    if (r->json) {
        json j = { 0 };
        json_object(&j, NULL, true);
        json_string(&j, "file", r->output);
        json_string(&j, "arch", i->arch);
        json_list(&j, "input", false);
        json_integer(&j, NULL, 1);
        json_integer(&j, NULL, i->h);
        json_integer(&j, NULL, i->w);
        json_integer(&j, NULL, i->c);
        json_end(&j);
        json_integer(&j, "classes", i->classes);
        json_integer(&j, "params", i->params);
        json_integer(&j, "macs", s->macs);
        json_integer(&j, "file_bytes", i->file_bytes);
        json_end(&j);
        return json_print(&j);
    }
    print_text(r->output);
    printf(": ");
    print_text(i->arch);
    printf(", input 1x%ux%ux%u, %s parameters, %s MACs, %s%s\n", i->h, i->w, i->c, print_count((double)i->params),
           print_count((double)s->macs), print_bytes(i->file_bytes),
           r->random ? ", random weights: its answers mean nothing" : "");
    return TOOL_OK;
}

static int convert(const request *r, const label_names *labels)
{
    tvis_diag d;
    tvis_blob blob = { NULL, 0 };
    summary s = { .macs = 0 };
    const tvis_convert_config c = {
        .struct_size = sizeof c,
        .arch = r->arch,
        .weights = r->weights,
        .seed = r->seed,
        .classes = (uint32_t)r->classes,
        .h = r->size.h,
        .w = r->size.w,
        .width = (float)r->width,
        .same_padding = r->same != 0,
        .labels = labels->name,
        .label_count = labels->count,
        .channels = (uint8_t)r->channels,
    };
    if (tvis_convert(&c, &blob, &d)) {
        bool wrong_labels = r->labels && strcmp(d.subject, "labels") == 0;
        return print_diag(wrong_labels ? r->labels : r->weights ? r->weights : r->arch, &d);
    }
    int status = TOOL_OK;
    if (look(&blob, &s, &d))
        status = print_diag(r->arch, &d);
    else if (tvis_file_write(r->output, blob.data, blob.size, &d))
        status = print_diag(r->output, &d);
    else
        status = print_summary(r, &s);
    tvis_blob_free(&blob);
    return status;
}

static int run(int argc, char **argv)
{
    static const char *const paddings[] = { "framework", "same", NULL };
    request r = { .width = 0 };
    const arg_option options[] = {
        { .name = "model",
          .letter = 'm',
          .kind = ARG_TEXT,
          .value = &r.arch,
          .placeholder = "NAME",
          .help = "architecture; 'tinyvis models' lists them" },
        { .name = "classes",
          .kind = ARG_NUMBER,
          .value = &r.classes,
          .placeholder = "N",
          .min = 1,
          .max = MAX_CLASSES,
          .help = "number of classes (as many as the weights have)" },
        { .name = "size",
          .kind = ARG_SIZE,
          .value = &r.size,
          .placeholder = "HxW",
          .min = 1,
          .max = UINT16_MAX,
          .help = "default input of the blob, height and width, or one\nnumber for both (the architecture's)" },
        { .name = "width",
          .kind = ARG_REAL,
          .value = &r.width,
          .placeholder = "W",
          .min = 0,
          .max = MAX_WIDTH,
          .help = "width multiplier of the channels (1.0)" },
        { .name = "channels",
          .kind = ARG_NUMBER,
          .value = &r.channels,
          .placeholder = "N",
          .min = 1,
          .max = 3,
          .help = "of pictures: 3, or 1 for gray (as many as the weights\nhave)" },
        { .name = "padding",
          .kind = ARG_CHOICE,
          .value = &r.same,
          .placeholder = "RULE",
          .choices = paddings,
          .help = "same: TensorFlow's SAME padding; framework (default):\nthe symmetric one of PyTorch" },
        { .name = "labels",
          .kind = ARG_TEXT,
          .value = &r.labels,
          .placeholder = "FILE",
          .help = "class names, one a line, as many as there are classes" },
        { .name = "random",
          .kind = ARG_NUMBER,
          .value = &r.seed,
          .placeholder = "SEED",
          .max = UINT64_MAX,
          .given = &r.random,
          .help = "random weights from this number in place of a file" },
        OPTION_OUTPUT(&r.output, "the blob to write"),
        OPTION_JSON(&r.json),
        { 0 },
    };
    int count, status = args_parse(&cmd_convert, options, argc, argv, &count, 0, 1);
    if (status != ARGS_GO_ON)
        return status;
    r.weights = count ? argv[0] : NULL;
    status = check(&r);
    if (status != ARGS_GO_ON)
        return status;
    tvis_diag d;
    label_names labels = { 0 };
    if (r.labels && labels_read_names(r.labels, &labels, &d))
        return print_diag(r.labels, &d);
    status = convert(&r, &labels);
    labels_free_names(&labels);
    return status;
}

const command cmd_convert = { "convert", "-m NAME [options] WEIGHTS | --random SEED  -o M.tvis",
                              "weights of PyTorch (.pth .pt .th .safetensors) to a .tvis blob", run };
