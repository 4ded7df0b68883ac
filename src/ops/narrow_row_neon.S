/* SPDX-License-Identifier: MIT */
/* The inner loop of narrow_neon.c for tables and S8: 51 instructions for eight results, of which 22 fetch two neighbours of the table for
 * each. */
#include "core/asm_a64.h"

/* Neighbours of four places, whose offsets are lanes `from` on of v1, to v<a>. */
.macro FETCH from, a, b, c, d
umov w9, v1.h[\from]
umov w10, v1.h[\from + 1]
umov w11, v1.h[\from + 2]
umov w12, v1.h[\from + 3]
ldr s\a, [x3, x9]
ldr s\b, [x3, x10]
ldr s\c, [x3, x11]
ldr s\d, [x3, x12]
.endm
.macro GATHER a, b, c, d
zip1 v\a\().4s, v\a\().4s, v\b\().4s
zip1 v\c\().4s, v\c\().4s, v\d\().4s
zip1 v\a\().2d, v\a\().2d, v\c\().2d
.endm

/* SQRDMULH doubles: the factors v<p> and v<q> are shifted by one less than they were to be. */
.macro ROW p, q
1:
ldp q0, q1, [x0], #32
ldp q2, q3, [x1], #32
sshl v\p\().4s, v\p\().4s, v16.4s
sshl v\q\().4s, v\q\().4s, v16.4s
sqrdmulh v0.4s, v0.4s, v2.4s
sqrdmulh v1.4s, v1.4s, v3.4s
sqxtn v0.4h, v0.4s
sqxtn2 v0.8h, v1.4s
smax v0.8h, v0.8h, v17.8h
smin v0.8h, v0.8h, v18.8h
eor v0.16b, v0.16b, v19.16b
ushr v1.8h, v0.8h, #6
bic v1.8h, #1
FETCH 0, 4, 5, 6, 7
FETCH 4, 20, 21, 22, 23
and v0.16b, v0.16b, v24.16b
GATHER 4, 5, 6, 7
sub v2.8h, v25.8h, v0.8h
GATHER 20, 21, 22, 23
uzp1 v5.8h, v4.8h, v20.8h
uzp2 v6.8h, v4.8h, v20.8h
smull v7.4s, v5.4h, v2.4h
smull2 v20.4s, v5.8h, v2.8h
smlal v7.4s, v6.4h, v0.4h
smlal2 v20.4s, v6.8h, v0.8h
subs x4, x4, #1
add v7.4s, v7.4s, v26.4s
add v20.4s, v20.4s, v26.4s
shrn v7.4h, v7.4s, #15
shrn2 v7.8h, v20.4s, #15
sqxtn v7.8b, v7.8h
st1 {v7.8b}, [x2], #8
b.ne 1b
ret
.endm

/* x0: sums, x1: multipliers, x2: y, x3: table, x4: eights, at least one, x5: { shift - 1, lo, hi }; multipliers are even. */
FUNCTION tvis_neon_narrow_row
ldr w6, [x5]
ld3r {v16.4s, v17.4s, v18.4s}, [x5]
dup v17.8h, v17.h[0]
dup v18.8h, v18.h[0]
movi v19.8h, #0x80, lsl #8
movi v24.8h, #127
movi v25.8h, #128
mov w9, #64 + 128 * 128
dup v26.4s, w9
tbnz w6, #31, 2f
ROW 0, 1
2:
ROW 2, 3
END_FUNCTION tvis_neon_narrow_row
