/* SPDX-License-Identifier: MIT */
/* The inner loops of depthwise_s8_armv6.c. The rules of the ARM1176JZF-S that they follow are named in
 * gemm_s8_tiles_armv6.S; SMLAxy takes the cycles of SMLAD. */
#include "core/asm.h"

#define ROW     40  /* bytes: TVIS_DW_COLUMNS of int16 */
#define CHANNEL 120 /* three of them */
#ifndef TVIS_SMALL_STACK
#define TVIS_SMALL_STACK !__STDC_HOSTED__
#endif
#if TVIS_SMALL_STACK
#define BESIDE  4   /* TVIS_DW_BESIDE: from an output to the next */
#else
#define BESIDE  16
#endif

/* void tvis_dw_spread_armv6(x, c, pixels, words, out, apart)
 * r0, r1: two pixels, r10: apart, r12: out, lr: words to go; the fourth pixel ahead, r3 away the fifth, is brought
 * nearer. Reads whole words within the pixels only. */
FUNCTION tvis_dw_spread_armv6
ldr r12, [sp]
ENTER
ldr r10, [sp, #44]
sub sp, sp, #24
stmia sp, {r0-r3, r12}
add r3, r1, r1, lsl #2
str r3, [sp, #8]
1:
ldr lr, [sp, #12]
pld [r0, r1, lsl #2]
pld [r0, r3]
subs r2, r2, #1
add r1, r0, r1
it eq
moveq r1, r0 /* the last one, twice */
2:
ldr r4, [r0], #4
ldr r5, [r1], #4
subs lr, lr, #1
sxtb16 r6, r4
sxtb16 r8, r4, ror #8
sxtb16 r7, r5
sxtb16 r9, r5, ror #8
pkhbt r4, r6, r7, lsl #16
pkhtb r6, r7, r6, asr #16
pkhbt r5, r8, r9, lsl #16
pkhtb r8, r9, r8, asr #16
STORE_AND_MOVE r4, r12, r10
STORE_AND_MOVE r5, r12, r10
STORE_AND_MOVE r6, r12, r10
STORE_AND_MOVE r8, r12, r10
bne 2b
ldmia sp, {r0, r1, r3}
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

/* Lines of the next channel's rows, from x on: rows of pixels that pass through the cache push some of them out. */
.macro NEXT_CHANNEL channel
.irp line, 8, 40, 72, 104
pld [r0, #\channel + \line]
.endr
.endm

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
pld [r5]
NEXT_CHANNEL CHANNEL
mov r11, r10
.endm

/* Behind the last product: requantizes and stores r10 and r11, moves on. r4, r5: mul and zero. Or stores the sums. */
.macro STORE wide
.if \wide
ldr r4, [sp, #D_END]
str r10, [r1], #4 * BESIDE
str r11, [r1], #4 * BESIDE
.else
smmlar r10, r10, r4, r5
smmlar r11, r11, r4, r5
ldr r4, [sp, #D_END]
ssat r10, #8, r10
ssat r11, #8, r11
strb r10, [r1], #BESIDE
strb r11, [r1], #BESIDE
.endif
cmp r0, r4
ldrd r10, r11, [sp, #D_BIAS]
.endm

.macro END_CHANNELS name, wide
ldr r5, [sp, #D_NEXT]
ldr r0, [sp, #D_X]
ldr r1, [sp, #D_Y]
ldr r2, [sp, #D_LEFT]
ldr r3, [sp, #D_END]
add r0, r0, #CHANNEL
add r1, r1, #1 + 3 * \wide
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

.macro ROWS_OF_STRIDE_1 name, wide
CHANNELS \name, 4
ldrd r2, r3, [r0]
ldrd r4, r5, [r0, #ROW]
2:
PRODUCTS r2, r3, r6, r7
ldrd r2, r3, [r0, #2 * ROW]
PRODUCTS r4, r5, r8, r9
.ifeq \wide
ldrd r4, r5, [sp, #D_MUL]
.endif
PRODUCTS r2, r3, r12, lr
ldrd r2, r3, [r0, #4]!
STORE \wide
ldrd r4, r5, [r0, #ROW]
bne 2b
END_CHANNELS \name, \wide
.endm

ROWS_OF_STRIDE_1 tvis_dw3_stride1_armv6, 0
#ifndef __OPTIMIZE_SIZE__ /* TVIS_LARGE_CODE */
ROWS_OF_STRIDE_1 tvis_dw3_stride1_wide_armv6, 1
#endif

/* A row for two outputs, a word apart. */
.macro PRODUCTS_APART w01, w12
smlad r10, r2, \w01, r10
smlad r11, r4, \w01, r11
smlabt r10, r3, \w12, r10
smlabt r11, r5, \w12, r11
.endm

.macro ROWS_OF_STRIDE_2 name, wide
CHANNELS \name, 8
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
.ifeq \wide
ldrd r4, r5, [sp, #D_MUL]
.endif
ldrd r2, r3, [r0, #8]!
STORE \wide
ldrd r4, r5, [r0, #4]
bne 2b
END_CHANNELS \name, \wide
.endm

ROWS_OF_STRIDE_2 tvis_dw3_stride2_armv6, 0
#ifndef __OPTIMIZE_SIZE__ /* TVIS_LARGE_CODE */
ROWS_OF_STRIDE_2 tvis_dw3_stride2_wide_armv6, 1
#endif

/* 5 x 5. The taps of a channel are copied to the stack: there a register for their address is not needed.
 * Stride 1: r2 to r4: three words of a row, r6 to r9, r12: its taps, r5: mul, lr: zero. */
#define F_TAPS  0   /* 25 words */
#define F_BIAS  104 /* twice */
#define F_END   112
#define F_NEXT  116 /* channel */
#define F_X     120
#define F_Y     124
#define F_LEFT  128 /* channels */
#define F_ZERO  132
#define F_TOP   136 /* bytes in front of the taps for the first place of the ring */
#define F_STEP  140
#define F_MUL   144
#define F_WIDE  148
#define F_BYTES 152
#define CHANNEL5 200
#define TAPS    20 /* bytes of a row */
#define BIAS5    180 /* bytes of taps in front of it */
#define WEIGHTS5 192 /* bytes of tvis_dw_channel5 */

/* A row for two neighbours; then the loads of the next one, at_x bytes from r0 on. */
.macro ROW_OF_5 at_x, at_w
smlad r10, r2, r6, r10
smlatt r11, r2, r12, r11
smlad r10, r3, r7, r10
smlad r11, r3, r8, r11
ldrd r2, r3, [r0, #\at_x]
ldrd r6, r7, [sp, #F_TAPS + \at_w]
smlabb r10, r4, r12, r10
ldr r12, [sp, #F_TAPS + 16 + \at_w]
smlad r11, r4, r9, r11
ldrd r8, r9, [sp, #F_TAPS + 8 + \at_w]
.endm

/* For two that are two columns apart; r5: a fourth word, r8, r9: mul and zero. */
.macro ROW_OF_5_APART at_x, at_w
smlad r10, r2, r6, r10
smlad r11, r3, r6, r11
smlad r10, r3, r7, r10
smlad r11, r4, r7, r11
ldrd r2, r3, [r0, #\at_x]
ldrd r6, r7, [sp, #F_TAPS + \at_w]
smlabb r10, r4, r12, r10
smlabb r11, r5, r12, r11
ldr r12, [sp, #F_TAPS + 16 + \at_w]
.endm

/* Requantizes and stores r10 and r11, or stores them as they are; r4 gets the end. */
.macro STORE_OF_5 mul, zero
ldr r4, [sp, #F_WIDE]
cmp r4, #0
bne 9f
smmlar r10, r10, \mul, \zero
smmlar r11, r11, \mul, \zero
ldr r4, [sp, #F_END]
ssat r10, #8, r10
ssat r11, #8, r11
strb r10, [r1], #BESIDE
strb r11, [r1], #BESIDE
b 10f
9:
str r10, [r1], #4 * BESIDE
str r11, [r1], #4 * BESIDE
ldr r4, [sp, #F_END]
10:
cmp r0, r4
.endm

/* All outputs of a channel. */
.macro OUTPUTS_1
ldrd r2, r3, [r0]
ldr r4, [r0, #8]
7:
.irp row, 1, 2, 3, 4
ROW_OF_5 ROW * \row, \row * TAPS
ldr r4, [r0, #ROW * \row + 8]
.endr
add r0, r0, #4
ROW_OF_5 0, 0
STORE_OF_5 r5, lr
ldr r4, [r0, #8]
.endm

.macro OUTPUTS_2
ldrd r2, r3, [r0]
ldrd r4, r5, [r0, #8]
7:
.irp row, 1, 2, 3, 4
ROW_OF_5_APART ROW * \row, \row * TAPS
ldrd r4, r5, [r0, #ROW * \row + 8]
.endr
add r0, r0, #8
ROW_OF_5_APART 0, 0
STORE_OF_5 r8, r9
ldrd r4, r5, [r0, #8]
.endm

.macro CHANNELS_OF_5 name, stride
FUNCTION \name
ENTER
sub sp, sp, #F_BYTES
ldmia r0, {r0-r7}
mov r4, r4, lsr #1
str r7, [sp, #F_WIDE]
mov r7, #4 * \stride
mul r4, r4, r7
str r0, [sp, #F_X]
str r1, [sp, #F_NEXT]
str r2, [sp, #F_Y]
str r3, [sp, #F_LEFT]
str r4, [sp, #F_STEP]
str r5, [sp, #F_ZERO]
str r6, [sp, #F_TOP]
1:
ldr r0, [sp, #F_NEXT]
ldr r1, [sp, #F_TOP]
mov lr, sp
add r1, r0, r1
ldmia r1!, {r2-r9}
stmia lr!, {r2-r9}
ldmia r1!, {r2-r9}
stmia lr!, {r2-r9}
ldmia r1, {r2-r10}
stmia lr, {r2-r10}
add r2, r0, #BIAS5
ldmia r2, {r11, r12}
add r2, r0, #WEIGHTS5
str r11, [sp, #F_BIAS]
str r11, [sp, #F_BIAS + 4]
str r12, [sp, #F_MUL]
ldr r0, [sp, #F_X]
ldr r3, [sp, #F_STEP]
str r2, [sp, #F_NEXT]
mov r10, r11
ldr r1, [sp, #F_Y]
add r3, r0, r3
str r3, [sp, #F_END]
ldr r4, [sp, #F_TOP]
add r4, r4, r2
.irp line, 0, 32, 64, 96
pld [r4, #\line]
.endr
pld [r2, #BIAS5]
pld [r0, #CHANNEL5 + 136]
pld [r0, #CHANNEL5 + 168]
NEXT_CHANNEL CHANNEL5
ldrd r6, r7, [sp, #F_TAPS]
.if \stride == 1
ldrd r8, r9, [sp, #F_TAPS + 8]
mov r5, r12
ldr lr, [sp, #F_ZERO]
.else
mov r8, r12
ldr r9, [sp, #F_ZERO]
.endif
ldr r12, [sp, #F_TAPS + 16]
OUTPUTS_\stride
ldrd r10, r11, [sp, #F_BIAS]
bne 7b
ldr r0, [sp, #F_X]
ldr r1, [sp, #F_Y]
ldr r2, [sp, #F_LEFT]
ldr r3, [sp, #F_WIDE]
add r0, r0, #CHANNEL5
add r1, r1, #1
cmp r3, #0
it ne
addne r1, r1, #3
subs r2, r2, #1
str r0, [sp, #F_X]
str r1, [sp, #F_Y]
str r2, [sp, #F_LEFT]
bne 1b
add sp, sp, #F_BYTES
LEAVE
END_FUNCTION \name
.endm

CHANNELS_OF_5 tvis_dw5_stride1_armv6, 1
CHANNELS_OF_5 tvis_dw5_stride2_armv6, 2
