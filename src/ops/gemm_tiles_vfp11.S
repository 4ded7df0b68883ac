/* SPDX-License-Identifier: MIT */
/* The inner loops of gemm_vfp11.c, for the VFP11 of ARM11 processors. With FPSCR.LEN at 4, an FMACS whose registers are
 * not in s0 to s7 makes four products with one issue; its last operand, when in s0 to s7, is the same for all four.
 * What the manuals (ARM DDI 0301H, chapters 16, 18 to 22) say and what follows:
 * - a vector of four takes the multiplier four cycles, a sum can be added to after eight: 16 sums, four vectors in turn,
 *   leave no gap, and three slots of four are free for everything else;
 * - loads go on beside the products; registers that a vector still reads hold back a load into them: a register is
 *   loaded one FMACS later than its last use, and eight cycles or more before the next;
 * - FMRX and FMXR wait for all that is under way: FPSCR is written once for a whole panel;
 * - flush to zero and default NaN (RunFast) keep the kernel from being called for denormals. So what is not a number
 *   has the bits 0x7fc00000 here, and integer comparisons make the limits;
 * - Linux clears LEN for signal handlers and brings it back (arch/arm/vfp). */
#define TVIS_A32
#include "core/asm.h"
.fpu vfpv2

#define T_X      0
#define T_Y      8
#define T_LDX    16
#define T_W      24
#define T_FROM   28
#define T_BIAS   32
#define T_AHEAD  36
#define T_STEP   40
#define T_TILES  44
#define T_HI     48
#define T_FLAGS  52
#define T_PAIRS  56
#define T_NEXT_W 60
#define T_FIRST  64  /* row of x */
#define T_FPSCR  68
#define T_SUMS   72  /* of the tile that waits for its limits */
#define T_ROWS   136 /* of y that they belong to; the first is 0 before there are any */
#define T_NEXT   152 /* rows of y of the tile that is made */
#define T_BYTES  168
#define TAIL     4   /* pairs */

#define RUN_FAST 0x03000000 /* flush to zero, default NaN */
#define LENGTH_4 0x00030000

/* Two of k for a tile: r0 to r3 walk over rows of x, r4 over w, r6 over what comes later. Rows of x come to a new line
 * in turn. */
