/* SPDX-License-Identifier: MIT */
#include "ops/gemm.h"
#include "core/port.h"

void tvis_gemm_f32_c(const tvis_gemm_f32_args *a)
{
    for (int32_t i = 0; i < a->m; i++)
        for (int32_t j = 0; j < a->n; j++) {
            const float *x = a->x + (ptrdiff_t)i * a->ldx, *w = a->w + (ptrdiff_t)j * a->k;
            const ptrdiff_t at = (ptrdiff_t)i * a->ldy + j;
            float v = a->bias ? a->bias[j] : 0.0f;
            for (int32_t p = 0; p < a->k; p++)
                v += x[p] * w[p];
            if (a->add)
                v += a->add[at];
            v = v < a->lo ? a->lo : v;
            a->y[at] = v > a->hi ? a->hi : v;
        }
}

const tvis_gemm_f32_variant tvis_gemm_f32[] = {
    { { "1x8_avx2", TVIS_CPU_AVX2, TVIS_PACK_PLAIN, 4, 1, 8 }, TVIS_IF_X86(tvis_gemm_f32_1x8_avx2) },
    { { "32x32_amx", TVIS_CPU_AVX512 | TVIS_CPU_AMX_BF16, TVIS_PACK_PANEL(32), 0, 32, 32 },
      TVIS_IF_AMX(tvis_gemm_f32_32x32_amx) },
    { { "12x32_avx512", TVIS_CPU_AVX512, TVIS_PACK_PANEL(32), 0, 12, 32 }, TVIS_IF_X86(tvis_gemm_f32_12x32_avx512) },
    { { "6x16_avx2", TVIS_CPU_AVX2, TVIS_PACK_PANEL(16), 0, 6, 16 }, TVIS_IF_X86(tvis_gemm_f32_6x16_avx2) },
    { { "1x8_neon", TVIS_CPU_NEON, TVIS_PACK_PLAIN, 4, 1, 8 }, TVIS_IF_AARCH64(tvis_gemm_f32_1x8_neon) },
    { { "8x8_neon", TVIS_CPU_NEON, TVIS_PACK_PANEL(8), 0, 8, 8 }, TVIS_IF_AARCH64(tvis_gemm_f32_8x8_neon) },
    { { "4x4_vfp11", TVIS_CPU_VFP11, TVIS_PACK_PANEL(4), 0, 4, 4 }, TVIS_IF_VFP11(tvis_gemm_f32_4x4_vfp11) },
    { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_gemm_f32_c },
    { { NULL, 0, 0, 0, 0, 0 }, NULL },
};

const tvis_gemm_f32_variant *tvis_gemm_f32_choose(uint32_t cpu, int32_t columns)
{
    const tvis_gemm_f32_variant *v = tvis_gemm_f32;
    while ((v->k.cpu & ~(cpu & ~TVIS_CPU_AMX_BF16)) || v->k.m_max || v->k.nr > columns)
        v++;
    return v;
}

size_t tvis_gemm_f32_packed(int32_t n, int32_t k, int32_t nr)
{
    return (size_t)((n - 1) / nr + 1) * (size_t)nr * (size_t)k;
}

/* One panel: the first n of nr columns, zeros in the others. In steps of a cache line, so that w is read once; nr rows
 * at a time are more than processors foresee by themselves. */
static void pack_panel(const float *w, int32_t n, int32_t k, int32_t nr, float *out)
{
    enum { STEP = 16, AHEAD = 3 * STEP };
    for (int32_t p0 = 0; p0 < k; p0 += STEP) {
        const int32_t p1 = k - p0 < STEP ? k : p0 + STEP;
        for (int32_t j = 0; j < nr; j++) {
            if (j < n && k - p0 > AHEAD)
                TVIS_PREFETCH(w + (ptrdiff_t)j * k + p0 + AHEAD);
            for (int32_t p = p0; p < p1; p++)
                out[(ptrdiff_t)p * nr + j] = j < n ? w[(ptrdiff_t)j * k + p] : 0.0f;
        }
    }
}

void tvis_gemm_f32_pack(const float *w, int32_t n, int32_t k, int32_t nr, float *out)
{
    for (int32_t j = 0; j < n; j += nr)
        pack_panel(w + (ptrdiff_t)j * k, n - j < nr ? n - j : nr, k, nr, out + (ptrdiff_t)j * k);
}
