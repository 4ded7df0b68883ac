/* SPDX-License-Identifier: MIT */
/* ARMv6: R is SMMULR (requant.h). Limits come before the zero point: that can't overflow, as two R add up to less than
 * 2^31. */
#ifndef TVIS_OPS_REQUANT_ARMV6_H
#define TVIS_OPS_REQUANT_ARMV6_H

#include "core/port.h"
#include "ops/requant.h"

/* In front of the zero point. */
typedef struct tvis_limits_armv6 {
    int32_t lo, hi, zero;
} tvis_limits_armv6;

static inline int32_t tvis_scale_armv6(int32_t v, int32_t mul, int32_t shift)
{
    int32_t r;
    __asm__("smmulr %0, %1, %2" : "=r"(r) : "r"((uint32_t)v << shift), "r"(mul));
    return r;
}

static inline tvis_limits_armv6 tvis_limits_of_armv6(const tvis_requant *q)
{
    return (tvis_limits_armv6){ q->lo - q->zero, q->hi - q->zero, q->zero };
}

static inline int32_t tvis_limit_armv6(int32_t v, const tvis_limits_armv6 *l)
{
    v = v < l->lo ? l->lo : v;
    return (v > l->hi ? l->hi : v) + l->zero;
}

#endif
