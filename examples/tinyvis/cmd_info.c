/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "fail.h"
#include "json.h"
#include "load_model.h"
#include "precision.h"
#include "targets.h"
#include "weights.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_BATCH 4096

typedef struct request {
    arg_size size;
    uint64_t threads, batch;
    uint32_t plan, target;
    bool strict, int8_input, bf16, target_given, layers, json;
} request;

typedef struct report {
    const loaded *l;
    weight_counts weights;
    uint64_t macs;
    precision_macs precision;
    tvis_node_info *node; /* as they will run: layers that are fused are one */
    uint32_t nodes;
    size_t other_arena; /* of the plan that was not asked for */
} report;

static void keep_node(void *user, uint32_t node, const tvis_node_info *info)
{
    report *r = user;
    (void)node;
    r->node[r->nodes++] = *info;
    r->macs += info->macs;
    precision_count(&r->precision, &r->l->model, info);
}

static weight_counts node_weights(const report *r, const tvis_node_info *n)
{
    weight_counts c = { 0 };
    tvis_weight_info w;
    for (size_t i = 0; i < sizeof n->weights / sizeof *n->weights; i++)
        if (n->weights[i] != TVIS_NONE && tvis_model_weight(&r->l->model, n->weights[i], &w))
            weights_count(&c, &w);
    return c;
}

static const char *filter_name(uint8_t filter)
{
    return filter == TVIS_FILTER_BICUBIC ? "bicubic" : "bilinear";
}

static const char *order_name(const tvis_preprocess *p)
{
    return p->channels == 1 ? "gray" : p->bgr ? "bgr" : "rgb";
}

static void json_dims(json *j, const char *key, const int32_t *dims)
{
    json_list(j, key, false);
    for (int i = 0; i < 4; i++)
        json_integer(j, NULL, (uint64_t)dims[i]);
    json_end(j);
}

static void json_config(json *j, const request *r, const tvis_session_config *c)
{
    json_object(j, "config", false);
    json_string(j, "plan", PLAN_NAMES[c->plan]);
    json_integer(j, "threads", c->threads);
    json_bool(j, "int8_input", c->int8_input);
    json_string(j, "target", target_names[r->target]);
    json_list(j, "cpu", false);
    for (uint32_t bit = 0; bit < 32; bit++)
        if (c->cpu >> bit & 1 && target_flag_name(bit))
            json_string(j, NULL, target_flag_name(bit));
    json_end(j);
    json_end(j);
}

static void json_preprocess(json *j, const tvis_preprocess *p)
{
    json_object(j, "preprocess", false);
    json_string(j, "filter", filter_name(p->filter));
    json_string(j, "fit", p->fit == TVIS_FIT_CROP ? "crop" : "stretch");
    json_float(j, "crop", p->crop);
    json_integer(j, "channels", p->channels);
    json_string(j, "order", order_name(p));
    json_list(j, "mean", false);
    for (int i = 0; i < p->channels; i++)
        json_float(j, NULL, p->mean[i]);
    json_end(j);
    json_list(j, "std", false);
    for (int i = 0; i < p->channels; i++)
        json_float(j, NULL, p->std[i]);
    json_end(j);
    json_end(j);
}

/* Of a layer's first constant, or NULL. */
static const char *weights_dtype(const report *r, const tvis_node_info *n)
{
    tvis_weight_info w;
    const bool there = n->weights[0] != TVIS_NONE && tvis_model_weight(&r->l->model, n->weights[0], &w);
    return there ? tvis_dtype_name((tvis_dtype)w.dtype) : NULL;
}

static void json_layers(json *j, const report *r)
{
    json_list(j, "layers", true);
    for (uint32_t i = 0; i < r->nodes; i++) {
        const tvis_node_info *n = &r->node[i];
        weight_counts c = node_weights(r, n);
        json_object(j, NULL, false);
        json_string(j, "name", n->name);
        json_string(j, "op", n->op);
        json_string(j, "activation", n->activation);
        json_dims(j, "in", n->in);
        json_dims(j, "out", n->out);
        json_integer(j, "params", n->params);
        json_integer(j, "macs", n->macs);
        json_string(j, "dtype", tvis_dtype_name((tvis_dtype)n->dtype));
        json_string(j, "weights", weights_dtype(r, n));
        json_string(j, "precision", precision_of(&r->l->model, n));
        json_number(j, "sparsity", weights_sparsity(&c));
        json_string(j, "kernel", n->kernel);
        json_end(j);
    }
    json_end(j);
}

