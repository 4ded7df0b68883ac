/* SPDX-License-Identifier: MIT */
#include "weights.h"

#include "print.h"

#include <stdio.h>
#include <string.h>

/* Bits of an element that make it non-zero: all, but the sign of a float. */
static uint64_t value_bits(uint8_t dtype)
{
    switch (dtype) {
    case TVIS_F32:
        return 0x7fffffff;
    case TVIS_F16:
    case TVIS_BF16:
        return 0x7fff;
    case TVIS_F64:
        return UINT64_MAX >> 1;
    default:
        return UINT64_MAX;
    }
}

void weights_count(weight_counts *c, const tvis_weight_info *w)
{
    const size_t size = tvis_dtype_size((tvis_dtype)w->dtype);
    const uint64_t mask = value_bits(w->dtype);
    const uint8_t *p = w->data;
    if (size == 0)
        return;
    c->bytes[w->dtype] += w->bytes;
    c->elements += w->bytes / size;
    for (uint32_t at = 0; at + size <= w->bytes; at += (uint32_t)size) {
        uint64_t bits = 0;
        memcpy(&bits, p + at, size); /* little-endian, as every blob and every target */
        c->nonzero += (bits & mask) != 0;
    }
}

weight_counts weights_count_all(const tvis_model *m, uint32_t tensors)
{
    weight_counts c = { 0 };
    tvis_weight_info w;
    for (uint32_t i = 0; i < tensors; i++)
        if (tvis_model_weight(m, i, &w))
            weights_count(&c, &w);
    return c;
}

double weights_sparsity(const weight_counts *c)
{
    return c->elements ? 1 - (double)c->nonzero / (double)c->elements : 0;
}

void weights_json(json *j, const char *key, const weight_counts *c)
{
    json_object(j, key, false);
    for (int i = 0; i < TVIS_DTYPE_COUNT_; i++)
        if (c->bytes[i])
            json_integer(j, tvis_dtype_name((tvis_dtype)i), c->bytes[i]);
    json_end(j);
}

void weights_print(const weight_counts *c)
{
    const char *between = "";
    for (int i = 0; i < TVIS_DTYPE_COUNT_; i++)
        if (c->bytes[i]) {
            printf("%s%s %s", between, tvis_dtype_name((tvis_dtype)i), print_bytes((double)c->bytes[i]));
            between = ", ";
        }
}
