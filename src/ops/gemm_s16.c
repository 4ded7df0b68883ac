/* SPDX-License-Identifier: MIT */
#include "ops/gemm_s16.h"
#include "core/port.h"

void tvis_gemm_s16_c(const tvis_gemm_s16_args *a)
{
    for (int32_t i = 0; i < a->m; i++)
        for (int32_t j = 0; j < a->n; j++) {
            const int16_t *x = a->x + (ptrdiff_t)i * a->ldx;
            const int8_t *w = a->w + (ptrdiff_t)j * a->k;
            uint32_t sum = a->bias ? (uint32_t)a->bias[j] : 0;
            for (int32_t p = 0; p < a->k; p++)
                sum += (uint32_t)(x[p] * w[p]);
            a->y[(ptrdiff_t)i * a->ldy + j] = (int32_t)sum;
        }
}

#define VNNI (TVIS_CPU_AVX512 | TVIS_CPU_VNNI)

const tvis_gemm_s16_variant tvis_gemm_s16[] = {
    { { "12x32_vnni", VNNI, TVIS_PACK_GROUPS(2, 16), 0, 12, 16 }, TVIS_IF_X86(tvis_gemm_s16_12x32_vnni) },
    { { "4x16_avx2", TVIS_CPU_AVX2, TVIS_PACK_GROUPS(2, 16), 0, 4, 16 }, TVIS_IF_X86(tvis_gemm_s16_4x16_avx2) },
    { { "4x8_neon", TVIS_CPU_NEON, TVIS_PACK_GROUPS(2, 8), 0, 4, 8 }, TVIS_IF_AARCH64(tvis_gemm_s16_4x8_neon) },
    { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_gemm_s16_c },
    { { NULL, 0, 0, 0, 0, 0 }, NULL },
};

uint16_t tvis_gemm_s16_choose(uint32_t cpu)
{
    uint16_t row = 0;
    while (tvis_gemm_s16[row].k.cpu & ~cpu)
        row++;
    return row;
}
