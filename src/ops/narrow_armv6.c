/* SPDX-License-Identifier: MIT */
/* ARMv6: to int8 as layers finish their sums (gemm_s8_armv6.h); else four values at a time, since what SMMULR gives is
 * there after four cycles (ARM DDI 0301H, 16.7). */
#include "ops/gemm_s8_armv6.h"
#include "ops/narrow.h"
#include "ops/requant_armv6.h"

enum { MOST_ROWS = 1 << 22 }; /* of tvis_s8_finish */

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

/* Stores four values, those of a table where there is one. */
static void store_four(const tvis_narrow_args *a, ptrdiff_t at, const int32_t *v)
{
    int32_t t[4] = { v[0], v[1], v[2], v[3] };
    if (a->table) {
        const int16_t *table = a->table;
        t[0] = look_up(table, v[0]);
        t[1] = look_up(table, v[1]);
        t[2] = look_up(table, v[2]);
        t[3] = look_up(table, v[3]);
    }
    for (int32_t i = 0; a->table && !a->wide && i < 4; i++)
        t[i] = tvis_table16_narrow(t[i]);
    if (a->wide) {
        int16_t *y = (int16_t *)a->y + at;
        y[0] = (int16_t)t[0];
        y[1] = (int16_t)t[1];
        y[2] = (int16_t)t[2];
        y[3] = (int16_t)t[3];
    } else {
        int8_t *y = (int8_t *)a->y + at;
        y[0] = (int8_t)t[0];
        y[1] = (int8_t)t[1];
        y[2] = (int8_t)t[2];
        y[3] = (int8_t)t[3];
    }
}

/* What is added is wide. Returns how many columns were done. */
static int32_t fours(const tvis_narrow_args *a, const constants *constant, int32_t i)
{
    const constants k = *constant;
    const int32_t *x = a->x + (ptrdiff_t)i * a->ldx, *mul = a->q.mul, n = a->n;
    const ptrdiff_t at = (ptrdiff_t)i * a->ldy;
    const int16_t *add = a->add ? (const int16_t *)a->add + at : NULL;
    int32_t j = 0;
    for (; j + 4 <= n; j += 4) {
        TVIS_PREFETCH(x + j + 24);
        uint32_t v[4] = { (uint32_t)tvis_scale_armv6(x[j], mul[j], k.shift),
                          (uint32_t)tvis_scale_armv6(x[j + 1], mul[j + 1], k.shift),
                          (uint32_t)tvis_scale_armv6(x[j + 2], mul[j + 2], k.shift),
                          (uint32_t)tvis_scale_armv6(x[j + 3], mul[j + 3], k.shift) };
        if (add)
            add_four(add + j, &k, v);
        const int32_t limited[4] = { tvis_limit_armv6((int32_t)v[0], &k.limits),
                                     tvis_limit_armv6((int32_t)v[1], &k.limits),
                                     tvis_limit_armv6((int32_t)v[2], &k.limits),
                                     tvis_limit_armv6((int32_t)v[3], &k.limits) };
        store_four(a, at + j, limited);
    }
    return j;
}

/* To int8 without other limits: two columns at a time. Returns how many columns were done. */
static int32_t pairs(const tvis_narrow_args *a)
{
    const int32_t least = a->table ? INT16_MIN : INT8_MIN, most = a->table ? INT16_MAX : INT8_MAX;
    if (a->wide || (a->add && (a->add_wide || a->table)) || a->q.lo != least || a->q.hi != most || a->m < 1 ||
        a->m > MOST_ROWS)
        return 0;
    void (*const run)(const tvis_s8_finish *) = a->add     ? tvis_s8_finish_add_armv6
                                                : a->table ? tvis_s8_finish_table_armv6
                                                           : tvis_s8_finish_armv6;
    int32_t j = 0;
    for (; j + 2 <= a->n; j += 2) {
        const tvis_s8_finish f = {
            .sums = a->x + j,
            .y = (int8_t *)a->y + j,
            .ldy = a->ldy,
            .rows = a->m,
            .mul = { a->q.mul[j], a->q.mul[j + 1] },
            .zero = a->q.zero,
            .shift = a->q.shift,
            .more = a->add ? (const void *)((const int8_t *)a->add + j) : a->table,
            .add_mul = a->add_q.mul,
            .add_shift = a->add_q.shift,
            .add_zero = a->add_q.zero,
            .ldx = a->ldx * (ptrdiff_t)sizeof *a->x,
        };
        run(&f);
    }
    return j;
}

void tvis_narrow_armv6(const tvis_narrow_args *a)
{
    const constants k = { tvis_limits_of_armv6(&a->q), a->q.shift, a->add_q };
    const bool many = !a->add || (a->add_wide && a->add_q.zero == 0);
    const int32_t done = TVIS_LARGE_CODE ? pairs(a) : 0;
    for (int32_t i = 0; i < a->m && done < a->n; i++)
        tvis_narrow_rest(a, i, done || !many ? done : fours(a, &k, i));
}
