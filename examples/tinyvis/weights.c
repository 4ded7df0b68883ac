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

/* Groups of 32: a half and values of 4 bits, of which 8 stands for zero; docs/blob.md. */
static void count_s4(weight_counts *c, const tvis_weight_info *w)
{
    enum { GROUP = 32, ZERO = 8 };
    const int64_t columns = (int64_t)w->dims[1] * w->dims[2] * w->dims[3];
    const uint8_t *p = w->data;
    for (int32_t row = 0; row < w->dims[0]; row++)
        for (int64_t at = 0; at < columns; at += GROUP) {
            const int n = columns - at < GROUP ? (int)(columns - at) : GROUP;
            const bool scaled = (p[0] | (p[1] & 0x7f)) != 0;
            for (int i = 0; i < n; i++)
                c->nonzero += scaled && (p[2 + i / 2] >> i % 2 * 4 & 15) != ZERO;
            c->elements += (uint64_t)n;
            p += 2 + (n + 3) / 4 * 2;
        }
    c->bytes[TVIS_S4] += w->bytes;
}

void weights_count(weight_counts *c, const tvis_weight_info *w)
{
    const size_t size = tvis_dtype_size((tvis_dtype)w->dtype);
    const uint64_t mask = value_bits(w->dtype);
    const uint8_t *p = w->values;
    uint64_t elements = 1;
    if (w->dtype == TVIS_S4)
        count_s4(c, w);
    if (size == 0)
        return;
    for (int i = 0; i < 4; i++)
        elements *= (uint64_t)w->dims[i];
    c->bytes[w->dtype] += w->bytes;
    c->elements += w->sparse || w->panel ? elements : w->stored;
    const uint32_t period = w->panel + w->between; /* 0: not packed */
    for (uint32_t i = 0; i < w->stored; i++) {
        uint64_t bits = 0;
        if (period && i % period >= w->panel)
            continue;
        memcpy(&bits, p + (size_t)i * size, size); /* little-endian, as every blob and every target */
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
