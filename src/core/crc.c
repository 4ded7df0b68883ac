/* SPDX-License-Identifier: MIT */
#include "core/blob.h"

/* CRC-32 of ISO 3309, reflected polynomial 0xedb88320, four bits at a time: 64 bytes of table. */
uint32_t tvis_crc32(uint32_t crc, const void *data, size_t n)
{
    static const uint32_t nibble[16] = {
        0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u, 0x4db26158u, 0x5005713cu,
        0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu, 0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
    };
    const uint8_t *p = data;
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        crc = (crc >> 4) ^ nibble[crc & 15u];
        crc = (crc >> 4) ^ nibble[crc & 15u];
    }
    return ~crc;
}

uint32_t tvis_blob_crc(const uint8_t *blob)
{
    const tvis_blob_header *h = (const tvis_blob_header *)(const void *)blob;
    static const uint8_t zero[4] = { 0 };
    size_t at = offsetof(tvis_blob_header, crc);
    uint32_t crc = tvis_crc32(0, blob, at);
    crc = tvis_crc32(crc, zero, sizeof zero);
    at += sizeof zero;
    return tvis_crc32(crc, blob + at, h->tables_end - at);
}
