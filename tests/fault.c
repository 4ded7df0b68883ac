/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "tests/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>

static int  fault_kind = -1, fault_code;
static long fault_skip;
static bool fault_done, trickle;
static int  trickle_calls;

void tvt_fault(tvt_fault_kind kind, uint32_t skip, int code)
{
    fault_code = code;
    fault_done = false;
    __atomic_store_n(&fault_skip, (long)skip, __ATOMIC_SEQ_CST);
    __atomic_store_n(&fault_kind, (int)kind, __ATOMIC_SEQ_CST);
}

bool tvt_fault_fired(void)
{
    __atomic_store_n(&fault_kind, -1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&fault_done, __ATOMIC_SEQ_CST);
}

void tvt_fault_trickle(bool on)
{
    trickle = on;
    trickle_calls = 0;
}

static bool fails(tvt_fault_kind kind)
{
    if (__atomic_load_n(&fault_kind, __ATOMIC_SEQ_CST) != (int)kind ||
        __atomic_fetch_sub(&fault_skip, 1, __ATOMIC_SEQ_CST) != 0)
        return false;
    __atomic_store_n(&fault_done, true, __ATOMIC_SEQ_CST);
    errno = fault_code;
    return true;
}

static bool interrupted(size_t *n)
{
    if (!trickle)
        return false;
    *n = *n < 7 ? *n : 7;
    errno = EINTR;
    return trickle_calls++ % 2 == 0;
}

/* __wrap_NAME is called in place of NAME, __real_NAME is NAME. */
#define WRAP(kind, failure, type, name, parameters, arguments) \
    type __real_##name parameters;                             \
    type __wrap_##name parameters;                             \
    type __wrap_##name parameters                              \
    {                                                          \
        if (fails(kind))                                       \
            return failure;                                    \
        return __real_##name arguments;                        \
    }

WRAP(TVT_ALLOC, NULL, void *, malloc, (size_t n), (n))
WRAP(TVT_ALLOC, NULL, void *, calloc, (size_t n, size_t size), (n, size))
WRAP(TVT_ALLOC, NULL, void *, realloc, (void *p, size_t n), (p, n))
WRAP(TVT_ALLOC, NULL, void *, aligned_alloc, (size_t align, size_t n), (align, n))
WRAP(TVT_ALLOC, fault_code, int, posix_memalign, (void **p, size_t align, size_t n), (p, align, n))
WRAP(TVT_OPEN, NULL, FILE *, fopen, (const char *path, const char *mode), (path, mode))
WRAP(TVT_OPEN, NULL, FILE *, fopen64, (const char *path, const char *mode), (path, mode))
WRAP(TVT_OPEN, NULL, FILE *, fdopen, (int fd, const char *mode), (fd, mode))
WRAP(TVT_STAT, -1, int, fstat, (int fd, struct stat *s), (fd, s))
WRAP(TVT_STAT, -1, int, fstat64, (int fd, struct stat *s), (fd, s))
WRAP(TVT_MMAP, (void *)-1, void *, mmap, (void *p, size_t n, int prot, int flags, int fd, long at),
     (p, n, prot, flags, fd, at))
WRAP(TVT_MMAP, (void *)-1, void *, mmap64, (void *p, size_t n, int prot, int flags, int fd, int64_t at),
     (p, n, prot, flags, fd, at))
WRAP(TVT_READ, 0, size_t, fread, (void *p, size_t size, size_t n, FILE *f), (p, size, n, f))
WRAP(TVT_WRITE, 0, size_t, fwrite, (const void *p, size_t size, size_t n, FILE *f), (p, size, n, f))
WRAP(TVT_SYNC, -1, int, fsync, (int fd), (fd))
WRAP(TVT_SYNC, EOF, int, fflush, (FILE * f), (f))
WRAP(TVT_RENAME, -1, int, rename, (const char *from, const char *to), (from, to))
WRAP(TVT_THREAD, fault_code, int, pthread_create,
     (pthread_t * t, const pthread_attr_t *attributes, void *(*run)(void *), void *arg), (t, attributes, run, arg))

ssize_t __real_read(int fd, void *p, size_t n);
ssize_t __wrap_read(int fd, void *p, size_t n);
ssize_t __wrap_read(int fd, void *p, size_t n)
{
    return fails(TVT_READ) || interrupted(&n) ? -1 : __real_read(fd, p, n);
}

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
    return fails(TVT_WRITE) || interrupted(&n) ? -1 : __real_write(fd, p, n);
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    const int result = __real_close(fd);
    return fails(TVT_CLOSE) ? -1 : result;
}

int __real_fclose(FILE *f);
int __wrap_fclose(FILE *f);
int __wrap_fclose(FILE *f)
{
    const int result = __real_fclose(f);
    return fails(TVT_CLOSE) ? EOF : result;
}

/* The mode of open() is there only when a file may be made. */
#define WRAP_OPEN(name)                                                     \
    int __real_##name(const char *path, int flags, ...);                    \
    int __wrap_##name(const char *path, int flags, ...);                    \
    int __wrap_##name(const char *path, int flags, ...)                     \
    {                                                                       \
        va_list list;                                                       \
        va_start(list, flags);                                              \
        const mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;     \
        va_end(list);                                                       \
        return fails(TVT_OPEN) ? -1 : __real_##name(path, flags, mode);     \
    }
WRAP_OPEN(open)
WRAP_OPEN(open64)
