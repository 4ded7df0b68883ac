/* SPDX-License-Identifier: MIT */
#include "core/sparse.h"

static bool is_zero(const uint8_t *x, uint32_t size)
{
    uint8_t any = 0;
    for (uint32_t i = 0; i < size; i++)
        any |= x[i];
    return any == 0;
}

size_t tvis_sparse_bytes(const void *plain, int32_t n, int32_t k, uint32_t size)
{
    const uint8_t *x = plain;
    size_t count = 0;
    for (size_t i = 0; i < (size_t)n * (size_t)k; i++)
        count += !is_zero(x + i * size, size);
    return tvis_sparse_head(n, k) + count * size;
}

void tvis_sparse_compress(const void *plain, int32_t n, int32_t k, uint32_t size, void *out)
{
    const uint8_t *x = plain;
    uint32_t *start = out, count = 0;
    uint8_t *bits = (uint8_t *)(start + tvis_sparse_starts(n)), *values = (uint8_t *)out + tvis_sparse_head(n, k);
    memset(out, 0, tvis_sparse_head(n, k));
    for (int32_t i = 0; i < n; i++, bits += tvis_sparse_row_bytes(k)) {
        if (i % TVIS_SPARSE_ROWS == 0)
            start[i / TVIS_SPARSE_ROWS] = count;
        for (int32_t c = 0; c < k; c++, x += size)
            if (!is_zero(x, size)) {
                bits[c / 8] |= (uint8_t)(1 << c % 8);
                memcpy(values + (size_t)count++ * size, x, size);
            }
    }
}
