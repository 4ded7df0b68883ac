/* SPDX-License-Identifier: MIT */
/* Weights as IEEE halves. */
#ifndef TVIS_QUANT_HALVE_HOSTED_H
#define TVIS_QUANT_HALVE_HOSTED_H

#include "core/graph_hosted.h"

/* Energy of the weights and of what rounding them took away. */
typedef struct tvis_energy {
    double signal, noise;
} tvis_energy;

double tvis_decibel(tvis_energy e);
/* Adds constant `from` to g as halves: its id, or TVIS_NONE with the status set, EMODEL for a weight that no half can
 * hold. */
uint32_t tvis_halve(tvis_graph *g, const tvis_gtensor *from, tvis_energy *e);

#endif
