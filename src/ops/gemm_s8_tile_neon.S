/* SPDX-License-Identifier: MIT */
/* The inner loop of gemm_s8_neon.c: 60 instructions for 256 products. The four sums of columns c to c + 3 of row r, each in four parts that
 * are put together at the end, are in v16 + 4 r on, 16 k of four columns of w in v0 to v3, those of a row of x in v4 or v5 and turned
 * over in v6. Rows are loaded one row before their use, products added up three instructions after they are made. */
#include "core/asm_a64.h"

/* Row of x in v<x>, turned over in v6. */
.macro PRODUCTS x
mvn v6.16b, v\x\().16b
smull v8.8h, v\x\().8b, v0.8b
smull v9.8h, v\x\().8b, v1.8b
smull v10.8h, v\x\().8b, v2.8b
smull v11.8h, v\x\().8b, v3.8b
smlsl2 v8.8h, v6.16b, v0.16b
smlsl2 v9.8h, v6.16b, v1.16b
smlsl2 v10.8h, v6.16b, v2.16b
smlsl2 v11.8h, v6.16b, v3.16b
.endm

.macro SUMS a, b, c, d, add
\add v\a\().4s, v8.8h
\add v\b\().4s, v9.8h
\add v\c\().4s, v10.8h
\add v\d\().4s, v11.8h
.endm

/* 16 k at x4 to x7; `by` further the next time. */
.macro STEP add, by
ldp q0, q1, [x12], #32
ldp q2, q3, [x12], #32
ldr q4, [x4], #\by
ldr q5, [x5], #\by
PRODUCTS 4
ldr q4, [x6], #\by
SUMS 16, 17, 18, 19, \add
PRODUCTS 5
ldr q5, [x7], #\by
SUMS 20, 21, 22, 23, \add
PRODUCTS 4
SUMS 24, 25, 26, 27, \add
PRODUCTS 5
SUMS 28, 29, 30, 31, \add
.endm

/* Four parts each of four sums to four sums, in v<a>. */
.macro TOGETHER a, b, c, d
addp v\a\().4s, v\a\().4s, v\b\().4s
addp v\c\().4s, v\c\().4s, v\d\().4s
addp v\a\().4s, v\a\().4s, v\c\().4s
.endm

.macro EACH do
\do 16
\do 20
\do 24
\do 28
.endm

/* As scale4() in requant_neon.h. */
.macro SCALE a
add v\a\().4s, v\a\().4s, v0.4s
sshl v\a\().4s, v\a\().4s, v2.4s
sqrdmulh v\a\().4s, v\a\().4s, v1.4s
.endm

.macro ADD_ROW a
ldr s3, [x2]
add x2, x2, x17
ssubl v3.8h, v3.8b, v10.8b
sxtl v3.4s, v3.4h
sshl v3.4s, v3.4s, v9.4s
sqrdmulh v3.4s, v3.4s, v8.4s
add v\a\().4s, v\a\().4s, v3.4s
.endm

/* Sums of `tiles` times four rows, to v16, v20, v24 and v28, less the bias; \results does with them what is wanted.
 * x0: x, x1: y, x2: add, x3: the panel, x15 (from x4): tiles. x4 to x7 walk over rows of x, x12 over w. */
.macro TILES results
stp d8, d9, [sp, #-32]!
stp d10, d11, [sp, #16]
mov x15, x4
ldp x13, x16, [x3, #8]
ldp x14, x17, [x3, #24]
ldr x10, [x3, #56]
1:
ldr x12, [x3]
ldr x8, [x3, #40]
mov x4, x0
add x5, x4, x14
add x6, x5, x14
add x7, x6, x14
add x0, x7, x14
STEP saddlp, 16
subs x8, x8, #1
b.eq 3f
.p2align 4
2:
subs x8, x8, #1
STEP sadalp, 16
b.ne 2b
3:
cbz x10, 4f
sub x4, x4, x10
sub x5, x5, x10
sub x6, x6, x10
sub x7, x7, x10
STEP sadalp, 16
4:
TOGETHER 16, 17, 18, 19
TOGETHER 20, 21, 22, 23
TOGETHER 24, 25, 26, 27
TOGETHER 28, 29, 30, 31
ldr q0, [x13]
\results
subs x15, x15, #1
b.ne 1b
ldp d10, d11, [sp, #16]
ldp d8, d9, [sp], #32
ret
.endm

.macro RESULTS
ldr q1, [x16]
ld4r {v2.4s, v3.4s, v4.4s, v5.4s}, [x11]
dup v7.8h, v3.h[0]
EACH SCALE
cbz x2, 5f
ldp s8, s9, [x3, #80]
ldr s10, [x3, #88]
dup v8.4s, v8.s[0]
dup v9.4s, v9.s[0]
dup v10.8b, v10.b[0]
EACH ADD_ROW
5:
sqxtn v16.4h, v16.4s
sqxtn v24.4h, v24.4s
sqxtn2 v16.8h, v20.4s
sqxtn2 v24.8h, v28.4s
dup v4.16b, v4.b[0]
dup v5.16b, v5.b[0]
sqadd v16.8h, v16.8h, v7.8h
sqadd v24.8h, v24.8h, v7.8h
sqxtn v16.8b, v16.8h
sqxtn2 v16.16b, v24.8h
smax v16.16b, v16.16b, v4.16b
smin v16.16b, v16.16b, v5.16b
st1 {v16.s}[0], [x1], x17
st1 {v16.s}[1], [x1], x17
st1 {v16.s}[2], [x1], x17
st1 {v16.s}[3], [x1], x17
.endm

.macro STORE_SUMS a
add v\a\().4s, v\a\().4s, v0.4s
st1 {v\a\().4s}, [x1], x17
.endm

.macro SUMS_AS_THEY_ARE
EACH STORE_SUMS
.endm

FUNCTION tvis_neon_tiles_4x4
add x11, x3, #64
TILES RESULTS
END_FUNCTION tvis_neon_tiles_4x4

FUNCTION tvis_neon_sums_4x4
mov x4, x2
TILES SUMS_AS_THEY_ARE
END_FUNCTION tvis_neon_sums_4x4
