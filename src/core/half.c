/* SPDX-License-Identifier: MIT */
#include "core/half.h"
#include "core/port.h"

void tvis_half_expand(const uint16_t *h, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t sign = (uint32_t)(h[i] & 0x8000u) << 16, magnitude = h[i] & 0x7fffu;
        const uint32_t normal = (magnitude << 13) + (112u << 23); /* exponent bias 15 to 127 */
        const float small = (float)(int32_t)magnitude * 0x1p-24f; /* below 2^-14: an integer of 2^-24 */
        uint32_t bits;
        memcpy(&bits, &small, sizeof bits);
        bits = sign | (magnitude < 0x400u ? bits : normal);
        memcpy(&out[i], &bits, sizeof bits);
    }
}

uint16_t tvis_half_from(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000u;
    bits &= 0x7fffffffu;
    if (bits < 113u << 23) { /* below 2^-14: adding 2^-1 leaves the integer of 2^-24 in the mantissa, rounded to even */
        float magnitude;
        memcpy(&magnitude, &bits, sizeof bits);
        magnitude += 0.5f;
        memcpy(&bits, &magnitude, sizeof bits);
        return (uint16_t)(sign | (bits - (126u << 23)));
    }
    bits += 0xfffu + (bits >> 13 & 1u); /* half of the last place that stays, ties to even */
    return (uint16_t)(sign | ((bits - (112u << 23)) >> 13));
}
