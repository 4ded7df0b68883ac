/* SPDX-License-Identifier: MIT */
/* Biases that make the mean of each channel of the quantized model what it is in the float model (Nagel et al. 2019, section 4.2, as
 * measured, not computed): rounding and clipping of activations move means too. */
#ifndef TVIS_QUANT_CORRECT_HOSTED_H
#define TVIS_QUANT_CORRECT_HOSTED_H

#include "quant/search_hosted.h"

/* Fills s->shift of layers without an activation behind them, in order of execution, where the answers are nearer for it. */
tvis_status tvis_search_correct(tvis_search *s);

#endif
