/* SPDX-License-Identifier: MIT */
/* The directory of a zip archive, zip64 included. */
#ifndef TVIS_MODELS_IMPORT_ZIP_H
#define TVIS_MODELS_IMPORT_ZIP_H

#include <tinyvis/types.h>

typedef struct tvis_zip_entry {
    const uint8_t *name; /* name_size bytes in the file */
    uint32_t name_size;
    uint16_t method, flags;
    uint32_t crc;                       /* 0: not written */
    uint64_t header, size, packed_size; /* offset of the local header, bytes of the data and in the file */
    bool verified;
} tvis_zip_entry;

typedef struct tvis_zip {
    const uint8_t *data;
    size_t size;
    const char *source; /* for messages */
    tvis_zip_entry *entries;
    size_t count, capacity;
    uint64_t directory; /* offset of it: the entries lie before */
    uint64_t verified;  /* bytes of the entries verified so far */
} tvis_zip;

/* Reads the directory. The caller has zeroed *z; tvis_zip_free() afterwards, also on failure. EFORMAT, ENOMEM. */
tvis_status tvis_zip_open(tvis_zip *z, const uint8_t *data, size_t size, const char *source, tvis_diag *diag);
void tvis_zip_free(tvis_zip *z);

/* Leaves only the entries whose names begin with the first `len` bytes of `folder` and takes that off their names; the
 * rest sorted by name for tvis_zip_find(). EFORMAT for two of the same name. */
tvis_status tvis_zip_enter(tvis_zip *z, const uint8_t *folder, uint32_t len, tvis_diag *diag);
/* NULL: none. Only after tvis_zip_enter(). */
tvis_zip_entry *tvis_zip_find(const tvis_zip *z, const char *name);
/* The bytes of a stored entry, inside the file; its CRC is compared the first time. EFORMAT. */
tvis_status tvis_zip_data(tvis_zip *z, tvis_zip_entry *e, const uint8_t **data, tvis_diag *diag);

#endif
