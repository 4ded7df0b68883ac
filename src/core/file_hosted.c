/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include <tinyvis/hosted.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/diag.h"

static tvis_status failed(tvis_diag *diag, const char *path, const char *what, int code)
{
    if (code == ENOMEM)
        return tvis_fail(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, path, what);
    return tvis_fail_value(diag, TVIS_EIO, TVIS_DIAG_SYSTEM, path, what, -1, code);
}

/* ---- reading ---- */

static uint8_t *allocate(size_t size)
{
    void *p;
    return posix_memalign(&p, TVIS_ARENA_ALIGN, size) == 0 ? p : NULL;
}

/* Twice the room, or 64 KiB; the old memory is given back in any case. */
static uint8_t *grow(uint8_t *data, size_t size, size_t *room)
{
    const size_t more = *room ? *room * 2 : 65536;
    uint8_t *p = more > *room ? allocate(more) : NULL;
    if (p && size)
        memcpy(p, data, size);
    *room = more;
    free(data);
    return p;
}

/* To the end of the file, however long that is. Returns 0 or an errno. */
static int read_all(int fd, size_t room, tvis_file *f)
{
    size_t size = 0;
    ssize_t got;
    uint8_t *data = room ? allocate(room) : NULL;
    if (room && !data)
        return ENOMEM;
    do {
        if (size == room && !(data = grow(data, size, &room)))
            return ENOMEM;
        got = read(fd, data + size, room - size);
        if (got > 0)
            size += (size_t)got;
    } while (got > 0 || (got < 0 && errno == EINTR));
    if (got < 0) {
        const int code = errno;
        free(data);
        return code;
    }
    *f = (tvis_file){ data, size, false };
    return 0;
}

static int map(int fd, size_t size, tvis_file *f)
{
    void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return errno;
    *f = (tvis_file){ p, size, true };
    return 0;
}

static int load(int fd, tvis_file *f)
{
    struct stat s;
    if (fstat(fd, &s) != 0)
        return errno;
    if (S_ISDIR(s.st_mode))
        return EISDIR;
    if (!S_ISREG(s.st_mode))
        return read_all(fd, 0, f);
    if ((uint64_t)s.st_size > PTRDIFF_MAX - 1)
        return ENOMEM;
    const size_t size = (size_t)s.st_size;
    return size && map(fd, size, f) == 0 ? 0 : read_all(fd, size + 1, f);
}

tvis_status tvis_file_open(tvis_file *f, const char *path, tvis_diag *diag)
{
    *f = (tvis_file){ NULL, 0, false };
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed(diag, path, "cannot be opened", errno);
    const int code = load(fd, f);
    (void)close(fd); /* nothing was written through it */
    return code ? failed(diag, path, "cannot be read", code) : TVIS_OK;
}

void tvis_file_close(tvis_file *f)
{
    if (f->mapped)
        (void)munmap((void *)(uintptr_t)f->data, f->size);
    else
        free((void *)(uintptr_t)f->data);
    *f = (tvis_file){ NULL, 0, false };
}

/* ---- writing ---- */

#define TEMP_NAME  "tinyvis-%ld-%u.tmp" /* in the folder of the file, however long the file's own name is */
#define TEMP_TRIES 1000u

static int write_all(int fd, const uint8_t *data, size_t size)
{
    while (size) {
        const ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        data += n;
        size -= (size_t)n;
    }
    while (fsync(fd) != 0)
        if (errno == EINVAL) /* a file system that has no use for it */
            break;
        else if (errno != EINTR)
            return errno;
    return 0;
}

/* A new file beside `path`; its name goes to `temp`. */
static int create_temp(const char *path, char *temp, size_t room)
{
    const char *slash = strrchr(path, '/');
    const int folder = slash ? (int)(slash - path) + 1 : 0;
    int fd = -1;
    errno = EEXIST;
    for (unsigned i = 0; fd < 0 && errno == EEXIST && i < TEMP_TRIES; i++) {
        snprintf(temp, room, "%.*s" TEMP_NAME, folder, path, (long)getpid(), i);
        fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    return fd;
}

static int replace(const char *path, char *temp, size_t room, const void *data, size_t size)
{
    const int fd = create_temp(path, temp, room);
    if (fd < 0)
        return errno;
    int code = write_all(fd, data, size);
    if (close(fd) != 0 && !code)
        code = errno;
    if (!code && rename(temp, path) != 0)
        code = errno;
    if (code)
        (void)unlink(temp); /* the first error is the one to report */
    return code;
}

/* A folder, a device or a pipe is not replaced by a file. */
static int check_target(const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return errno == ENOENT ? 0 : errno;
    return S_ISDIR(s.st_mode) ? EISDIR : S_ISREG(s.st_mode) ? 0 : EINVAL;
}

tvis_status tvis_file_write(const char *path, const void *data, size_t size, tvis_diag *diag)
{
    int code = check_target(path);
    if (code == EINVAL)
        return tvis_fail(diag, TVIS_EIO, TVIS_DIAG_REFUSED, path, "not a regular file");
    if (code)
        return failed(diag, path, "cannot be written", code);
    const size_t length = strlen(path);
    if (length > INT_MAX / 2)
        return failed(diag, path, "cannot be written", ENAMETOOLONG);
    const size_t room = length + sizeof TEMP_NAME + 32;
    char *temp = malloc(room);
    if (!temp)
        return failed(diag, path, "no memory for a temporary name", ENOMEM);
    code = replace(path, temp, room, data, size);
    free(temp);
    return code ? failed(diag, path, "cannot be written", code) : TVIS_OK;
}
