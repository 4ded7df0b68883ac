/* SPDX-License-Identifier: MIT */
/* Models whose weights alone are smaller numbers: fp16, dynamic, int4. The graph stays what it is. */
#ifndef TVIS_QUANT_WEIGHTS_HOSTED_H
#define TVIS_QUANT_WEIGHTS_HOSTED_H

#include "core/graph_hosted.h"

#include <tinyvis/quantize.h>

/* Modes of tvis_quantize() other than INT8. */
tvis_status tvis_quantize_weights(const tvis_model *m, const tvis_quantize_config *c, tvis_blob *blob,
                                  tvis_quantize_report *report, tvis_diag *diag);

#endif
