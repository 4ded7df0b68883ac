/* SPDX-License-Identifier: MIT */
/* What the ways of pruning have in common. */
#ifndef TVIS_QUANT_PRUNE_H
#define TVIS_QUANT_PRUNE_H

#include "quant/channel_groups_hosted.h"

#include <tinyvis/prune.h>

/* A model while it is pruned. */
typedef struct tvis_pruner {
    const tvis_model *m;
    const tvis_prune_config *c;
    uint32_t cpu;     /* TVIS_CPU_* that floats may be computed with; asking the processor takes long */
    tvis_graph *g;    /* read from m; each method rewrites it. Tensors have the numbers of the blob */
    uint32_t *chosen; /* nodes with weights that c->modules names, `count` of them, in order */
    uint32_t *was;    /* their numbers in m: LOWRANK puts others between them */
    uint32_t count;
    tvis_channel_groups groups; /* CHANNEL: what was cut; else empty */
    size_t *drop;  /* MAGNITUDE: of each chosen layer, weights that the fit leaves out; NULL: none, they are left out
                      before */
    int32_t *rank; /* LOWRANK: of each chosen layer, 0 where it stays as it is; else NULL */
    tvis_prune_report report;
} tvis_pruner;

/* Of a tensor's channels, over all pictures; NULL and 0 without any. */
typedef struct tvis_moments {
    double *sum, *square;
    uint64_t pixels;
} tvis_moments;

/* One for each tensor; those that no chosen layer reads or writes stay empty. NULL without memory. Freed by the next,
 * with as many tensors as the graph had. */
tvis_moments *tvis_prune_survey(tvis_pruner *p);
void tvis_prune_survey_free(tvis_moments *m, uint32_t count);

/* Multiplications of each node of the plain model, for the caller to free; NULL after an error. */
double *tvis_prune_macs(tvis_pruner *p);

/* Chosen layers become two of few channels between them, one after the other. */
void tvis_prune_lowrank(tvis_pruner *p);

/* Of each root of a group and hundredth of its units: harm at the outputs when those go that place[] says, which has
 * each unit's number in its group's order, and has another one afterwards where that is better; units of root r lie
 * from first[r] on. For the caller to free; NULL, or of no use, after an error. */
double *tvis_prune_group_harm(tvis_pruner *p, const tvis_channel_groups *s, const size_t *first, int32_t *place);
/* Fills p->drop by what does least harm on the calibration pictures. */
void tvis_prune_spread(tvis_pruner *p);

/* The smallest weights of the chosen layers become 0. */
void tvis_prune_magnitude(tvis_pruner *p);
/* Channels are left out of g; s tells which. */
void tvis_prune_channels(tvis_pruner *p, tvis_channel_groups *s);
/* The weights of the chosen layers that are not 0 make up for those that are: least squares on the calibration
 * pictures. */
void tvis_prune_recover(tvis_pruner *p);

/* What each weight of the chosen layers is worth, for TVIS_WORTH_SHARE: p->count arrays for the caller to free, some
 * NULL after an error. */
float **tvis_prune_values(tvis_pruner *p);

/* Records the first failure. */
void tvis_prune_fail(tvis_pruner *p, tvis_status s, tvis_diag_code code, const char *name, const char *why);
/* Fills p->chosen. */
void tvis_prune_choose(tvis_pruner *p);
/* A constant's data for writing: a copy in place of what lies in the model's blob. NULL after an error. */
float *tvis_prune_writable(tvis_pruner *p, uint32_t tensor);
/* Counts the chosen layers into the report and tells the caller of each. */
void tvis_prune_note(tvis_pruner *p);
/* Whether a name fits one of the patterns, separated by ',', with '*' and '?'. */
bool tvis_name_fits(const char *patterns, const char *name);

#endif
