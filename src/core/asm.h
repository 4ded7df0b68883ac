/* SPDX-License-Identifier: MIT */
/* Beginning and end of a function in assembly, A32. Kernels are called from C by the AAPCS: r4 to r11 and d8 to d15 are
 * kept, the stack stays aligned to 8. A PC that is popped goes back to Thumb code as well. */
#ifndef TVIS_CORE_ASM_H
#define TVIS_CORE_ASM_H

#if defined(__linux__) && defined(__ELF__)
.section .note.GNU-stack, "", %progbits
#endif
.syntax unified
.arch armv6
.arm

/* Lines of the instruction cache have 32 bytes: loops that begin with one need fewer of them. */
.macro FUNCTION name
.section .text.\name, "ax", %progbits
.p2align 5
.global \name
.hidden \name
.type \name, %function
\name:
.endm

.macro END_FUNCTION name
.size \name, . - \name
.endm

/* r4 to r11, the return address, and r3 to fill up eight bytes. */
.macro ENTER
push {r3-r11, lr}
.endm

.macro LEAVE
pop {r3-r11, pc}
.endm

#endif
