/* SPDX-License-Identifier: MIT */
#ifdef __linux__
#define TVIS_A32
#include "core/asm.h"

/* int32_t tvis_linux_call_armv6(number, a, b, c): a call of the Linux kernel, EABI; negative: an error. */
FUNCTION tvis_linux_call_armv6
push {r7, lr}
mov r7, r0
mov r0, r1
mov r1, r2
mov r2, r3
svc #0
pop {r7, pc}
END_FUNCTION tvis_linux_call_armv6
#endif
