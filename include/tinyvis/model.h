/* SPDX-License-Identifier: MIT */
/* A .tvis blob, opened in place: what the network is, before any memory is set aside to run it. */
#ifndef TINYVIS_MODEL_H
#define TINYVIS_MODEL_H

#include <tinyvis/image.h>
#include <tinyvis/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A read-only view of a blob. Small, owned by the caller, copyable; the fields are private. */
typedef struct tvis_model {
    const uint8_t *blob;
    size_t         len;
} tvis_model;

/* What a blob says of itself. Strings live in the blob. */
typedef struct tvis_model_info {
    const char *arch;               /* "mobilenet_v2" */
    uint32_t    classes;            /* 0: not a classifier */
    uint16_t    h, w, c;            /* default input */
    uint16_t    min_side, max_side; /* legal H and W */
    uint16_t    multiple;           /* H and W are multiples of this */
    uint16_t    nodes, tensors, inputs, outputs;
    uint64_t    params;             /* elements of all weights, as the network runs (batch norm folded) */
    uint64_t    weight_bytes;
    uint32_t    file_bytes;
} tvis_model_info;

/* A constant tensor (weights) of the blob. */
typedef struct tvis_weight_info {
    const char *name;
    const void *data;
    int32_t     dims[4];
    uint8_t     dtype;
    uint32_t    bytes;
    bool        sparse;  /* only what is not 0 is stored: docs/blob.md */
    const void *values;  /* the elements that are stored: all, or those that are not 0; in no particular order */
    uint32_t    stored;  /* how many */
    uint32_t    panel;   /* 0, or in the order of a processor's kernels: panels of so many elements, filled up with zeros, */
    uint32_t    between; /* so many elements after each of which are none of the matrix */
} tvis_weight_info;

/* Opens `blob` in place; it stays the caller's and outlives the model. It is aligned to TVIS_ARENA_ALIGN.
 * Checks once, without trusting a byte: every offset, size, shape, enumeration and reference, and the CRC of everything but
 * the weights. On failure *diag, if given, says where and why. A model is read-only: any number of sessions, in any
 * threads, may share it. Errors: EINVAL, EFORMAT. */
TVIS_API tvis_status tvis_model_open(tvis_model *m, const void *blob, size_t len, tvis_diag *diag);
/* Compares the CRC of every weight tensor. Reads the whole blob. EFORMAT names the first tensor that differs. */
TVIS_API tvis_status tvis_blob_verify(const tvis_model *m, tvis_diag *diag);

TVIS_API void tvis_model_get_info(const tvis_model *m, tvis_model_info *info);
/* How the model wants its pictures; with the scale and zero of its first input where tvis_session_config.int8_input is possible. */
TVIS_API void tvis_model_preprocess(const tvis_model *m, tvis_preprocess *p);
/* Name of a class, or NULL where the blob has no labels or no such class. */
TVIS_API const char *tvis_model_label(const tvis_model *m, uint32_t index);
/* The constant tensor number i of the blob's tensors; false where tensor i is not constant or does not exist. */
TVIS_API bool tvis_model_weight(const tvis_model *m, uint32_t i, tvis_weight_info *info);

#ifdef __cplusplus
}
#endif
#endif
