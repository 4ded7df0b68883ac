/* SPDX-License-Identifier: MIT */
/* Makes functions of libc fail in the test programs (the linker's --wrap). Nothing fails until it is asked for.
 *
 *     for (uint32_t n = 0;; n++) {
 *         tvt_fault(TVT_ALLOC, n, ENOMEM);
 *         status = something();
 *         if (!tvt_fault_fired())
 *             break;
 *         assert_int_equal(status, TVIS_ENOMEM);
 *     }
 */
#ifndef TVT_FAULT_H
#define TVT_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/* ORDER TVT_FAULT */
typedef enum tvt_fault_kind {
    TVT_ALLOC,  /* malloc, calloc, realloc, aligned_alloc, posix_memalign */
    TVT_OPEN,   /* open, fdopen, fopen */
    TVT_STAT,   /* stat, fstat */
    TVT_MMAP,   /* mmap */
    TVT_READ,   /* read, fread */
    TVT_WRITE,  /* write, fwrite */
    TVT_SYNC,   /* fsync, fflush */
    TVT_CLOSE,  /* close, fclose; the file is closed all the same */
    TVT_RENAME, /* rename */
    TVT_THREAD, /* pthread_create */
    TVT_FOLDER, /* opendir, readdir */
    TVT_FAULT_COUNT_
} tvt_fault_kind;

/* In place of an errno. */
#define TVT_SHORT (-1) /* read and write move half of what was asked for */
#define TVT_KILL  (-2) /* the process is killed before the call */

/* The call of this kind after the next `skip` ones fails with errno = code; one fault of one kind at a time. */
void tvt_fault(tvt_fault_kind kind, uint32_t skip, int code);
/* Whether it happened; takes it back. */
bool tvt_fault_fired(void);
/* All later calls of that kind shall fail like it. */
void tvt_fault_go_on(void);
/* Blocks of memory that were asked for and not given back; calls of a kind, so far. */
long tvt_fault_blocks(void);
long tvt_fault_calls(tvt_fault_kind kind);
/* While on, read and write move at most 7 bytes a call, and every second call fails with EINTR first. */
void tvt_fault_trickle(bool on);

#endif
