/* SPDX-License-Identifier: MIT */
/* The inner loop of gemm_s8_dotprod.c: 78 instructions for 1024 products, 64 of them SDOT. 16 sums of four in v16 to v31, row r of x, 16 k
 * of it, in v<r>, a group of w's four vectors in v4 to v7 and the next one in v8 to v11. */
#include "core/asm_a64.h"

/* Row `row`, sums v<a> on; w in v<w> on. */
.macro ROW lane, row, a, b, c, d, w0, w1, w2, w3
sdot v\a\().4s, v\w0\().16b, v\row\().4b[\lane]
sdot v\b\().4s, v\w1\().16b, v\row\().4b[\lane]
sdot v\c\().4s, v\w2\().16b, v\row\().4b[\lane]
sdot v\d\().4s, v\w3\().16b, v\row\().4b[\lane]
.endm

.macro GROUP lane, w0, w1, w2, w3, next
ROW \lane, 0, 16, 17, 18, 19, \w0, \w1, \w2, \w3
.if \next
ldr q0, [x4], #16
.endif
ROW \lane, 1, 20, 21, 22, 23, \w0, \w1, \w2, \w3
.if \next
ldr q1, [x5], #16
.endif
ROW \lane, 2, 24, 25, 26, 27, \w0, \w1, \w2, \w3
.if \next
ldr q2, [x6], #16
.endif
ROW \lane, 3, 28, 29, 30, 31, \w0, \w1, \w2, \w3
.if \next
ldr q3, [x7], #16
.endif
.endm

.macro EVEN
ldp q4, q5, [x12], #32
ldp q6, q7, [x12], #32
.endm
.macro ODD
ldp q8, q9, [x12], #32
ldp q10, q11, [x12], #32
.endm

/* 16 k, whose rows and first group of w are there already. */
.macro STEP next
ODD
GROUP 0, 4, 5, 6, 7, 0
EVEN
GROUP 1, 8, 9, 10, 11, 0
ODD
GROUP 2, 4, 5, 6, 7, 0
.if \next
EVEN
.endif
GROUP 3, 8, 9, 10, 11, \next
.endm

.macro EACH_ROW do
\do 16, 17, 18, 19
\do 20, 21, 22, 23
\do 24, 25, 26, 27
\do 28, 29, 30, 31
.endm

.macro BEGIN_ROW a, b, c, d
mov v\a\().16b, v16.16b
mov v\b\().16b, v17.16b
mov v\c\().16b, v18.16b
mov v\d\().16b, v19.16b
.endm

/* As scale4() in requant_neon.h. */
.macro SCALE_ROW a, b, c, d
sshl v\a\().4s, v\a\().4s, v4.4s
sshl v\b\().4s, v\b\().4s, v4.4s
sshl v\c\().4s, v\c\().4s, v4.4s
sshl v\d\().4s, v\d\().4s, v4.4s
sqrdmulh v\a\().4s, v\a\().4s, v8.4s
sqrdmulh v\b\().4s, v\b\().4s, v9.4s
sqrdmulh v\c\().4s, v\c\().4s, v10.4s
sqrdmulh v\d\().4s, v\d\().4s, v11.4s
.endm

.macro ADD_FOUR sum, x
sshl \x\().4s, \x\().4s, v9.4s
sqrdmulh \x\().4s, \x\().4s, v8.4s
add v\sum\().4s, v\sum\().4s, \x\().4s
.endm

.macro ADD_ROW a, b, c, d
ld1 {v0.16b}, [x2], x17
ssubl v1.8h, v0.8b, v10.8b
ssubl2 v3.8h, v0.16b, v10.16b
sxtl v0.4s, v1.4h
sxtl2 v1.4s, v1.8h
sxtl v2.4s, v3.4h
sxtl2 v3.4s, v3.8h
ADD_FOUR \a, v0
ADD_FOUR \b, v1
ADD_FOUR \c, v2
ADD_FOUR \d, v3
.endm

