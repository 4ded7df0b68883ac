/* SPDX-License-Identifier: MIT */
/* The inner loops of gemm_neon.c: 78 instructions for 256 products, 64 of them FMLA. 16 sums in v16 to v31, row r of x, four k of it, in
 * v<r>, two vectors of w for each k in v8 to v15. Every register is loaded half a step or more before its use, so that processors that
 * execute in order (Cortex-A53) don't wait: a sum comes round again after 16 products, a product's sum is ready after four to eight
 * cycles. What is loaded last is in the part, or rows, asked for: nothing is read past an end. */
#include "core/asm_a64.h"

/* Two products of row `row`; sums v<a>, v<b>. */
.macro ROW lane, row, a, b, left, right
fmla v\a\().4s, v\left\().4s, v\row\().s[\lane]
fmla v\b\().4s, v\right\().4s, v\row\().s[\lane]
.endm

/* A step of k; of the next four rows, one after its last use each. */
.macro STEP lane, left, right, next
ROW \lane, 0, 16, 17, \left, \right
.if \next
ldr q0, [x4], #16
.endif
ROW \lane, 1, 18, 19, \left, \right
.if \next
ldr q1, [x5], #16
.endif
ROW \lane, 2, 20, 21, \left, \right
.if \next
ldr q2, [x6], #16
.endif
ROW \lane, 3, 22, 23, \left, \right
.if \next
ldr q3, [x7], #16
.endif
ROW \lane, 4, 24, 25, \left, \right
.if \next
ldr q4, [x8], #16
.endif
ROW \lane, 5, 26, 27, \left, \right
.if \next
ldr q5, [x9], #16
.endif
ROW \lane, 6, 28, 29, \left, \right
.if \next
ldr q6, [x10], #16
.endif
ROW \lane, 7, 30, 31, \left, \right
.if \next
ldr q7, [x11], #16
.endif
.endm

.macro ROWS_LOAD load, size
\load {v0.4s}, [x4], #\size
\load {v1.4s}, [x5], #\size
\load {v2.4s}, [x6], #\size
\load {v3.4s}, [x7], #\size
\load {v4.4s}, [x8], #\size
\load {v5.4s}, [x9], #\size
\load {v6.4s}, [x10], #\size
\load {v7.4s}, [x11], #\size
.endm

/* Four of k, whose rows and first vectors of w are there already. */
.macro FOUR next
ldp q10, q11, [x12], #32
STEP 0, 8, 9, 0
ldp q12, q13, [x12], #32
STEP 1, 10, 11, 0
ldp q14, q15, [x12], #32
STEP 2, 12, 13, 0
.if \next
ldp q8, q9, [x12], #32
.endif
STEP 3, 14, 15, \next
.endm

.macro ADD_ROW a, b
ld1 {v0.4s, v1.4s}, [x2], x17
fadd v\a\().4s, v\a\().4s, v0.4s
fadd v\b\().4s, v\b\().4s, v1.4s
.endm

.macro STORE_ROW a, b
fmax v\a\().4s, v\a\().4s, v2.4s
fmax v\b\().4s, v\b\().4s, v2.4s
fmin v\a\().4s, v\a\().4s, v3.4s
fmin v\b\().4s, v\b\().4s, v3.4s
st1 {v\a\().4s, v\b\().4s}, [x1], x17
.endm

.macro EACH_ROW do
\do 16, 17
\do 18, 19
\do 20, 21
\do 22, 23
\do 24, 25
\do 26, 27
\do 28, 29
\do 30, 31
.endm

.macro BEGIN_ROW a, b
mov v\a\().16b, v8.16b
mov v\b\().16b, v9.16b
.endm

/* x0: x, x1: y, x2: add, x3: the panel, x4: tiles, then in x14. x4 to x11 walk over rows of x, x12 over w; */
FUNCTION tvis_neon_tiles_8x8
KEEP_VECTORS
mov x14, x4
ldr x17, [x3, #24]
.Ltile:
ldp x12, x13, [x3]
ldr x16, [x3, #16]
ldp q8, q9, [x13]
mov x4, x0
add x5, x4, x16
add x6, x5, x16
add x7, x6, x16
add x8, x7, x16
add x9, x8, x16
add x10, x9, x16
add x11, x10, x16
add x0, x11, x16
ldp x15, x16, [x3, #32]
EACH_ROW BEGIN_ROW

.Lpart:
ldr x13, [x3, #48]
subs x13, x13, #1
b.lt .Lones
ROWS_LOAD ld1, 16
ldp q8, q9, [x12], #32
b.eq .Llast
.p2align 4
.Lfour:
subs x13, x13, #1
FOUR 1
b.ne .Lfour
.Llast:
FOUR 0
.Lones:
ldr x13, [x3, #56]
cbz x13, .Lend
.Lone:
subs x13, x13, #1
ldp q8, q9, [x12], #32
ROWS_LOAD ld1r, 4
STEP 0, 8, 9, 0
b.ne .Lone
.Lend:
subs x16, x16, #1
b.eq .Lstore
add x4, x4, x15
add x5, x5, x15
add x6, x6, x15
add x7, x7, x15
add x8, x8, x15
add x9, x9, x15
add x10, x10, x15
add x11, x11, x15
b .Lpart

.Lstore:
cbz x2, .Llimits
EACH_ROW ADD_ROW
.Llimits:
ldp s2, s3, [x3, #64]
dup v2.4s, v2.s[0]
dup v3.4s, v3.s[0]
EACH_ROW STORE_ROW
subs x14, x14, #1
b.ne .Ltile
RETURN_VECTORS
END_FUNCTION tvis_neon_tiles_8x8
