/* SPDX-License-Identifier: MIT */
/* How long each layer of a model takes, and what keeps it from being faster. */
#ifndef TINYVIS_TOOL_PROFILING_H
#define TINYVIS_TOOL_PROFILING_H

#include "json.h"
#include "load_model.h"

typedef struct node_time {
    tvis_node_info info;
    uint32_t number;       /* the observer's */
    double ms;             /* median */
    const char *precision; /* precision_of() */
    bool memory_bound;     /* moving its bytes takes longer than its multiplications */
    double of_roof;        /* the longer of both times at the machine's peaks, over ms */
    const char *usual;     /* the kernel that does most of this kind of work in this model; NULL: this layer's own */
    double multiplied;     /* share of the MACs that are done: below 1 where a kernel leaves out zeros */
    bool expands;          /* the weights are stored sparse, the kernel is not for that */
} node_time;

typedef struct op_time {
    const char *op;
    double ms;
    uint64_t macs, bytes;
    uint32_t nodes;
} op_time;

#define PEAKS_MOST 8
/* What this machine reaches at most with these threads. Measured, in units per millisecond. */
typedef struct peaks {
    double bytes; /* a copy too large for the caches: read and written */
    const char *precision[PEAKS_MOST];
    double macs[PEAKS_MOST]; /* the fastest layer of this precision, here or in a small network of ours */
    uint32_t count;
} peaks;

/* Starts as { 0 }; profile_free() ends it. Names live in the model's blob. */
typedef struct profile {
    node_time *node; /* as they run: layers that are fused are one */
    op_time *op;     /* slowest first */
    uint32_t nodes, ops;
    size_t runs;
    double sum, total; /* of the nodes' medians; median of whole runs */
    peaks peak;
} profile;

/* One run of the built-in input to warm up, then the measured ones. The model is loaded, its config is the caller's,
 * and it is stopped afterwards. size: { 0, 0 } for the default. */
tvis_status profile_measure(profile *p, loaded *l, arg_size size, size_t runs, tvis_diag *d);
/* Measures the machine's peaks for the precisions of this profile, and judges its nodes by them. */
tvis_status profile_judge(profile *p, const loaded *l, tvis_diag *d);
/* Share of a time in the sum of all nodes. */
double profile_share(const profile *p, double ms);
double profile_peak(const profile *p, const char *precision);
/* The note on a node's kernel, or NULL; text is for it to be written into. */
const char *profile_note(const node_time *n, char *text, size_t size);
/* runs, nodes, ops, total_ms and peak as members of the object that is open. */
void profile_json(json *j, const profile *p);
void profile_free(profile *p);

#endif
