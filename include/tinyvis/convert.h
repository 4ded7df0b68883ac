/* SPDX-License-Identifier: MIT */
/* From a framework's weight file to a .tvis blob. Hosted: uses files and malloc. */
#ifndef TINYVIS_CONVERT_H
#define TINYVIS_CONVERT_H

#include <tinyvis/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An architecture of the zoo, with its defaults. Strings are static. */
typedef struct tvis_arch_info {
    const char *name, *summary;
    uint16_t h, w, c;
    uint32_t classes;
    uint64_t params, macs; /* at the defaults, as the framework counts them (batch norm not folded) */
} tvis_arch_info;

/* The architectures in order of their names; false past the last one. */
TVIS_API bool tvis_arch(uint32_t i, tvis_arch_info *info);

typedef struct tvis_convert_config {
    size_t struct_size;  /* sizeof(tvis_convert_config) */
    const char *arch;    /* a name of tvis_arch() */
    const char *weights; /* .pth .pt .th .safetensors, told apart by content; NULL: random weights from `seed` */
    uint64_t seed;
    uint32_t classes;          /* 0: as many as the weights have */
    uint16_t h, w;             /* default input of the blob; 0: the architecture's */
    float width;               /* width multiplier, 0: 1.0 */
    bool same_padding;         /* TensorFlow's SAME padding instead of the framework's symmetric one */
    const char *const *labels; /* `label_count` class names, or NULL */
    uint32_t label_count;      /* equals the number of classes */
    uint8_t
        channels; /* of pictures: 3, or 1 for gray, where the architecture allows it; 0: as the weights have, or 3 */
} tvis_convert_config;

/* A blob in memory from malloc, aligned to TVIS_ARENA_ALIGN; tvis_blob_free() gives it back. */
typedef struct tvis_blob {
    uint8_t *data;
    size_t size;
} tvis_blob;

/* Builds the network, folds and fuses, and writes the blob. Any thread. Errors: EINVAL, ENOMEM, EIO, EFORMAT (damaged
 * weight file), EMODEL (missing, extra or misshapen tensor: named, with both shapes). */
TVIS_API tvis_status tvis_convert(const tvis_convert_config *c, tvis_blob *blob, tvis_diag *diag);
TVIS_API void tvis_blob_free(tvis_blob *blob);

#ifdef __cplusplus
}
#endif
#endif
