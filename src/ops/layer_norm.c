/* SPDX-License-Identifier: MIT */
#include "ops/layer_norm.h"
#include "core/math.h"
#include "core/port.h"

static void normalise(const tvis_layer_norm_f32_args *a, const float *x, float *y)
{
    float mean = 0.0f, var = 0.0f;
    for (int32_t k = 0; k < a->c; k++)
        mean += x[k];
    mean /= (float)a->c;
    for (int32_t k = 0; k < a->c; k++)
        var += (x[k] - mean) * (x[k] - mean);
    const float scale = 1.0f / tvis_sqrtf(var / (float)a->c + a->eps);
    for (int32_t k = 0; k < a->c; k++)
        y[k] = (x[k] - mean) * scale * a->weight[k] + a->bias[k];
}

void tvis_layer_norm_f32_c(const tvis_layer_norm_f32_args *a)
{
    for (int32_t i = 0; i < a->rows; i++)
        normalise(a, a->x + (ptrdiff_t)i * a->c, a->y + (ptrdiff_t)i * a->c);
}

const tvis_layer_norm_f32_variant tvis_layer_norm_f32[] = {
    { { "16_avx512", TVIS_CPU_AVX512, TVIS_PACK_PLAIN, 0, 1, 16 }, TVIS_IF_X86(tvis_layer_norm_f32_avx512) },
    { { "8_avx2", TVIS_CPU_AVX2, TVIS_PACK_PLAIN, 0, 1, 8 }, TVIS_IF_X86(tvis_layer_norm_f32_avx2) },
    { { "4_neon", TVIS_CPU_NEON, TVIS_PACK_PLAIN, 0, 1, 4 }, TVIS_IF_AARCH64(tvis_layer_norm_f32_neon) },
    { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_layer_norm_f32_c },
    { { NULL, 0, 0, 0, 0, 0 }, NULL },
};
