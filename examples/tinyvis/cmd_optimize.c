/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "fail.h"
#include "optimize.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_RUNS = 10000, MOST_BATCH = 4096 };

typedef struct request {
    optimize o;
    const char *recipe, *goals, *batch;
    uint64_t threads, runs;
    bool json;
} request;

/* "1,2,4" */
static int parse_batches(optimize *o, const char *text)
{
    for (const char *at = text;; at++) {
        char *end;
        const unsigned long n = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : 0;
        if (n < 1 || n > MOST_BATCH || (*end != ',' && *end) || o->batches == BATCHES_MOST)
            return print_usage_error(cmd_optimize.name,
                                     "option '--batch': '%.60s' is not a list of at most %d numbers from 1 to %d", text,
                                     BATCHES_MOST, MOST_BATCH);
        o->batch[o->batches++] = (uint32_t)n;
        at = end;
        if (!*at)
            return ARGS_GO_ON;
    }
}

static int missing(const char *option)
{
    return print_usage_error(cmd_optimize.name, "option '%s' is missing", option);
}

static int wrong(const char *option, const tvis_diag *d)
{
    (void)print_diag(option, d);
    return TOOL_USAGE;
}

static int check(request *r)
{
    tvis_diag d;
    optimize *o = &r->o;
    o->threads = (uint32_t)r->threads;
    o->runs = (size_t)r->runs;
    if (!o->folder)
        return missing("-o");
    if (!r->recipe)
        return missing("--recipe");
    if (o->label_file && !o->images)
        return missing("--images");
    const int status = parse_batches(o, r->batch);
    if (status != ARGS_GO_ON)
        return status;
    if (recipe_parse(r->recipe, &o->recipe, &d))
        return wrong("--recipe", &d);
    if (r->goals && goals_parse(r->goals, &o->goals, &d))
        return wrong("--goal", &d);
    return optimize_check(o);
}

/* The command line in words, those with something else than letters in quotes. */
static bool quote_command(text_file *t, int argc, char **argv)
{
    text_put(t, "tinyvis optimize");
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        const bool plain = *word && strcspn(word, " \t\n\"'\\$&|;<>()*?[]{}`!#~") == strlen(word);
        text_put(t, plain ? " " : " '");
        for (; *word; word++)
            text_add(t, *word == '\'' ? "'\\''" : "%c", *word);
        text_put(t, plain ? "" : "'");
    }
    return !t->failed;
}

static int run_request(request *r)
{
    int status = optimize_make(&r->o);
    if (status == TOOL_OK)
        status = optimize_measure(&r->o);
    if (status == TOOL_OK)
        status = optimize_report(&r->o, r->json);
    return status;
}

static int run(int argc, char **argv)
{
    request r = { .o = { .lock = -1 }, .threads = 1, .batch = "1,2,4,8,16" };
    text_file line = { 0 };
    const arg_option options[] = {
        { .name = "output",
          .letter = 'o',
          .kind = ARG_TEXT,
          .value = &r.o.folder,
          .placeholder = "DIR",
          .help = "folder for the models and the reports: a new one, an\nempty one, or that of an earlier run" },
        { .name = "recipe",
          .kind = ARG_TEXT,
          .value = &r.recipe,
          .placeholder = "STAGES",
          .help = "what to do, in order, with commas between:\nprune=METHOD:AMOUNT[:OPTION=VALUE]..., then\n"
                  "quantize=MODE[:OPTION=VALUE]...; the options are those\nof prune and quantize" },
        { .name = "images",
          .kind = ARG_TEXT,
          .value = &r.o.images,
          .placeholder = "DIR",
          .help = "pictures on which answers are compared" },
        { .name = "labels",
          .kind = ARG_TEXT,
          .value = &r.o.label_file,
          .placeholder = "CSV",
          .help = "table with the columns file (in the folder of --images)\nand class_index" },
        { .name = "calibrate",
          .kind = ARG_TEXT,
          .value = &r.o.calibrate,
          .placeholder = "DIR",
          .help = "pictures for the stages, as prune and quantize take them" },
        { .name = "goal",
          .kind = ARG_TEXT,
          .value = &r.goals,
          .placeholder = "GOALS",
          .help = "what the last model has to reach, with commas between:\nsize=-30%, latency=-40%, accuracy=-5, "
                  "'arena<=1MB', ..." },
        { .name = "batch",
          .kind = ARG_TEXT,
          .value = &r.batch,
          .placeholder = "N,...",
          .help = "pictures at a time to measure (1,2,4,8,16)" },
        { .name = "runs",
          .kind = ARG_NUMBER,
          .value = &r.runs,
          .placeholder = "N",
          .min = 1,
          .max = MOST_RUNS,
          .help = "measured runs of each model (as many as fit in two\nseconds, from 10 to 200)" },
        OPTION_THREADS(&r.threads),
        OPTION_JSON(&r.json),
        { 0 },
    };
    int count, status;
    if (quote_command(&line, argc, argv))
        status = args_parse(&cmd_optimize, options, argc, argv, &count, 1, 1);
    else
        status = print_failure("command line", "no memory");
    r.o.command = line.text;
    r.o.input = argv[0];
    if (status == ARGS_GO_ON)
        status = check(&r);
    if (status == ARGS_GO_ON)
        status = run_request(&r);
    optimize_free(&r.o);
    text_free(&line);
    return status;
}

const command cmd_optimize = { "optimize", "IN.tvis -o DIR --recipe STAGES [options]",
                               "prune and quantize by a recipe, measure each stage, report", run };
