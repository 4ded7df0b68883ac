/* SPDX-License-Identifier: MIT */
#include "core/sparse.h"
#include "core/half.h"

size_t tvis_sparse_head(int32_t n, int32_t k)
{
    return (tvis_sparse_starts(n) * sizeof(uint32_t) + (size_t)n * tvis_sparse_row_bytes(k) + 3) & ~(size_t)3;
}

tvis_sparse tvis_sparse_of(const tvis_blob_tensor *t, const void *data)
{
    const int32_t *d = t->dims;
    return (tvis_sparse){ data, t->bytes, d[0], d[1] * d[2] * d[3], (uint32_t)tvis_dtype_size((tvis_dtype)t->dtype) };
}

/* Of bits that lie behind the last column, none counts. */
static int32_t count_row(const uint8_t *bits, int32_t k)
{
    uint32_t n = 0;
    for (int32_t i = 0; i < k / 8; i++)
        n += tvis_ones(bits[i]);
    if (k % 8)
        n += tvis_ones(bits[k / 8] & (0xffu >> (8 - k % 8)));
    return (int32_t)n;
}

const uint8_t *tvis_sparse_bits(const tvis_sparse_cursor *c)
{
    const tvis_sparse *s = c->s;
    return s->data + tvis_sparse_starts(s->n) * sizeof(uint32_t) + (size_t)c->row * tvis_sparse_row_bytes(s->k);
}

static size_t start_of(const tvis_sparse *s, int32_t row)
{
    return ((const uint32_t *)(const void *)s->data)[row / TVIS_SPARSE_ROWS];
}

tvis_sparse_cursor tvis_sparse_seek(const tvis_sparse *s, int32_t row)
{
    tvis_sparse_cursor c = { s, row / TVIS_SPARSE_ROWS * TVIS_SPARSE_ROWS, start_of(s, row) };
    while (c.row < row)
        (void)tvis_sparse_next(&c);
    return c;
}

const uint8_t *tvis_sparse_take(tvis_sparse_cursor *c, int32_t count)
{
    const tvis_sparse *s = c->s;
    const size_t head = tvis_sparse_head(s->n, s->k), all = (s->bytes - head) / s->size, at = c->at;
    c->at += (size_t)count;
    c->row++;
    if (c->row % TVIS_SPARSE_ROWS == 0 && c->row < s->n)
        c->at = start_of(s, c->row);
    return at <= all && (size_t)count <= all - at ? s->data + head + at * s->size : NULL;
}

tvis_sparse_row tvis_sparse_next(tvis_sparse_cursor *c)
{
    const uint8_t *bits = tvis_sparse_bits(c);
    tvis_sparse_row r = { NULL, bits, count_row(bits, c->s->k), -8, 0 };
    r.values = tvis_sparse_take(c, r.count);
    if (!r.values)
        r.count = 0;
    return r;
}

int32_t tvis_sparse_column(tvis_sparse_row *r)
{
    while (!r->left) {
        r->left = *r->bits++;
        r->base += 8;
    }
    const uint32_t lowest = r->left & (0u - r->left);
    r->left ^= lowest;
    return r->base + (int32_t)tvis_ones(lowest - 1);
}

/* A value of `size` bytes; called with a constant. */
TVIS_INLINE void expand_row(tvis_sparse_row r, const uint32_t size, uint8_t *to)
{
    for (int32_t i = 0; i < r.count; i++, r.values += size)
        memcpy(to + (size_t)tvis_sparse_column(&r) * size, r.values, size);
}

void tvis_sparse_expand(const tvis_sparse *s, int32_t row, int32_t rows, void *out)
{
    const size_t line = (size_t)s->k * s->size;
    tvis_sparse_cursor c = tvis_sparse_seek(s, row);
    uint8_t *to = memset(out, 0, (size_t)rows * line);
    for (int32_t i = 0; i < rows; i++, to += line) {
        const tvis_sparse_row r = tvis_sparse_next(&c);
        if (s->size == 1)
            expand_row(r, 1, to);
        else if (s->size == 2)
            expand_row(r, 2, to);
        else
            expand_row(r, 4, to);
    }
}

static void scatter_halves(tvis_sparse_row r, ptrdiff_t step, float *out)
{
    const uint16_t *value = (const uint16_t *)(const void *)r.values;
    for (int32_t i = 0; i < r.count; i++)
        tvis_half_expand(&value[i], 1, &out[tvis_sparse_column(&r) * step]);
}

static void scatter_floats(tvis_sparse_row r, ptrdiff_t step, float *out)
{
    const float *value = (const float *)(const void *)r.values;
    for (int32_t i = 0; i < r.count; i++)
        out[tvis_sparse_column(&r) * step] = value[i];
}

void tvis_sparse_scatter(const tvis_sparse *s, int32_t row, int32_t rows, ptrdiff_t next, ptrdiff_t step, float *out)
{
    tvis_sparse_cursor c = tvis_sparse_seek(s, row);
    for (int32_t i = 0; i < rows; i++, out += next) {
        if (s->size == 2)
            scatter_halves(tvis_sparse_next(&c), step, out);
        else
            scatter_floats(tvis_sparse_next(&c), step, out);
    }
}
