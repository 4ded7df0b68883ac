/* SPDX-License-Identifier: MIT */
#include "core/diag.h"
#include "quant/int8_hosted.h"
#include "quant/weights_hosted.h"

#include <tinyvis/quantize.h>

tvis_status tvis_quantize(const tvis_model *m, const tvis_quantize_config *c, tvis_blob *blob,
                          tvis_quantize_report *report, tvis_diag *diag)
{
    if (!m || !c || !blob || c->struct_size != sizeof *c)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "config",
                         "is NULL or of another version (struct_size)");
    if (c->mode >= TVIS_QUANTIZE_COUNT_)
        return tvis_fail_value(diag, TVIS_EINVAL, TVIS_DIAG_ENUM, "mode", NULL, -1, c->mode);
    return c->mode == TVIS_QUANTIZE_INT8 ? tvis_quantize_int8(m, c, blob, report, diag)
                                         : tvis_quantize_weights(m, c, blob, report, diag);
}
