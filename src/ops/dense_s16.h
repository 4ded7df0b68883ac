/* SPDX-License-Identifier: MIT */
/* Layers of which a tensor is S16: inputs as in dense_s8.h, but that x, the tensor to add and the output are each S8 or
 * S16, and that a table has 513 entries of S16 (src/ops/table16.h). Sums become results in blocks (src/ops/narrow.h);
 * the limits are those of 16 bits where the output is S16 or there is a table. */
#ifndef TVIS_OPS_DENSE_S16_H
#define TVIS_OPS_DENSE_S16_H

#include "ops/dense_s8.h"
#include "ops/narrow.h"

/* As tvis_s8_check(). */
tvis_status tvis_s16_check(const tvis_node_plan *p, int32_t channels);
/* Everything but x, y, add and their sizes, from channel `first` on. */
tvis_narrow_args tvis_s16_narrow(const tvis_node_run *r, size_t first);
void tvis_s16_run_narrow(const tvis_node_run *r, const tvis_narrow_args *a);

/* Packed by tvis_dense_s8_pack(). */
tvis_dense_planner tvis_dense_s16_plan;
tvis_dense_runner tvis_dense_s16_run;

#endif
