/* SPDX-License-Identifier: MIT */
/* The smallest scheduler there is: main and two tasks, in turns, each until it yields. */
#ifndef TASK_H
#define TASK_H

#include <stdint.h>

#define TASK_STACK_BYTES 6144 /* 4 KiB is the most that a call of the library takes; the rest is the task's own */

/* Task 0 or 1; `top` is one past the end of its stack, aligned to 8. fn never returns. */
void task_create(uint32_t i, void (*fn)(void), uint32_t *top);
void task_yield(void);

#endif
