/* SPDX-License-Identifier: MIT */
/* The inner loops of gemm_s8_armv6.c, written for the ARM1176JZF-S. What its manual (ARM DDI 0301H, chapter 16) says of
 * cycles and what follows from it here, also on Cortex-M4 and M7:
 * - SMLAD and SXTB16 issue in one cycle and want their operands a cycle early; a sum is ready for the next SMLAD after
 *   two cycles: neighbours add to different sums (16.7, 16.5);
 * - a word that was loaded can be multiplied after four cycles, LDRD of eight aligned bytes takes the memory one cycle:
 *   operands are loaded four slots or more before they are used, into registers that have just become free (16.10);
 * - SMMLAR issues in two cycles, its result is there after four (16.7): four of them side by side;
 * - LDM and STM issue in one cycle and go on beside what follows (16.12);
 * - unaligned LDR is allowed, LDRD and LDM want multiples of four (chapter 4). */
#include "core/asm.h"

#define T_W     0
#define T_END   4
#define T_SUMS  8
#define T_PAIRS 12
#define T_AHEAD 16
#define T_STEP  20
#define T_BIAS  24
#define T_BYTES 32

/* Two by two products of pairs: r0, r1 (or r2, r3) of rows, r4, r5 (or r6, r7) of columns. */
.macro EVEN_STEP
smlad r8, r0, r4, r8
smlad r9, r0, r5, r9
smlad r10, r1, r4, r10
smlad r11, r1, r5, r11
.endm

.macro ODD_STEP
smlad r8, r2, r6, r8
smlad r9, r2, r7, r9
smlad r10, r3, r6, r10
smlad r11, r3, r7, r11
.endm

/* Four numbers of k: 16 products in 12 cycles. The rows are asked for again, a line in two groups: weights that pass
 * through the cache, whose lines are replaced at random, push some of them out. */
