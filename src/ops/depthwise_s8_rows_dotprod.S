/* SPDX-License-Identifier: MIT */
/* The inner loop of depthwise_s8_dotprod.c: 16 channels of a row, 3 x 3. Weights stay in v16 to v27 and three columns in v4 to v15, in
 * turn; 48 instructions for 16 results with stride 1, of which 12 multiply. Offsets are those of tvis_neon_strip. */
#include "core/asm_a64.h"

/* The next column's three rows, in groups of four bytes a channel, the last one twice; its weight is 0. */
.macro COLUMN a, b, c, d
ld1 {v0.16b}, [x4], x7
ld1 {v1.16b}, [x5], x8
ld1 {v2.16b}, [x6], x9
zip1 v\a\().16b, v0.16b, v1.16b
zip2 v\c\().16b, v0.16b, v1.16b
zip1 v3.16b, v2.16b, v2.16b
zip2 v2.16b, v2.16b, v2.16b
zip2 v\b\().8h, v\a\().8h, v3.8h
zip1 v\a\().8h, v\a\().8h, v3.8h
zip2 v\d\().8h, v\c\().8h, v2.8h
zip1 v\c\().8h, v\c\().8h, v2.8h
.endm

.macro TAP a, b, c, d, w0, w1, w2, w3
sdot v0.4s, v\a\().16b, v\w0\().16b
sdot v1.4s, v\b\().16b, v\w1\().16b
sdot v2.4s, v\c\().16b, v\w2\().16b
sdot v3.4s, v\d\().16b, v\w3\().16b
.endm

/* Columns from v<x>, v<y> and v<z> on; those of the first one are used up. */
.macro OUTPUT results, x0, x1, x2, x3, y0, y1, y2, y3, z0, z1, z2, z3
ldp q0, q1, [x12]
ldp q2, q3, [x12, #32]
TAP \x0, \x1, \x2, \x3, 16, 17, 18, 19
TAP \y0, \y1, \y2, \y3, 20, 21, 22, 23
TAP \z0, \z1, \z2, \z3, 24, 25, 26, 27
\results \x0, \x1, \x2, \x3
.endm

/* Four registers are free. */
.macro RESULTS x0, x1, x2, x3
ldp q\x0, q\x1, [x13]
ldp q\x2, q\x3, [x13, #32]
sshl v0.4s, v0.4s, v28.4s
sshl v1.4s, v1.4s, v28.4s
sshl v2.4s, v2.4s, v28.4s
sshl v3.4s, v3.4s, v28.4s
sqrdmulh v0.4s, v0.4s, v\x0\().4s
sqrdmulh v1.4s, v1.4s, v\x1\().4s
sqrdmulh v2.4s, v2.4s, v\x2\().4s
sqrdmulh v3.4s, v3.4s, v\x3\().4s
sqxtn v0.4h, v0.4s
sqxtn v2.4h, v2.4s
sqxtn2 v0.8h, v1.4s
sqxtn2 v2.8h, v3.4s
sqadd v0.8h, v0.8h, v29.8h
sqadd v2.8h, v2.8h, v29.8h
sqxtn v0.8b, v0.8h
sqxtn2 v0.16b, v2.8h
smax v0.16b, v0.16b, v30.16b
smin v0.16b, v0.16b, v31.16b
st1 {v0.16b}, [x1], x2
.endm

.macro SUMS_AS_THEY_ARE a=0, b=0, c=0, d=0
st1 {v0.4s, v1.4s, v2.4s, v3.4s}, [x1], x2
.endm

#define A 4, 5, 6, 7
#define B 8, 9, 10, 11
#define C 12, 13, 14, 15

/* x0: the strip, x1: y, x2: bytes to the next column of y, x3: columns, at least one. */
.macro ROW results
KEEP_VECTORS
ldp x4, x5, [x0]
ldp x6, x7, [x0, #16]
ldp x8, x9, [x0, #32]
ldp x10, x12, [x0, #48]
ldr x13, [x0, #64]
add x11, x0, #72
ld4r {v28.4s, v29.4s, v30.4s, v31.4s}, [x11]
dup v29.8h, v29.h[0]
dup v30.16b, v30.b[0]
dup v31.16b, v31.b[0]
ldp q16, q17, [x10]
ldp q18, q19, [x10, #32]
ldp q20, q21, [x10, #64]
ldp q22, q23, [x10, #96]
ldp q24, q25, [x10, #128]
ldp q26, q27, [x10, #160]
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

FUNCTION tvis_dotprod_row_3x3
ROW RESULTS
END_FUNCTION tvis_dotprod_row_3x3

FUNCTION tvis_dotprod_sums_3x3
ROW SUMS_AS_THEY_ARE
END_FUNCTION tvis_dotprod_sums_3x3
