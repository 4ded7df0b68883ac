/* SPDX-License-Identifier: MIT */
/* All stages of an optimization, loaded and measured. Time is taken in turns, so that a machine that grows slower does
 * so for all. */
#include "fail.h"
#include "inputs.h"
#include "optimize.h"
#include "print.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TURN = 5,
    FEWEST_RUNS = 10,
    MOST_RUNS = 200,
    STAGE_MS = 2000,
    BATCH_RUNS = 20,
    BATCH_MS = 500,
    PROFILE_RUNS = 20
};

static tvis_status no_memory(tvis_diag *d)
{
    return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "measurements", NULL);
}

/* ---- what a model is ---- */

static void count_node(void *user, uint32_t node, const tvis_node_info *info)
{
    stage *s = user;
    (void)node;
    s->macs += info->macs;
}

static bool has_kernel(const tvis_node_info *n)
{
    return strcmp(n->op, "conv2d") == 0 || strcmp(n->op, "linear") == 0 || strcmp(n->op, "depthwise") == 0;
}

static weight_counts constants_of(const loaded *l, const tvis_node_info *n, uint32_t most)
{
    weight_counts c = { 0 };
    tvis_weight_info w;
    for (uint32_t i = 0; i < most; i++)
        if (n->weights[i] != TVIS_NONE && tvis_model_weight(&l->model, n->weights[i], &w))
            weights_count(&c, &w);
    return c;
}

static void count_zeros(void *user, uint32_t node, const tvis_node_info *info)
{
    stage *s = user;
    (void)node;
    if (!has_kernel(info))
        return;
    const weight_counts c = constants_of(&s->model, info, 1);
    s->elements += c.elements;
    s->zeros += c.elements - c.nonzero;
}

/* Each layer on its own. */
static tvis_status visit_layers(const loaded *l, tvis_node_visitor visit, void *user, tvis_diag *d)
{
    tvis_session_config c = l->config;
    tvis_session_bytes bytes;
    c.pack = NULL;
    c.no_fusion = true;
    return tvis_session_plan(&l->model, &c, &bytes, visit, user, d);
}

static tvis_status open_stage(optimize *o, stage *s, tvis_diag *d)
{
    loaded *l = &s->model;
    tvis_status status = model_load(l, s->path, o->threads, d);
    if (!status)
        status = model_start(l, 1, 0, 0, d);
    if (!status)
        status = tvis_session_plan(&l->model, &l->config, &l->bytes, count_node, s, d);
    if (!status)
        status = visit_layers(l, count_zeros, s, d);
    if (status)
        return status;
    s->weights = weights_count_all(&l->model, l->info.tensors);
    s->arena_bytes = l->bytes.total;
    s->pack_bytes = l->pack_bytes;
    s->output = calloc(l->info.outputs, sizeof *s->output);
    return s->output ? TVIS_OK : no_memory(d);
}

/* ---- time ---- */

static tvis_status run_pattern(loaded *l, double *ms, tvis_diag *d)
{
    tvis_tensor in;
    const tvis_status s = source_pattern(l, &in, d);
    return s ? s : model_run(l, &in, ms, d);
}

/* As many runs as the slowest stage does in two seconds. */
static tvis_status choose_runs(optimize *o, tvis_diag *d)
{
    double slowest = 1e-3;
    for (uint32_t i = 0; i < o->stages; i++)
        for (int k = 0; k < 2; k++) {
            double ms = 0;
            const tvis_status s = run_pattern(&o->stage[i].model, &ms, d);
            if (s)
                return s;
            slowest = k && ms > slowest ? ms : slowest;
        }
    const double fit = STAGE_MS / slowest;
    if (o->runs == 0)
        o->runs = fit < FEWEST_RUNS ? FEWEST_RUNS : fit > MOST_RUNS ? MOST_RUNS : (size_t)fit;
    return TVIS_OK;
}

static tvis_status run_timed(loaded *l, double *ms, double *cpu, tvis_diag *d)
{
    tvis_tensor in;
    tvis_status s = source_pattern(l, &in, d);
    const double start = stats_cpu_ms();
    if (!s)
        s = model_run(l, &in, ms, d);
    *cpu = stats_cpu_ms() - start;
    return s;
}

/* A turn of a stage: one run to warm the caches, then a few that count. */
static tvis_status take_turn(stage *s, size_t at, size_t count, tvis_diag *d)
{
    double ms;
    tvis_status status = run_pattern(&s->model, &ms, d);
    for (size_t i = at; i < at + count && !status; i++)
        status = run_timed(&s->model, &s->ms[i], &s->cpu[i], d);
    return status;
}

