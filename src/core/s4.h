/* SPDX-License-Identifier: MIT */
/* Weights of 4 bits as blobs store them (TVIS_S4). A row of a matrix is cut into groups of 32, the last one may be
 * shorter. A group is its scale, an IEEE half, and its values, two a byte, the lower half first: w = (value - 8) *
 * scale. The last group ends with a byte that is not used where that makes the row's bytes even. */
#ifndef TVIS_CORE_S4_H
#define TVIS_CORE_S4_H

#include <stddef.h>
#include <stdint.h>

#define TVIS_S4_GROUP       32
#define TVIS_S4_GROUP_BYTES 18u /* of a whole group */
#define TVIS_S4_ZERO        8   /* the value that stands for 0 */

/* Bytes of a row of so many columns, below 2^33. */
static inline uint64_t tvis_s4_row_bytes(uint64_t columns)
{
    const uint64_t rest = columns % TVIS_S4_GROUP;
    return columns / TVIS_S4_GROUP * TVIS_S4_GROUP_BYTES + (rest ? 2 + (rest + 3) / 4 * 2 : 0);
}

/* Columns [first, first + count) of a row; first is the start of a group. */
void tvis_s4_expand(const uint8_t *row, int32_t first, int32_t count, float *out);

#endif
