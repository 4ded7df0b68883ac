/* SPDX-License-Identifier: MIT */
/* How far a changed network's outputs are from a plain one's. */
#ifndef TVIS_QUANT_PROBE_HOSTED_H
#define TVIS_QUANT_PROBE_HOSTED_H

#include "quant/flow_hosted.h"

typedef struct tvis_probe tvis_probe;

/* The plain network's outputs on the flow's pictures. NULL, or for tvis_probe_free(), also after an error. */
tvis_status tvis_probe_begin(tvis_probe **p, tvis_flow *f);
/* A network that is like the flow's where that has come to. *harm: squares of differences over those of the outputs,
 * summed over the outputs. */
tvis_status tvis_probe_compare(tvis_probe *p, tvis_flow *f, const tvis_graph *g, double *harm);
void tvis_probe_free(tvis_probe *p);

#endif
