/* SPDX-License-Identifier: MIT */
/* CRC-32 as in zip and PNG. */
#ifndef TINYVIS_TOOL_CRC_H
#define TINYVIS_TOOL_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Continued from crc, which starts as 0. */
uint32_t crc32_bytes(uint32_t crc, const void *data, size_t n);

#endif
