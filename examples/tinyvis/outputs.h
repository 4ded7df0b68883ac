/* SPDX-License-Identifier: MIT */
/* Results of a network as .npy files. */
#ifndef TINYVIS_TOOL_OUTPUTS_H
#define TINYVIS_TOOL_OUTPUTS_H

#include <tinyvis/types.h>

/* Number 0 goes to OUT.npy, the others to OUT.1.npy and so on; `path` ends in .npy. Logits are N x C, maps N x C x H x
 * W, tokens N x T x C. Errors: ENOMEM, EIO. */
tvis_status output_write(const char *path, const tvis_tensor *t, uint32_t number, tvis_diag *d);

#endif
