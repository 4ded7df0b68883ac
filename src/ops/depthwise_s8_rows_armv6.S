/* SPDX-License-Identifier: MIT */
/* The inner loops of depthwise_s8_armv6.c. The rules of the ARM1176JZF-S that they follow are named in
 * gemm_s8_tiles_armv6.S; SMLAxy takes the cycles of SMLAD. */
#include "core/asm.h"

#define ROW     40  /* bytes: TVIS_DW_COLUMNS of int16 */
#define CHANNEL 120 /* TVIS_DW_ROWS of them */
#define BESIDE  16  /* TVIS_DW_CHANNELS: from an output to the next */

/* void tvis_dw_spread_armv6(x, c, pixels, words, out)
 * r0, r1: two pixels, r12: out, lr: words to go. Reads whole words within the pixels only. */
FUNCTION tvis_dw_spread_armv6
ldr r12, [sp]
ENTER
sub sp, sp, #24
stmia sp, {r0-r3, r12}
1:
ldr lr, [sp, #12]
subs r2, r2, #1
add r1, r0, r1
moveq r1, r0 /* the last one, twice */
2:
ldr r4, [r0], #4
ldr r5, [r1], #4
subs lr, lr, #1
pld [r1, #96]
sxtb16 r6, r4
sxtb16 r8, r4, ror #8
sxtb16 r7, r5
sxtb16 r9, r5, ror #8
pkhbt r4, r6, r7, lsl #16
pkhtb r6, r7, r6, asr #16
pkhbt r5, r8, r9, lsl #16
pkhtb r8, r9, r8, asr #16
str r4, [r12]
str r5, [r12, #CHANNEL]
str r6, [r12, #2 * CHANNEL]
str r8, [r12, #3 * CHANNEL]
add r12, r12, #4 * CHANNEL
bne 2b
ldmia sp, {r0, r1}
ldr r12, [sp, #16]
subs r2, r2, #1
add r0, r0, r1, lsl #1
add r12, r12, #4
str r0, [sp]
str r12, [sp, #16]
bgt 1b
add sp, sp, #24
LEAVE
END_FUNCTION tvis_dw_spread_armv6

#define D_BIAS  0  /* twice */
#define D_MUL   8  /* and zero */
#define D_END   16
#define D_NEXT  20 /* channel */
#define D_X     24
#define D_Y     28
#define D_LEFT  32 /* channels */
#define D_BYTES 40

/* r0: x, r1: y, r2 … r5: words of two rows, r10, r11: two sums, r6 to r9, r12, lr: taps.
 * `step`: bytes of x for two outputs. On the stack as above. */
.macro CHANNELS name, step
FUNCTION \name
ENTER
sub sp, sp, #D_BYTES
ldmia r0, {r0-r5}
str r5, [sp, #D_MUL + 4]
str r3, [sp, #D_LEFT]
mov r4, r4, lsr #1
mov r6, #\step
mla r7, r4, r6, r0
str r7, [sp, #D_END]
str r0, [sp, #D_X]
str r2, [sp, #D_Y]
mov r5, r1
1:
ldmia r5!, {r6-r9, r12, lr}
ldmia r5!, {r10, r11}
ldr r0, [sp, #D_X]
ldr r1, [sp, #D_Y]
str r10, [sp, #D_BIAS]
str r10, [sp, #D_BIAS + 4]
str r11, [sp, #D_MUL]
str r5, [sp, #D_NEXT]
mov r11, r10
.endm

/* Behind the last product: requantizes and stores r10 and r11, moves on. r4, r5: mul and zero. */
.macro STORE
smmlar r10, r10, r4, r5
smmlar r11, r11, r4, r5
ldr r4, [sp, #D_END]
ssat r10, #8, r10
ssat r11, #8, r11
strb r10, [r1], #BESIDE
strb r11, [r1], #BESIDE
cmp r0, r4
ldrd r10, r11, [sp, #D_BIAS]
.endm

.macro END_CHANNELS name
ldr r5, [sp, #D_NEXT]
ldr r0, [sp, #D_X]
ldr r1, [sp, #D_Y]
ldr r2, [sp, #D_LEFT]
ldr r3, [sp, #D_END]
add r0, r0, #CHANNEL
add r1, r1, #1
subs r2, r2, #1
add r3, r3, #CHANNEL
str r0, [sp, #D_X]
str r1, [sp, #D_Y]
str r2, [sp, #D_LEFT]
str r3, [sp, #D_END]
bne 1b
add sp, sp, #D_BYTES
LEAVE
END_FUNCTION \name
.endm

/* A row of the kernel for the outputs that begin at the lower and at the upper half of word a. */
.macro PRODUCTS a, b, w01, w12
smlad r10, \a, \w01, r10
smlatb r11, \a, \w01, r11
smlabt r10, \b, \w12, r10
smlad r11, \b, \w12, r11
.endm

CHANNELS tvis_dw_stride1_armv6, 4
ldrd r2, r3, [r0]
ldrd r4, r5, [r0, #ROW]
2:
PRODUCTS r2, r3, r6, r7
ldrd r2, r3, [r0, #2 * ROW]
PRODUCTS r4, r5, r8, r9
ldrd r4, r5, [sp, #D_MUL]
PRODUCTS r2, r3, r12, lr
ldrd r2, r3, [r0, #4]!
STORE
ldrd r4, r5, [r0, #ROW]
bne 2b
END_CHANNELS tvis_dw_stride1_armv6

/* A row for two outputs, a word apart. */
.macro PRODUCTS_APART w01, w12
smlad r10, r2, \w01, r10
smlad r11, r4, \w01, r11
smlabt r10, r3, \w12, r10
smlabt r11, r5, \w12, r11
.endm

CHANNELS tvis_dw_stride2_armv6, 8
ldrd r2, r3, [r0]
ldrd r4, r5, [r0, #4]
2:
PRODUCTS_APART r6, r7
ldrd r2, r3, [r0, #ROW]
ldrd r4, r5, [r0, #ROW + 4]
PRODUCTS_APART r8, r9
ldrd r2, r3, [r0, #2 * ROW]
ldrd r4, r5, [r0, #2 * ROW + 4]
PRODUCTS_APART r12, lr
ldrd r4, r5, [sp, #D_MUL]
ldrd r2, r3, [r0, #8]!
STORE
ldrd r4, r5, [r0, #4]
bne 2b
END_CHANNELS tvis_dw_stride2_armv6
