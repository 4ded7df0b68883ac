/* SPDX-License-Identifier: MIT */
/* What the examples need of a board: text out, the end, and a count of instructions. mps2.c has it for the boards that
 * qemu emulates, host.c for a computer. On yours: a UART, and the DWT's cycle counter. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

void board_print(const char *text);
/* Does not return; 0: all went well. */
void board_exit(int status);
/* Instructions since start, in thousands; always 0 where nobody counts them. */
uint32_t board_kilo_instructions(void);

#endif
