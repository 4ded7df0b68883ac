/* SPDX-License-Identifier: MIT */
/* Rounding weights to 4 bits in groups of 32 with a scale each. */
#ifndef TVIS_QUANT_S4_HOSTED_H
#define TVIS_QUANT_S4_HOSTED_H

#include "core/graph_hosted.h"
#include "quant/halve_hosted.h"
#include "quant/hessian_hosted.h"

/* The scale, as a half, that loses least of n <= 32 finite weights; importance[i] is what an error in weight i costs,
 * or NULL where all cost the same. */
uint16_t tvis_s4_scale(const float *w, const float *importance, int32_t n);
/* -8 … 7 */
int32_t tvis_s4_round(float w, float scale);
/* Adds constant `from` to g: its id, or TVIS_NONE with the status set, EMODEL for a weight that is not finite or too
 * large. With what the layer sees (h->h is used up), errors are made up for in the weights that follow: Frantar et al.
 * 2023. Without (NULL), each weight is rounded to the nearest. */
uint32_t tvis_to_s4(tvis_graph *g, const tvis_gtensor *from, tvis_hessian *h, tvis_energy *e);

#endif
