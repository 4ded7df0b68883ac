/* SPDX-License-Identifier: MIT */
#include "ops/look_up_s8.h"
#include "core/port.h"

void tvis_look_up_s8_c(const tvis_look_up_s8_args *a)
{
    for (int32_t i = 0; i < a->rows; i++)
        for (int32_t j = 0; j < a->cols; j++) {
            const ptrdiff_t at = (ptrdiff_t)i * a->ld + j;
            a->y[at] = a->table[a->x[at] + 128];
        }
}

const tvis_look_up_s8_variant tvis_look_up_s8[] = {
    { { "64_vbmi", TVIS_CPU_AVX512 | TVIS_CPU_VBMI, TVIS_PACK_PLAIN, 0, 1, 64 }, TVIS_IF_X86(tvis_look_up_s8_64_vbmi) },
    { { "32_avx2", TVIS_CPU_AVX2, TVIS_PACK_PLAIN, 0, 1, 32 }, TVIS_IF_X86(tvis_look_up_s8_32_avx2) },
    { { "16_neon", TVIS_CPU_NEON, TVIS_PACK_PLAIN, 0, 1, 16 }, TVIS_IF_AARCH64(tvis_look_up_s8_16_neon) },
    { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_look_up_s8_c },
    { { NULL, 0, 0, 0, 0, 0 }, NULL },
};

uint16_t tvis_look_up_s8_choose(uint32_t cpu)
{
    uint16_t i = 0;
    while (tvis_look_up_s8[i].k.cpu & ~cpu)
        i++;
    return i;
}
