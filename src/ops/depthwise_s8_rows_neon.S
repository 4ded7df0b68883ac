/* SPDX-License-Identifier: MIT */
/* The inner loop of depthwise_s8_neon.c: 16 channels of a row, 3 x 3, as add_two() and add_one() say there. Weights stay in v16 to v24 and
 * three columns of three rows in v0 to v8, in turn; 70 instructions for 16 results with stride 1. Offsets are those of tvis_neon_strip. */
#include "core/asm_a64.h"

.macro COLUMN a, b, c
ld1 {v\a\().16b}, [x4], x7
ld1 {v\b\().16b}, [x5], x8
ld1 {v\c\().16b}, [x6], x9
.endm

.macro PAIR low, high, x0, w0, x1, w1
mvn v14.16b, v\x1\().16b
smull v\low\().8h, v\x0\().8b, v\w0\().8b
smull2 v\high\().8h, v\x0\().16b, v\w0\().16b
smlsl v\low\().8h, v14.8b, v\w1\().8b
smlsl2 v\high\().8h, v14.16b, v\w1\().16b
.endm

.macro WIDEN low, high
saddw v25.4s, v25.4s, v\low\().4h
saddw2 v26.4s, v26.4s, v\low\().8h
saddw v27.4s, v27.4s, v\high\().4h
saddw2 v28.4s, v28.4s, v\high\().8h
.endm

/* Columns x, y and z, three rows each. */
.macro OUTPUT results, x0, x1, x2, y0, y1, y2, z0, z1, z2
ldp q25, q26, [x12]
ldp q27, q28, [x12, #32]
PAIR 9, 10, \x0, 16, \y0, 17
PAIR 11, 12, \z0, 18, \x1, 19
WIDEN 9, 10
PAIR 9, 10, \y1, 20, \z1, 21
WIDEN 11, 12
PAIR 11, 12, \x2, 22, \y2, 23
WIDEN 9, 10
smull v9.8h, v\z2\().8b, v24.8b
smull2 v10.8h, v\z2\().16b, v24.16b
WIDEN 11, 12
WIDEN 9, 10
\results
.endm

.macro RESULTS
ldp q11, q12, [x13]
ldp q9, q10, [x13, #32]
sshl v25.4s, v25.4s, v29.4s
sshl v26.4s, v26.4s, v29.4s
sshl v27.4s, v27.4s, v29.4s
sshl v28.4s, v28.4s, v29.4s
sqrdmulh v25.4s, v25.4s, v11.4s
sqrdmulh v26.4s, v26.4s, v12.4s
sqrdmulh v27.4s, v27.4s, v9.4s
sqrdmulh v28.4s, v28.4s, v10.4s
sqxtn v25.4h, v25.4s
sqxtn v27.4h, v27.4s
sqxtn2 v25.8h, v26.4s
sqxtn2 v27.8h, v28.4s
sqadd v25.8h, v25.8h, v30.8h
sqadd v27.8h, v27.8h, v30.8h
sqxtn v25.8b, v25.8h
sqxtn2 v25.16b, v27.8h
smax v25.16b, v25.16b, v31.16b
smin v25.16b, v25.16b, v13.16b
st1 {v25.16b}, [x1], x2
.endm

.macro SUMS_AS_THEY_ARE
st1 {v25.4s, v26.4s, v27.4s, v28.4s}, [x1], x2
.endm

#define A 0, 1, 2
#define B 3, 4, 5
#define C 6, 7, 8

/* x0: the strip, x1: y, x2: bytes to the next column of y, x3: columns, at least one. */
.macro ROW results
KEEP_VECTORS
ldp x4, x5, [x0]
ldp x6, x7, [x0, #16]
ldp x8, x9, [x0, #32]
ldp x10, x12, [x0, #48]
ldr x13, [x0, #64]
ldr x11, [x0, #96]
ld1 {v16.16b}, [x10], x11
ld1 {v17.16b}, [x10], x11
ld1 {v18.16b}, [x10], x11
ld1 {v19.16b}, [x10], x11
ld1 {v20.16b}, [x10], x11
ld1 {v21.16b}, [x10], x11
ld1 {v22.16b}, [x10], x11
ld1 {v23.16b}, [x10], x11
ld1 {v24.16b}, [x10]
add x11, x0, #72
ld4r {v28.4s, v29.4s, v30.4s, v31.4s}, [x11]
dup v13.16b, v31.b[0]
dup v31.16b, v30.b[0]
dup v30.8h, v29.h[0]
mov v29.16b, v28.16b
COLUMN A
ldr w10, [x0, #88]
cmp w10, #2
b.eq 3f
COLUMN B
.p2align 4
1:
COLUMN C
OUTPUT \results, A, B, C
subs x3, x3, #1
b.eq 2f
COLUMN A
OUTPUT \results, B, C, A
subs x3, x3, #1
b.eq 2f
COLUMN B
OUTPUT \results, C, A, B
subs x3, x3, #1
b.ne 1b
2:
RETURN_VECTORS
.p2align 4
3:
COLUMN B
COLUMN C
OUTPUT \results, A, B, C
subs x3, x3, #1
b.eq 2b
COLUMN B
COLUMN A
OUTPUT \results, C, B, A
subs x3, x3, #1
b.ne 3b
RETURN_VECTORS
.endm

FUNCTION tvis_neon_row_3x3
ROW RESULTS
END_FUNCTION tvis_neon_row_3x3

FUNCTION tvis_neon_sums_3x3
ROW SUMS_AS_THEY_ARE
END_FUNCTION tvis_neon_sums_3x3