.macro PAIR
fmacs s16, s8, s0
fldmias r4!, {s12-s15}
pld [r4, #112]
fmacs s20, s8, s2
fldmias r3!, {s6-s7}
pld [r0, #64]
fmacs s24, s8, s4
pld [r1, #72]
pld [r6]
fmacs s28, s8, s6
pld [r2, #80]
fmacs s16, s12, s1
fldmias r4!, {s8-s11}
pld [r3, #88]
fmacs s20, s12, s3
fldmias r0!, {s0-s1}
cmp r4, r5
fmacs s24, s12, s5
fldmias r1!, {s2-s3}
add r6, r6, r7
fmacs s28, s12, s7
fldmias r2!, {s4-s5}
.endm

.macro NEAR at:vararg
.ifnb \at
pld [\at]
.endif
.endm

/* One of the last pairs, or of a few. p0 … p5: addresses of what the next tile begins with. */
.macro PAIR_OF_TAIL next, p0, p1, p2, p3, p4, p5
fmacs s16, s8, s0
fldmias r4!, {s12-s15}
NEAR \p0
fmacs s20, s8, s2
fldmias r3!, {s6-s7}
NEAR \p1
fmacs s24, s8, s4
NEAR \p2
fmacs s28, s8, s6
NEAR \p3
fmacs s16, s12, s1
.if \next
fldmias r4!, {s8-s11}
.endif
NEAR \p4
fmacs s20, s12, s3
.if \next
fldmias r0!, {s0-s1}
.endif
NEAR \p5
fmacs s24, s12, s5
.if \next
fldmias r1!, {s2-s3}
.endif
fmacs s28, s12, s7
.if \next
fldmias r2!, {s4-s5}
.endif
.endm
/* As PAIR, and beside it one row of the tile before, from lr on: 0 … hi. r7: infinity, r12: hi. */
.macro PAIR_AND_ROW row
fmacs s16, s8, s0
fldmias r4!, {s12-s15}
pld [r\row, #64]
ldmia lr!, {r8-r11}
ldr r6, [sp, #T_ROWS + 4 * \row]
fmacs s20, s8, s2
fldmias r3!, {s6-s7}
usat r8, #31, r8
usat r9, #31, r9
fmacs s24, s8, s4
usat r10, #31, r10
usat r11, #31, r11
cmp r8, r12
fmacs s28, s8, s6
cmpgt r7, r8
movge r8, r12
cmp r9, r12
fmacs s16, s12, s1
fldmias r4!, {s8-s11}
cmpgt r7, r9
movge r9, r12
fmacs s20, s12, s3
fldmias r0!, {s0-s1}
cmp r10, r12
cmpgt r7, r10
fmacs s24, s12, s5
fldmias r1!, {s2-s3}
movge r10, r12
cmp r11, r12
fmacs s28, s12, s7
fldmias r2!, {s4-s5}
cmpgt r7, r11
movge r11, r12
stmia r6, {r8-r11}
.endm

/* v = min(max(v, 0), hi), but what is not a number stays. */
.macro LIMIT v
usat \v, #31, \v
cmp \v, r12
cmpgt r7, \v
movge \v, r12
.endm

/* The rows at lr to those at T_ROWS. */
.macro LIMIT_ROWS
add r4, sp, #T_ROWS
add r5, sp, #T_ROWS + 16
7:
ldmia lr!, {r8-r11}
ldr r6, [r4], #4
LIMIT r8
LIMIT r9
LIMIT r10
LIMIT r11
stmia r6, {r8-r11}
cmp r4, r5
bne 7b
.endm

/* What to compare with in LIMIT. */
.macro LIMITS
ldr r12, [sp, #T_HI]
mov r7, #0x7f000000
orr r7, r7, #0x00800000
.endm

/* void tvis_vfp11_tiles(a)
 * Reads no byte of x, w, bias or y that is not one of its elements. */
FUNCTION tvis_vfp11_tiles
ENTER
fstmdbd sp!, {d8-d15}
sub sp, sp, #T_BYTES
ldmia r0!, {r1-r8}
stmia sp, {r1-r8}
add r9, sp, #32
ldmia r0, {r1-r8}
stmia r9, {r1-r8}
fmrx r12, fpscr
mov r11, #RUN_FAST
orr r11, r11, #LENGTH_4
str r12, [sp, #T_FPSCR]
fmxr fpscr, r11
ldr r4, [sp, #T_X]
mov r5, #0
str r4, [sp, #T_FIRST]
str r5, [sp, #T_ROWS]
1:
ldmia sp, {r0, r3, r8, r11, r12, lr}
add r1, r0, r12
cmp r1, r3
movhi r1, r3
add r2, r1, r12
cmp r2, r3
movhi r2, r3
add r7, r2, r12
cmp r7, r3
movlo r3, r7
add r7, r0, r12, lsl #2
add r9, r8, lr
cmp r9, r11
movhi r9, r11
add r10, r9, lr
cmp r10, r11
movhi r10, r11
add r6, r10, lr
cmp r6, r11
movlo r11, r6
add r6, r8, lr, lsl #2
str r7, [sp, #T_X]
str r6, [sp, #T_Y]
add r12, sp, #T_NEXT
ldr r7, [sp, #T_FLAGS]
ldr r6, [sp, #T_BIAS]
stmia r12, {r8-r11}
tst r7, #1
bne 2f
fldmias r6, {s16-s19}
fldmias r6, {s20-s23}
fldmias r6, {s24-s27}
fldmias r6, {s28-s31}
b 3f
2:
ldr r5, [sp, #T_FROM]
cmp r6, #0
add r8, r8, r5
add r9, r9, r5
add r10, r10, r5
add r11, r11, r5
fldmias r8, {s16-s19}
fldmias r9, {s20-s23}
fldmias r10, {s24-s27}
fldmias r11, {s28-s31}
beq 3f
fldmias r6, {s8-s11}
fadds s16, s16, s8
fadds s20, s20, s8
fadds s24, s24, s8
fadds s28, s28, s8
3:
ldr r5, [sp, #T_PAIRS]
ldr r4, [sp, #T_W]
cmp r5, #0
beq 5f
fldmias r4!, {s8-s11}
fldmias r0!, {s0-s1}
fldmias r1!, {s2-s3}
fldmias r2!, {s4-s5}
subs r5, r5, #TAIL
blt 6f
tst r7, #8
add r5, r4, r5, lsl #5
beq 4f
ldr r6, [sp, #T_ROWS]
cmp r6, #0
beq 4f
LIMITS
add lr, sp, #T_SUMS
PAIR_AND_ROW 0
PAIR_AND_ROW 1
PAIR_AND_ROW 2
PAIR_AND_ROW 3
4:
cmp r4, r5
ldr r6, [sp, #T_AHEAD]
ldr r7, [sp, #T_STEP]
beq 8f
7:
PAIR
bne 7b
str r6, [sp, #T_AHEAD]
8:
PAIR_OF_TAIL 1
ldr r5, [sp, #T_TILES]
ldr r6, [sp, #T_FLAGS]
ldr r9, [sp, #T_X]
ldr r10, [sp, #T_LDX]
ldr r7, [sp, #T_W]
cmp r5, #1
ldreq r9, [sp, #T_FIRST]
ldreq r7, [sp, #T_NEXT_W]
tst r6, #1
mov r8, r9
mov r12, r10
ldrne r8, [sp, #T_Y]
ldrne r12, [sp, #T_LDX + 4]
add r11, r9, r10, lsl #1
add lr, r8, r12, lsl #1
PAIR_OF_TAIL 1, r7, r9, "r9, r10", r8
PAIR_OF_TAIL 1, "r7, #32", r11, "r11, r10", "r8, r12"
add r9, r9, #32
add r11, r11, #32
PAIR_OF_TAIL 0, "r7, #64", r9, "r9, r10", r11, "r11, r10", lr
mov r7, r6
b 5f
6:
adds r5, r5, #TAIL - 1
beq 8f
7:
PAIR_OF_TAIL 1
subs r5, r5, #1
bne 7b
8:
PAIR_OF_TAIL 0
5:
tst r7, #4
beq 9f
flds s0, [r0]
flds s2, [r1]
flds s4, [r2]
fldmias r4, {s8-s11}
flds s6, [r3]
fmacs s16, s8, s0
fmacs s20, s8, s2
fmacs s24, s8, s4
fmacs s28, s8, s6
9:
add r12, sp, #T_NEXT
ldmia r12, {r8-r11}
tst r7, #2 + 8
bne 2f
fstmias r8, {s16-s19}
fstmias r9, {s20-s23}
fstmias r10, {s24-s27}
fstmias r11, {s28-s31}
b 3f
2:
add lr, sp, #T_SUMS
add r12, sp, #T_ROWS
fstmias lr, {s16-s31}
stmia r12, {r8-r11}
tst r7, #2
beq 3f
LIMITS
LIMIT_ROWS
3:
ldr r6, [sp, #T_TILES]
subs r6, r6, #1
str r6, [sp, #T_TILES]
bne 1b
ldr r7, [sp, #T_FLAGS]
tst r7, #8
beq 2f
add lr, sp, #T_SUMS
LIMITS
LIMIT_ROWS
2:
ldr r12, [sp, #T_FPSCR]
fmxr fpscr, r12
add sp, sp, #T_BYTES
fldmiad sp!, {d8-d15}
LEAVE
END_FUNCTION tvis_vfp11_tiles

/* void tvis_vfp11_copy(x, ldx, rows, count, out, ldout) */
FUNCTION tvis_vfp11_copy
ldr r12, [sp]
ENTER
sub sp, sp, #8
str r3, [sp]
1:
mov lr, r0
2:
ldmia lr!, {r4-r11}
subs r3, r3, #8
pld [lr, #96]
stmia r12!, {r4-r11}
bne 2b
ldr r3, [sp]
ldr r4, [sp, #52]
subs r2, r2, #1
add r12, r12, r4
add r0, r0, r1
sub r12, r12, r3, lsl #2
bne 1b
add sp, sp, #8
LEAVE
END_FUNCTION tvis_vfp11_copy
