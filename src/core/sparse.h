/* SPDX-License-Identifier: MIT */
/* Weight matrices (n, k) many of whose elements are 0, as they lie in a blob (TVIS_PACK_SPARSE):
 *
 *   uint32 start[ceil(n / TVIS_SPARSE_ROWS)]   how many values lie before every 16th row's
 *   bits, n rows of ceil(k / 8) bytes          bit c % 8 of byte c / 8: column c is not 0; the rest of a last byte is 0
 *   padding to 4 bytes
 *   values, row by row, of 1, 2 or 4 bytes
 *
 * Whatever the bytes are, nothing outside of the tensor is read: a row whose values would lie beyond its end is 0. */
#ifndef TVIS_CORE_SPARSE_H
#define TVIS_CORE_SPARSE_H

#include "core/blob.h"
#include "core/port.h"

#define TVIS_SPARSE_ROWS 16

typedef struct tvis_sparse {
    const uint8_t *data; /* aligned to 4 */
    size_t bytes;        /* tvis_sparse_head() at least */
    int32_t n, k;        /* n * k is below 2^31 */
    uint32_t size;       /* of an element: 1, 2, 4 */
} tvis_sparse;

/* Bytes of a row's bits; how many starts there are. */
static inline size_t tvis_sparse_row_bytes(int32_t k)
{
    return ((size_t)k + 7) / 8;
}

static inline size_t tvis_sparse_starts(int32_t n)
{
    return ((size_t)n + TVIS_SPARSE_ROWS - 1) / TVIS_SPARSE_ROWS;
}

/* A constant of a checked blob whose pack is TVIS_PACK_SPARSE. */
tvis_sparse tvis_sparse_of(const tvis_blob_tensor *t, const void *data);
/* Bytes before the values. */
size_t tvis_sparse_head(int32_t n, int32_t k);

/* One row: `count` values, whose columns tvis_sparse_column() tells one after the other. */
typedef struct tvis_sparse_row {
    const uint8_t *values, *bits;
    int32_t count, base;
    uint32_t left; /* bits of the byte that starts at column `base` */
} tvis_sparse_row;

typedef struct tvis_sparse_cursor {
    const tvis_sparse *s;
    int32_t row;
    size_t at; /* index of its first value */
} tvis_sparse_cursor;

tvis_sparse_cursor tvis_sparse_seek(const tvis_sparse *s, int32_t row);
/* The bits of the cursor's row. */
const uint8_t *tvis_sparse_bits(const tvis_sparse_cursor *c);
/* Its values, `count` of them, as many as it has bits; NULL if they lie beyond the end. The cursor goes on. */
const uint8_t *tvis_sparse_take(tvis_sparse_cursor *c, int32_t count);
/* The cursor's row; the cursor goes on to the next one. */
tvis_sparse_row tvis_sparse_next(tvis_sparse_cursor *c);

/* Ones among the lowest eight bits. */
static inline uint32_t tvis_ones(uint32_t byte)
{
    byte -= byte >> 1 & 0x55;
    byte = (byte & 0x33) + (byte >> 2 & 0x33);
    return (byte + (byte >> 4)) & 15;
}

/* Column of the next value; not to be asked more than `count` times. */
int32_t tvis_sparse_column(tvis_sparse_row *r);

/* Rows [row, row + rows) as they would lie in a plain matrix. */
void tvis_sparse_expand(const tvis_sparse *s, int32_t row, int32_t rows, void *out);
/* The same as floats, out of floats or halves: column c of row i at out[i * next + c * step]. Only what is not 0 is
 * written. */
void tvis_sparse_scatter(const tvis_sparse *s, int32_t row, int32_t rows, ptrdiff_t next, ptrdiff_t step, float *out);

/* Bytes of a plain matrix in this form. Hosted, as the next. */
size_t tvis_sparse_bytes(const void *plain, int32_t n, int32_t k, uint32_t size);
/* Plain to this form; out has those bytes and is aligned to 4. An element is 0 if all its bytes are: -0.0 is not. */
void tvis_sparse_compress(const void *plain, int32_t n, int32_t k, uint32_t size, void *out);

#endif
