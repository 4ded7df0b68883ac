/* SPDX-License-Identifier: MIT */
/* The inner loop of winograd_s8_neon.c: 142 instructions for 512 products of int16, 128 of them SMLAL. 16 sums of four in v16 to v31, row r
 * of x, eight k of it, in v<r>, eight columns of w for each of eight k in v8 to v15. */
#include "core/asm_a64.h"

.macro ROW lane, row, a, b, w
smlal v\a\().4s, v\w\().4h, v\row\().h[\lane]
smlal2 v\b\().4s, v\w\().8h, v\row\().h[\lane]
.endm

.macro STEP lane, w
ROW \lane, 0, 16, 17, \w
ROW \lane, 1, 18, 19, \w
ROW \lane, 2, 20, 21, \w
ROW \lane, 3, 22, 23, \w
ROW \lane, 4, 24, 25, \w
ROW \lane, 5, 26, 27, \w
ROW \lane, 6, 28, 29, \w
ROW \lane, 7, 30, 31, \w
.endm

.macro ZERO a, b
movi v\a\().4s, #0
movi v\b\().4s, #0
.endm

.macro STORE a, b
st1 {v\a\().4s, v\b\().4s}, [x2], x4
.endm

.macro EACH do
\do 16, 17
\do 18, 19
\do 20, 21
\do 22, 23
\do 24, 25
\do 26, 27
\do 28, 29
\do 30, 31
.endm

/* x0: eight rows of x, x1: w (k, 8), x2: eight rows of sums, x3: bytes between rows of x, x4: of sums, x5: k / 8, at least one. */
FUNCTION tvis_neon_tile_s16_8x8
KEEP_VECTORS
add x6, x0, x3
add x7, x6, x3
add x8, x7, x3
add x9, x8, x3
add x10, x9, x3
add x11, x10, x3
add x12, x11, x3
EACH ZERO
.p2align 4
1:
ldr q0, [x0], #16
ldp q8, q9, [x1], #32
ldr q1, [x6], #16
ldr q2, [x7], #16
ldr q3, [x8], #16
ldr q4, [x9], #16
ldr q5, [x10], #16
ldr q6, [x11], #16
ldr q7, [x12], #16
ldp q10, q11, [x1], #32
STEP 0, 8
ldp q12, q13, [x1], #32
STEP 1, 9
STEP 2, 10
ldp q14, q15, [x1], #32
STEP 3, 11
STEP 4, 12
subs x5, x5, #1
STEP 5, 13
STEP 6, 14
STEP 7, 15
b.ne 1b
EACH STORE
RETURN_VECTORS
END_FUNCTION tvis_neon_tile_s16_8x8
