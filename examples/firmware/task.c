/* SPDX-License-Identifier: MIT */
/* A switch saves what a function must keep by the AAPCS, on the stack of the task: r4 to r11, s16 to s31, and where to
 * go on. */
#include "task.h"

enum { TASKS = 3, SAVED = 16 + 9 }; /* main is the last one */

static uint32_t *saved[TASKS];
static uint32_t current = TASKS - 1;

/* void task_switch(uint32_t **from, uint32_t *to) */
__attribute__((naked)) static void task_switch(uint32_t **from, uint32_t *to)
{
    (void)from;
    (void)to;
    __asm__("push {r4-r11, lr}\n\t"
            "vpush {s16-s31}\n\t"
            "str sp, [r0]\n\t"
            "mov sp, r1\n\t"
            "vpop {s16-s31}\n\t"
            "pop {r4-r11, pc}");
}

void task_create(uint32_t i, void (*fn)(void), uint32_t *top)
{
    uint32_t *sp = top - SAVED; /* taken off again before fn begins, on an aligned stack */
    sp[SAVED - 1] = (uint32_t)(uintptr_t)fn;
    saved[i] = sp;
}

void task_yield(void)
{
    const uint32_t from = current;
    current = (current + 1) % TASKS;
    task_switch(&saved[from], saved[current]);
}