.macro GROUP ahead=0
EVEN_STEP
.if \ahead
pld [r12, #\ahead]
.endif
ldrd r0, r1, [r12], #8
ldrd r4, r5, [lr], #8
ODD_STEP
ldrd r2, r3, [r12], #8
ldrd r6, r7, [lr], #8
.endm

/* As GROUP, and back to `to` unless the columns end; the end is loaded into a register that is free for a while. */
.macro LAST_GROUP to
EVEN_STEP
ldr r0, [sp, #T_END]
ldrd r4, r5, [lr], #8
smlad r8, r2, r6, r8
smlad r9, r2, r7, r9
smlad r10, r3, r6, r10
cmp lr, r0
ldrd r0, r1, [r12], #8
smlad r11, r3, r7, r11
ldrd r2, r3, [r12], #8
ldrd r6, r7, [lr], #8
bne \to
.endm

/* All pairs of rows, `groups` groups in a round. r12 walks over x, lr over the columns, again for each pair; r6, r7:
 * what to bring nearer, and by how much it moves; r2: the sums. They are loaded before the branch, used behind it. */
.macro ALL_PAIRS first, groups
1:
ldr lr, [sp, #T_W]
.if \first
ldrd r8, r9, [sp, #T_BIAS]
.else
ldmia r2, {r8-r11}
.endif
ldrd r0, r1, [r12], #8
pld [r6]
pld [r6, #32]
ldrd r4, r5, [lr], #8
add r6, r6, r7
ldrd r2, r3, [r12], #8
str r6, [sp, #T_AHEAD]
.if \first
mov r10, r8
mov r11, r9
.endif
ldrd r6, r7, [lr], #8
2:
GROUP 152
.if \groups == 4
GROUP
GROUP 152
.endif
LAST_GROUP 2b
ldr r0, [sp, #T_SUMS]
ldr r1, [sp, #T_PAIRS]
ldr r6, [sp, #T_AHEAD]
ldr r7, [sp, #T_STEP]
sub r12, r12, #16
subs r1, r1, #1
stmia r0!, {r8-r11}
str r1, [sp, #T_PAIRS]
mov r2, r0
str r0, [sp, #T_SUMS]
bne 1b
.endm

/* The branch is taken when lr is 8 behind the last group but one. */
.macro TILES name, first
FUNCTION \name
ENTER
sub sp, sp, #T_BYTES
ldmia r0, {r1-r9}
mov r12, r1
sub r0, r3, r2
add r3, r3, #8
stmia sp, {r2-r9}
mov r2, r4
tst r0, #63
bne 3f
ALL_PAIRS \first, 4
add sp, sp, #T_BYTES
LEAVE
3:
ALL_PAIRS \first, 2
add sp, sp, #T_BYTES
LEAVE
END_FUNCTION \name
.endm

TILES tvis_s8_tiles_first_armv6, 1
TILES tvis_s8_tiles_next_armv6, 0

/* Words \a and \b, four int8 each, to four pairs, one after the other's. Clobbers r8 to r11. */
.macro EXPAND a, b
sxtb16 r8, \a
sxtb16 r10, \a, ror #8
sxtb16 r9, \b
sxtb16 r11, \b, ror #8
stmia r12!, {r8-r11}
.endm

/* void tvis_s8_expand_rows_armv6(x, ldx, pairs, k, out, stride)
 * r4, r5: two rows, lr: where whole eights of the first end, r12: out. On the stack: r1 ldx, r2 pairs, r3 k, then what
 * ENTER left. r1: how far ahead rows are brought nearer: short ones, where the next pair stands. Reads no byte before
 * x + k - 4 or past x + k. */
FUNCTION tvis_s8_expand_rows_armv6
ldr r12, [sp]
ENTER
sub sp, sp, #16
stmia sp, {r1-r3}
1:
ldr r3, [sp, #8]
ldr r1, [sp]
str r12, [sp, #12]
bic lr, r3, #7
mov r4, r0
add r5, r0, r1
cmp r3, #128
ite le
movle r1, r1, lsl #1
movgt r1, #120
adds lr, r0, lr
cmp lr, r4
beq 3f
2:
ldr r6, [r4], #4
ldr r7, [r5], #4
ldr r2, [r4], #4
ldr r3, [r5], #4
pld [r4, r1]
pld [r5, r1]
EXPAND r6, r7
cmp r4, lr
EXPAND r2, r3
bne 2b
ldr r3, [sp, #8]
3:
tst r3, #4
beq 4f
ldr r6, [r4], #4
ldr r7, [r5], #4
EXPAND r6, r7
4:
ands r3, r3, #3
beq 5f
sub r3, r3, #4
ldr r6, [r4, r3]
ldr r7, [r5, r3]
EXPAND r6, r7
5:
ldr r12, [sp, #12]
ldr r3, [sp, #60]
ldr r2, [sp, #4]
ldr r1, [sp]
add r12, r12, r3
subs r2, r2, #1
add r0, r0, r1, lsl #1
str r2, [sp, #4]
bne 1b
add sp, sp, #16
LEAVE
END_FUNCTION tvis_s8_expand_rows_armv6

/* void tvis_s8_expand_panel_armv6(w, groups, out, padded) */
FUNCTION tvis_s8_expand_panel_armv6
ENTER
mov r12, r2
sub r3, r3, r1
subs r1, r1, #2
blt 2f
1:
ldmia r0!, {r4-r7}
pld [r0, #112]
subs r1, r1, #2
EXPAND r4, r5
EXPAND r6, r7
bge 1b
2:
tst r1, #1
beq 3f
ldmia r0!, {r4-r5}
EXPAND r4, r5
3:
mov r8, #0
mov r9, #0
mov r10, #0
mov r11, #0
4:
subs r3, r3, #1
it ge
stmiage r12!, {r8-r11}
bgt 4b
LEAVE
END_FUNCTION tvis_s8_expand_panel_armv6

/* A word of four weights, expanded and multiplied with two pairs of the row. */
.macro COLUMN sum, w, even, odd
sxtb16 r12, \w
sxtb16 lr, \w, ror #8
smlad \sum, r12, \even, \sum
smlad \sum, lr, \odd, \sum
.endm

/* void tvis_s8_row_armv6(x, groups, w, stride, panels, sums)
 * r0: x, r1: w, r2, r3: sums. On the stack: x, where whole pairs of groups end, w, stride. The columns lie behind each
 * other: their lines are asked for in time, memory is what limits this. */
FUNCTION tvis_s8_row_armv6
ENTER
sub sp, sp, #16
bic r4, r1, #1
and r7, r1, #1
add r4, r0, r4, lsl #3
mov r5, r2
mov r6, r3
orr r6, r6, r7 /* stride is a multiple of four */
stmia sp, {r0, r4, r5, r6}
mov r1, r2
1:
ldr r0, [sp]
ldr r12, [sp, #4]
mov r2, #0
mov r3, #0
cmp r0, r12
beq 3f
2:
ldmia r1!, {r4-r7}
ldmia r0!, {r8-r11}
pld [r1, #112]
sxtb16 r12, r4
sxtb16 lr, r5
smlad r2, r12, r8, r2
smlad r3, lr, r8, r3
sxtb16 r12, r4, ror #8
sxtb16 lr, r5, ror #8
ldr r5, [sp, #4]
smlad r2, r12, r9, r2
smlad r3, lr, r9, r3
sxtb16 r12, r6
sxtb16 lr, r7
smlad r2, r12, r10, r2
smlad r3, lr, r10, r3
sxtb16 r12, r6, ror #8
sxtb16 lr, r7, ror #8
cmp r0, r5
smlad r2, r12, r11, r2
smlad r3, lr, r11, r3
bne 2b
3:
ldr r6, [sp, #12]
tst r6, #1
beq 4f
ldmia r1, {r4-r5}
ldmia r0, {r8-r9}
COLUMN r2, r4, r8, r9
COLUMN r3, r5, r8, r9
4:
ldr r12, [sp, #60]
ldr lr, [sp, #56]
ldr r5, [sp, #8]
bic r6, r6, #1
stmia r12!, {r2, r3}
add r1, r5, r6
subs lr, lr, #1
str r12, [sp, #60]
str lr, [sp, #56]
str r1, [sp, #8]
bne 1b
add sp, sp, #16
LEAVE
END_FUNCTION tvis_s8_row_armv6
