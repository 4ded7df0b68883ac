/* SPDX-License-Identifier: MIT */
/* What Linux tells of the processor at the moment: timings mean little without it on boards that throttle. */
#ifndef TVB_BOARD_H
#define TVB_BOARD_H

/* "when: 1000 MHz, governor performance, 48.3 C" on stderr, with what there is of it; nothing where there is nothing. */
void tvb_print_board(const char *when);

#endif
