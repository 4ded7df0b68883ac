/* SPDX-License-Identifier: MIT */
/* docs/int8.md has the proofs. */
#include "ops/root.h"

tvis_scaled tvis_scaled_of(float v)
{
    union {
        float f;
        uint32_t u;
    } bits = { v };
    const int32_t exponent = (int32_t)(bits.u >> 23 & 0xff);
    const uint32_t digits = bits.u & 0x7fffffu;
    return exponent ? (tvis_scaled){ digits | 0x800000u, exponent - 150 } : (tvis_scaled){ digits, -149 };
}

static uint64_t shifted(uint64_t v, int32_t by)
{
    return by < -63 || by > 63 ? 0 : by < 0 ? v >> -by : v << by;
}

bool tvis_scaled_exceeds(tvis_scaled s, uint64_t v)
{
    return s.mantissa && (tvis_bits(s.mantissa) + s.power > 61 || shifted(s.mantissa, s.power) > v);
}

/* 2^62 / sqrt(v * 2^32), v = 2^30 … 2^32 - 1: three of Newton's steps, from within 3 %. */
static uint32_t inverse_root(uint32_t v)
{
    /* 256 / sqrt(x) - 256 in the middle of each 1/32 from 1/4 on */
    static const uint8_t first[24] = { 241, 214, 191, 171, 154, 138, 124, 112, 101, 90, 81, 72,
                                       64,  56,  49,  43,  37,  31,  25,  20,  15,  11, 6,  2 };
    const uint64_t three = (uint64_t)3 << 30;
    uint64_t y = (uint64_t)(first[(v >> 27) - 8] + 256) << 22;
    for (int i = 0; i < 3; i++)
        y = y * (three - ((y * y >> 30) * v >> 32)) >> 31;
    return (uint32_t)y;
}

tvis_scaled tvis_root_of(uint64_t v, tvis_scaled eps)
{
    const int32_t low = -512, value_bits = v ? tvis_bits(v) : low;
    const int32_t eps_bits = eps.mantissa ? tvis_bits(eps.mantissa) + eps.power : low;
    const int32_t bits = value_bits > eps_bits ? value_bits : eps_bits;
    /* Half the shift that leaves both below 2^61; rounded downwards. */
    int32_t half = (61 + 512 - bits) / 2 - 256;
    uint64_t sum = shifted(v, 2 * half) + shifted(eps.mantissa, eps.power + 2 * half);
    if (sum < (uint64_t)1 << 60) {
        sum <<= 2;
        half++;
    }
    return (tvis_scaled){ inverse_root((uint32_t)(sum >> 30)), half - 61 };
}

int32_t tvis_root_times(tvis_scaled s, uint32_t factor, int32_t power)
{
    const uint64_t product = (uint64_t)s.mantissa * factor;
    const int32_t by = -(s.power + power) + 1; /* to half of the result */
    if (by > 62)
        return 0;
    return (int32_t)((product + ((uint64_t)1 << (by - 1))) >> by) * 2;
}
