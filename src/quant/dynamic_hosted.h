/* SPDX-License-Identifier: MIT */
/* Weights for layers that round their activations while they run. */
#ifndef TVIS_QUANT_DYNAMIC_HOSTED_H
#define TVIS_QUANT_DYNAMIC_HOSTED_H

#include "core/graph_hosted.h"
#include "ops/dense_dynamic.h"
#include "quant/halve_hosted.h"

/* Adds constant `from` to g as int8, with its scales and sums by output channel: its id, or TVIS_NONE with the status
 * set, EMODEL for a weight that is not finite. */
uint32_t tvis_to_dynamic(tvis_graph *g, const tvis_gtensor *from, uint32_t *scales, uint32_t *sums, tvis_energy *e);

#endif
