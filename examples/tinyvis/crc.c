/* SPDX-License-Identifier: MIT */
#include "crc.h"

uint32_t crc32_bytes(uint32_t crc, const void *data, size_t n)
{
    uint32_t table[256];
    const uint8_t *p = data;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = (table[i] >> 1) ^ (0xedb88320u & (0u - (table[i] & 1)));
    }
    crc = ~crc;
    for (size_t i = 0; i < n; i++)
        crc = (crc >> 8) ^ table[(crc ^ p[i]) & 0xff];
    return ~crc;
}
