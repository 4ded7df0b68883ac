/* SPDX-License-Identifier: MIT */
#include "ops/depthwise_s16.h"
#include "core/port.h"

void tvis_depthwise_s16_c(const tvis_depthwise_s16_args *a)
{
    for (int32_t ox = 0; ox < a->ow; ox++)
        for (int32_t c = 0; c < a->c; c++) {
            uint32_t sum = a->bias ? (uint32_t)a->bias[c] : 0;
            for (int32_t ky = 0; ky < a->kh; ky++)
                for (int32_t kx = 0; kx < a->kw; kx++) {
                    const int32_t ix = ox * a->stride - a->pad + kx * a->dilation;
                    if (a->rows[ky] && ix >= 0 && ix < a->iw)
                        sum += (uint32_t)(a->rows[ky][(ptrdiff_t)ix * a->c + c] *
                                          a->w[((ptrdiff_t)ky * a->kw + kx) * a->c + c]);
                }
            a->y[(ptrdiff_t)ox * a->c + c] = (int32_t)sum;
        }
}

const tvis_depthwise_s16_variant tvis_depthwise_s16[] = {
    { { "16_avx2", TVIS_CPU_AVX2, TVIS_PACK_PLAIN, 0, 1, 16 }, TVIS_IF_X86(tvis_depthwise_s16_16_avx2) },
    { { "8_neon", TVIS_CPU_NEON, TVIS_PACK_PLAIN, 0, 1, 8 }, TVIS_IF_AARCH64(tvis_depthwise_s16_8_neon) },
    { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_depthwise_s16_c },
    { { NULL, 0, 0, 0, 0, 0 }, NULL },
};

uint16_t tvis_depthwise_s16_choose(uint32_t cpu)
{
    uint16_t row = 0;
    while (tvis_depthwise_s16[row].k.cpu & ~cpu)
        row++;
    return row;
}
