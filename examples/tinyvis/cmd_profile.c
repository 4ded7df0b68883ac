/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "fail.h"
#include "inputs.h"
#include "json.h"
#include "stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RUNS  10000
#define BAR_WIDTH 24

typedef struct request {
    uint64_t threads, runs;
    arg_size size;
    uint32_t plan;
    bool json;
} request;

typedef struct node_time {
    tvis_node_info info;
    uint32_t number; /* the observer's */
    double ms;       /* median */
} node_time;

typedef struct op_time {
    const char *op;
    double ms;
} op_time;

typedef struct profile {
    node_time *node; /* as they run: layers that are fused are one */
    op_time *op;     /* slowest first */
    double *ms;      /* model_nodes x runs, by number; then one a run */
    uint32_t model_nodes, nodes, ops;
    size_t run, runs;         /* run == runs: not measured */
    double start, sum, total; /* sum of the nodes; median of whole runs */
} profile;

static void keep_info(void *user, uint32_t node, const tvis_node_info *info)
{
    profile *p = user;
    p->node[p->nodes].info = *info;
    p->node[p->nodes++].number = node;
}

static void watch(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count)
{
    profile *p = user;
    (void)count;
    if (!outputs)
        p->start = stats_now_ms();
    else if (p->run < p->runs)
        p->ms[node * p->runs + p->run] = stats_now_ms() - p->start;
}

static tvis_status make_profile(profile *p, uint32_t nodes, size_t runs, tvis_diag *d)
{
    p->model_nodes = nodes;
    p->runs = p->run = runs;
    p->node = calloc((size_t)nodes + 1, sizeof *p->node);
    p->op = calloc((size_t)nodes + 1, sizeof *p->op);
    p->ms = calloc(((size_t)nodes + 1) * runs, sizeof *p->ms);
    return p->node && p->op && p->ms ? TVIS_OK : tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "measurements", NULL);
}

static void free_profile(profile *p)
{
    free(p->node);
    free(p->op);
    free(p->ms);
}

static int slowest_first(const void *a, const void *b)
{
    double x = ((const op_time *)a)->ms, y = ((const op_time *)b)->ms;
    return (x < y) - (x > y);
}

static void add_to_op(profile *p, const char *op, double ms)
{
    uint32_t i = 0;
    while (i < p->ops && strcmp(p->op[i].op, op) != 0)
        i++;
    p->op[i].op = op;
    p->op[i].ms += ms;
    if (i == p->ops)
        p->ops++;
}

static void sum_up(profile *p)
{
    for (uint32_t i = 0; i < p->nodes; i++) {
        p->node[i].ms = stats_latencies(p->ms + p->node[i].number * p->runs, p->runs).p50;
        p->sum += p->node[i].ms;
        add_to_op(p, p->node[i].info.op, p->node[i].ms);
    }
    p->total = stats_latencies(p->ms + p->model_nodes * p->runs, p->runs).p50;
    qsort(p->op, p->ops, sizeof *p->op, slowest_first);
}

/* One run to warm up, then the measured ones. */
static tvis_status measure(const request *r, loaded *l, profile *p, tvis_diag *d)
{
    tvis_tensor in;
    double ms;
    l->config.plan = (uint8_t)r->plan;
    l->config.observe = watch;
    l->config.observe_user = p;
    tvis_status s = make_profile(p, l->info.nodes, (size_t)r->runs, d);
    if (!s)
        s = model_start(l, 1, r->size.h, r->size.w, d);
    if (!s)
        s = tvis_session_plan(&l->model, &l->config, &l->bytes, keep_info, p, d);
    for (size_t i = 0; i <= p->runs && !s; i++) {
        p->run = i ? i - 1 : p->runs;
        s = source_pattern(l, &in, d);
        if (!s)
            s = model_run(l, &in, &ms, d);
        if (i)
            p->ms[p->model_nodes * p->runs + i - 1] = ms;
        print_progress("run", i, p->runs);
    }
    if (!s)
        sum_up(p);
    return s;
}

