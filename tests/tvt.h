/* SPDX-License-Identifier: MIT */
/* What the tests share: random numbers, guarded memory, comparison, test data. */
#ifndef TVT_H
#define TVT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <tinyvis/types.h>

/* Random numbers, the same on every machine. The seed is the environment's TVT_SEED or a fixed one; print it with
 * whatever failed. tvt_srand() starts again, for a case that must not depend on those before it. */
extern uint32_t tvt_seed;
void     tvt_srand(uint32_t seed);
uint32_t tvt_rand(void);
uint32_t tvt_below(uint32_t n); /* 0 … n - 1 */
float    tvt_float(float low, float high);
void     tvt_fill_f32(float *p, size_t n); /* -1 … 1 */
void     tvt_fill(void *p, size_t bytes);

/* Memory between guard bytes, filled with 0xa5, given back by tvt_free(). A paged one ends where a page begins that may not
 * be touched: reading past the end faults. Without memory the test program ends. */
typedef struct tvt_buf {
    void    *p;
    size_t   size;
    uint8_t *base;
    size_t   mapped; /* bytes of mmap, 0: malloc */
} tvt_buf;
tvt_buf tvt_guarded(size_t size); /* aligned to TVIS_ARENA_ALIGN */
tvt_buf tvt_paged(size_t size);   /* aligned as far as its size is */
bool    tvt_guards_ok(const tvt_buf *b);
bool    tvt_same(const tvt_buf *a, const tvt_buf *b); /* the same bytes, and all guards untouched */
void    tvt_free(tvt_buf *b);

/* Of the processor that the tests run on; TVT_CPU in the environment (a number) leaves some out. */
uint32_t tvt_cpu(void);

/* Index of the first element with |a - b| > tolerance (or a NaN on one side), -1: none. */
long   tvt_differs_f32(const float *a, const float *b, size_t n, double tolerance);
double tvt_max_diff_f32(const float *a, const float *b, size_t n);
double tvt_range_f32(const float *a, size_t n); /* largest minus smallest */
double tvt_std_f32(const float *a, size_t n);

/* A whole file in malloc's memory with a zero byte after it; fails the test when it cannot be read. */
uint8_t *tvt_read(const char *path, size_t *size);
/* Path in TINYVIS_DATA; skips the test when that is not set or the file is not there. Static memory, four at a time. */
const char *tvt_data(const char *name);
/* A path in the folder for temporary files, named by this process; static memory, four at a time. */
const char *tvt_temp(const char *name);
/* A .npy file of little-endian float32 in C order: elements in malloc's memory. Dimensions past the rank are 1. */
float *tvt_npy_f32(const char *path, size_t *dims, uint32_t max_rank);

#endif