static tvis_status measure_time(optimize *o, tvis_diag *d)
{
    tvis_status status = choose_runs(o, d);
    for (uint32_t i = 0; i < o->stages && !status; i++) {
        stage *s = &o->stage[i];
        s->ms = calloc(o->runs, sizeof *s->ms);
        s->cpu = calloc(o->runs, sizeof *s->cpu);
        status = s->ms && s->cpu ? TVIS_OK : no_memory(d);
    }
    for (size_t at = 0; at < o->runs && !status; at += TURN) {
        const size_t count = o->runs - at < TURN ? o->runs - at : TURN;
        print_progress("timing", at, o->runs);
        for (uint32_t k = 0; k < o->stages && !status; k++) /* another one begins each time */
            status = take_turn(&o->stage[(k + at / TURN) % o->stages], at, count, d);
    }
    print_progress("", 1, 1);
    for (uint32_t i = 0; i < o->stages && !status; i++) {
        o->stage[i].time = stats_latencies(o->stage[i].ms, o->runs);
        o->stage[i].cpu_ms = stats_latencies(o->stage[i].cpu, o->runs).p50;
    }
    return status;
}

/* ---- answers ---- */

static uint32_t best_class(const float *logits, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        best = logits[i] > logits[best] ? i : best;
    return best;
}

/* What stage s answered, beside the original's answer. */
static tvis_status add_answer(optimize *o, stage *s, size_t number, tvis_diag *d)
{
    const loaded *from = &o->stage[0].model, *l = &s->model;
    if (l->info.outputs != from->info.outputs)
        return tool_fail(d, TVIS_EINVAL, TVIS_DIAG_REFUSED, s->path, "has another number of outputs than the original");
    for (uint32_t i = 0; i < l->info.outputs; i++) {
        const tvis_tensor *x = &from->outputs[i], *y = &l->outputs[i];
        if (memcmp(x->dims, y->dims, sizeof x->dims) != 0)
            return tool_fail(d, TVIS_EINVAL, TVIS_DIAG_SHAPE, s->path, "has another shape of output than the original");
        difference_add(&s->output[i], x->data, y->data, tensor_elements(x));
    }
    const float *x = model_logits(from, 0), *y = model_logits(l, 0);
    if (!x || !y)
        return TVIS_OK;
    const uint32_t classes = l->info.classes;
    s->agree += best_class(x, classes) == best_class(y, classes);
    if (o->label_file) {
        const uint32_t rank = stats_rank(y, classes, o->labels.row[number].class_index);
        s->top1 += rank == 0;
        s->top5 += rank < 5;
    }
    return TVIS_OK;
}

static tvis_status answer(optimize *o, stage *s, source *from, size_t number, tvis_diag *d)
{
    tvis_tensor in;
    double ms;
    tvis_status status = from ? source_prepare(from, &s->model, (arg_size){ 0, 0 }, &in, d)
                              : source_pattern_number(&s->model, (uint32_t)number + 1, &in, d);
    if (!status && in.dims[0] != 1)
        status = tool_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, "", "pictures in one file", 1, in.dims[0]);
    if (!status)
        status = model_run(&s->model, &in, &ms, d);
    return status ? status : add_answer(o, s, number, d);
}

static int measure_answers(optimize *o)
{
    tvis_diag d;
    source from = { 0 };
    int status = TOOL_OK;
    const bool files = o->pictures.count > 0;
    const size_t count = files ? o->pictures.count : PATTERNS;
    for (size_t k = 0; k < count && status == TOOL_OK; k++) {
        const char *name = files ? o->pictures.path[k] : o->input;
        tvis_status s = files ? source_read(&from, name, &d) : TVIS_OK;
        print_progress("answers", k, count);
        for (uint32_t i = 0; i < o->stages && !s; i++)
            s = answer(o, &o->stage[i], files ? &from : NULL, k, &d);
        if (s || k + 1 == count)
            print_progress("", 1, 1);
        status = s ? print_diag(name, &d) : TOOL_OK;
    }
    o->answered = count;
    source_free(&from);
    return status;
}

/* ---- batches: the original and the last model ---- */

static tvis_status measure_batch(optimize *o, batch_row *row, tvis_diag *d)
{
    stage *const pair[2] = { &o->stage[0], &o->stage[o->stages - 1] };
    double *ms = calloc(4 * BATCH_RUNS, sizeof *ms), *cpu = ms ? ms + 2 * BATCH_RUNS : NULL, first = 0;
    size_t runs = BATCH_RUNS;
    tvis_status s = ms ? TVIS_OK : no_memory(d);
    for (int i = 0; i < 2 && !s; i++) {
        loaded *l = &pair[i]->model;
        double once = 0;
        s = model_start(l, (uint16_t)row->n, 0, 0, d);
        if (!s)
            s = run_pattern(l, &once, d);
        row->arena_bytes[i] = l->bytes.total;
        first = once > first ? once : first;
    }
    if (first * BATCH_RUNS > BATCH_MS)
        runs = first * 3 > BATCH_MS ? 3 : (size_t)(BATCH_MS / first);
    for (size_t k = 0; k < runs && !s; k++)
        for (int i = 0; i < 2 && !s; i++)
            s = run_timed(&pair[i]->model, &ms[(size_t)i * BATCH_RUNS + k], &cpu[(size_t)i * BATCH_RUNS + k], d);
    for (int i = 0; i < 2 && !s; i++) {
        row->time[i] = stats_latencies(ms + (size_t)i * BATCH_RUNS, runs);
        row->cpu_ms[i] = stats_latencies(cpu + (size_t)i * BATCH_RUNS, runs).p50;
    }
    free(ms);
    return s;
}

