/* SPDX-License-Identifier: MIT */
/* ARMv6: R is SMMULR. Limits come before the zero point: that can't overflow. */
#include "core/port.h"
#include "ops/narrow.h"

/* Of all rows. */
typedef struct constants {
    int32_t shift, zero, lo, hi;
    tvis_requant_add add;
} constants;

static inline int32_t scaled(int32_t v, int32_t mul, int32_t shift)
{
    int32_t r;
    __asm__("smmulr %0, %1, %2" : "=r"(r) : "r"((uint32_t)v << shift), "r"(mul));
    return r;
}

static inline int32_t added(const tvis_narrow_args *a, const constants *k, ptrdiff_t at)
{
    const int32_t v = a->add_wide ? ((const int16_t *)a->add)[at] : ((const int8_t *)a->add)[at];
    return scaled(v - k->add.zero, k->add.mul, k->add.shift);
}

TVIS_INLINE void store(void *y, const int16_t *table, ptrdiff_t at, int32_t v, const bool wide)
{
    if (table)
        v = tvis_table16_at(table, v);
    if (wide)
        ((int16_t *)y)[at] = (int16_t)v;
    else
        ((int8_t *)y)[at] = (int8_t)(table ? tvis_table16_narrow(v) : v);
}

TVIS_INLINE void row(const tvis_narrow_args *a, const constants *c, int32_t i, const int16_t *table, const bool wide)
{
    const constants k = *c;
    const int32_t *x = a->x + (ptrdiff_t)i * a->ldx, *mul = a->q.mul, n = a->n;
    const bool adds = a->add != NULL;
    void *y = a->y;
    for (ptrdiff_t j = 0, at = (ptrdiff_t)i * a->ldy; j < n; j++, at++) {
        int32_t v = scaled(x[j], mul[j], k.shift);
        if (adds)
            v = (int32_t)((uint32_t)v + (uint32_t)added(a, &k, at));
        v = v < k.lo ? k.lo : v;
        v = v > k.hi ? k.hi : v;
        store(y, table, at, v + k.zero, wide);
    }
}

void tvis_narrow_armv6(const tvis_narrow_args *a)
{
    const constants k = { a->q.shift, a->q.zero, a->q.lo - a->q.zero, a->q.hi - a->q.zero, a->add_q };
    for (int32_t i = 0; i < a->m; i++)
        if (a->table && a->wide)
            row(a, &k, i, a->table, true);
        else if (a->table)
            row(a, &k, i, a->table, false);
        else if (a->wide)
            row(a, &k, i, NULL, true);
        else
            row(a, &k, i, NULL, false);
}
