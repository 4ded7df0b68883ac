/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "tests/fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>

static int fault_kind = -1, fault_code;
static long fault_skip, block_count, calls[TVT_FAULT_COUNT_];
static bool fault_done, fault_goes_on, trickle;
static int trickle_calls;

void tvt_fault(tvt_fault_kind kind, uint32_t skip, int code)
{
    fault_code = code;
    fault_done = fault_goes_on = false;
    __atomic_store_n(&fault_skip, (long)skip, __ATOMIC_SEQ_CST);
    __atomic_store_n(&fault_kind, (int)kind, __ATOMIC_SEQ_CST);
}

bool tvt_fault_fired(void)
{
    __atomic_store_n(&fault_kind, -1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&fault_done, __ATOMIC_SEQ_CST);
}

void tvt_fault_go_on(void)
{
    fault_goes_on = true;
}

long tvt_fault_blocks(void)
{
    return __atomic_load_n(&block_count, __ATOMIC_SEQ_CST);
}

long tvt_fault_calls(tvt_fault_kind kind)
{
    return __atomic_load_n(&calls[kind], __ATOMIC_SEQ_CST);
}

void tvt_fault_trickle(bool on)
{
    trickle = on;
    trickle_calls = 0;
}

/* Whether the time of the fault has come. */
static bool due(tvt_fault_kind kind)
{
    (void)__atomic_fetch_add(&calls[kind], 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&fault_kind, __ATOMIC_SEQ_CST) != (int)kind)
        return false;
    const long left = __atomic_fetch_sub(&fault_skip, 1, __ATOMIC_SEQ_CST);
    if (left > 0 || (left < 0 && !fault_goes_on))
        return false;
    __atomic_store_n(&fault_done, true, __ATOMIC_SEQ_CST);
    if (fault_code == TVT_KILL)
        (void)raise(SIGKILL);
    errno = fault_code;
    return true;
}

static bool fails(tvt_fault_kind kind)
{
    return due(kind) && fault_code > 0;
}

/* Of a call that moves n elements; those of a short one go to *n. */
static bool fails_or_is_short(tvt_fault_kind kind, size_t *n)
{
    const bool now = due(kind);
    if (now && fault_code == TVT_SHORT)
        *n = (*n + 1) / 2;
    return now && fault_code > 0;
}

static void *counted(void *p)
{
    if (p)
        (void)__atomic_fetch_add(&block_count, 1, __ATOMIC_SEQ_CST);
    return p;
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
#define WRAP(kind, failure, type, name, parameters, arguments)                                                         \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        if (fails(kind))                                                                                               \
            return failure;                                                                                            \
        return __real_##name arguments;                                                                                \
    }

#define WRAP_MEMORY(name, parameters, arguments)                                                                       \
    void *__real_##name parameters;                                                                                    \
    void *__wrap_##name parameters;                                                                                    \
    void *__wrap_##name parameters                                                                                     \
    {                                                                                                                  \
        return fails(TVT_ALLOC) ? NULL : counted(__real_##name arguments);                                             \
    }
WRAP_MEMORY(malloc, (size_t n), (n))
WRAP_MEMORY(calloc, (size_t n, size_t size), (n, size))
WRAP_MEMORY(aligned_alloc, (size_t align, size_t n), (align, n))

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n)
{
    if (fails(TVT_ALLOC))
        return NULL;
    return p ? __real_realloc(p, n) : counted(__real_realloc(p, n));
}

int __real_posix_memalign(void **p, size_t align, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n)
{
    if (fails(TVT_ALLOC))
        return fault_code;
    const int code = __real_posix_memalign(p, align, n);
    if (code == 0)
        (void)counted(*p);
    return code;
}

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
    if (p)
        (void)__atomic_fetch_sub(&block_count, 1, __ATOMIC_SEQ_CST);
    __real_free(p);
}

WRAP(TVT_OPEN, NULL, FILE *, fopen, (const char *path, const char *mode), (path, mode))
WRAP(TVT_OPEN, NULL, FILE *, fopen64, (const char *path, const char *mode), (path, mode))
WRAP(TVT_OPEN, NULL, FILE *, fdopen, (int fd, const char *mode), (fd, mode))
WRAP(TVT_STAT, -1, int, stat, (const char *path, struct stat *s), (path, s))
WRAP(TVT_STAT, -1, int, stat64, (const char *path, struct stat *s), (path, s))
WRAP(TVT_STAT, -1, int, fstat, (int fd, struct stat *s), (fd, s))
WRAP(TVT_STAT, -1, int, fstat64, (int fd, struct stat *s), (fd, s))
WRAP(TVT_MMAP, (void *)-1, void *, mmap, (void *p, size_t n, int prot, int flags, int fd, long at),
     (p, n, prot, flags, fd, at))
WRAP(TVT_MMAP, (void *)-1, void *, mmap64, (void *p, size_t n, int prot, int flags, int fd, int64_t at),
     (p, n, prot, flags, fd, at))
WRAP(TVT_FOLDER, NULL, DIR *, opendir, (const char *path), (path))
WRAP(TVT_FOLDER, NULL, struct dirent *, readdir, (DIR * d), (d))
WRAP(TVT_FOLDER, NULL, struct dirent64 *, readdir64, (DIR * d), (d))
WRAP(TVT_SYNC, -1, int, fsync, (int fd), (fd))
WRAP(TVT_SYNC, EOF, int, fflush, (FILE * f), (f))
WRAP(TVT_RENAME, -1, int, rename, (const char *from, const char *to), (from, to))
WRAP(TVT_THREAD, fault_code, int, pthread_create,
     (pthread_t * t, const pthread_attr_t *attributes, void *(*run)(void *), void *arg), (t, attributes, run, arg))

size_t __real_fread(void *p, size_t size, size_t n, FILE *f);
size_t __wrap_fread(void *p, size_t size, size_t n, FILE *f);
size_t __wrap_fread(void *p, size_t size, size_t n, FILE *f)
{
    return fails_or_is_short(TVT_READ, &n) ? 0 : __real_fread(p, size, n, f);
}

size_t __real_fwrite(const void *p, size_t size, size_t n, FILE *f);
size_t __wrap_fwrite(const void *p, size_t size, size_t n, FILE *f);
size_t __wrap_fwrite(const void *p, size_t size, size_t n, FILE *f)
{
    return fails_or_is_short(TVT_WRITE, &n) ? 0 : __real_fwrite(p, size, n, f);
}

ssize_t __real_read(int fd, void *p, size_t n);
ssize_t __wrap_read(int fd, void *p, size_t n);
ssize_t __wrap_read(int fd, void *p, size_t n)
{
    return fails_or_is_short(TVT_READ, &n) || interrupted(&n) ? -1 : __real_read(fd, p, n);
}

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
    return fails_or_is_short(TVT_WRITE, &n) || interrupted(&n) ? -1 : __real_write(fd, p, n);
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
#define WRAP_OPEN(name)                                                                                                \
    int __real_##name(const char *path, int flags, ...);                                                               \
    int __wrap_##name(const char *path, int flags, ...);                                                               \
    int __wrap_##name(const char *path, int flags, ...)                                                                \
    {                                                                                                                  \
        va_list list;                                                                                                  \
        va_start(list, flags);                                                                                         \
        const mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;                                                \
        va_end(list);                                                                                                  \
        return fails(TVT_OPEN) ? -1 : __real_##name(path, flags, mode);                                                \
    }
WRAP_OPEN(open)
WRAP_OPEN(open64)
