/* SPDX-License-Identifier: MIT */
/* Making a model smaller by leaving weights or channels out. Hosted: uses malloc. docs/pruning.md */
#ifndef TINYVIS_PRUNE_H
#define TINYVIS_PRUNE_H

#include <tinyvis/quantize.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ORDER TVIS_PRUNE */
typedef enum tvis_prune_method {
    TVIS_PRUNE_MAGNITUDE, /* the smallest weights become 0 and are not stored */
    TVIS_PRUNE_CHANNEL,   /* channels, hidden units and heads are left out: an ordinary smaller model */
    TVIS_PRUNE_LOWRANK,   /* convolutions and linear layers become two with few channels between them, where that saves work */
    TVIS_PRUNE_COUNT_
} tvis_prune_method;

/* Which weights go together. ORDER TVIS_PATTERN */
typedef enum tvis_prune_pattern {
    TVIS_PATTERN_UNSTRUCTURED, /* each on its own */
    TVIS_PATTERN_2_4,          /* two of every four neighbours; the amount is 0.5 */
    TVIS_PATTERN_1X4,          /* four neighbours at a time */
    TVIS_PATTERN_COUNT_
} tvis_prune_pattern;

/* What the amount is a share of. ORDER TVIS_SCOPE */
typedef enum tvis_prune_scope {
    TVIS_SCOPE_GLOBAL,   /* all chosen layers together: the same threshold everywhere; CHANNEL: the model's multiplications */
    TVIS_SCOPE_LAYER,    /* each layer by itself; CHANNEL: each group of channels */
    TVIS_SCOPE_MEASURED, /* as GLOBAL, but of each layer, or group, as much as does least harm at the outputs, which is measured on
                          * the pictures. MAGNITUDE, unstructured, or CHANNEL */
    TVIS_SCOPE_COUNT_
} tvis_prune_scope;

/* What a weight is worth. ORDER TVIS_WORTH */
typedef enum tvis_prune_worth {
    TVIS_WORTH_SHARE, /* how much of its output channel comes from it: its square, with pictures times its input's variance, over the
                       * channel's sum of that. Scales of channels, which batch norms leave behind, do not matter */
    TVIS_WORTH_L1,    /* its magnitude */
    TVIS_WORTH_COUNT_
} tvis_prune_worth;

/* What became of one layer. */
typedef struct tvis_prune_layer {
    const char *name;           /* in the model's blob */
    uint64_t    weights, zeros; /* before; of them 0 or left out now */
    int32_t     channels, kept; /* of its output, before and now; LOWRANK: kept lie between its two layers */
    double      snr_db;         /* MAGNITUDE: of the weights, their energy over that of what changed */
} tvis_prune_layer;

typedef struct tvis_prune_config {
    size_t  struct_size; /* sizeof(tvis_prune_config); new fields go at the end */
    uint8_t method, pattern, scope, worth; /* tvis_prune_method … */
    double  amount;      /* share to leave out, at least 0 and below 1: of the weights; CHANNEL: as scope says; LOWRANK: of
                          * the model's multiplications */
    const char *modules; /* names of nodes, '*' and '?' as in a shell, several separated by ','; NULL: all with weights */
    uint32_t    images;  /* pictures that the remaining weights are fitted to, by least squares; 0: they stay as they are */
    tvis_calibration_input input;
    void                  *input_user; /* handed to the other functions too */
    void (*layer)(void *user, const tvis_prune_layer *l); /* called once for each chosen layer; or NULL */
    void (*progress)(void *user, const char *what, uint32_t done, uint32_t total); /* or NULL */
    bool portable; /* floats are computed without this processor's kernels: the same model to the bit on every machine */
    double energy; /* LOWRANK, instead of an amount: each layer keeps this share of the mean square of its outputs; else 0 */
} tvis_prune_config;

/* Over all chosen layers. */
typedef struct tvis_prune_report {
    uint32_t layers;
    uint64_t weights, zeros;
} tvis_prune_report;

/* A new blob from a plain fp32 model, which stays as it is. Any thread; deterministic. report may be NULL. Errors: EINVAL (config; a
 * model that is quantized, packed or sparse already; names that fit no layer), EMODEL (a weight or an activation that is not finite:
 * named), ENOMEM, those of c->input. */
TVIS_API tvis_status tvis_prune(const tvis_model *m, const tvis_prune_config *c, tvis_blob *blob,
                                tvis_prune_report *report, tvis_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
