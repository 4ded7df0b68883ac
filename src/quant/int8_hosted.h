/* SPDX-License-Identifier: MIT */
/* From a float model to integers throughout. */
#ifndef TVIS_QUANT_INT8_HOSTED_H
#define TVIS_QUANT_INT8_HOSTED_H

#include "core/graph_hosted.h"

#include <tinyvis/quantize.h>

/* TVIS_QUANTIZE_INT8 of tvis_quantize(). */
tvis_status tvis_quantize_int8(const tvis_model *m, const tvis_quantize_config *c, tvis_blob *blob,
                               tvis_quantize_report *report, tvis_diag *diag);

#endif
