/* SPDX-License-Identifier: MIT */
#ifndef TVIS_MODELS_IMPORT_TORCH_TENSOR_H
#define TVIS_MODELS_IMPORT_TORCH_TENSOR_H

#include "models/import/torch.h"

/* A call that rebuilds a tensor, unwrapped from parameters and subclasses. */
typedef struct tvis_torch_tensor {
    uint32_t args;          /* (storage, offset, size, stride, …) */
    bool typed_by_argument; /* args[6] is the dtype, the storage is bytes */
} tvis_torch_tensor;

/* False where the value is not a tensor of a kind known here. */
bool tvis_torch_is_tensor(const tvis_pickle *p, uint32_t value, tvis_torch_tensor *tensor);
/* Adds it under the name that the pickle's text value `key` is. */
tvis_status tvis_torch_add_tensor(tvis_weights *w, const tvis_pickle *p, uint32_t key, const tvis_torch_tensor *tensor,
                                  tvis_torch_find find, void *file, tvis_diag *diag);

#endif
