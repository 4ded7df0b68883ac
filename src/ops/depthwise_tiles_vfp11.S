/* SPDX-License-Identifier: MIT */
/* The inner loop of depthwise_vfp11.c. What gemm_tiles_vfp11.S says of short vectors holds here: vectors are four
 * channels, three sums in turn leave no gap (each can be added to after eight cycles), and the first factor of a
 * product may be in s0 to s7 (only the last one is a scalar there). */
#define TVIS_A32
#include "core/asm.h"
.fpu vfpv2

#define D_X       0
#define D_W       4
#define D_NEXT_X  8
#define D_TAP     12
#define D_NEXT_W  16
#define D_NEXT_Y  20
#define D_BIAS    24
#define D_Y       28
#define D_TILES   32
#define D_ROWS    36
#define D_TAPS    40
#define D_VECTORS 44
#define D_HI      48
#define D_CLAMP   52
#define D_AT      56 /* bytes of x in front of the tile */
#define D_LEFT    60 /* vectors */
#define D_SUMS    64
#define D_FPSCR   112
#define D_VECTOR  116 /* bytes in front of it */
#define D_BYTES   120

#define RUN_FAST 0x03000000 /* flush to zero, default NaN */
#define LENGTH_4 0x00030000

/* A tap of three columns: r0 to r2 walk over x by r4, r3 over w by r5. s28 is loaded late, here for this tap. */
.macro TAP w, last_w, next, next_last
fmacs s16, s0, \w
fldmias r2, {s28-s31}
fldmias r3, {\next-\next_last}
add r3, r3, r5
fmacs s20, s4, \w
fldmias r0, {s0-s3}
add r0, r0, r4
add r2, r2, r4
fmacs s24, s28, \w
fldmias r1, {s4-s7}
add r1, r1, r4
.endm

/* The last one of a row. Brings nearer the last two columns that each column of the next tile reads of it: r2 is a tap
 * behind r0 and r1. */
.macro LAST_TAP w
fmacs s16, s0, \w
fldmias r2, {s28-s31}
pld [r0, r8]
sub r6, r8, r4
fmacs s20, s4, \w
pld [r1, r8]
pld [r2, r12]
fmacs s24, s28, \w
pld [r0, r6]
pld [r1, r6]
pld [r2, r8]
.endm

/* v = min(max(v, 0), hi), but what is not a number stays. r12: hi, r7: infinity */
.macro LIMIT v
usat \v, #31, \v
cmp \v, r12
cmpgt r7, \v
movge \v, r12
.endm

.macro LIMIT_COLUMN
ldmia lr!, {r0-r3}
LIMIT r0
LIMIT r1
LIMIT r2
LIMIT r3
stmia r6, {r0-r3}
add r6, r6, r5
.endm

/* void tvis_vfp11_depthwise_tiles(d)
 * Reads no byte of x, w or bias that is not one of its elements. r6: taps to go, r7: rows to go, r9, r10: x and w of
 * rows, r11: next_x, lr: bytes in front of the vector. */
FUNCTION tvis_vfp11_depthwise_tiles
ENTER
fstmdbd sp!, {d8-d15}
sub sp, sp, #D_BYTES
ldmia r0!, {r1-r8}
stmia sp, {r1-r8}
add r9, sp, #32
ldmia r0, {r1-r6}
mov r7, #0
stmia r9, {r1-r7}
fmrx r12, fpscr
mov r11, #RUN_FAST
orr r11, r11, #LENGTH_4
str r12, [sp, #D_FPSCR]
fmxr fpscr, r11
1:
ldr r7, [sp, #D_VECTORS]
2:
ldr r6, [sp, #D_VECTORS]
ldr r12, [sp, #D_BIAS]
ldr lr, [sp, #D_AT]
str r7, [sp, #D_LEFT]
sub r6, r6, r7
mov r6, r6, lsl #4
str r6, [sp, #D_VECTOR]
add r12, r12, r6
add lr, lr, r6
fldmias r12, {s16-s19}
fldmias r12, {s20-s23}
fldmias r12, {s24-s27}
ldmia sp, {r9-r11}
ldr r4, [sp, #D_TAP]
ldr r7, [sp, #D_ROWS]
ldr r5, [sp, #D_NEXT_W]
add r12, r11, r11, lsl #1
sub r8, r12, r4
subs r7, r7, #1
blt 6f
3:
ldr r0, [r9], #4
ldr r3, [r10], #4
ldr r6, [sp, #D_VECTOR]
add r0, r0, lr
add r1, r0, r11
fldmias r0, {s0-s3}
add r2, r1, r11
add r3, r3, r6
fldmias r1, {s4-s7}
ldr r6, [sp, #D_TAPS]
fldmias r3, {s8-s11}
add r3, r3, r5
add r0, r0, r4
add r1, r1, r4
subs r6, r6, #3
blt 5f
4:
TAP s8, s11, s12, s15
TAP s12, s15, s8, s11
subs r6, r6, #2
bge 4b
5:
cmn r6, #1
bne 8f
TAP s8, s11, s12, s15
LAST_TAP s12
b 9f
8:
LAST_TAP s8
9:
subs r7, r7, #1
bge 3b
6:
ldr r7, [sp, #D_LEFT]
ldr r6, [sp, #D_VECTORS]
ldr lr, [sp, #D_Y]
ldr r5, [sp, #D_NEXT_Y]
ldr r4, [sp, #D_CLAMP]
sub r6, r6, r7
add r6, lr, r6, lsl #4
cmp r4, #0
bne 7f
fstmias r6, {s16-s19}
add r6, r6, r5
fstmias r6, {s20-s23}
add r6, r6, r5
fstmias r6, {s24-s27}
b 8f
7:
add lr, sp, #D_SUMS
ldr r12, [sp, #D_HI]
mov r7, #0x7f000000
orr r7, r7, #0x00800000
fstmias lr, {s16-s27}
LIMIT_COLUMN
LIMIT_COLUMN
LIMIT_COLUMN
ldr r7, [sp, #D_LEFT]
8:
subs r7, r7, #1
bne 2b
ldr r0, [sp, #D_AT]
ldr r1, [sp, #D_NEXT_X]
ldr r2, [sp, #D_Y]
ldr r3, [sp, #D_TILES]
add r1, r1, r1, lsl #1
add r5, r5, r5, lsl #1
add r0, r0, r1
add r2, r2, r5
subs r3, r3, #1
str r0, [sp, #D_AT]
str r2, [sp, #D_Y]
str r3, [sp, #D_TILES]
bne 1b
ldr r12, [sp, #D_FPSCR]
fmxr fpscr, r12
add sp, sp, #D_BYTES
fldmiad sp!, {d8-d15}
LEAVE
END_FUNCTION tvis_vfp11_depthwise_tiles
