/* SPDX-License-Identifier: MIT */
/* What `tinyvis quantize` says of the model it made. */
#ifndef TINYVIS_TOOL_QUANTIZE_REPORT_H
#define TINYVIS_TOOL_QUANTIZE_REPORT_H

#include "comparison.h"
#include "precision.h"
#include "weights.h"

#include <tinyvis/quantize.h>

enum { WORST_LAYERS = 5 };

/* Layers that did not get the mode's own type, by reason: texts of the library's and the model's. */
typedef struct kept_layer {
    const char *name, *why;
} kept_layer;

/* Starts as { 0 } with model[0] loaded; quantize_report_free() unloads model[1]. */
typedef struct quantize_report {
    loaded *before;
    loaded after;
    const char *mode;
    tvis_quantize_report made;
    weight_counts weights_before, weights_after;
    precision_macs macs;
    kept_layer *kept;
    size_t kept_count;
    comparison compared; /* on the calibration pictures; pictures == 0: not compared */
    const layer *worst[WORST_LAYERS];
    uint32_t worst_count;
    tvis_decision *decision; /* layers that are not plain int8 */
    uint32_t decisions;
    bool no_memory; /* for a decision */
    double seconds; /* of quantizing, without comparing */
} quantize_report;

/* Adds a layer to the list. */
void quantize_report_decide(quantize_report *r, const tvis_decision *d);
/* Adds a layer that keeps halves, and why. */
void quantize_report_keep(quantize_report *r, const char *name, const char *why);
/* Loads what was written to `path` and compares it with the input model on these pictures (none: not at all). Returns
 * TOOL_OK, or TOOL_FAILED with a line on stderr. */
int quantize_report_fill(quantize_report *r, const char *path, const file_list *pictures);
int quantize_report_print(const quantize_report *r, bool as_json);
void quantize_report_free(quantize_report *r);

#endif