static int print_json(const request *q, const report *r)
{
    json j = { 0 };
    const loaded *l = r->l;
    const int32_t input[4] = { l->config.n, l->config.h, l->config.w, l->info.c };
    json_object(&j, NULL, true);
    json_string(&j, "file", l->path);
    json_string(&j, "arch", l->info.arch);
    json_dims(&j, "input", input);
    json_integer(&j, "classes", l->info.classes);
    json_integer(&j, "params", l->info.params);
    json_integer(&j, "nonzero_params", r->weights.nonzero);
    json_integer(&j, "macs", r->macs);
    json_integer(&j, "file_bytes", l->file.size);
    weights_json(&j, "weight_bytes", &r->weights);
    precision_json(&j, "mac_share", &r->precision);
    json_number(&j, "sparsity", weights_sparsity(&r->weights));
    json_integer(&j, "arena_bytes", l->bytes.total);
    json_integer(&j, "pack_bytes", l->pack_bytes);
    json_integer(&j, "state_bytes", l->bytes.state);
    json_integer(&j, "activation_bytes", l->bytes.activations);
    json_integer(&j, "scratch_bytes", l->bytes.scratch);
    json_config(&j, q, &l->config);
    json_preprocess(&j, &l->preprocess);
    if (q->layers)
        json_layers(&j, r);
    json_end(&j);
    return json_print(&j);
}

static void print_layers(const report *r)
{
    printf("\n%-32s %-16s %-17s %-17s %9s %9s %-9s %-7s %7s  %s\n", "layer", "op", "in", "out", "params", "MACs",
           "precision", "weights", "zeros", "kernel");
    for (uint32_t i = 0; i < r->nodes; i++) {
        const tvis_node_info *n = &r->node[i];
        weight_counts c = node_weights(r, n);
        char in[48], out[48];
        (void)snprintf(in, sizeof in, "%" PRId32 "x%" PRId32 "x%" PRId32 "x%" PRId32, n->in[0], n->in[1], n->in[2],
                       n->in[3]);
        (void)snprintf(out, sizeof out, "%" PRId32 "x%" PRId32 "x%" PRId32 "x%" PRId32, n->out[0], n->out[1], n->out[2],
                       n->out[3]);
        print_text(n->name);
        const char *weights = weights_dtype(r, n);
        printf("%*s %-16s %-17s %-17s %9s %9s %-9s %-7s %6.1f%%  %s\n", print_pad(n->name, 32), "", n->op, in, out,
               print_count((double)n->params), print_count((double)n->macs), precision_of(&r->l->model, n),
               weights ? weights : "", 100 * weights_sparsity(&c), n->kernel);
    }
}

static void print_preprocess(const tvis_preprocess *p)
{
    printf("pictures     %s, %s", filter_name(p->filter), p->fit == TVIS_FIT_CROP ? "centre crop " : "stretched");
    if (p->fit == TVIS_FIT_CROP)
        printf("%.4g", (double)p->crop);
    printf(", %s, mean", order_name(p));
    for (int i = 0; i < p->channels; i++)
        printf(" %.4g", (double)p->mean[i]);
    printf(", std");
    for (int i = 0; i < p->channels; i++)
        printf(" %.4g", (double)p->std[i]);
    printf("\n");
}

