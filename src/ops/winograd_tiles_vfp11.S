/* SPDX-License-Identifier: MIT */
/* The transforms of winograd_vfp11.c, by columns and then by rows. What gemm_tiles_vfp11.S says of short vectors holds
 * here: vectors are four channels, s0 to s7 are the same number for all of them, and loads, stores and addresses go on
 * beside the sums. Of two outputs a + p * b and a - p * b, the second one is made of the first one when that has been
 * stored: there are six vectors. */
#define TVIS_A32
#include "core/asm.h"
.fpu vfpv2

/* TVIS_LARGE_CODE */
#ifndef __OPTIMIZE_SIZE__

#define RUN_FAST 0x03000000 /* flush to zero, default NaN */
#define LENGTH_4 0x00030000

/* Numbers 0 to 5 have a place each; or they stand in `half`, some bytes apart. */
place0 .req r4
place1 .req r5
place2 .req r6
place3 .req r7
place4 .req r8
place5 .req r9
half .req r10

/* Four floats from s\v on, which are d\lo and d\hi. */
.macro GET from, v, end, lo, hi, number
.ifc \from, places
fldmias place\number, {s\v-s\end}
.else
fldd d\lo, [half, #\number * \from]
fldd d\hi, [half, #\number * \from + 8]
.endif
.endm

.macro PUT to, v, end, lo, hi, number
.ifc \to, places
fstmias place\number, {s\v-s\end}
.else
fstd d\lo, [half, #\number * \to]
fstd d\hi, [half, #\number * \to + 8]
.endif
.endm

.macro MOVE number, by
add place\number, place\number, \by
.endm

/* Six numbers to six. The places move on by `by`; `near`: brings nearer what the next vector needs. */
.macro IN from, to, by, near
GET \from, 12, 15, 6, 7, 2
GET \from, 8, 11, 4, 5, 0
GET \from, 20, 23, 10, 11, 1
GET \from, 28, 31, 14, 15, 5
fnmacs s8, s12, s0
GET \from, 16, 19, 8, 9, 4
fadds s28, s28, s20
GET \from, 24, 27, 12, 13, 3
.if \near
pld [r4, #32]
pld [r5, #32]
.endif
fadds s8, s8, s16
.if \near
pld [r6, #32]
pld [r7, #32]
.endif
fnmacs s28, s24, s0
.if \near
pld [r8, #32]
pld [r9, #32]
.endif
fnmacs s16, s12, s2
fnmacs s24, s20, s2
PUT \to, 8, 11, 4, 5, 0
GET \from, 8, 11, 4, 5, 4
PUT \to, 28, 31, 14, 15, 5
GET \from, 28, 31, 14, 15, 3
fnmacs s8, s12, s1
fnmacs s28, s20, s1
MOVE 0, \by
MOVE 5, \by
fmacs s16, s24, s4
.ifc \from, places
MOVE 1, \by
MOVE 2, \by
.endif
fmacs s8, s28, s3
PUT \to, 16, 19, 8, 9, 3
fnmacs s16, s24, s5
PUT \to, 8, 11, 4, 5, 1
.ifc \to, places
MOVE 1, \by
.endif
fnmacs s8, s28, s4
MOVE 3, \by
PUT \to, 16, 19, 8, 9, 4
MOVE 4, \by
PUT \to, 8, 11, 4, 5, 2
.ifc \to, places
MOVE 2, \by
.endif
.endm

#define I_HALF   0 /* (6, 6) vectors: columns, then rows */
#define I_X      576
#define I_V      600
#define I_LEFT   624 /* vectors */
#define I_FPSCR  628
#define I_BYTES  632

.macro RUN_VECTORS constants, saved
fmrx r12, fpscr
adr lr, \constants
str r12, [sp, #\saved]
mov r12, #RUN_FAST
orr r12, r12, #LENGTH_4
fldmias lr, {s0-s5}
fmxr fpscr, r12
.endm

.section .text.tvis_vfp11_winograd_in, "ax", %progbits
.p2align 2
in_constants:
.single 2.5, 2.0, 0.5, 0.70710678, 1.41421356, 2.82842712

/* void tvis_vfp11_winograd_in(rows, pixel, v, step, vectors)
 * r4 to r9: rows of the picture, then positions of a row of v. r11: columns or rows to go. */
FUNCTION tvis_vfp11_winograd_in
ldr r12, [sp]
ENTER
fstmdbd sp!, {d8-d15}
sub sp, sp, #I_BYTES
str r12, [sp, #I_LEFT]
ldmia r0, {r4-r9}
add lr, sp, #I_X
stmia lr, {r4-r9}
add r4, r2, r3
add r5, r4, r3
add r6, r5, r3
add r7, r6, r3
add r8, r7, r3
add lr, sp, #I_V
stmia lr, {r2, r4-r8}
add r2, r3, r3, lsl #1
mov r2, r2, lsl #1
RUN_VECTORS in_constants, I_FPSCR
1:
add lr, sp, #I_X
mov r10, sp
mov r11, #6
ldmia lr, {r4-r9}
2:
IN places, 16, r1, 1
add r10, r10, #96
subs r11, r11, #1
bne 2b
sub r3, r1, r1, lsl #2
add r12, sp, #I_X
add r3, r3, r3
add lr, sp, #I_V
add r3, r3, #16
add r4, r4, r3
add r5, r5, r3
add r6, r6, r3
add r7, r7, r3
add r8, r8, r3
add r9, r9, r3
stmia r12, {r4-r9}
ldmia lr, {r4-r9}
mov r10, sp
mov r11, #6
3:
IN 96, places, r2, 0
add r10, r10, #16
subs r11, r11, #1
bne 3b
sub r3, r2, r2, lsl #2
ldr r12, [sp, #I_LEFT]
add r3, r3, r3
add lr, sp, #I_V
add r3, r3, #16
add r4, r4, r3
add r5, r5, r3
add r6, r6, r3
add r7, r7, r3
add r8, r8, r3
add r9, r9, r3
subs r12, r12, #1
stmia lr, {r4-r9}
str r12, [sp, #I_LEFT]
bne 1b
ldr r12, [sp, #I_FPSCR]
fmxr fpscr, r12
add sp, sp, #I_BYTES
fldmiad sp!, {d8-d15}
LEAVE
END_FUNCTION tvis_vfp11_winograd_in

#define O_HALF   0 /* (6, 4) vectors: columns, then rows */
#define O_SUMS   384
#define O_V      448
#define O_STEP   452
#define O_BIAS   456
#define O_ADD    460
#define O_Y      464
#define O_LINE   468
#define O_PIXEL  472
#define O_NEXT   476
#define O_LEFT   480
#define O_HI     484
#define O_CLAMP  488
#define O_FPSCR  492
#define O_BYTES  496

/* Six numbers to four: s12, s24, s8, s20. */
.macro OUT from
GET \from, 8, 11, 4, 5, 1
GET \from, 12, 15, 6, 7, 2
GET \from, 16, 19, 8, 9, 3
fsubs s24, s8, s12
GET \from, 20, 23, 10, 11, 4
fadds s8, s8, s12
.ifc \from, places
MOVE 1, r1
MOVE 2, r1
.endif
fsubs s28, s16, s20
GET \from, 12, 15, 6, 7, 0
fadds s16, s16, s20
GET \from, 20, 23, 10, 11, 5
fadds s12, s12, s8
.ifc \from, places
MOVE 0, r1
MOVE 3, r1
.endif
fmacs s20, s24, s0
.ifc \from, places
MOVE 4, r1
MOVE 5, r1
pld [r4, #64]
.endif
fmuls s24, s24, s2
.ifc \from, places
pld [r5, #64]
pld [r6, #64]
.endif
fmuls s8, s8, s3
.ifc \from, places
pld [r7, #64]
pld [r8, #64]
.endif
fadds s12, s12, s16
.ifc \from, places
pld [r9, #64]
.endif
fmacs s20, s28, s1
fmacs s24, s28, s4
fmacs s8, s16, s5
.endm

.macro LIMIT v
usat \v, #31, \v
cmp \v, r12
cmpgt r7, \v
movge \v, r12
.endm

.macro LIMIT_PIXEL at
ldmia lr!, {r8-r11}
LIMIT r8
LIMIT r9
LIMIT r10
LIMIT r11
stmia \at, {r8-r11}
add \at, \at, r1
.endm

.section .text.tvis_vfp11_winograd_out, "ax", %progbits
.p2align 2
out_constants:
.single 0.35355339, 2.82842712, 0.70710678, 0.5, 1.41421356, 2.0

/* void tvis_vfp11_winograd_out(o)
 * r4 to r9: rows of v. r11 or r2: columns or rows to go. */
FUNCTION tvis_vfp11_winograd_out
ENTER
fstmdbd sp!, {d8-d15}
sub sp, sp, #O_BYTES
add r12, sp, #O_V
ldmia r0!, {r1-r8}
stmia r12!, {r1-r8}
ldmia r0, {r1-r3}
stmia r12, {r1-r3}
RUN_VECTORS out_constants, O_FPSCR
1:
ldr r4, [sp, #O_V]
ldr r1, [sp, #O_STEP]
mov r10, sp
add r2, r1, r1, lsl #1
mov r11, #6
add r5, r4, r2, lsl #1
add r6, r5, r2, lsl #1
add r7, r6, r2, lsl #1
add r8, r7, r2, lsl #1
add r9, r8, r2, lsl #1
2:
OUT places
subs r11, r11, #1
fstd d6, [r10]
fstd d7, [r10, #8]
fstd d10, [r10, #48]
fstd d11, [r10, #56]
fstd d12, [r10, #16]
fstd d13, [r10, #24]
fstd d4, [r10, #32]
fstd d5, [r10, #40]
add r10, r10, #64
bne 2b
ldr r0, [sp, #O_Y]
ldr r1, [sp, #O_PIXEL]
ldr r3, [sp, #O_ADD]
ldr r4, [sp, #O_BIAS]
mov r5, sp
mov r2, #4
3:
mov r10, r5
OUT 64
fldmias r4, {s28-s31}
cmp r3, #0
beq 4f
fldmias r3, {s16-s19}
add r6, r3, r1
fadds s12, s12, s16
fldmias r6, {s16-s19}
add r6, r6, r1
fadds s24, s24, s16
fldmias r6, {s16-s19}
add r6, r6, r1
fadds s8, s8, s16
fldmias r6, {s16-s19}
ldr r6, [sp, #O_LINE]
fadds s20, s20, s16
add r3, r3, r6
4:
ldr r8, [sp, #O_CLAMP]
mov r6, r0
fadds s12, s12, s28
cmp r8, #0
add r5, r5, #16
fadds s24, s24, s28
add r9, r0, r1
ldr r10, [sp, #O_LINE]
fadds s8, s8, s28
add r11, r9, r1
add r0, r0, r10
fadds s20, s20, s28
add r12, r11, r1
bne 5f
fstmias r6, {s12-s15}
fstmias r9, {s24-s27}
fstmias r11, {s8-s11}
fstmias r12, {s20-s23}
b 6f
5:
add lr, sp, #O_SUMS
fstd d6, [lr]
fstd d7, [lr, #8]
mov r7, #0x7f000000
fstd d12, [lr, #16]
fstd d13, [lr, #24]
orr r7, r7, #0x00800000
fstd d4, [lr, #32]
fstd d5, [lr, #40]
ldr r12, [sp, #O_HI]
fstd d10, [lr, #48]
fstd d11, [lr, #56]
LIMIT_PIXEL r6
LIMIT_PIXEL r6
LIMIT_PIXEL r6
LIMIT_PIXEL r6
6:
subs r2, r2, #1
bne 3b
ldr r4, [sp, #O_V]
ldr r5, [sp, #O_BIAS]
ldr r6, [sp, #O_NEXT]
ldr r7, [sp, #O_ADD]
ldr r8, [sp, #O_Y]
ldr r9, [sp, #O_LEFT]
add r4, r4, #16
add r5, r5, r6
cmp r7, #0
addne r7, r7, #16
add r8, r8, #16
subs r9, r9, #1
str r4, [sp, #O_V]
str r5, [sp, #O_BIAS]
str r7, [sp, #O_ADD]
str r8, [sp, #O_Y]
str r9, [sp, #O_LEFT]
bne 1b
ldr r12, [sp, #O_FPSCR]
fmxr fpscr, r12
add sp, sp, #O_BYTES
fldmiad sp!, {d8-d15}
LEAVE
END_FUNCTION tvis_vfp11_winograd_out
#endif
