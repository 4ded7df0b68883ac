/* SPDX-License-Identifier: MIT */
/* Start-up and output for Arm's MPS2 boards with a Cortex-M4 (AN386), M7 (AN500) or M3 (AN385; it runs code of the
 * M0+), as qemu emulates them. Text goes out by semihosting: a breakpoint that a debugger, or qemu, answers. */
#include "board.h"

#include <stddef.h>

#define CPACR     (*(volatile uint32_t *)0xe000ed88u) /* who may use the floating-point unit, where there is one */
#define SYST_CSR  (*(volatile uint32_t *)0xe000e010u)
#define SYST_RVR  (*(volatile uint32_t *)0xe000e014u)
#define SYST_CVR  (*(volatile uint32_t *)0xe000e018u)
#define TICK_MASK 0xffffffu

/* With -icount shift=0 an instruction takes a nanosecond; SysTick counts at 25 MHz. */
#define INSTRUCTIONS_A_TICK 40u

#define SYS_WRITE0       0x04u
#define SYS_EXIT         0x18u
#define APPLICATION_EXIT 0x20026u
#define RUN_TIME_ERROR   0x20023u

int main(void);
extern uint32_t link_stack_top[], link_data[], link_data_end[], link_data_load[], link_bss[], link_bss_end[];

static volatile uint32_t wraps;

static void semihost(uint32_t operation, uintptr_t argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void board_print(const char *text)
{
    semihost(SYS_WRITE0, (uintptr_t)text);
}

void board_exit(int status)
{
    semihost(SYS_EXIT, status ? RUN_TIME_ERROR : APPLICATION_EXIT);
    for (;;)
        ;
}

uint32_t board_kilo_instructions(void)
{
    uint32_t high, low;
    do {
        high = wraps;
        low = TICK_MASK - SYST_CVR;
    } while (high != wraps);
    return (uint32_t)((((uint64_t)high << 24) + low) * INSTRUCTIONS_A_TICK / 1000);
}

static void on_tick(void)
{
    wraps++;
}

static void on_fault(void)
{
    board_print("fault\n");
    board_exit(1);
}

void board_reset(void)
{
    CPACR |= 0xfu << 20;
    __asm__ volatile("dsb\n\tisb");
    for (uint32_t *to = link_data, *from = link_data_load; to < link_data_end;)
        *to++ = *from++;
    for (uint32_t *to = link_bss; to < link_bss_end;)
        *to++ = 0;
    SYST_RVR = TICK_MASK;
    SYST_CVR = 0;
    SYST_CSR = 7; /* the processor's clock, an exception at 0 */
    board_exit(main());
}

typedef void (*handler)(void);
typedef struct vectors {
    uint32_t *stack;
    handler handler[15];
} vectors;

__attribute__((section(".vectors"), used)) static const vectors table = {
    link_stack_top,
    { board_reset, on_fault, on_fault, on_fault, on_fault, on_fault, NULL, NULL, NULL, NULL, on_fault, on_fault, NULL,
      on_fault, on_tick },
};

/* What the library, and the compiler, take from a C library. Words where both sides have the same alignment. */
void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if ((((uintptr_t)d | (uintptr_t)s) & 3) == 0)
        for (; n >= 4; n -= 4, d += 4, s += 4)
            *(uint32_t *)(void *)d = *(const uint32_t *)(const void *)s;
    while (n--)
        *d++ = *s++;
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if (d <= s)
        return memcpy(to, from, n); /* which goes upwards */
    while (n--)
        d[n] = s[n];
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    uint8_t *d = to;
    while (n--)
        *d++ = (uint8_t)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    for (; n && *x == *y; n--, x++, y++)
        ;
    return n ? *x - *y : 0;
}
