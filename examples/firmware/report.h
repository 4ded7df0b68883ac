/* SPDX-License-Identifier: MIT */
/* Text without stdio. */
#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>
#include <stdint.h>
#include <tinyvis/types.h>

void report_number(const char *before, uint32_t n, const char *after);
void report_hex(const char *before, uint32_t n, const char *after);
/* Ends the program where status is not 0: what failed, and how. */
void report_check(const char *what, tvis_status status, const tvis_diag *d);
/* CRC-32 as in zip and PNG, continued from crc. */
uint32_t report_crc(uint32_t crc, const void *data, size_t bytes);

#endif