static int print_human(const request *q, const report *r)
{
    const loaded *l = r->l;
    const tvis_session_config *c = &l->config;
    printf("model        ");
    print_text(l->info.arch);
    printf(" in ");
    print_text(l->path);
    printf(", %s\ninput        %ux%ux%ux%u (N H W C), sides %u to %u, multiples of %u\n",
           print_bytes((double)l->file.size), c->n, c->h, c->w, l->info.c, l->info.min_side, l->info.max_side,
           l->info.multiple);
    if (l->info.classes)
        printf("classes      %" PRIu32 "\n", l->info.classes);
    printf("parameters   %s (%s not zero), %s MACs\n", print_count((double)l->info.params),
           print_count((double)r->weights.nonzero), print_count((double)r->macs));
    printf("weights      ");
    weights_print(&r->weights);
    printf(", %.1f%% zeros\nlayers       ", 100 * weights_sparsity(&r->weights));
    precision_print(&r->precision);
    printf(" of the MACs\n");
    print_preprocess(&l->preprocess);
    printf("planned for  %s, %u thread%s, plan %s%s\n", target_names[q->target], c->threads, c->threads == 1 ? "" : "s",
           PLAN_NAMES[c->plan], c->int8_input ? ", int8 input" : "");
    printf("arena        %zu bytes: state %zu, activations %zu, scratch %zu\n", l->bytes.total, l->bytes.state,
           l->bytes.activations, l->bytes.scratch);
    printf("             %zu bytes with plan %s\n", r->other_arena, PLAN_NAMES[!c->plan]);
    printf("packed       %zu bytes\n", l->pack_bytes);
    if (q->layers)
        print_layers(r);
    return TOOL_OK;
}

static void configure(const request *q, loaded *l)
{
    tvis_session_config *c = &l->config;
    c->n = (uint16_t)q->batch;
    c->h = q->size.h ? q->size.h : l->info.h;
    c->w = q->size.w ? q->size.w : l->info.w;
    c->threads = (uint16_t)q->threads;
    c->cpu = target_cpu(q->target);
    c->int8_input = q->int8_input;
}

/* The other plan first: what is packed and planned last stays. */
static tvis_status plan(const request *q, loaded *l, report *r, tvis_diag *d)
{
    configure(q, l);
    l->config.plan = !q->plan;
    tvis_status s = model_plan(l, NULL, NULL, d);
    r->other_arena = l->bytes.total;
    l->config.plan = (uint8_t)q->plan;
    l->config.strict = q->strict;
    l->config.bf16 = q->bf16;
    return s ? s : model_plan(l, keep_node, r, d);
}

/* A model that is packed for another processor is planned for that one, unless the target was given. */
static tvis_status make_report(request *q, loaded *l, report *r, tvis_diag *d)
{
    tvis_diag other;
    r->l = l;
    r->weights = weights_count_all(&l->model, l->info.tensors);
    r->node = calloc((size_t)l->info.nodes + 1, sizeof *r->node);
    if (!r->node)
        return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, l->path, NULL);
    tvis_status s = plan(q, l, r, d), t = s;
    while (t == TVIS_EUNSUP && !q->target_given && target_names[++q->target])
        t = plan(q, l, r, &other);
    return t ? s : t;
}

static int run(int argc, char **argv)
{
    request q = { .threads = 1, .batch = 1 };
    const arg_option options[] = {
        { .name = "layers", .kind = ARG_FLAG, .value = &q.layers, .help = "every layer too" },
        { .name = "target",
          .kind = ARG_CHOICE,
          .value = &q.target,
          .given = &q.target_given,
          .placeholder = "T",
          .choices = target_names,
          .help = "processor to plan for: native (default), generic, armv6,\narmv7, aarch64, avx2, avx512, cortex-m "
                  "(without\nDSP extension), cortex-m4, cortex-m7" },
        OPTION_PLAN(&q.plan),
        OPTION_STRICT(&q.strict),
        OPTION_INT8_INPUT(&q.int8_input),
        OPTION_BF16(&q.bf16),
        OPTION_SIZE(&q.size),
        { .name = "batch",
          .kind = ARG_NUMBER,
          .value = &q.batch,
          .placeholder = "N",
          .min = 1,
          .max = MAX_BATCH,
          .help = "pictures at a time (1)" },
        OPTION_THREADS(&q.threads),
        OPTION_JSON(&q.json),
        { 0 },
    };
    int count, status = args_parse(&cmd_info, options, argc, argv, &count, 1, 1);
    if (status != ARGS_GO_ON)
        return status;
    tvis_diag d;
    loaded l;
    report r = { 0 };
    if (model_load(&l, argv[0], 1, &d) || make_report(&q, &l, &r, &d))
        status = print_diag(argv[0], &d);
    else
        status = q.json ? print_json(&q, &r) : print_human(&q, &r);
    free(r.node);
    model_unload(&l);
    return status;
}

const command cmd_info = { "info", "M.tvis [--layers] [--target T] [--plan fast|small] [--json]",
                           "what a model is, and the memory it needs before it runs", run };
