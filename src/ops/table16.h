/* SPDX-License-Identifier: MIT */
/* An activation function of 16 bits: a table of 513 values, 128 steps of the input apart, and straight lines between
 * them. */
#ifndef TVIS_OPS_TABLE16_H
#define TVIS_OPS_TABLE16_H

#include <stdint.h>

#define TVIS_TABLE16_ENTRIES 513

/* x: -32768 … 32767. The result lies between two entries. */
static inline int32_t tvis_table16_at(const int16_t *table, int32_t x)
{
    const int32_t at = (x + 32768) >> 7, rest = (x + 32768) & 127;
    return table[at] + (((table[at + 1] - table[at]) * rest + 64) >> 7);
}

/* For an int8: the table holds 256 times its values. */
static inline int32_t tvis_table16_narrow(int32_t v)
{
    const int32_t y = (v + 128) >> 8;
    return y > INT8_MAX ? INT8_MAX : y;
}

#endif
