/* SPDX-License-Identifier: MIT */
/* The examples on a computer: the same text, and the same checksums. */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>

void board_print(const char *text)
{
    if (fputs(text, stdout) < 0)
        exit(1);
}

void board_exit(int status)
{
    exit(status || fflush(stdout) ? 1 : 0);
}

uint32_t board_kilo_instructions(void)
{
    return 0;
}
