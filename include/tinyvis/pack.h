/* SPDX-License-Identifier: MIT */
/* A model whose weights lie in its file as a processor's kernels read them. Hosted: uses malloc. docs/blob.md */
#ifndef TINYVIS_PACK_H
#define TINYVIS_PACK_H

#include <tinyvis/convert.h>
#include <tinyvis/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The same model with the weights of convolutions and linear layers (fp32 and int8) in the order that the kernels of a processor with
 * these TVIS_CPU_* read, planned for the model's default input. A session on such a processor, or on one that has more, copies no
 * weights; on others it is TVIS_EUNSUP. Answers stay the same, bit for bit. Weights that are compressed, halves or 4 bits, of grouped
 * or depthwise convolutions, or read as they are, stay so; *packed (may be NULL) is the number of tensors that did not. Any thread.
 * Errors: EINVAL (packed already), ENOMEM, EUNSUP (over 4 GiB). */
TVIS_API tvis_status tvis_pack_blob(const tvis_model *m, uint32_t cpu, tvis_blob *blob, uint32_t *packed, tvis_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
