/* SPDX-License-Identifier: MIT */
/* NumPy's .npy files: float32, C order, little-endian, up to 4 dimensions. */
#ifndef TINYVIS_TOOL_NPY_H
#define TINYVIS_TOOL_NPY_H

#include <tinyvis/types.h>

#define NPY_MAGIC    "\x93NUMPY" /* 6 bytes */
#define NPY_MAX_RANK 4

typedef struct npy {
    float *data;  /* from malloc */
    size_t count; /* product of dims; 1 for rank 0 */
    uint32_t rank;
    int32_t dims[NPY_MAX_RANK];
} npy;

/* True where the first bytes are those of a .npy file. */
bool npy_recognize(const void *data, size_t size);
/* Versions 1, 2 and 3. Another element type or order is refused by name (EUNSUP), a damaged file is EFORMAT. Other
 * errors: EIO, ENOMEM. On failure *a is empty. */
tvis_status npy_read(const char *path, npy *a, tvis_diag *diag);
/* The same from memory; `name` stands in the diagnostic. */
tvis_status npy_decode(const void *data, size_t size, const char *name, npy *a, tvis_diag *diag);
void npy_free(npy *a);

/* Writes version 1. The file is complete or absent. Errors: EINVAL (dims below 0, rank over NPY_MAX_RANK), ENOMEM, EIO.
 */
tvis_status npy_write(const char *path, const float *data, uint32_t rank, const int32_t *dims, tvis_diag *diag);
/* The bytes of that file, from malloc: the caller frees *file. */
tvis_status npy_encode(const float *data, uint32_t rank, const int32_t *dims, uint8_t **file, size_t *size,
                       tvis_diag *diag);

#endif
