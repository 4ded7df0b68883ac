/* SPDX-License-Identifier: MIT */
/* From a 32-bit accumulator to an int8: the only definition of it. docs/int8.md has the reasons and the proofs. */
#ifndef TVIS_OPS_REQUANT_H
#define TVIS_OPS_REQUANT_H

#include <tinyvis/types.h>

/* y = clamp(zero + R(acc), lo, hi), where R(acc) = ((acc << shift) * mul + 2^31) >> 32: the real product
 * acc * mul * 2^shift / 2^32, rounded once, halves upwards.
 * Range: |acc << shift| <= 2^31 - 1 and mul <= 2^31 - 2, so the product is less than 2^62 and |R| <= 2^30 - 1; two of
 * them add up without overflow. On ARMv6 R is SMMULR; on NEON, because mul is even, SQRDMULH with mul / 2, which can't
 * saturate here; on x86 two VPMULDQ, each followed by one addition of 2^31, or by one of 1 in 16 bits. */
typedef struct tvis_requant {
    const int32_t *mul;   /* one a channel: even, 0 <= mul < 2^31 */
    int32_t shift;        /* 0 … 30; |acc| << shift < 2^31 for each accumulator that can occur */
    int32_t zero, lo, hi; /* -128 … 127, lo <= hi; lo and hi are the limits of an activation too. Of 16 bits: zero is
                             0, lo and hi -32768 … 32767 */
} tvis_requant;

/* A second tensor that is added: y = clamp(q.zero + R(acc) + R(add - zero), …). */
typedef struct tvis_requant_add {
    int32_t mul, shift; /* as above, for |add - zero| <= 255, or 32768 */
    int32_t zero;
} tvis_requant_add;

/* R. A shift of a negative number to the right keeps its sign on every compiler that builds this. */
static inline int32_t tvis_requant_scale(int32_t acc, int32_t mul, int32_t shift)
{
    const int32_t a = (int32_t)((uint32_t)acc << shift);
    return (int32_t)(((int64_t)a * mul + ((int64_t)1 << 31)) >> 32);
}

/* v: the sum of what tvis_requant_scale() gave. */
static inline int32_t tvis_requant_limit(int64_t v, const tvis_requant *q)
{
    v += q->zero;
    v = v < q->lo ? q->lo : v;
    return (int32_t)(v > q->hi ? q->hi : v);
}

static inline int8_t tvis_requant_clamp(int64_t v, const tvis_requant *q)
{
    return (int8_t)tvis_requant_limit(v, q);
}

/* Bias + sum, for a bias that nobody has checked: wraps. */
static inline int32_t tvis_requant_sum(int32_t bias, int32_t sum)
{
    return (int32_t)((uint32_t)bias + (uint32_t)sum);
}

/* Chooses mul[0 … n) and the shift for real factors scale[] (x_scale * w_scale / y_scale; 0 is allowed) and
 * accumulators of at most `bound`. The shift is the smallest that leaves every mul below 2^31: that gives mul the most
 * digits, and result and real product differ by at most 1/2 + bound * 2^shift / 2^32. mul is scale * 2^(32 - shift)
 * rounded to a multiple of 2, halves upwards.
 * TVIS_EINVAL: a scale that is negative, infinite or not a number, or a bound that is not in 0 … 2^31 - 1.
 * TVIS_EUNSUP: no shift fits. *shift and mul are then untouched. */
tvis_status tvis_requant_choose(const double *scale, int32_t n, int64_t bound, int32_t *mul, int32_t *shift);

/* mul * 2^shift / count, again even and below 2^31, with a shift of its own: of an average over `count` values. */
void tvis_requant_divide(int32_t mul, int32_t shift, int32_t count, int32_t *out_mul, int32_t *out_shift);

#endif
