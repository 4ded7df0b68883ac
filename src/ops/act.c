/* SPDX-License-Identifier: MIT */
#include "ops/act.h"
#include "core/math.h"
#include "core/port.h"

#include <float.h>

void tvis_act_range(uint8_t act, float *lo, float *hi)
{
    *lo = act == TVIS_ACT_RELU || act == TVIS_ACT_RELU6 ? 0.0f : -FLT_MAX;
    *hi = act == TVIS_ACT_RELU6 ? 6.0f : FLT_MAX;
}

static float clamp(float x, float lo, float hi)
{
    x = x < lo ? lo : x;
    return x > hi ? hi : x;
}

/* Sigmoid and SiLU stay below -32 what they are there, 1e-14 times the numerator: products with less would be
 * subnormal, which processors are slow at. */
static float smooth(uint8_t act, float x)
{
    x = x < -32.0f ? -32.0f : x;
    const float sigmoid = 1.0f / (1.0f + tvis_expf(-x));
    return act == TVIS_ACT_SILU ? x * sigmoid : sigmoid;
}

static float activate(uint8_t act, float x)
{
    switch ((tvis_act)act) {
    case TVIS_ACT_HARD_SWISH: /* Howard et al. 2019 */
        return x * clamp(x + 3.0f, 0.0f, 6.0f) * (1.0f / 6.0f);
    case TVIS_ACT_HARD_SIGMOID:
        return clamp(x + 3.0f, 0.0f, 6.0f) * (1.0f / 6.0f);
    case TVIS_ACT_SIGMOID:
    case TVIS_ACT_SILU:
        return smooth(act, x);
    case TVIS_ACT_GELU: /* its factors' product vanishes below -6, and would not at -infinity; Hendrycks and Gimpel 2016
                         */
        return 0.5f * (x < -6.0f ? -6.0f : x) * (1.0f + tvis_erff(x * 0.70710678f));
    default:
        return x;
    }
}

void tvis_act_f32_c(const tvis_act_f32_args *a)
{
    for (int32_t i = 0; i < a->rows; i++)
        for (int32_t j = 0; j < a->cols; j++) {
            float *y = a->y + (ptrdiff_t)i * a->ldy + j;
            *y = activate(a->act, *y);
        }
}

const tvis_act_f32_variant tvis_act_f32[] = {
    { { "16_avx512", TVIS_CPU_AVX512, TVIS_PACK_PLAIN, 0, 1, 16 }, TVIS_IF_X86(tvis_act_f32_avx512) },
    { { "8_avx2", TVIS_CPU_AVX2, TVIS_PACK_PLAIN, 0, 1, 8 }, TVIS_IF_X86(tvis_act_f32_avx2) },
    { { "4_neon", TVIS_CPU_NEON, TVIS_PACK_PLAIN, 0, 1, 4 }, TVIS_IF_AARCH64(tvis_act_f32_neon) },
    { { "8_vfp11", TVIS_CPU_VFP11, TVIS_PACK_PLAIN, 0, 1, 8 }, TVIS_IF_VFP11(tvis_act_f32_vfp11) },
    { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_act_f32_c },
    { { NULL, 0, 0, 0, 0, 0 }, NULL },
};

void tvis_act_apply(uint32_t cpu, uint8_t act, float *y, int32_t rows, int32_t cols, int32_t ldy)
{
    const tvis_act_f32_args a = { y, rows, cols, ldy, act };
    const tvis_act_f32_variant *v = tvis_act_f32;
    if (act <= TVIS_ACT_RELU6)
        return;
    while (v->k.cpu & ~cpu)
        v++;
    v->run(&a);
}
