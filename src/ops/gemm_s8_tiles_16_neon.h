/* SPDX-License-Identifier: MIT */
/* Tiles of four rows and 16 columns, around the products of an instruction set. Expected:
 *   GROUP, PART(n)    bytes of a group, and a register of so many, the lowest of v<n>
 *   BEGIN             the sums from the bias at x13
 *   FIRST             loads what STEP finds there of w, the rows' next 16 k being in v0 to v3
 *   STEP next         16 k; loads the same for the next one if there is one
 *   ONE_GROUP         a group of k, the rows' part of which is in v0 to v3
 *   END               puts the sums where EACH_ROW says that they are
 *   EACH_ROW do       the registers of each row's sums
 *   STORE_SUMS        a row of them, at x1, which goes on by x17 */
#ifndef TVIS_OPS_GEMM_S8_TILES_16_NEON_H
#define TVIS_OPS_GEMM_S8_TILES_16_NEON_H

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
KEEP_VECTORS
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
BEGIN
subs x8, x8, #1
b.lt 4f
ldr q0, [x4], #16
ldr q1, [x5], #16
ldr q2, [x6], #16
ldr q3, [x7], #16
FIRST
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
ldr PART(0), [x4], #GROUP
ldr PART(1), [x5], #GROUP
ldr PART(2), [x6], #GROUP
ldr PART(3), [x7], #GROUP
ONE_GROUP
b.ne 5b
6:
cbz x10, 7f
ldr PART(0), [x4, x10]
ldr PART(1), [x5, x10]
ldr PART(2), [x6, x10]
ldr PART(3), [x7, x10]
ONE_GROUP
7:
END
\results
subs x15, x15, #1
b.ne 1b
RETURN_VECTORS
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

.macro SUMS_AS_THEY_ARE
EACH_ROW STORE_SUMS
.endm

#endif
