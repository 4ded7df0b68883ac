/* SPDX-License-Identifier: MIT */
/* Two models on the same pictures: how far the second one's outputs, classes and layers are from the first one's. */
#ifndef TINYVIS_TOOL_COMPARISON_H
#define TINYVIS_TOOL_COMPARISON_H

#include "files.h"
#include "inputs.h"
#include "json.h"
#include "layer_pairs.h"

/* Starts as { 0 }; comparison_free() ends it. */
typedef struct comparison {
    difference *output; /* outputs of them */
    uint32_t outputs;
    size_t pictures, agree; /* agree: the same best class */
    bool classes;           /* both are classifiers */
    layer_pairs pairs;      /* pairs.most is the caller's */
} comparison;

/* The models are loaded and not started yet. */
tvis_status comparison_begin(comparison *c, loaded model[2], bool layers, tvis_diag *d);
/* Adds what one file shows, of the layers that this round is about. size: { 0, 0 } for the model's own. */
tvis_status comparison_add(comparison *c, loaded model[2], source *s, const char *path, arg_size size, tvis_diag *d);
/* Adds the files of a list, with progress on a terminal. Returns TOOL_OK, or TOOL_FAILED with a line on stderr. */
int comparison_add_all(comparison *c, loaded model[2], const file_list *files, arg_size size);
/* Per cent of the pictures; NaN where the models are no classifiers. */
double comparison_agreement(const comparison *c);
/* snr_db, cosine and top1_agree as members of the object that is open. */
void comparison_json(json *j, const comparison *c);
/* A layer as an object of the list that is open. */
void comparison_json_layer(json *j, const layer *l);
void comparison_free(comparison *c);

#endif
