/* SPDX-License-Identifier: MIT */
/* What the models in a folder of tinyvis optimize were made of: a line of text each, `CRC TAB FILE TAB KEY`. */
#ifndef TINYVIS_TOOL_MANIFEST_H
#define TINYVIS_TOOL_MANIFEST_H

#include <tinyvis/types.h>

#define MANIFEST_NAME "manifest.txt"

typedef struct manifest_entry {
    char *file, *key; /* key: all that the file's content depends on */
    uint32_t crc;     /* of the file */
    bool done;        /* false: it was begun */
} manifest_entry;

/* Starts as { 0 }; manifest_free() ends it. */
typedef struct manifest {
    manifest_entry *entry;
    size_t count;
} manifest;

/* Errors: EIO, EFORMAT with the line, ENOMEM. */
tvis_status manifest_read(manifest *m, const char *path, tvis_diag *d);
tvis_status manifest_write(const manifest *m, const char *path, tvis_diag *d);
manifest_entry *manifest_find(const manifest *m, const char *file);
/* Adds a file that is begun, or replaces its line. */
tvis_status manifest_begin(manifest *m, const char *file, const char *key, tvis_diag *d);
void manifest_free(manifest *m);

#endif
