/* SPDX-License-Identifier: MIT */
/* int8 weights fitted to what their layer sees in the quantized model: what layers before them lost, what rounding the
 * weights loses, and what both do to the means is made up for as well as the layer can. */
#ifndef TVIS_QUANT_REFIT_HOSTED_H
#define TVIS_QUANT_REFIT_HOSTED_H

#include "quant/search_hosted.h"

/* Fills s->refit of convolutions (not depthwise) and linear layers, in order of execution, if the answers are nearer for
 * all of them together. */
tvis_status tvis_search_refit(tvis_search *s);
void tvis_search_forget_fits(tvis_search *s);
void tvis_refit_free(tvis_refit *r);

#endif
