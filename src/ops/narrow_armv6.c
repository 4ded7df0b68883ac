/* SPDX-License-Identifier: MIT */
/* ARMv6: four values at a time, since what SMMULR gives is there after four cycles (ARM DDI 0301H, 16.7). */
#include "ops/narrow.h"
#include "ops/requant_armv6.h"

/* Of all rows. */
typedef struct constants {
    tvis_limits_armv6 limits;
    int32_t shift;
    tvis_requant_add add;
} constants;

/* tvis_table16_at(): (t0 * (128 - rest) + t1 * rest + 64) >> 7, both products in one SMLAD. */
static inline int32_t look_up(const int16_t *table, int32_t x)
{
    const uint32_t u = (uint32_t)(x + 32768), rest = u & 127;
    uint32_t both;
    int32_t r;
    memcpy(&both, table + (u >> 7), sizeof both);
    __asm__("smlad %0, %1, %2, %3" : "=r"(r) : "r"(both), "r"(128 + (rest << 16) - rest), "r"(64));
    return r >> 7;
}

TVIS_INLINE void store(void *y, const int16_t *table, ptrdiff_t at, int32_t v, const bool wide)
{
    if (table)
        v = look_up(table, v);
    if (wide)
        ((int16_t *)y)[at] = (int16_t)v;
    else
        ((int8_t *)y)[at] = (int8_t)(table ? tvis_table16_narrow(v) : v);
}

/* Adds to four values, those of a wide tensor. */
TVIS_INLINE void add_four(const int16_t *p, const constants *k, uint32_t *v)
{
    const int32_t mul = k->add.mul, shift = k->add.shift;
    const int32_t a = tvis_scale_armv6(p[0], mul, shift), b = tvis_scale_armv6(p[1], mul, shift);
    const int32_t c = tvis_scale_armv6(p[2], mul, shift), d = tvis_scale_armv6(p[3], mul, shift);
    v[0] += (uint32_t)a;
    v[1] += (uint32_t)b;
    v[2] += (uint32_t)c;
    v[3] += (uint32_t)d;
}

/* What is added is wide. Returns how many columns were done. */
TVIS_INLINE int32_t fours(const tvis_narrow_args *a, const constants *constant, int32_t i, const int16_t *table,
                          const bool wide)
{
    const constants k = *constant;
    const int32_t *x = a->x + (ptrdiff_t)i * a->ldx, *mul = a->q.mul, n = a->n;
    const int16_t *add = a->add ? (const int16_t *)a->add + (ptrdiff_t)i * a->ldy : NULL;
    const ptrdiff_t at = (ptrdiff_t)i * a->ldy;
    int32_t j = 0;
    for (; j + 4 <= n; j += 4) {
        TVIS_PREFETCH(x + j + 24);
        uint32_t v[4] = { (uint32_t)tvis_scale_armv6(x[j], mul[j], k.shift),
                          (uint32_t)tvis_scale_armv6(x[j + 1], mul[j + 1], k.shift),
                          (uint32_t)tvis_scale_armv6(x[j + 2], mul[j + 2], k.shift),
                          (uint32_t)tvis_scale_armv6(x[j + 3], mul[j + 3], k.shift) };
        if (add)
            add_four(add + j, &k, v);
        store(a->y, table, at + j, tvis_limit_armv6((int32_t)v[0], &k.limits), wide);
        store(a->y, table, at + j + 1, tvis_limit_armv6((int32_t)v[1], &k.limits), wide);
        store(a->y, table, at + j + 2, tvis_limit_armv6((int32_t)v[2], &k.limits), wide);
        store(a->y, table, at + j + 3, tvis_limit_armv6((int32_t)v[3], &k.limits), wide);
    }
    return j;
}

TVIS_INLINE void rows(const tvis_narrow_args *a, const int16_t *table, const bool wide)
{
    const constants k = { tvis_limits_of_armv6(&a->q), a->q.shift, a->add_q };
    const bool many = !a->add || (a->add_wide && a->add_q.zero == 0);
    for (int32_t i = 0; i < a->m; i++)
        tvis_narrow_rest(a, i, many ? fours(a, &k, i, table, wide) : 0);
}

void tvis_narrow_armv6(const tvis_narrow_args *a)
{
    if (a->table && a->wide)
        rows(a, a->table, true);
    else if (a->table)
        rows(a, a->table, false);
    else if (a->wide)
        rows(a, NULL, true);
    else
        rows(a, NULL, false);
}