static double share(const profile *p, double ms)
{
    return p->sum > 0 ? ms / p->sum : 0;
}

static int print_json(const loaded *l, const profile *p)
{
    json j = { 0 };
    json_object(&j, NULL, true);
    json_string(&j, "file", l->path);
    json_integer(&j, "runs", p->runs);
    json_list(&j, "nodes", true);
    for (uint32_t i = 0; i < p->nodes; i++) {
        const tvis_node_info *n = &p->node[i].info;
        json_object(&j, NULL, false);
        json_string(&j, "name", n->name);
        json_string(&j, "op", n->op);
        json_number(&j, "ms", p->node[i].ms);
        json_integer(&j, "macs", n->macs);
        json_integer(&j, "bytes", n->bytes);
        json_string(&j, "kernel", n->kernel);
        json_end(&j);
    }
    json_end(&j);
    json_list(&j, "ops", true);
    for (uint32_t i = 0; i < p->ops; i++) {
        json_object(&j, NULL, false);
        json_string(&j, "op", p->op[i].op);
        json_number(&j, "ms", p->op[i].ms);
        json_number(&j, "share", share(p, p->op[i].ms));
        json_end(&j);
    }
    json_end(&j);
    json_number(&j, "total_ms", p->total);
    json_end(&j);
    return json_print(&j);
}

static void print_bar(double part)
{
    for (int i = 0; i < (int)(part * BAR_WIDTH + 0.5); i++)
        printf("#");
    printf("\n");
}

static int print_human(const profile *p)
{
    double longest = 1e-9;
    for (uint32_t i = 0; i < p->nodes; i++)
        longest = p->node[i].ms > longest ? p->node[i].ms : longest;
    printf("%-32s %-16s %9s %9s %9s %10s  %-14s\n", "node", "op", "ms", "MACs", "GMAC/s", "bytes", "kernel");
    for (uint32_t i = 0; i < p->nodes; i++) {
        const tvis_node_info *n = &p->node[i].info;
        print_text(n->name);
        printf("%*s %-16s %9.4f %9s %9.2f %10s  %-14s ", print_pad(n->name, 32), "", n->op, p->node[i].ms,
               print_count((double)n->macs), p->node[i].ms > 0 ? (double)n->macs / p->node[i].ms * 1e-6 : 0,
               print_count((double)n->bytes), n->kernel);
        print_bar(p->node[i].ms / longest);
    }
    printf("\n");
    for (uint32_t i = 0; i < p->ops; i++) {
        printf("%-16s %9.4f ms %6.1f %%  ", p->op[i].op, p->op[i].ms, 100 * share(p, p->op[i].ms));
        print_bar(share(p, p->op[i].ms));
    }
    printf("%-16s %9.4f ms, median of %zu runs\n", "total", p->total, p->runs);
    return TOOL_OK;
}

static int run(int argc, char **argv)
{
    request r = { .threads = 1, .runs = 20 };
    const arg_option options[] = {
        { .name = "runs",
          .kind = ARG_NUMBER,
          .value = &r.runs,
          .placeholder = "N",
          .min = 1,
          .max = MAX_RUNS,
          .help = "runs to take the median of, after one to warm up (20)" },
        OPTION_SIZE(&r.size),
        OPTION_THREADS(&r.threads),
        OPTION_PLAN(&r.plan),
        OPTION_JSON(&r.json),
        { 0 },
    };
    int count, status = args_parse(&cmd_profile, options, argc, argv, &count, 1, 1);
    if (status != ARGS_GO_ON)
        return status;
    tvis_diag d;
    loaded l;
    profile p = { 0 };
    if (model_load(&l, argv[0], (uint32_t)r.threads, &d) || measure(&r, &l, &p, &d))
        status = print_diag(argv[0], &d);
    else
        status = r.json ? print_json(&l, &p) : print_human(&p);
    free_profile(&p);
    model_unload(&l);
    return status;
}

const command cmd_profile = { "profile", "M.tvis [--runs N] [options]", "time per node and per operator", run };
