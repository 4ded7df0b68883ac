/* SPDX-License-Identifier: MIT */
#include "core/s4.h"
#include "core/half.h"

void tvis_s4_expand(const uint8_t *row, int32_t first, int32_t count, float *out)
{
    const uint8_t *group = row + (size_t)(first / TVIS_S4_GROUP) * TVIS_S4_GROUP_BYTES;
    for (; count > 0; count -= TVIS_S4_GROUP, group += TVIS_S4_GROUP_BYTES, out += TVIS_S4_GROUP) {
        const uint16_t half = (uint16_t)(group[0] | group[1] << 8);
        const int32_t n = count < TVIS_S4_GROUP ? count : TVIS_S4_GROUP;
        float scale;
        tvis_half_expand(&half, 1, &scale);
        for (int32_t i = 0; i < n; i++)
            out[i] = (float)((group[2 + i / 2] >> i % 2 * 4 & 15) - TVIS_S4_ZERO) * scale;
    }
}
