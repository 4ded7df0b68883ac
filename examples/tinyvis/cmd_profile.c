/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "profiling.h"

#include <stdio.h>

#define MAX_RUNS  10000
#define BAR_WIDTH 24

typedef struct request {
    uint64_t threads, runs;
    arg_size size;
    uint32_t plan;
    bool strict, bf16;
    bool json;
} request;

static tvis_status measure(const request *r, loaded *l, profile *p, tvis_diag *d)
{
    l->config.plan = (uint8_t)r->plan;
    l->config.strict = r->strict;
    l->config.bf16 = r->bf16;
    tvis_status s = profile_measure(p, l, r->size, (size_t)r->runs, d);
    return s ? s : profile_judge(p, l, d);
}

static int print_json(const loaded *l, const profile *p)
{
    json j = { 0 };
    json_object(&j, NULL, true);
    json_string(&j, "file", l->path);
    profile_json(&j, p);
    json_end(&j);
    return json_print(&j);
}

static void print_bar(double part)
{
    for (int i = 0; i < (int)(part * BAR_WIDTH + 0.5); i++)
        printf("#");
    printf("\n");
}

static double giga(uint64_t macs, double ms)
{
    return ms > 0 ? (double)macs / ms * 1e-6 : 0;
}

static void print_node(const profile *p, const node_time *n)
{
    char note[80];
    print_text(n->info.name);
    printf("%*s %-16s %9.4f %5.1f %9s %9.2f %10s  %-7s %5.0f  %-14s", print_pad(n->info.name, 32), "", n->info.op,
           n->ms, 100 * profile_share(p, n->ms), print_count((double)n->info.macs), giga(n->info.macs, n->ms),
           print_count((double)n->info.bytes), n->memory_bound ? "memory" : "compute", 100 * n->of_roof,
           n->info.kernel);
    if (profile_note(n, note, sizeof note))
        printf("  (%s)", note);
    printf("\n");
}

static int print_human(const profile *p)
{
    printf("%-32s %-16s %9s %5s %9s %9s %10s  %-7s %5s  %s\n", "node", "op", "ms", "%", "MACs", "GMAC/s", "bytes",
           "bound by", "roof%", "kernel");
    for (uint32_t i = 0; i < p->nodes; i++)
        print_node(p, &p->node[i]);
    printf("\n");
    for (uint32_t i = 0; i < p->ops; i++) {
        const op_time *o = &p->op[i];
        printf("%-16s %9.4f ms %6.1f %%  %9s MACs %9.2f GMAC/s %10s bytes  ", o->op, o->ms,
               100 * profile_share(p, o->ms), print_count((double)o->macs), giga(o->macs, o->ms),
               print_count((double)o->bytes));
        print_bar(profile_share(p, o->ms));
    }
    printf("%-16s %9.4f ms, median of %zu runs\npeaks            %.2f GB/s", "total", p->total, p->runs,
           p->peak.bytes * 1e-6);
    for (uint32_t i = 0; i < p->peak.count; i++)
        printf(", %s %.1f GMAC/s", p->peak.precision[i], p->peak.macs[i] * 1e-6);
    printf(" (measured)\n");
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
        OPTION_STRICT(&r.strict),
        OPTION_BF16(&r.bf16),
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
    profile_free(&p);
    model_unload(&l);
    return status;
}

const command cmd_profile = { "profile", "M.tvis [--runs N] [options]", "time per node and per operator", run };
