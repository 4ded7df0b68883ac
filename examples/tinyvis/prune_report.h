/* SPDX-License-Identifier: MIT */
/* What `tinyvis prune` says of the model it made. */
#ifndef TINYVIS_TOOL_PRUNE_REPORT_H
#define TINYVIS_TOOL_PRUNE_REPORT_H

#include "comparison.h"
#include "weights.h"

#include <tinyvis/prune.h>

/* Starts as { 0 } with `before` loaded; prune_report_free() unloads `after`. */
typedef struct prune_report {
    loaded *before;
    loaded after;
    const char *method;
    tvis_prune_report made;
    tvis_prune_layer *layer; /* one a node of `before` at most */
    uint32_t layers;
    weight_counts weights;
    uint64_t macs_before, macs;
    comparison compared; /* on the calibration pictures; pictures == 0: not compared */
    double seconds;      /* of pruning, without comparing */
} prune_report;

/* Loads what was written to `path` and compares it with the input model on these pictures (none: not at all). Returns
 * TOOL_OK, or TOOL_FAILED with a line on stderr. */
int prune_report_fill(prune_report *r, const char *path, const file_list *pictures);
int prune_report_print(const prune_report *r, bool as_json);
void prune_report_free(prune_report *r);

#endif
