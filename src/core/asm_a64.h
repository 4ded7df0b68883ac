/* SPDX-License-Identifier: MIT */
/* Beginning and end of a function in assembly for AArch64. Kernels are called from C by the AAPCS64: x19 to x29 and the lower halves of
 * v8 to v15 are kept, the stack stays aligned to 16. */
#ifndef TVIS_CORE_ASM_A64_H
#define TVIS_CORE_ASM_A64_H

#if defined(__linux__) && defined(__ELF__)
.section .note.GNU-stack, "", %progbits
#endif

.macro FUNCTION name
.section .text.\name, "ax", %progbits
.p2align 6
.global \name
.hidden \name
.type \name, %function
\name:
.endm

.macro END_FUNCTION name
.size \name, . - \name
.endm

/* d8 to d15 to the stack and back. */
.macro KEEP_VECTORS
stp d8, d9, [sp, #-64]!
stp d10, d11, [sp, #16]
stp d12, d13, [sp, #32]
stp d14, d15, [sp, #48]
.endm
.macro RETURN_VECTORS
ldp d10, d11, [sp, #16]
ldp d12, d13, [sp, #32]
ldp d14, d15, [sp, #48]
ldp d8, d9, [sp], #64
ret
.endm

#endif
