/* SPDX-License-Identifier: MIT */
/* For programs with an operating system: sentences for errors, mapped files, a thread pool. Not part of firmware builds. */
#ifndef TINYVIS_HOSTED_H
#define TINYVIS_HOSTED_H

#include <tinyvis/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes one sentence, without a newline, cut to fit and always terminated. Returns the length it wanted, as snprintf. */
TVIS_API int tvis_diag_format(const tvis_diag *d, char *text, size_t size);

/* A file mapped read-only, or read into memory where mapping fails. data is aligned to TVIS_ARENA_ALIGN. */
typedef struct tvis_file {
    const uint8_t *data;
    size_t         size;
    bool           mapped;
} tvis_file;
TVIS_API tvis_status tvis_file_open(tvis_file *f, const char *path, tvis_diag *diag);
TVIS_API void tvis_file_close(tvis_file *f);
/* Writes a whole file under a temporary name beside `path`, syncs and renames it: `path` is the old file or the new one, never
 * a part. */
TVIS_API tvis_status tvis_file_write(const char *path, const void *data, size_t size, tvis_diag *diag);

/* `threads` - 1 workers that sleep until there is work; the calling thread does its share. NULL on failure. After a fork the
 * child has the pool without the workers: it works all the same, in the calling thread alone, and may be destroyed there. */
typedef struct tvis_pool tvis_pool;
TVIS_API tvis_pool *tvis_pool_create(uint32_t threads);
TVIS_API void tvis_pool_destroy(tvis_pool *p); /* NULL is fine */
/* A tvis_parallel_for: pass it as config.parallel_for with config.pool = the pool. One call at a time. */
TVIS_API void tvis_pool_parallel_for(void *pool, void (*fn)(void *arg, uint32_t i), void *arg, uint32_t count);

#ifdef __cplusplus
}
#endif
#endif