/* As clamp16() in requant_neon.h. */
.macro STORE_ROW a, b, c, d
sqxtn v0.4h, v\a\().4s
sqxtn v1.4h, v\c\().4s
sqxtn2 v0.8h, v\b\().4s
sqxtn2 v1.8h, v\d\().4s
sqadd v0.8h, v0.8h, v5.8h
sqadd v1.8h, v1.8h, v5.8h
sqxtn v0.8b, v0.8h
sqxtn2 v0.16b, v1.8h
smax v0.16b, v0.16b, v6.16b
smin v0.16b, v0.16b, v7.16b
st1 {v0.16b}, [x1], x17
.endm

/* Sums of `tiles` times four rows; \results does with them what is wanted.
 * x0: x, x1: y, x2: add, x3: the panel, x15 (from x4): tiles. x4 to x7 walk over rows of x, x12 over w. */
.macro TILES results
stp d8, d9, [sp, #-32]!
stp d10, d11, [sp, #16]
mov x15, x4
ldp x13, x16, [x3, #8]
ldp x14, x17, [x3, #24]
ldr x10, [x3, #56]
neg x10, x10
1:
ldr x12, [x3]
ldp x8, x9, [x3, #40]
mov x4, x0
add x5, x4, x14
add x6, x5, x14
add x7, x6, x14
add x0, x7, x14
ldp q16, q17, [x13]
ldp q18, q19, [x13, #32]
BEGIN_ROW 20, 21, 22, 23
BEGIN_ROW 24, 25, 26, 27
BEGIN_ROW 28, 29, 30, 31
subs x8, x8, #1
b.lt 4f
ldr q0, [x4], #16
ldr q1, [x5], #16
ldr q2, [x6], #16
ldr q3, [x7], #16
EVEN
b.eq 3f
.p2align 4
2:
subs x8, x8, #1
STEP 1
b.ne 2b
3:
STEP 0
4:
cbz x9, 6f
5:
subs x9, x9, #1
ldr s0, [x4], #4
ldr s1, [x5], #4
ldr s2, [x6], #4
ldr s3, [x7], #4
EVEN
GROUP 0, 4, 5, 6, 7, 0
b.ne 5b
6:
cbz x10, 7f
ldr s0, [x4, x10]
ldr s1, [x5, x10]
ldr s2, [x6, x10]
ldr s3, [x7, x10]
EVEN
GROUP 0, 4, 5, 6, 7, 0
7:
\results
subs x15, x15, #1
b.ne 1b
ldp d10, d11, [sp, #16]
ldp d8, d9, [sp], #32
ret
.endm

.macro RESULTS
ldp q8, q9, [x16]
ldp q10, q11, [x16, #32]
ld4r {v4.4s, v5.4s, v6.4s, v7.4s}, [x11]
EACH_ROW SCALE_ROW
cbz x2, 8f
ldp s8, s9, [x3, #80]
ldr s10, [x3, #88]
dup v8.4s, v8.s[0]
dup v9.4s, v9.s[0]
dup v10.16b, v10.b[0]
EACH_ROW ADD_ROW
8:
dup v5.8h, v5.h[0]
dup v6.16b, v6.b[0]
dup v7.16b, v7.b[0]
EACH_ROW STORE_ROW
.endm

.macro STORE_SUMS a, b, c, d
st1 {v\a\().4s, v\b\().4s, v\c\().4s, v\d\().4s}, [x1], x17
.endm

.macro SUMS_AS_THEY_ARE
EACH_ROW STORE_SUMS
.endm

FUNCTION tvis_dotprod_tiles_4x16
add x11, x3, #64
TILES RESULTS
END_FUNCTION tvis_dotprod_tiles_4x16

FUNCTION tvis_dotprod_sums_4x16
mov x4, x2
TILES SUMS_AS_THEY_ARE
END_FUNCTION tvis_dotprod_sums_4x16
