/* SPDX-License-Identifier: MIT */
/* The inner loop of gemm_s8_dotprod.c: 78 instructions for 1024 products, 64 of them SDOT. 16 sums of four in v16 to v31, row r of x, 16 k
 * of it, in v<r>, a group of w's four vectors in v4 to v7 and the next one in v8 to v11. */
#define GROUP   4
#define PART(n) s##n

#include "core/asm_a64.h"
#include "ops/gemm_s8_tiles_16_neon.h"

/* Row `row`, sums v<a> on; w in v<w> on. */
.macro ROW lane, row, a, b, c, d, w0, w1, w2, w3
sdot v\a\().4s, v\w0\().16b, v\row\().4b[\lane]
sdot v\b\().4s, v\w1\().16b, v\row\().4b[\lane]
sdot v\c\().4s, v\w2\().16b, v\row\().4b[\lane]
sdot v\d\().4s, v\w3\().16b, v\row\().4b[\lane]
.endm

.macro DOTS lane, w0, w1, w2, w3, next
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
DOTS 0, 4, 5, 6, 7, 0
EVEN
DOTS 1, 8, 9, 10, 11, 0
ODD
DOTS 2, 4, 5, 6, 7, 0
.if \next
EVEN
.endif
DOTS 3, 8, 9, 10, 11, \next
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

.macro BEGIN
ldp q16, q17, [x13]
ldp q18, q19, [x13, #32]
BEGIN_ROW 20, 21, 22, 23
BEGIN_ROW 24, 25, 26, 27
BEGIN_ROW 28, 29, 30, 31
.endm

.macro FIRST
EVEN
.endm

.macro ONE_GROUP
EVEN
DOTS 0, 4, 5, 6, 7, 0
.endm

.macro END
.endm

.macro STORE_SUMS a, b, c, d
st1 {v\a\().4s, v\b\().4s, v\c\().4s, v\d\().4s}, [x1], x17
.endm

FUNCTION tvis_dotprod_tiles_4x16
add x11, x3, #64
TILES RESULTS
END_FUNCTION tvis_dotprod_tiles_4x16

FUNCTION tvis_dotprod_sums_4x16
mov x4, x2
TILES SUMS_AS_THEY_ARE
END_FUNCTION tvis_dotprod_sums_4x16
