/* SPDX-License-Identifier: MIT */
/* Reciprocal square roots of integers, the same bits everywhere. */
#ifndef TVIS_OPS_ROOT_H
#define TVIS_OPS_ROOT_H

#include <stdbool.h>
#include <stdint.h>

/* mantissa * 2^power */
typedef struct tvis_scaled {
    uint32_t mantissa;
    int32_t power;
} tvis_scaled;

/* What is added to a sum of squares, from a float: finite, not negative. */
tvis_scaled tvis_scaled_of(float v);
bool tvis_scaled_exceeds(tvis_scaled s, uint64_t v); /* v < 2^61 */
/* 1 / sqrt(v + eps), of which not both are 0, v < 2^61. The mantissa is 2^30 … 2^31, off by at most 2^-28 of itself. */
tvis_scaled tvis_root_of(uint64_t v, tvis_scaled eps);
/* factor * s * 2^power, rounded to an even number; below 2^31 by the caller's proof. factor: 1 … 2^15 */
int32_t tvis_root_times(tvis_scaled s, uint32_t factor, int32_t power);

/* Bits up to the highest that is set. */
static inline int32_t tvis_bits(uint64_t v)
{
    return v ? 64 - __builtin_clzll(v) : 0;
}

#endif
