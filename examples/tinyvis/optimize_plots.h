/* SPDX-License-Identifier: MIT */
/* The charts of report.html, each an SVG element. */
#ifndef TINYVIS_TOOL_OPTIMIZE_PLOTS_H
#define TINYVIS_TOOL_OPTIMIZE_PLOTS_H

#include "optimize.h"
#include "text.h"

/* What the stages' answers are measured by: top-1 with labels, agreement with the original, or SNR. */
typedef struct quality {
    const char *name, *unit;
    double (*of)(const optimize *o, const stage *s);
} quality;
quality plot_quality(const optimize *o);

/* Size of the file against the quality of answers, a point a stage. */
void plot_size_quality(text_file *t, const optimize *o);
/* Medians, with a whisker to the 95th percentile. */
void plot_latency(text_file *t, const optimize *o);
void plot_files(text_file *t, const optimize *o);
void plot_batches(text_file *t, const optimize *o);
/* Of layers there may be many: the largest are drawn. Return how many are not. */
uint32_t plot_layer_time(text_file *t, const optimize *o);
uint32_t plot_layer_size(text_file *t, const optimize *o);
uint32_t plot_layer_sparsity(text_file *t, const optimize *o);

#endif
