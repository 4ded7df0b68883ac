/* SPDX-License-Identifier: MIT */
#include "profiling.h"

#include "fail.h"
#include "inputs.h"
#include "precision.h"
#include "print.h"
#include "stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the observer writes. */
typedef struct watcher {
    profile *p;
    double *ms; /* model_nodes x runs, by number; then one a run */
    uint32_t model_nodes;
    size_t run, runs; /* run == runs: not measured */
    double start;
} watcher;

static void keep_info(void *user, uint32_t node, const tvis_node_info *info)
{
    profile *p = ((watcher *)user)->p;
    p->node[p->nodes].info = *info;
    p->node[p->nodes++].number = node;
}

static void watch(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count)
{
    watcher *w = user;
    (void)count;
    if (!outputs)
        w->start = stats_now_ms();
    else if (w->run < w->runs)
        w->ms[node * w->runs + w->run] = stats_now_ms() - w->start;
}

static int slowest_first(const void *a, const void *b)
{
    double x = ((const op_time *)a)->ms, y = ((const op_time *)b)->ms;
    return (x < y) - (x > y);
}

static void add_to_op(profile *p, const node_time *n)
{
    uint32_t i = 0;
    while (i < p->ops && strcmp(p->op[i].op, n->info.op) != 0)
        i++;
    op_time *o = &p->op[i];
    o->op = n->info.op;
    o->ms += n->ms;
    o->macs += n->info.macs;
    o->bytes += n->info.bytes;
    o->nodes++;
    if (i == p->ops)
        p->ops++;
}

static void sum_up(watcher *w, const tvis_model *m)
{
    profile *p = w->p;
    for (uint32_t i = 0; i < p->nodes; i++) {
        node_time *n = &p->node[i];
        n->ms = stats_latencies(w->ms + n->number * w->runs, w->runs).p50;
        n->precision = precision_of(m, &n->info);
        n->multiplied = 1;
        p->sum += n->ms;
        add_to_op(p, n);
    }
    p->total = stats_latencies(w->ms + w->model_nodes * w->runs, w->runs).p50;
    qsort(p->op, p->ops, sizeof *p->op, slowest_first);
}

static tvis_status run_all(watcher *w, loaded *l, tvis_diag *d)
{
    tvis_tensor in;
    tvis_status s = TVIS_OK;
    for (size_t i = 0; i <= w->runs && !s; i++) {
        double ms = 0;
        w->run = i ? i - 1 : w->runs;
        s = source_pattern(l, &in, d);
        if (!s)
            s = model_run(l, &in, &ms, d);
        if (i)
            w->ms[w->model_nodes * w->runs + i - 1] = ms;
        print_progress("run", i, w->runs);
    }
    return s;
}

tvis_status profile_measure(profile *p, loaded *l, arg_size size, size_t runs, tvis_diag *d)
{
    const size_t nodes = l->info.nodes;
    watcher w = { .p = p, .model_nodes = l->info.nodes, .runs = runs, .run = runs };
    p->runs = runs;
    p->node = calloc(nodes + 1, sizeof *p->node);
    p->op = calloc(nodes + 1, sizeof *p->op);
    w.ms = calloc((nodes + 1) * runs, sizeof *w.ms);
    tvis_status s = TVIS_OK;
    if (!p->node || !p->op || !w.ms)
        s = tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "measurements", NULL);
    model_stop(l);
    l->config.observe = watch;
    l->config.observe_user = &w;
    if (!s)
        s = model_start(l, 1, size.h, size.w, d);
    if (!s)
        s = tvis_session_plan(&l->model, &l->config, &l->bytes, keep_info, &w, d);
    if (!s)
        s = run_all(&w, l, d);
    if (!s)
        sum_up(&w, &l->model);
    model_stop(l);
    l->config.observe = NULL;
    free(w.ms);
    return s;
}

double profile_share(const profile *p, double ms)
{
    return p->sum > 0 ? ms / p->sum : 0;
}

static double per_second(double units, double ms)
{
    return ms > 0 ? units / ms * 1e3 : 0;
}

const char *profile_note(const node_time *n, char *text, size_t size)
{
    if (n->expands)
        (void)snprintf(text, size, "sparse weights, read as dense ones");
    else if (n->usual)
        (void)snprintf(text, size, "%s for most of this work", n->usual);
    return n->expands || n->usual ? text : NULL;
}

static void json_node(json *j, const profile *p, const node_time *n)
{
    char note[80];
    json_object(j, NULL, false);
    json_string(j, "name", n->info.name);
    json_string(j, "op", n->info.op);
    json_number(j, "ms", n->ms);
    json_integer(j, "macs", n->info.macs);
    json_integer(j, "bytes", n->info.bytes);
    json_string(j, "kernel", n->info.kernel);
    json_number(j, "share", profile_share(p, n->ms));
    json_string(j, "precision", n->precision);
    json_number(j, "macs_per_s", per_second((double)n->info.macs, n->ms));
    json_number(j, "bytes_per_s", per_second((double)n->info.bytes, n->ms));
    json_string(j, "bound", n->memory_bound ? "memory" : "compute");
    json_number(j, "of_roof", n->of_roof);
    json_string(j, "note", profile_note(n, note, sizeof note));
    json_end(j);
}

static void json_op(json *j, const profile *p, const op_time *o)
{
    json_object(j, NULL, false);
    json_string(j, "op", o->op);
    json_number(j, "ms", o->ms);
    json_number(j, "share", profile_share(p, o->ms));
    json_integer(j, "nodes", o->nodes);
    json_integer(j, "macs", o->macs);
    json_integer(j, "bytes", o->bytes);
    json_number(j, "macs_per_s", per_second((double)o->macs, o->ms));
    json_end(j);
}

void profile_json(json *j, const profile *p)
{
    json_integer(j, "runs", p->runs);
    json_list(j, "nodes", true);
    for (uint32_t i = 0; i < p->nodes; i++)
        json_node(j, p, &p->node[i]);
    json_end(j);
    json_list(j, "ops", true);
    for (uint32_t i = 0; i < p->ops; i++)
        json_op(j, p, &p->op[i]);
    json_end(j);
    json_number(j, "total_ms", p->total);
    json_object(j, "peak", false);
    json_number(j, "bytes_per_s", p->peak.bytes * 1e3);
    json_object(j, "macs_per_s", false);
    for (uint32_t i = 0; i < p->peak.count; i++)
        json_number(j, p->peak.precision[i], p->peak.macs[i] * 1e3);
    json_end(j);
    json_end(j);
}

void profile_free(profile *p)
{
    free(p->node);
    free(p->op);
    *p = (profile){ 0 };
}
