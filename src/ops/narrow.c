/* SPDX-License-Identifier: MIT */
#include "ops/narrow.h"
#include "core/port.h"

static int32_t added(const tvis_narrow_args *a, ptrdiff_t at)
{
    const int32_t v = a->add_wide ? ((const int16_t *)a->add)[at] : ((const int8_t *)a->add)[at];
    return tvis_requant_scale(v - a->add_q.zero, a->add_q.mul, a->add_q.shift);
}

static void store(const tvis_narrow_args *a, ptrdiff_t at, int32_t v)
{
    if (a->table)
        v = tvis_table16_at(a->table, v);
    if (a->wide)
        ((int16_t *)a->y)[at] = (int16_t)v;
    else
        ((int8_t *)a->y)[at] = (int8_t)(a->table ? tvis_table16_narrow(v) : v);
}

void tvis_narrow_rest(const tvis_narrow_args *a, int32_t i, int32_t from)
{
    for (int32_t j = from; j < a->n; j++) {
        const ptrdiff_t at = (ptrdiff_t)i * a->ldy + j;
        int64_t v = tvis_requant_scale(a->x[(ptrdiff_t)i * a->ldx + j], a->q.mul[j], a->q.shift);
        if (a->add)
            v += added(a, at);
        store(a, at, tvis_requant_limit(v, &a->q));
    }
}

void tvis_narrow_c(const tvis_narrow_args *a)
{
    for (int32_t i = 0; i < a->m; i++)
        tvis_narrow_rest(a, i, 0);
}

const tvis_narrow_variant tvis_narrow[] = {
    { { "16_avx512", TVIS_CPU_AVX512, TVIS_PACK_PLAIN, 0, 1, 16 }, TVIS_IF_X86(tvis_narrow_16_avx512) },
    { { "8_avx2", TVIS_CPU_AVX2, TVIS_PACK_PLAIN, 0, 1, 8 }, TVIS_IF_X86(tvis_narrow_8_avx2) },
    { { "8_neon", TVIS_CPU_NEON, TVIS_PACK_PLAIN, 0, 1, 8 }, TVIS_IF_AARCH64(tvis_narrow_8_neon) },
    { { "armv6", TVIS_CPU_ARMV6, TVIS_PACK_PLAIN, 0, 1, 1 }, TVIS_IF_ARMV6(tvis_narrow_armv6) },
    { { "dsp", TVIS_CPU_DSP, TVIS_PACK_PLAIN, 0, 1, 1 }, TVIS_IF_ARMV6(tvis_narrow_armv6) },
    { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_narrow_c },
    { { NULL, 0, 0, 0, 0, 0 }, NULL },
};

uint16_t tvis_narrow_choose(uint32_t cpu)
{
    uint16_t row = 0;
    while (tvis_narrow[row].k.cpu & ~cpu)
        row++;
    return row;
}
