/* SPDX-License-Identifier: MIT */
/* tinyvis optimize: models made one from the other by a recipe, all of them measured. docs/optimize.md */
#ifndef TINYVIS_TOOL_OPTIMIZE_H
#define TINYVIS_TOOL_OPTIMIZE_H

#include "difference.h"
#include "files.h"
#include "goals.h"
#include "labels.h"
#include "load_model.h"
#include "profiling.h"
#include "recipe.h"
#include "stats.h"
#include "weights.h"

enum { BATCHES_MOST = 16, STAGES_MOST = RECIPE_STAGES + 1, PATTERNS = 16 };

typedef struct stage {
    const char *text; /* "original", or the recipe's */
    char *path;       /* from malloc */
    double seconds;   /* that making it took, 0: it was there */
    uint64_t peak_rss_kb;
    loaded model; /* from the end of making to the end of the report */
    weight_counts weights;
    uint64_t zeros, elements; /* of the weights of convolutions and linear layers */
    uint64_t macs;
    size_t arena_bytes, pack_bytes;
    double *ms, *cpu; /* of each run, by the clock and of the processor; sorted at the end */
    latencies time;
    double cpu_ms; /* median of what the processor worked */
    size_t top1, top5, agree;
    difference *output; /* against the original's, one an output */
} stage;

/* A layer, not fused, of the original and of the last model; -1 in place of what is not there. */
typedef struct layer_row {
    const char *name;
    double bytes[2], sparsity[2];
} layer_row;

/* Nodes that run in both models between the same two places. */
typedef struct span_row {
    const char *name; /* of the last of them */
    double ms[2];
} span_row;

typedef struct batch_row {
    uint32_t n;
    latencies time[2]; /* of the original and the last model; of the whole batch */
    double cpu_ms[2];
    size_t arena_bytes[2];
} batch_row;

/* Starts as { 0 } and what the command line says; optimize_free() ends it. */
typedef struct optimize {
    const char *input, *folder, *images, *label_file, *calibrate;
    const char *command; /* the command line */
    recipe recipe;
    goals goals;
    uint32_t batch[BATCHES_MOST], batches;
    uint32_t threads;
    size_t runs; /* 0: as many as fit */

    int lock; /* of the folder, or -1 */
    stage stage[STAGES_MOST];
    uint32_t stages;
    label_table labels;
    file_list pictures;     /* none: patterns */
    const char *answers_on; /* "images", "calibration pictures", "patterns" */
    size_t answered;
    bool classifier;
    batch_row batch_time[BATCHES_MOST];
    profile profile[2]; /* of the original and the last model */
    layer_row *layer;
    span_row *span;
    uint32_t layers, spans;
} optimize;

/* Looks at everything that can be wrong before any work is done: the model, the recipe's options, pictures, labels,
 * goals, the folder. Returns ARGS_GO_ON, or an exit status with a line on stderr. */
int optimize_check(optimize *o);
/* Makes the models that are not in the folder yet, and counts the memory of each. TOOL_OK, or TOOL_FAILED with a line
 * on stderr. */
int optimize_make(optimize *o);
/* Loads all models and measures them. As above. */
int optimize_measure(optimize *o);
/* Judges the goals and writes report.json, report.csv and report.html; stdout gets the first with as_json, else a
 * table. As above. */
int optimize_report(optimize *o, bool as_json);
/* DIR/report.html */
tvis_status optimize_html(const optimize *o, const char *path, tvis_diag *d);

const stage *optimize_last(const optimize *o);
double stage_sparsity(const stage *s);
/* Per cent of the pictures. NaN without labels, or for what is no classifier. */
double stage_top1(const optimize *o, const stage *s);
double stage_top5(const optimize *o, const stage *s);
double stage_agree(const optimize *o, const stage *s);
/* dB, of the output that is furthest from the original's; infinite where nothing differs. */
double stage_snr(const optimize *o, const stage *s);
/* Pictures a second, one at a time, at the median. */
double stage_throughput(const stage *s);
/* This machine's processor, from the operating system, or "unknown". */
const char *machine_name(char *text, size_t size);
/* "2026-11-25 20:15 UTC" */
const char *machine_date(char *text, size_t size);
void optimize_free(optimize *o);

#endif
