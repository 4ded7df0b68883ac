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
#define BESIDE  32
#endif

#define S_X      0
#define S_C      4
#define S_LEFT   8 /* pixels */
#define S_WORDS  12
#define S_OUT    16
#define S_FIFTH  20
#define S_BYTES  24
#define S_APART  68 /* arguments */
#define S_BESIDE 72

/* Words of four channels of two pixels to pairs; r4 to r9 are overwritten. */
.macro SPREAD a, b
sxtb16 r6, \a
sxtb16 r8, \a, ror #8
sxtb16 r7, \b
sxtb16 r9, \b, ror #8
pkhbt r4, r6, r7, lsl #16
STORE_AND_MOVE r4, r12, r10
pkhbt r5, r8, r9, lsl #16
STORE_AND_MOVE r5, r12, r10
pkhtb r6, r7, r6, asr #16
STORE_AND_MOVE r6, r12, r10
pkhtb r8, r9, r8, asr #16
STORE_AND_MOVE r8, r12, r10
.endm

/* void tvis_dw_spread_armv6(x, c, pixels, words, out, apart, beside)
 * r0, r1: two pixels, r10: apart, r12: out, lr: words to go; the fourth and the fifth pixel ahead are brought nearer.
 * Reads whole words within the pixels only. */
FUNCTION tvis_dw_spread_armv6
ldr r12, [sp]
ENTER
sub sp, sp, #S_BYTES
ldr r10, [sp, #S_APART]
stmia sp, {r0-r3, r12}
add r3, r1, r1, lsl #2
str r3, [sp, #S_FIFTH]
1:
ldr lr, [sp, #S_WORDS]
pld [r0, r1, lsl #2]
pld [r0, r3]
subs r2, r2, #1
add r1, r0, r1
it eq
ldreq r1, [sp, #S_BESIDE]
#ifdef __OPTIMIZE_SIZE__
2:
ldr r4, [r0], #4
ldr r5, [r1], #4
subs lr, lr, #1
SPREAD r4, r5
bne 2b
#else
str r2, [sp, #S_LEFT]
tst lr, #1
beq 2f
ldr r4, [r0], #4
ldr r5, [r1], #4
SPREAD r4, r5
subs lr, lr, #1
beq 3f
2:
ldr r4, [r0], #4
ldr r5, [r1], #4
ldr r2, [r0], #4
ldr r3, [r1], #4
SPREAD r4, r5
subs lr, lr, #2
SPREAD r2, r3
bne 2b
3:
ldr r2, [sp, #S_LEFT]
#endif
ldmia sp, {r0, r1}
ldr r12, [sp, #S_OUT]
ldr r3, [sp, #S_FIFTH]
subs r2, r2, #1
add r0, r0, r1, lsl #1
add r12, r12, #4
str r0, [sp, #S_X]
str r12, [sp, #S_OUT]
bgt 1b
add sp, sp, #S_BYTES
LEAVE
END_FUNCTION tvis_dw_spread_armv6

#define D_BIAS   4
#define D_MUL    8
#define D_ZERO   12
#define D_END    16
#define D_NEXT   20 /* channel */
#define D_X      24
#define D_Y      28 /* of the channel */
#define D_LEFT   32 /* channels */
#define D_AT     36 /* y of the next output */
#define D_STEP   40 /* bytes of x for all outputs */
#define D_AHEAD  44
#define D_APART  48
#define D_TURN   52
#define D_BESIDE 56 /* bytes of y from a channel to the next */
#define D_BYTES  64
#define R_AHEAD  32 /* in tvis_dw_rows, and `apart` behind it */

.macro BEGIN name, stride
FUNCTION \name
ENTER
sub sp, sp, #D_BYTES
ldr r8, [r0, #R_AHEAD]
ldr r9, [r0, #R_AHEAD + 4]
ldmia r0, {r0-r7}
mov r4, r4, lsl #\stride
add r7, r7, r7, lsl #1
add r7, r7, #1
str r0, [sp, #D_X]
str r2, [sp, #D_Y]
str r3, [sp, #D_LEFT]
str r4, [sp, #D_STEP]
str r5, [sp, #D_ZERO]
str r6, [sp, #D_TURN]
str r7, [sp, #D_BESIDE]
str r8, [sp, #D_AHEAD]
str r9, [sp, #D_APART]
mov r3, r8
.endm

/* r0: x, r1: the next channel, r3: pixels ahead, r6, r7: bias and mul; r7 gets the bias. Lines of the next channel's rows are asked for,
 * as rows of pixels that pass through the cache push some of them out, and one of a later row of pixels. */
.macro CHANNEL_BEGINS bytes
.irp line, 8, 40, 72, 104
pld [r0, #\bytes + \line]
.endr
pld [r3]
#ifndef __OPTIMIZE_SIZE__
pld [r3, #28]
#endif
ldr r2, [sp, #D_Y]
ldr r5, [sp, #D_APART]
ldr r4, [sp, #D_STEP]
str r1, [sp, #D_NEXT]
str r6, [sp, #D_BIAS]
add r3, r3, r5
ldr r5, [sp, #D_BESIDE]
str r7, [sp, #D_MUL]
str r3, [sp, #D_AHEAD]
str r2, [sp, #D_AT]
add r4, r0, r4
add r2, r2, r5
str r4, [sp, #D_END]
str r2, [sp, #D_Y]
mov r7, r6
.endm

.macro END_CHANNELS name, bytes
ldr r2, [sp, #D_LEFT]
ldr r0, [sp, #D_X]
ldr r1, [sp, #D_NEXT]
ldr r3, [sp, #D_AHEAD]
subs r2, r2, #1
add r0, r0, #\bytes
str r2, [sp, #D_LEFT]
str r0, [sp, #D_X]
bne 1b
add sp, sp, #D_BYTES
LEAVE
END_FUNCTION \name
.endm

/* Four sums to where y points, and that to the next ones. */
.macro STORE_SUMS y, end
str r4, [\y]
ldr \end, [sp, #D_END]
str r5, [\y, #4 * BESIDE]
str r6, [\y, #8 * BESIDE]
str r7, [\y, #12 * BESIDE]
add \y, \y, #16 * BESIDE
.endm

.macro SCALE mul, zero
smmlar r4, r4, \mul, \zero
smmlar r5, r5, \mul, \zero
smmlar r6, r6, \mul, \zero
smmlar r7, r7, \mul, \zero
.endm

.macro STORE_BYTES y, end
ssat r4, #8, r4
ssat r5, #8, r5
ssat r6, #8, r6
ssat r7, #8, r7
strb r4, [\y]
ldr \end, [sp, #D_END]
strb r5, [\y, #BESIDE]
strb r6, [\y, #2 * BESIDE]
strb r7, [\y, #3 * BESIDE]
add \y, \y, #4 * BESIDE
.endm

/* 3 x 3. r0: x, r1 to r3: words of a row, then r1: y, r2, r3: mul and zero, r4 to r7: four sums, r8 to r12, lr: taps;
 * r7 holds the bias in front of the first product. */
.macro CHANNELS name, stride
BEGIN \name, \stride
1:
ldmia r1!, {r8-r12, lr}
ldmia r1!, {r6, r7}
CHANNEL_BEGINS CHANNEL
pld [r1]
ldrd r2, r3, [r0]
2:
ldr r1, [r0, #8]
.endm

/* Behind the last product: requantizes and stores four sums, or stores them as they are, and moves on to the next ones,
 * `step` bytes of x away. */
.macro STORE step, wide, mul, zero
.ifeq \wide
SCALE \mul, \zero
.endif
ldr r1, [sp, #D_AT]
ldrd r2, r3, [r0, #\step]!
.if \wide
STORE_SUMS r1, r4
.else
STORE_BYTES r1, r4
.endif
ldr r7, [sp, #D_BIAS]
str r1, [sp, #D_AT]
cmp r0, r4
bne 2b
.endm

/* A row of the kernel for four neighbours, of which words r2, r3 and r1 hold the pixels; then the loads of the next one,
 * `at` bytes from r0 on. \a to \d: what its products are added to. */
.macro PRODUCTS w01, w12, at, a, b, c, d, wide
smlad r4, r2, \w01, \a
smlatb r5, r2, \w01, \b
smlad r6, r3, \w01, \c
smlatb r7, r3, \w01, \d
smlabt r4, r3, \w12, r4
smlad r5, r3, \w12, r5
.if \at
ldrd r2, r3, [r0, #\at]
.else
.ifeq \wide
ldrd r2, r3, [sp, #D_MUL]
.endif
.endif
smlabt r6, r1, \w12, r6
smlad r7, r1, \w12, r7
.if \at
ldr r1, [r0, #\at + 8]
.endif
.endm

.macro ROWS_OF_STRIDE_1 name, wide
CHANNELS \name, 1
PRODUCTS r8, r9, ROW, r7, r7, r7, r7, \wide
PRODUCTS r10, r11, 2 * ROW, r4, r5, r6, r7, \wide
PRODUCTS r12, lr, 0, r4, r5, r6, r7, \wide
STORE 8, \wide, r2, r3
END_CHANNELS \name, CHANNEL
.endm

ROWS_OF_STRIDE_1 tvis_dw3_stride1_armv6, 0
#ifndef __OPTIMIZE_SIZE__ /* TVIS_LARGE_CODE */
ROWS_OF_STRIDE_1 tvis_dw3_stride1_wide_armv6, 1
#endif

/* A row for four outputs, a word apart: words 0, 1 and 2 of it are in r2, r3 and r1, which get those of the next. Last
 * of all r1 and r2 get mul and zero. */
.macro PRODUCTS_APART w01, w12, row, wide
.if \row
smlad r6, r1, \w01, r6
smlabt r5, r1, \w12, r5
.if \row < 2
ldr r1, [r0, #ROW * (\row + 1) + 8]
.else
.ifeq \wide
ldr r1, [sp, #D_MUL]
.endif
.endif
smlad r4, r2, \w01, r4
ldr r2, [r0, #ROW * \row + 12]
smlad r5, r3, \w01, r5
smlabt r4, r3, \w12, r4
ldr r3, [r0, #ROW * \row + 16]
.else
smlad r4, r2, \w01, r7
ldr r2, [r0, #12]
smlad r5, r3, \w01, r7
smlabt r4, r3, \w12, r4
ldr r3, [r0, #16]
smlad r6, r1, \w01, r7
smlabt r5, r1, \w12, r5
ldr r1, [r0, #ROW + 8]
.endif
smlad r7, r2, \w01, r7
smlabt r6, r2, \w12, r6
.if \row < 2
ldr r2, [r0, #ROW * (\row + 1)]
.else
.ifeq \wide
ldr r2, [sp, #D_ZERO]
.endif
.endif
smlabt r7, r3, \w12, r7
.if \row < 2
ldr r3, [r0, #ROW * (\row + 1) + 4]
.endif
.endm

.macro ROWS_OF_STRIDE_2 name, wide
CHANNELS \name, 2
PRODUCTS_APART r8, r9, 0, \wide
PRODUCTS_APART r10, r11, 1, \wide
PRODUCTS_APART r12, lr, 2, \wide
STORE 16, \wide, r1, r2
END_CHANNELS \name, CHANNEL
.endm

ROWS_OF_STRIDE_2 tvis_dw3_stride2_armv6, 0
#ifndef __OPTIMIZE_SIZE__ /* TVIS_LARGE_CODE */
ROWS_OF_STRIDE_2 tvis_dw3_stride2_wide_armv6, 1
#endif

/* 5 x 5. r0 to r3: words of a row, r4 to r7: four sums, r8 to r11: taps of the row, r12: x, lr: taps of the first row in
 * memory. */
#define CHANNEL5 200
#define TAPS     16  /* bytes of a row */
#define BIAS5    144 /* bytes of taps in front of it */
#define WEIGHTS5 152 /* bytes of tvis_dw_channel5 */

/* A row for four neighbours; then the loads of the next one, at_x and at_w bytes from x and taps on. Of the row behind the
 * last one, which is the first of the next outputs, half is loaded. */
.macro ROW_OF_5 at_x, at_w, a, b, c, last
smlad r4, r0, r8, \a
smlatb r5, r0, r8, \b
smlad r6, r1, r8, \c
smlatb r7, r1, r8, r7
smlad r4, r1, r9, r4
smlad r5, r1, r10, r5
ldrd r0, r1, [r12, #\at_x]
smlad r6, r2, r9, r6
smlad r7, r2, r10, r7
ldrd r8, r9, [lr, #\at_w]
.if \last
ldr r10, [sp, #D_AT]
.endif
smlabt r4, r2, r11, r4
smlad r5, r2, r11, r5
smlabt r6, r3, r11, r6
smlad r7, r3, r11, r7
.ifeq \last
ldrd r2, r3, [r12, #\at_x + 8]
ldrd r10, r11, [lr, #\at_w + 8]
.endif
.endm

.macro OUTPUTS_1
ldrd r0, r1, [r12]
ldrd r2, r3, [r12, #8]
ldrd r8, r9, [lr]
2:
ldrd r10, r11, [lr, #8]
ROW_OF_5 ROW, TAPS, r7, r7, r7, 0
ROW_OF_5 2 * ROW, 2 * TAPS, r4, r5, r6, 0
ROW_OF_5 3 * ROW, 3 * TAPS, r4, r5, r6, 0
ROW_OF_5 4 * ROW, 4 * TAPS, r4, r5, r6, 0
ROW_OF_5 8, 0, r4, r5, r6, 1
.endm

/* For four that are two columns apart: words 0 to 3 of their row are in r0 to r3. */
.macro ROW_OF_5_APART row, at_x, at_w, a, b, c, last
smlad r6, r2, r8, \c
smlad r5, r2, r9, \b
smlad r4, r0, r8, \a
smlad r7, r3, r8, r7
smlad r6, r3, r9, r6
smlad r5, r1, r8, r5
smlad r4, r1, r9, r4
ldrd r0, r1, [r12, #ROW * \row + 16]
smlabt r5, r3, r10, r5
smlabt r4, r2, r10, r4
.ifeq \last
ldrd r2, r3, [r12, #\at_x + 8]
.endif
smlad r7, r0, r9, r7
smlabt r6, r0, r10, r6
ldrd r8, r9, [lr, #\at_w]
smlabt r7, r1, r10, r7
ldrd r0, r1, [r12, #\at_x]
.if \last
ldr r10, [sp, #D_AT]
.else
ldr r10, [lr, #\at_w + 12]
.endif
.endm

.macro OUTPUTS_2
ldrd r0, r1, [r12]
ldrd r2, r3, [r12, #8]
ldrd r8, r9, [lr]
2:
ldr r10, [lr, #12]
ROW_OF_5_APART 0, ROW, TAPS, r7, r7, r7, 0
ROW_OF_5_APART 1, 2 * ROW, 2 * TAPS, r4, r5, r6, 0
ROW_OF_5_APART 2, 3 * ROW, 3 * TAPS, r4, r5, r6, 0
ROW_OF_5_APART 3, 4 * ROW, 4 * TAPS, r4, r5, r6, 0
ROW_OF_5_APART 4, 16, 0, r4, r5, r6, 1
.endm

.macro CHANNELS_OF_5 name, stride
BEGIN \name, \stride
1:
ldr r12, [sp, #D_TURN]
ldr r6, [r1, #BIAS5]
ldr r7, [r1, #BIAS5 + 4]
add lr, r1, r12
add r1, r1, #WEIGHTS5
CHANNEL_BEGINS CHANNEL5
mov r12, r0
.irp line, 136, 168
pld [r0, #CHANNEL5 + \line]
.endr
.irp line, 0, 32, 64
pld [lr, #WEIGHTS5 + \line]
.endr
OUTPUTS_\stride
ldr r11, [sp, #D_BESIDE]
ldrd r2, r3, [sp, #D_MUL]
add r12, r12, #8 * \stride
cmp r11, #1
bne 3f
SCALE r2, r3
STORE_BYTES r10, r11
b 4f
3:
STORE_SUMS r10, r11
4:
str r10, [sp, #D_AT]
ldr r7, [sp, #D_BIAS]
ldrd r2, r3, [r12, #8]
cmp r12, r11
bne 2b
END_CHANNELS \name, CHANNEL5
.endm

CHANNELS_OF_5 tvis_dw5_stride1_armv6, 1
CHANNELS_OF_5 tvis_dw5_stride2_armv6, 2
