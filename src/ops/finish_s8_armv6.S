/* SPDX-License-Identifier: MIT */
/* Sums of two columns to int8 (gemm_s8_armv6.h). The rules of the ARM1176JZF-S are named in gemm_s8_tiles_armv6.S, and
 * of its manual (ARM DDI 0301H, chapter 16) these as well: a shift by a register takes two cycles (16.5); SSAT wants its
 * operand a cycle early, what it gives is there after two; a load whose offset is shifted other than by LSL #2 takes two
 * cycles (16.10). */
#include "core/asm.h"

#define F_LDX 48

/* Two sums of a row, and on to the next one. */
.macro LOAD_SUMS a, b, by, cond
#if defined(__thumb2__) && !defined(TVIS_A32)
.ifnb \cond
itt \cond
.endif
ldrd\cond \a, \b, [r0]
add\cond r0, r0, \by
#else
ldrd\cond \a, \b, [r0], \by
#endif
.endm

/* Sums r8 to r11 of two rows, or r8 and r9 of one, to int8. */
.macro SCALE shifts, rows
.if \shifts
mov r8, r8, lsl r12
mov r9, r9, lsl r12
.if \rows == 2
mov r10, r10, lsl r12
mov r11, r11, lsl r12
.endif
.endif
smmlar r8, r8, r4, r6
smmlar r9, r9, r5, r6
.if \rows == 2
smmlar r10, r10, r4, r6
smmlar r11, r11, r5, r6
.endif
ssat r8, #8, r8
ssat r9, #8, r9
.if \rows == 2
add r7, r1, r2
ssat r10, #8, r10
ssat r11, #8, r11
.endif
strb r8, [r1]
strb r9, [r1, #1]
.if \rows == 2
strb r10, [r7]
strb r11, [r7, #1]
.endif
.endm

.macro FINISH shifts
subs r3, r3, #2
blt 2f
LOAD_SUMS r8, r9, lr
LOAD_SUMS r10, r11, lr
1:
SCALE \shifts, 2
subs r3, r3, #2
add r1, r7, r2
LOAD_SUMS r8, r9, lr, ge
LOAD_SUMS r10, r11, lr, ge
bge 1b
2:
tst r3, #1
beq 3f
ldrd r8, r9, [r0]
SCALE \shifts, 1
3:
LEAVE
.endm

/* void tvis_s8_finish_armv6(f): y = ssat8(zero + R(sum << shift)), which SMMLAR gives at once.
 * r0: sums, r1, r7: y of two rows, r2: ldy, r3: rows, r4, r5: mul, r6: zero, r12: shift, lr: ldx */
FUNCTION tvis_s8_finish_armv6
ENTER
ldr r12, [r0, #28]
ldr lr, [r0, #F_LDX]
ldmia r0, {r0-r6}
#ifndef __OPTIMIZE_SIZE__
cmp r12, #0
bne 4f
FINISH 0
4:
#endif
FINISH 1
END_FUNCTION tvis_s8_finish_armv6

/* void tvis_s8_finish_add_armv6(f): y = ssat8(zero + R(sum << shift) + R'((add - add_zero) << add_shift))
 * r0: sums, r1: y, r2: add, r3: ldy, r4, r5: mul, r6: zero, r7: add_mul, r12: add_zero and the shift in its lowest byte,
 * which is all that a shift looks at, lr: rows and the other shift. On the stack: ldx. */
FUNCTION tvis_s8_finish_add_armv6
ENTER
ldr r10, [r0, #F_LDX]
ldr r2, [r0, #32]
ldr r7, [r0, #36]
ldr lr, [r0, #40]
ldr r12, [r0, #44]
ldr r8, [r0, #28]
ldr r3, [r0, #8]
ldr r9, [r0, #12]
ldr r4, [r0, #16]
ldr r5, [r0, #20]
ldr r6, [r0, #24]
orr r12, r8, r12, lsl #8
ldr r1, [r0, #4]
ldr r0, [r0]
orr lr, lr, r9, lsl #8
str r10, [sp]
1:
LOAD_SUMS r8, r9, r10
ldrsb r10, [r2]
ldrsb r11, [r2, #1]
add r2, r2, r3
mov r8, r8, lsl r12
mov r9, r9, lsl r12
sub r10, r10, r12, asr #8
sub r11, r11, r12, asr #8
smmlar r8, r8, r4, r6
smmlar r9, r9, r5, r6
mov r10, r10, lsl lr
mov r11, r11, lsl lr
smmlar r8, r10, r7, r8
smmlar r9, r11, r7, r9
subs lr, lr, #256
cmp lr, #256
ldr r10, [sp]
ssat r8, #8, r8
ssat r9, #8, r9
strb r8, [r1]
strb r9, [r1, #1]
add r1, r1, r3
bge 1b
LEAVE
END_FUNCTION tvis_s8_finish_add_armv6

/* TVIS_LARGE_CODE */
#ifndef __OPTIMIZE_SIZE__
/* Entries of the table around \v. */
.macro ENTRIES to, v
bic \to, \v, #127
#if defined(__thumb2__) && !defined(TVIS_A32)
asr \to, \to, #6
ldr \to, [r7, \to]
#else
ldr \to, [r7, \to, asr #6]
#endif
.endm

/* tvis_table16_at() and tvis_table16_narrow() of \a and \b, but for the last shift: both products of entries with 128 -
 * rest and rest in one SMLAD, both roundings in r6. */
.macro LOOK_UP a, b
ENTRIES r12, \a
ENTRIES lr, \b
and \a, \a, #127
and \b, \b, #127
rsb \a, \a, \a, lsl #16
rsb \b, \b, \b, lsl #16
add \a, \a, #128
add \b, \b, #128
smlad \a, r12, \a, r6
smlad \b, lr, \b, r6
.endm

.macro FINISH_TABLE shifts
1:
ldr r12, [sp]
cmp r3, #512 /* one row: it is done twice */
it lt
movlt r12, #0
LOAD_SUMS r8, r9, r12
LOAD_SUMS r10, r11, r12
.if \shifts
mov r8, r8, lsl r3
mov r9, r9, lsl r3
mov r10, r10, lsl r3
mov r11, r11, lsl r3
.endif
smmulr r8, r8, r4
smmulr r9, r9, r5
smmulr r10, r10, r4
smmulr r11, r11, r5
ssat r8, #16, r8
ssat r9, #16, r9
ssat r10, #16, r10
ssat r11, #16, r11
LOOK_UP r8, r9
LOOK_UP r10, r11
add r12, r1, r2
it lt
movlt r12, r1
sub r3, r3, #512
ssat r8, #8, r8, asr #15
ssat r9, #8, r9, asr #15
cmp r3, #256
ssat r10, #8, r10, asr #15
ssat r11, #8, r11, asr #15
strb r8, [r1]
strb r9, [r1, #1]
strb r10, [r12]
strb r11, [r12, #1]
add r1, r12, r2
bge 1b
LEAVE
.endm

/* void tvis_s8_finish_table_armv6(f): y = the table's value of ssat16(R(sum << shift)).
 * r0: sums, r1, r12: y of two rows, r2: ldy, r3: rows and the shift in its lowest byte, r4, r5: mul, r6: half of what
 * the table's 16 bits and the seven of its straight lines are more than int8, r7: the table's middle. On the stack: ldx.
 */
FUNCTION tvis_s8_finish_table_armv6
ENTER
ldr r8, [r0, #28]
ldr r7, [r0, #32]
ldr r10, [r0, #F_LDX]
ldmia r0, {r0-r5}
mov r6, #64
add r6, r6, #0x4000
add r7, r7, #512
str r10, [sp]
orr r3, r8, r3, lsl #8
cmp r8, #0
bne 4f
FINISH_TABLE 0
4:
FINISH_TABLE 1
END_FUNCTION tvis_s8_finish_table_armv6
#endif
