/* SPDX-License-Identifier: MIT */
/* The only place that names what inference code takes from libc: these, and nothing else. A freestanding compiler may
 * have no <string.h>. */
#ifndef TVIS_CORE_PORT_H
#define TVIS_CORE_PORT_H

#if __STDC_HOSTED__
#include <string.h>
#else
#include <stddef.h>
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
#endif

/* For our own mistakes, never for input. Empty unless the build defines it. */
#ifndef TVIS_ASSERT
#define TVIS_ASSERT(x) ((void)0)
#endif

#define TVIS_COUNT(a) (sizeof(a) / sizeof *(a))
/* A compile-time check, in C99. */
#define TVIS_STATIC_ASSERT(name, x) typedef char tvis_static_assert_##name[(x) ? 1 : -1]

/* A body that is called with constants, once for each of them: it must become part of the caller. */
#define TVIS_INLINE static inline __attribute__((always_inline))
/* Memory that will be read soon. */
#define TVIS_PREFETCH(p) __builtin_prefetch(p)

#if defined(__x86_64__) || defined(__i386__)
#define TVIS_X86 1
#else
#define TVIS_X86 0
#endif
#if defined(__aarch64__)
#define TVIS_AARCH64 1
#else
#define TVIS_AARCH64 0
#endif

/* 32-bit ARM with the SIMD instructions of ARMv6, that is with an operating system always: assembly for it is A32, or
 * Thumb-2 on Cortex-M4 and M7. */
#if defined(__arm__) && (defined(__linux__) || defined(__ARM_FEATURE_SIMD32))
#define TVIS_ARM 1
#else
#define TVIS_ARM 0
#endif

/* Stacks of firmware are small: 4 KiB must do for any call. */
#ifndef TVIS_SMALL_STACK
#define TVIS_SMALL_STACK !__STDC_HOSTED__
#endif

/* A kernel function where its instruction set exists, NULL in the descriptor elsewhere. */
#if TVIS_X86
#define TVIS_IF_X86(f) f
#else
#define TVIS_IF_X86(f) NULL
#endif
/* Tiles: 64-bit Linux gives the permission to use them, compilers know them from here on; the memory sanitizer does not
 * see what they write. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__x86_64__) && !defined(__ILP32__) && defined(__linux__) && !__has_feature(memory_sanitizer) &&            \
    ((defined(__clang__) && __clang_major__ >= 12) || (!defined(__clang__) && __GNUC__ >= 11))
#define TVIS_AMX       1
#define TVIS_IF_AMX(f) f
#else
#define TVIS_AMX       0
#define TVIS_IF_AMX(f) NULL
#endif
#if TVIS_AARCH64
#define TVIS_IF_AARCH64(f) f
#else
#define TVIS_IF_AARCH64(f) NULL
#endif
#if TVIS_ARM
#define TVIS_IF_ARMV6(f) f
#else
#define TVIS_IF_ARMV6(f) NULL
#endif
/* Asked for at run time: bare metal has no VFP short vectors. */
#if TVIS_ARM && defined(__linux__)
#define TVIS_IF_VFP11(f) f
#else
#define TVIS_IF_VFP11(f) NULL
#endif
/* Forms of an operator that cost much code, and caches and memory that bare metal does not have: not there, not with a
 * small stack, for which they are too large, and not in code that is optimized for size. */
#if __STDC_HOSTED__ && !TVIS_SMALL_STACK && !defined(__OPTIMIZE_SIZE__)
#define TVIS_LARGE_CODE 1
#else
#define TVIS_LARGE_CODE 0
#endif

#endif
