/* SPDX-License-Identifier: MIT */
/* Trying ways to quantize a float model, each by its answers on the calibration pictures. */
#ifndef TVIS_QUANT_SEARCH_HOSTED_H
#define TVIS_QUANT_SEARCH_HOSTED_H

#include "quant/equalize_hosted.h"
#include "quant/forms_hosted.h"
#include "quant/score_hosted.h"

/* Every second calibration picture, as a config of its own. */
typedef struct tvis_half {
    const tvis_quantize_config *all;
    uint32_t first; /* 0 or 1 */
    tvis_quantize_config c;
} tvis_half;

typedef struct tvis_search {
    const tvis_quantize_config *c;
    tvis_half even, odd; /* ways are tried with ranges of one half, and judged by the answers to the other */
    const tvis_model *original; /* as it was given: names that callers get are its own */
    const tvis_model *m;        /* the float model, activations on their own, in memory that may be written */
    tvis_graph *from;           /* the same */
    tvis_reference reference;
    tvis_calibration k;
    uint8_t *grade;            /* of each node */
    bool wide_sums;
    tvis_precision *precision; /* of each node, by the grades */
    tvis_range *observed;      /* of each tensor, by its observer */
    tvis_range *range;         /* the same, with bounds for tables */
    uint32_t pictures;         /* that a way is judged by */
    double **shift;            /* of each node: what its biases are corrected by, or NULL */
    tvis_refit **refit;        /* of each node, or NULL: its weights are rounded to the nearest */
    double *share;             /* of each node in the multiplications */
    uint64_t macs;             /* all of them */
    tvis_quantize_report report;
    tvis_diag *diag;
} tvis_search;

/* Fewer than 8 pictures are not cut in halves. h must stay where it is. */
void tvis_half_make(tvis_half *h, const tvis_quantize_config *c, uint32_t first);
/* Ranges, and factors by channel in the weights of `from`: calibrates, and tries what the config leaves open. */
tvis_status tvis_search_ranges(tvis_search *s);
/* The range of each tensor by the answers. */
tvis_status tvis_search_refine(tvis_search *s);
/* Grades, by config.max_drop. */
tvis_status tvis_search_grades(tvis_search *s);
/* The model by what is in s now. */
tvis_status tvis_search_make(tvis_search *s, tvis_blob *blob);
/* The same, thrown away after the first `pictures` pictures; 0: all of the reference. best: as tvis_reference_score(). */
tvis_status tvis_search_try(tvis_search *s, uint32_t pictures, const tvis_score *best, tvis_score *score);

/* A node's name in the original model's blob, NULL if it has no such node. */
const char *tvis_search_name(const tvis_search *s, const char *name);

#endif
