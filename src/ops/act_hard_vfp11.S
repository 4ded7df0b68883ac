/* SPDX-License-Identifier: MIT */
/* The inner loop of act_vfp11.c; gemm_tiles_vfp11.S has the rules of short vectors. */
#define TVIS_A32
#include "core/asm.h"
.fpu vfpv2

#define RUN_FAST 0x03000000 /* flush to zero, default NaN */
#define LENGTH_4 0x00030000

/* v = min(max(v, 0), hi), but what is not a number stays: default NaN has the bits 0x7fc00000. r12: hi, r3: infinity */
.macro LIMIT v
usat \v, #31, \v
cmp \v, r12
cmpgt r3, \v
movge \v, r12
.endm

/* void tvis_vfp11_hard(y, eights, factors, swish): y = t / 6 or y * t / 6, t = min(max(y + 3, 0), 6), in place.
 * factors: 3, 1 / 6 and 6. s8 to s15: y, s16 to s23: t, which is limited in memory. r2: swish. */
FUNCTION tvis_vfp11_hard
ENTER
fstmdbd sp!, {d8-d15}
sub sp, sp, #40
fldmias r2, {s0-s1}
ldr r12, [r2, #8]
fmrx r4, fpscr
str r4, [sp, #32]
mov r5, #RUN_FAST
orr r5, r5, #LENGTH_4
fmxr fpscr, r5
mov r2, r3
mov r3, #0x7f000000
orr r3, r3, #0x00800000
1:
fldmias r0, {s8-s15}
pld [r0, #128]
fadds s16, s8, s0
fadds s20, s12, s0
fstmias sp, {s16-s23}
ldmia sp, {r4-r11}
LIMIT r4
LIMIT r5
LIMIT r6
LIMIT r7
LIMIT r8
LIMIT r9
LIMIT r10
LIMIT r11
stmia sp, {r4-r11}
fldmias sp, {s16-s23}
cmp r2, #0
fmulsne s16, s8, s16
fmulsne s20, s12, s20
subs r1, r1, #1
fmuls s8, s16, s1
fmuls s12, s20, s1
fstmias r0!, {s8-s15}
bne 1b
ldr r4, [sp, #32]
fmxr fpscr, r4
add sp, sp, #40
fldmiad sp!, {d8-d15}
LEAVE
END_FUNCTION tvis_vfp11_hard
