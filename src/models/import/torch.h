/* SPDX-License-Identifier: MIT */
/* What a PyTorch checkpoint means, whatever the file around its pickle: storages, tensors, the state dict. */
#ifndef TVIS_MODELS_IMPORT_TORCH_H
#define TVIS_MODELS_IMPORT_TORCH_H

#include "models/import/import.h"
#include "models/import/pickle.h"

/* A persistent id ('storage', type, key, location, elements[, view]). The location (cpu, cuda:0 …) does not matter
 * here. */
typedef struct tvis_torch_storage {
    const uint8_t *key; /* key_size bytes in the file */
    uint32_t key_size;
    tvis_dtype dtype; /* TVIS_DTYPE_COUNT_: a type that this library has not, or none (UntypedStorage) */
    uint32_t element_size;
    int64_t elements;  /* of the storage in the file; elements * element_size fits */
    int64_t view_from; /* the part that tensors see: all of it in files of today */
    int64_t view_elements;
} tvis_torch_storage;

/* False where the value is no such id. */
bool tvis_torch_get_storage(const tvis_pickle *p, uint32_t value, tvis_torch_storage *s);

/* Where the bytes of a storage lie, all of them inside the file. `name` is the tensor's, for messages. */
typedef tvis_status (*tvis_torch_find)(void *file, const tvis_torch_storage *s, const char *name, const uint8_t **data,
                                       tvis_diag *diag);

/* Adds the tensors of the state dict in the tree below root. */
tvis_status tvis_torch_state_dict(tvis_weights *w, tvis_pickle *p, uint32_t root, tvis_torch_find find, void *file,
                                  tvis_diag *diag);

#endif
