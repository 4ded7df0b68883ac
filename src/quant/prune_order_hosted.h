/* SPDX-License-Identifier: MIT */
#ifndef TVIS_QUANT_PRUNE_ORDER_HOSTED_H
#define TVIS_QUANT_PRUNE_ORDER_HOSTED_H

#include "quant/lsq_equations_hosted.h"

/* The order in which inputs of a layer of one group can be left out, those first that the others make up for best:
 * place[c] of input c. w: (n, k), the layer's weights. False without memory. */
bool tvis_prune_order(tvis_lsq *f, const float *w, int32_t *place);

#endif
