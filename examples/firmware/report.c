/* SPDX-License-Identifier: MIT */
#include "report.h"
#include "board.h"

static void digits(uint32_t n, uint32_t base, int least)
{
    char text[12];
    int at = sizeof text - 1;
    text[at] = '\0';
    do {
        text[--at] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n || (int)sizeof text - 1 - at < least);
    board_print(text + at);
}

void report_number(const char *before, uint32_t n, const char *after)
{
    board_print(before);
    digits(n, 10, 1);
    board_print(after);
}

void report_hex(const char *before, uint32_t n, const char *after)
{
    board_print(before);
    digits(n, 16, 8);
    board_print(after);
}

void report_check(const char *what, tvis_status status, const tvis_diag *d)
{
    if (!status)
        return;
    board_print(what);
    board_print(": ");
    board_print(tvis_status_name(status));
    board_print(d->subject[0] ? ": " : "");
    board_print(d->subject);
    board_print(d->detail ? ": " : "");
    board_print(d->detail ? d->detail : "");
    board_print("\n");
    board_exit(1);
}

uint32_t report_crc(uint32_t crc, const void *data, size_t bytes)
{
    const uint8_t *p = data;
    crc = ~crc;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}
