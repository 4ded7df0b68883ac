/* SPDX-License-Identifier: MIT */
/* In what numbers a layer computes. */
#ifndef TINYVIS_TOOL_PRECISION_H
#define TINYVIS_TOOL_PRECISION_H

#include "json.h"

#include <tinyvis/session.h>

/* "s8" and "s16": integers, by what the layer reads. "f32", and with other weights "f16", "int4" (weights only) and
 * "dynamic" (int8 products, rounded per row at run time). Static text. */
const char *precision_of(const tvis_model *m, const tvis_node_info *n);

#define PRECISIONS_MOST 8
/* Multiplications by precision. Starts as { 0 }. */
typedef struct precision_macs {
    const char *name[PRECISIONS_MOST];
    uint64_t macs[PRECISIONS_MOST], total;
    uint32_t count;
} precision_macs;

void precision_count(precision_macs *p, const tvis_model *m, const tvis_node_info *n);
/* {name: share from 0 to 1} */
void precision_json(json *j, const char *key, const precision_macs *p);
/* "s8 92.1 %, f16 7.9 %" to stdout */
void precision_print(const precision_macs *p);

#endif
