/* SPDX-License-Identifier: MIT */
/* What the weight readers share: the directory they fill, growing arrays, little-endian loads and messages. */
#ifndef TVIS_MODELS_IMPORT_IMPORT_H
#define TVIS_MODELS_IMPORT_IMPORT_H

#include <tinyvis/hosted.h>
#include "core/diag.h"
#include "models/import/weights.h"

struct tvis_weights {
    tvis_file file;     /* data NULL: the bytes are the caller's */
    const char *source; /* what messages call the file; valid while it is read */
    tvis_weight *items;
    size_t count, capacity;
    char *names; /* of items in their order, each with its NUL */
    size_t names_size, names_capacity;
    const tvis_weight **sorted; /* by name */
};

/* Readers of one format each: they add every tensor of the `size` bytes at `data`. */
tvis_status tvis_safetensors_read(tvis_weights *w, const uint8_t *data, size_t size, tvis_diag *diag);
tvis_status tvis_torch_zip_read(tvis_weights *w, const uint8_t *data, size_t size, tvis_diag *diag);
tvis_status tvis_torch_legacy_read(tvis_weights *w, const uint8_t *data, size_t size, tvis_diag *diag);

/* Copies the tensor and its name (len bytes, no NUL needed; refused unless it is UTF-8 without control characters).
 * t->name is not read. */
tvis_status tvis_weights_add(tvis_weights *w, const uint8_t *name, size_t len, const tvis_weight *t, tvis_diag *diag);

/* Checks rank, dims and strides of *t against a storage of `numel` elements at `base`, and sets t->data to the element
 * number `offset` of it. `name` is for messages. */
tvis_status tvis_weight_place(tvis_weight *t, const uint8_t *base, uint64_t numel, int64_t offset, const char *name,
                              tvis_diag *diag);

/* realloc() for an array that holds *capacity elements and is to hold at least `need`; NULL (and the old array intact)
 * when there is no memory. */
void *tvis_grow(void *array, size_t *capacity, size_t need, size_t element_size);

/* A name for a message: cut to fit, control characters replaced, never empty. Returns s->text. */
typedef struct tvis_subject {
    char text[sizeof((tvis_diag *)0)->subject];
} tvis_subject;
const char *tvis_subject_of(tvis_subject *s, const uint8_t *name, size_t len);

/* EFORMAT with the subject "byte OFFSET of SOURCE". */
tvis_status tvis_fail_at(tvis_diag *diag, tvis_diag_code code, const char *source, uint64_t offset, const char *detail);

static inline uint16_t tvis_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t tvis_le32(const uint8_t *p)
{
    return tvis_le16(p) | (uint32_t)tvis_le16(p + 2) << 16;
}

static inline uint64_t tvis_le64(const uint8_t *p)
{
    return tvis_le32(p) | (uint64_t)tvis_le32(p + 4) << 32;
}

#endif
