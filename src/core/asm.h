/* SPDX-License-Identifier: MIT */
/* Beginning and end of a function in assembly, A32, or Thumb-2 where C is that and TVIS_A32 is not defined. Kernels are called from C by the AAPCS: r4 to r11 and d8 to d15 are
 * kept, the stack stays aligned to 8. A PC that is popped goes back to Thumb code as well. */
#ifndef TVIS_CORE_ASM_H
#define TVIS_CORE_ASM_H

#if defined(__linux__) && defined(__ELF__)
.section .note.GNU-stack, "", %progbits
#endif
.syntax unified
#if defined(__thumb2__) && !defined(TVIS_A32)
.thumb
#define THUMB_FUNCTION .thumb_func
#else
.arch armv6
.arm
#define THUMB_FUNCTION
#endif

/* Lines of the instruction cache have 32 bytes: loops that begin with one need fewer of them. */
.macro FUNCTION name
.section .text.\name, "ax", %progbits
.p2align 5
.global \name
.hidden \name
THUMB_FUNCTION
.type \name, %function
\name:
.endm

.macro END_FUNCTION name
.size \name, . - \name
.endm

/* A word to where `at` points, which then moves by the register `by`. */
.macro STORE_AND_MOVE word, at, by
#if defined(__thumb2__) && !defined(TVIS_A32)
str \word, [\at]
add \at, \at, \by
#else
str \word, [\at], \by
#endif
.endm

/* r4 to r11, the return address, and r3 to fill up eight bytes. */
.macro ENTER
push {r3-r11, lr}
.endm

.macro LEAVE
pop {r3-r11, pc}
.endm

#endif
