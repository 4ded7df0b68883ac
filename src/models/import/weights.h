/* SPDX-License-Identifier: MIT */
/* A weight file as a directory of named tensors: .safetensors, and PyTorch's .pth in its zip and its legacy form. */
#ifndef TVIS_MODELS_IMPORT_WEIGHTS_H
#define TVIS_MODELS_IMPORT_WEIGHTS_H

#include <tinyvis/types.h>

#define TVIS_WEIGHT_RANK 8

/* One tensor, where it lies in the file. Element (i0, i1, …) is at data + size(dtype) * sum(i * strides), all of it
 * checked to be inside the file; data need not be aligned, elements are little-endian. */
typedef struct tvis_weight {
    const char *name; /* owned by the tvis_weights */
    const uint8_t *data;
    tvis_dtype dtype;
    uint32_t rank; /* 0 … TVIS_WEIGHT_RANK */
    int64_t dims[TVIS_WEIGHT_RANK];
    int64_t strides[TVIS_WEIGHT_RANK]; /* in elements; 0 for expanded dimensions and for those of 1 */
} tvis_weight;

typedef struct tvis_weights tvis_weights;

/* Maps the file and reads its directory; the type is told by content, not by name. The file stays mapped until close.
 * The tensors are those of the state dict: of the wrapper's entry "state_dict", "model", "teacher" or "student", in
 * this order of preference, else of the first dict with tensors in it, at most 4 wrappers deep, else of the outermost
 * dict. Prefixes "module." and "_orig_mod." are taken off when all names have them. Names are unique. Nothing in the
 * file is executed. Errors: ENOMEM, EIO, EFORMAT. */
tvis_status tvis_weights_open(tvis_weights **w, const char *path, tvis_diag *diag);
/* The same from memory, which the caller keeps until close. `name` is for messages. */
tvis_status tvis_weights_parse(tvis_weights **w, const uint8_t *data, size_t size, const char *name, tvis_diag *diag);
void tvis_weights_close(tvis_weights *w); /* NULL is fine */

size_t tvis_weights_count(const tvis_weights *w);                              /* at least 1 */
const tvis_weight *tvis_weights_at(const tvis_weights *w, size_t i);           /* in file order */
const tvis_weight *tvis_weights_find(const tvis_weights *w, const char *name); /* NULL: none */

/* Product of the dimensions. As floats they fit a size_t, and only a view that repeats elements has more of them than
 * the file. */
int64_t tvis_weight_elements(const tvis_weight *t);
/* All elements in row-major order, converted to float (f64 rounded, integers and bools as numbers). dst has room. */
void tvis_weight_read_f32(const tvis_weight *t, float *dst);

#endif
