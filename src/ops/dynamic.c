/* SPDX-License-Identifier: MIT */
#include "ops/dynamic.h"
#include "core/port.h"

void tvis_round_rows_c(const tvis_round_rows_args *a)
{
    for (int32_t r = 0; r < a->m; r++) {
        const float *x = a->x + (ptrdiff_t)r * a->ldx;
        int8_t *y = a->y + (ptrdiff_t)r * a->k;
        float lo = 0.0f, hi = 0.0f, inverse;
        for (int32_t i = 0; i < a->k; i++) {
            lo = x[i] < lo ? x[i] : lo;
            hi = x[i] > hi ? x[i] : hi;
        }
        a->form[r] = tvis_row_form_of(lo, hi, &inverse);
        const float zero = (float)a->form[r].zero;
        for (int32_t i = 0; i < a->k; i++)
            y[i] = (int8_t)tvis_dynamic_near(x[i] * inverse + zero);
    }
}

void tvis_finish_sums_c(const tvis_finish_sums_args *a)
{
    for (int32_t r = 0; r < a->m; r++) {
        const int32_t *sums = a->sums + (ptrdiff_t)r * a->lds;
        const float *add = a->add ? a->add + (ptrdiff_t)r * a->ldy : NULL;
        float *y = a->y + (ptrdiff_t)r * a->ldy;
        for (int32_t j = 0; j < a->n; j++)
            y[j] = tvis_finish_sum(a, a->form[r], sums[j], j, add);
    }
}

const tvis_dynamic_variant tvis_dynamic[] = {
    { { "avx512", TVIS_CPU_AVX512, 0, 0, 1, 16 },
      TVIS_IF_X86(tvis_round_rows_avx512),
      TVIS_IF_X86(tvis_finish_sums_avx512) },
    { { "avx2", TVIS_CPU_AVX2, 0, 0, 1, 8 }, TVIS_IF_X86(tvis_round_rows_avx2), TVIS_IF_X86(tvis_finish_sums_avx2) },
    { { "neon", TVIS_CPU_NEON, 0, 0, 1, 4 },
      TVIS_IF_AARCH64(tvis_round_rows_neon),
      TVIS_IF_AARCH64(tvis_finish_sums_neon) },
    { { "c", 0, 0, 0, 1, 1 }, tvis_round_rows_c, tvis_finish_sums_c },
    { { NULL, 0, 0, 0, 0, 0 }, NULL, NULL },
};

const tvis_dynamic_variant *tvis_dynamic_choose(uint32_t cpu)
{
    const tvis_dynamic_variant *v = tvis_dynamic;
    while (v->k.cpu & ~cpu)
        v++;
    return v;
}