static tvis_status measure_batches(optimize *o, tvis_diag *d)
{
    tvis_status s = TVIS_OK;
    for (uint32_t i = 0; i < o->batches && !s; i++) {
        print_progress("batches", i, o->batches);
        o->batch_time[i].n = o->batch[i];
        s = measure_batch(o, &o->batch_time[i], d);
    }
    print_progress("", 1, 1);
    return s;
}

/* ---- layers of the original and the last model ---- */

typedef struct layer_list {
    optimize *o;
    int side; /* 0: the original */
} layer_list;

static void add_layer(void *user, uint32_t node, const tvis_node_info *n)
{
    const layer_list *to = user;
    optimize *o = to->o;
    const stage *s = to->side ? optimize_last(o) : &o->stage[0];
    const weight_counts all = constants_of(&s->model, n, 8), kernel = constants_of(&s->model, n, 1);
    uint64_t bytes = 0;
    uint32_t at = 0;
    (void)node;
    for (int i = 0; i < TVIS_DTYPE_COUNT_; i++)
        bytes += all.bytes[i];
    if (bytes == 0)
        return;
    while (at < o->layers && (strcmp(o->layer[at].name, n->name) != 0 || o->layer[at].bytes[to->side] >= 0))
        at++;
    if (at == o->layers)
        o->layer[o->layers++] = (layer_row){ n->name, { -1, -1 }, { -1, -1 } };
    o->layer[at].bytes[to->side] = (double)bytes;
    o->layer[at].sparsity[to->side] = weights_sparsity(&kernel);
}

static tvis_status compare_layers(optimize *o, tvis_diag *d)
{
    const stage *last = optimize_last(o);
    const size_t most = (size_t)o->stage[0].model.info.nodes + last->model.info.nodes;
    tvis_status s = TVIS_OK;
    o->layer = calloc(most + 1, sizeof *o->layer);
    o->span = calloc(most + 1, sizeof *o->span);
    if (!o->layer || !o->span)
        return no_memory(d);
    for (int side = 0; side < 2 && !s; side++) {
        layer_list to = { o, side };
        s = visit_layers(side ? &last->model : &o->stage[0].model, add_layer, &to, d);
    }
    return s;
}

/* Index past the node of this name at or after `from`, or 0. */
static uint32_t past(const profile *p, uint32_t from, const char *name)
{
    for (uint32_t i = from; i < p->nodes; i++)
        if (strcmp(p->node[i].info.name, name) == 0)
            return i + 1;
    return 0;
}

/* Nodes are fused in another way in each model: cut where a node ends in both. */
static void pair_spans(optimize *o)
{
    const profile *a = &o->profile[0], *b = &o->profile[1];
    uint32_t from = 0;
    span_row row = { NULL, { 0, 0 } };
    for (uint32_t i = 0; i < a->nodes; i++) {
        const uint32_t to = i + 1 == a->nodes ? b->nodes : past(b, from, a->node[i].info.name);
        row.name = a->node[i].info.name;
        row.ms[0] += a->node[i].ms;
        if (to == 0)
            continue;
        for (; from < to; from++)
            row.ms[1] += b->node[from].ms;
        o->span[o->spans++] = row;
        row = (span_row){ NULL, { 0, 0 } };
    }
}

static tvis_status measure_profiles(optimize *o, tvis_diag *d)
{
    tvis_status s = TVIS_OK;
    for (int i = 0; i < 2 && !s; i++) {
        loaded *l = i ? &o->stage[o->stages - 1].model : &o->stage[0].model;
        s = profile_measure(&o->profile[i], l, (arg_size){ 0, 0 }, PROFILE_RUNS, d);
        if (!s)
            s = profile_judge(&o->profile[i], l, d);
    }
    if (!s)
        pair_spans(o);
    return s;
}

int optimize_measure(optimize *o)
{
    tvis_diag d;
    for (uint32_t i = 0; i < o->stages; i++)
        if (open_stage(o, &o->stage[i], &d))
            return print_diag(o->stage[i].path, &d);
    if (measure_time(o, &d))
        return print_diag(o->folder, &d);
    const int status = measure_answers(o);
    if (status != TOOL_OK)
        return status;
    if (measure_batches(o, &d) || compare_layers(o, &d) || measure_profiles(o, &d))
        return print_diag(o->folder, &d);
    return TOOL_OK;
}
