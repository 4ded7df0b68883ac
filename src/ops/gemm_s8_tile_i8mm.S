/* SPDX-License-Identifier: MIT */
/* The inner loop of gemm_s8_i8mm.c: 50 instructions for 1024 products, 32 of them SMMLA. A vector of sums has two rows of two columns:
 * rows 0 and 1 in v16 to v23, rows 2 and 3 in v24 to v31. 16 k of row r of x in v<r>; of two rows, 8 k in v12 and v13, and v14 and v15. Eight
 * vectors of w are 8 k of two columns each: four in v4 to v7, four in v8 to v11. */
#define GROUP   8
#define PART(n) d##n

#include "core/asm_a64.h"
#include "ops/gemm_s8_tiles_16_neon.h"

.macro W_LEFT
ldp q4, q5, [x12], #32
ldp q6, q7, [x12], #32
.endm
.macro W_RIGHT
ldp q8, q9, [x12], #32
ldp q10, q11, [x12], #32
.endm

.macro COLUMNS w, x, a, y, b
smmla v\a\().4s, v\x\().16b, v\w\().16b
smmla v\b\().4s, v\y\().16b, v\w\().16b
.endm
/* 8 k of the rows in v<x> and v<y>. */
.macro LEFT x, y
COLUMNS 4, \x, 16, \y, 24
COLUMNS 5, \x, 17, \y, 25
COLUMNS 6, \x, 18, \y, 26
COLUMNS 7, \x, 19, \y, 27
.endm
.macro RIGHT x, y
COLUMNS 8, \x, 20, \y, 28
COLUMNS 9, \x, 21, \y, 29
COLUMNS 10, \x, 22, \y, 30
COLUMNS 11, \x, 23, \y, 31
.endm

.macro FIRST
W_LEFT
.endm

.macro STEP next
zip1 v12.2d, v0.2d, v1.2d
zip1 v14.2d, v2.2d, v3.2d
W_RIGHT
zip2 v13.2d, v0.2d, v1.2d
zip2 v15.2d, v2.2d, v3.2d
LEFT 12, 14
W_LEFT
RIGHT 12, 14
W_RIGHT
LEFT 13, 15
.if \next
W_LEFT
ldr q0, [x4], #16
ldr q1, [x5], #16
ldr q2, [x6], #16
ldr q3, [x7], #16
.endif
RIGHT 13, 15
.endm

.macro ONE_GROUP
W_LEFT
zip1 v12.2d, v0.2d, v1.2d
zip1 v14.2d, v2.2d, v3.2d
W_RIGHT
LEFT 12, 14
RIGHT 12, 14
.endm

.macro BEGIN_FOUR bias, a, b, c, d
dup v\a\().2d, v\bias\().d[0]
dup v\b\().2d, v\bias\().d[1]
mov v\c\().16b, v\a\().16b
mov v\d\().16b, v\b\().16b
.endm
.macro BEGIN
ldp q0, q1, [x13]
ldp q2, q3, [x13, #32]
BEGIN_FOUR 0, 16, 17, 24, 25
BEGIN_FOUR 1, 18, 19, 26, 27
BEGIN_FOUR 2, 20, 21, 28, 29
BEGIN_FOUR 3, 22, 23, 30, 31
.endm

/* Four columns of two rows: the upper one's to v<to>, the lower one's stay in v<b>; v<a> is free then. */
.macro PART_ROWS to, a, b
zip1 v\to\().2d, v\a\().2d, v\b\().2d
zip2 v\b\().2d, v\a\().2d, v\b\().2d
.endm
.macro END
PART_ROWS 0, 16, 17
PART_ROWS 16, 18, 19
PART_ROWS 18, 20, 21
PART_ROWS 20, 22, 23
PART_ROWS 22, 24, 25
PART_ROWS 24, 26, 27
PART_ROWS 26, 28, 29
PART_ROWS 28, 30, 31
mov v30.16b, v0.16b
.endm
.macro EACH_ROW do
\do 30, 16, 18, 20
\do 17, 19, 21, 23
\do 22, 24, 26, 28
\do 25, 27, 29, 31
.endm

.macro STORE_SUMS a, b, c, d
stp q\a, q\b, [x1]
stp q\c, q\d, [x1, #32]
add x1, x1, x17
.endm

FUNCTION tvis_i8mm_tiles_4x16
add x11, x3, #64
TILES RESULTS
END_FUNCTION tvis_i8mm_tiles_4x16

FUNCTION tvis_i8mm_sums_4x16
mov x4, x2
TILES SUMS_AS_THEY_ARE
END_FUNCTION tvis_i8mm_sums_4x16
