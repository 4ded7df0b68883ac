/* SPDX-License-Identifier: MIT */
/* Counting what is in a model's constant tensors. */
#ifndef TINYVIS_TOOL_WEIGHTS_H
#define TINYVIS_TOOL_WEIGHTS_H

#include "json.h"

#include <tinyvis/model.h>

typedef struct weight_counts {
    uint64_t elements, nonzero;
    uint64_t bytes[TVIS_DTYPE_COUNT_];
} weight_counts;

/* Adds one tensor. Both zeros of a float count as zero. */
void weights_count(weight_counts *c, const tvis_weight_info *w);
weight_counts weights_count_all(const tvis_model *m, uint32_t tensors);
/* Share of zeros, 0 for nothing at all. */
double weights_sparsity(const weight_counts *c);
/* {type: bytes} */
void weights_json(json *j, const char *key, const weight_counts *c);
/* "f32 0.14 MB, s8 3.47 MB" to stdout */
void weights_print(const weight_counts *c);

#endif
