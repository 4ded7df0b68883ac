/* SPDX-License-Identifier: MIT */
#include "ops/channels.h"
#include "core/port.h"

enum { BLOCK = 16 }; /* channels whose sums are kept at a time */

void tvis_channels_f32_sum_c(const float *x, ptrdiff_t ld, int32_t pixels, int32_t c, float *y)
{
    for (int32_t k = 0; k < c; k += BLOCK) {
        const int32_t n = c - k < BLOCK ? c - k : BLOCK;
        float sum[BLOCK] = { 0.0f };
        for (int32_t p = 0; p < pixels; p++)
            for (int32_t i = 0; i < n; i++)
                sum[i] += x[p * ld + k + i];
        for (int32_t i = 0; i < n; i++)
            y[k + i] += sum[i];
    }
}

void tvis_channels_f32_max_c(const float *const *rows, int32_t count, int32_t pixels, int32_t c, float *y)
{
    for (int32_t k = 0; k < c; k++)
        y[k] = rows[0][k];
    for (int32_t r = 0; r < count; r++)
        for (int32_t p = 0; p < pixels; p++)
            for (int32_t k = 0; k < c; k++) {
                const float x = rows[r][(ptrdiff_t)p * c + k];
                y[k] = x > y[k] || x != x ? x : y[k];
            }
}

void tvis_channels_f32_scale_c(const float *x, const float *s, int32_t pixels, int32_t c, float *y)
{
    for (int32_t p = 0; p < pixels; p++)
        for (int32_t k = 0; k < c; k++)
            y[(ptrdiff_t)p * c + k] = x[(ptrdiff_t)p * c + k] * s[k];
}

#define FUNCTIONS(IF, isa)                                                                                             \
    IF(tvis_channels_f32_sum_##isa), IF(tvis_channels_f32_max_##isa), IF(tvis_channels_f32_scale_##isa)
#define ALWAYS(f) f
const tvis_channels_f32_variant tvis_channels_f32[] = {
    { { "16_avx512", TVIS_CPU_AVX512, TVIS_PACK_PLAIN, 0, 1, 16 }, FUNCTIONS(TVIS_IF_X86, avx512) },
    { { "8_avx2", TVIS_CPU_AVX2, TVIS_PACK_PLAIN, 0, 1, 8 }, FUNCTIONS(TVIS_IF_X86, avx2) },
    { { "4_neon", TVIS_CPU_NEON, TVIS_PACK_PLAIN, 0, 1, 4 }, FUNCTIONS(TVIS_IF_AARCH64, neon) },
    { { "8_vfp11", TVIS_CPU_VFP11, TVIS_PACK_PLAIN, 0, 1, 8 },
      TVIS_IF_VFP11(tvis_channels_f32_sum_vfp11),
      TVIS_IF_VFP11(tvis_channels_f32_max_c),
      TVIS_IF_VFP11(tvis_channels_f32_scale_vfp11) },
    { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, FUNCTIONS(ALWAYS, c) },
    { { NULL, 0, 0, 0, 0, 0 }, NULL, NULL, NULL },
};

uint16_t tvis_channels_choose(uint32_t cpu)
{
    uint16_t i = 0;
    while (tvis_channels_f32[i].k.cpu & ~cpu)
        i++;
    return i;
}
