/* SPDX-License-Identifier: MIT */
/* ARM11: sparse rows times eight pixels with short vectors. With FPSCR.LEN at 8, an FMACS whose registers are not in s0
 * to s7 makes eight products, its last operand, in s0 to s7, the same for all; eight pixels of a column are one line of
 * the cache. What gemm_tiles_vfp11.S says of loads beside the products and of FPSCR holds here too. */
#define TVIS_A32
#include "core/asm.h"

/* TVIS_LARGE_CODE */
#ifndef __OPTIMIZE_SIZE__

#define COLUMN 4
#define VALUE  8
#define COUNT  72
#define BIAS   136
#define SUMS   140
#define ROWS   144

#define RUN_FAST 0x03000000 /* flush to zero, default NaN */
#define LENGTH_8 0x00070000

/* void tvis_sparse_multiply_vfp11(const tvis_sparse_tile *t): width is 8. r1 = x, r2 walks over columns, r3 over a
 * row's values, r4 counts pairs of them, r5 = sums, r8 and r9 = a pair's columns of x. Reads two columns too many. */
FUNCTION tvis_sparse_multiply_vfp11
ENTER
fstmdbd sp!, {d8-d15}
fmrx r12, fpscr
mov lr, #RUN_FAST
orr lr, lr, #LENGTH_8
fmxr fpscr, lr
ldr r1, [r0]
ldr r2, [r0, #COLUMN]
add r10, r0, #VALUE
add r11, r0, #COUNT
ldr r7, [r0, #BIAS]
ldr r5, [r0, #SUMS]
ldr r6, [r0, #ROWS]
1:
mov r8, #0
cmp r7, #0
ldrne r8, [r7], #4
fmsr s0, r8
ldr r3, [r10], #4
ldr r4, [r11], #4
fcpys s8, s0
tst r4, #1
beq 2f
ldrh r8, [r2], #2
fldmias r3!, {s0}
add r8, r1, r8, lsl #5
fldmias r8, {s16-s23}
fmacs s8, s16, s0
2:
movs r4, r4, lsr #1
beq 4f
ldrh r8, [r2], #4
ldrh r9, [r2, #-2]
add r8, r1, r8, lsl #5
add r9, r1, r9, lsl #5
3:
fldmias r8, {s16-s23}
fldmias r3!, {s0-s1}
ldrh r8, [r2], #4
ldrh lr, [r2, #-2]
subs r4, r4, #1
add r8, r1, r8, lsl #5
fmacs s8, s16, s0
fldmias r9, {s24-s31}
pld [r8]
add r9, r1, lr, lsl #5
pld [r9]
fmacs s8, s24, s1
bne 3b
sub r2, r2, #4
4:
subs r6, r6, #1
fstmias r5!, {s8-s15}
bne 1b
fmxr fpscr, r12
fldmiad sp!, {d8-d15}
LEAVE
END_FUNCTION tvis_sparse_multiply_vfp11

#endif
