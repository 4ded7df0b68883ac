/* SPDX-License-Identifier: MIT */
#include "ops/depthwise.h"
#include "core/port.h"

void tvis_depthwise_f32_c(const tvis_depthwise_f32_args *a)
{
    for (int32_t ox = 0; ox < a->ow; ox++)
        for (int32_t c = 0; c < a->c; c++) {
            float v = a->bias ? a->bias[c] : 0.0f;
            for (int32_t ky = 0; ky < a->kh; ky++)
                for (int32_t kx = 0; kx < a->kw; kx++) {
                    const int32_t ix = ox * a->stride - a->pad + kx * a->dilation;
                    if (a->rows[ky] && ix >= 0 && ix < a->iw)
                        v += a->rows[ky][(ptrdiff_t)ix * a->c + c] * a->w[((ptrdiff_t)ky * a->kw + kx) * a->c + c];
                }
            v = v < a->lo ? a->lo : v;
            a->y[(ptrdiff_t)ox * a->c + c] = v > a->hi ? a->hi : v;
        }
}

const tvis_depthwise_f32_variant tvis_depthwise_f32[] = {
    { { "4x16_avx512", TVIS_CPU_AVX512, TVIS_PACK_PLAIN, 0, 4, 16 },
      TVIS_IF_X86(tvis_depthwise_f32_4x16_avx512),
      NULL },
    { { "4x8_avx2", TVIS_CPU_AVX2, TVIS_PACK_PLAIN, 0, 4, 8 }, TVIS_IF_X86(tvis_depthwise_f32_4x8_avx2), NULL },
    { { "4x4_neon", TVIS_CPU_NEON, TVIS_PACK_PLAIN, 0, 4, 4 }, TVIS_IF_AARCH64(tvis_depthwise_f32_4x4_neon), NULL },
    { { "3x4_vfp11", TVIS_CPU_VFP11, TVIS_PACK_PLAIN, 0, 3, 4 },
      TVIS_IF_VFP11(tvis_depthwise_f32_3x4_vfp11),
      TVIS_IF_VFP11(tvis_depthwise_f32_picture_vfp11) },
    { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_depthwise_f32_c, NULL },
    { { NULL, 0, 0, 0, 0, 0 }, NULL, NULL },
};
