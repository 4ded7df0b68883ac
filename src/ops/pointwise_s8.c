/* SPDX-License-Identifier: MIT */
#include "ops/pointwise_s8.h"
#include "core/port.h"

void tvis_pointwise_s8_add_c(const tvis_add_s8_args *a)
{
    for (int32_t i = 0; i < a->n; i++) {
        const int64_t v = (int64_t)tvis_requant_scale(a->a[i] - a->a_q.zero, a->a_q.mul, a->a_q.shift) +
                          tvis_requant_scale(a->b[i] - a->b_q.zero, a->b_q.mul, a->b_q.shift);
        a->y[i] = tvis_requant_clamp(v, &a->q);
    }
}

void tvis_pointwise_s8_scale_c(const tvis_scale_s8_args *a)
{
    for (int32_t p = 0; p < a->pixels; p++)
        for (int32_t k = 0; k < a->c; k++) {
            const ptrdiff_t at = (ptrdiff_t)p * a->c + k;
            const int32_t acc = (a->x[at] - a->x_zero) * (a->s[k] - a->s_zero);
            a->y[at] = tvis_requant_clamp(tvis_requant_scale(acc, *a->q.mul, a->q.shift), &a->q);
        }
}

void tvis_pointwise_s8_sum_c(const int8_t *x, ptrdiff_t ld, int32_t pixels, int32_t c, int32_t *sum)
{
    for (int32_t k = 0; k < c; k++)
        sum[k] = 0;
    for (int32_t p = 0; p < pixels; p++)
        for (int32_t k = 0; k < c; k++)
            sum[k] += x[p * ld + k];
}

void tvis_pointwise_s8_max_c(const int8_t *const *rows, int32_t count, int32_t pixels, int32_t c, int8_t *y)
{
    memset(y, INT8_MIN, (size_t)c);
    for (int32_t r = 0; r < count; r++)
        for (int32_t p = 0; p < pixels; p++)
            for (int32_t k = 0; k < c; k++) {
                const int8_t x = rows[r][(ptrdiff_t)p * c + k];
                y[k] = x > y[k] ? x : y[k];
            }
}

static int8_t to_int8(float v, int32_t zero)
{
    union {
        float f;
        uint32_t u;
    } bits = { v };
    const uint32_t size = bits.u & 0x7fffffffu;
    if (size > 0x44000000u) /* 512 */
        v = size > 0x7f800000u ? 0.0f : bits.u >> 31 ? -512.0f : 512.0f;
    int32_t q = (int32_t)(v + 512.5f) - 512 + zero;
    q = q < INT8_MIN ? INT8_MIN : q;
    return (int8_t)(q > INT8_MAX ? INT8_MAX : q);
}

void tvis_pointwise_s8_quantize_c(const float *x, int32_t n, float scale, int32_t zero, int8_t *y)
{
    for (int32_t i = 0; i < n; i++)
        y[i] = to_int8(x[i] / scale, zero);
}

void tvis_pointwise_s8_dequantize_c(const int8_t *x, int32_t n, float scale, int32_t zero, float *y)
{
    for (int32_t i = 0; i < n; i++)
        y[i] = (float)(x[i] - zero) * scale;
}

#define FUNCTIONS(IF, isa)                                                                                             \
    IF(tvis_pointwise_s8_add_##isa), IF(tvis_pointwise_s8_scale_##isa), IF(tvis_pointwise_s8_sum_##isa),               \
        IF(tvis_pointwise_s8_max_##isa), IF(tvis_pointwise_s8_quantize_##isa), IF(tvis_pointwise_s8_dequantize_##isa)
#define ALWAYS(f) f
const tvis_pointwise_s8_variant tvis_pointwise_s8[] = {
    { { "64_avx512", TVIS_CPU_AVX512, TVIS_PACK_PLAIN, 0, 1, 64 }, FUNCTIONS(TVIS_IF_X86, avx512) },
    { { "32_avx2", TVIS_CPU_AVX2, TVIS_PACK_PLAIN, 0, 1, 32 }, FUNCTIONS(TVIS_IF_X86, avx2) },
    { { "16_neon", TVIS_CPU_NEON, TVIS_PACK_PLAIN, 0, 1, 16 }, FUNCTIONS(TVIS_IF_AARCH64, neon) },
#if TVIS_LARGE_CODE
    { { "4_vfp11", TVIS_CPU_ARMV6 | TVIS_CPU_VFP11, TVIS_PACK_PLAIN, 0, 1, 4 },
      TVIS_IF_VFP11(tvis_pointwise_s8_add_vfp11),
      TVIS_IF_VFP11(tvis_pointwise_s8_scale_vfp11),
      TVIS_IF_VFP11(tvis_pointwise_s8_sum_vfp11),
      TVIS_IF_VFP11(tvis_pointwise_s8_max_vfp11),
      TVIS_IF_VFP11(tvis_pointwise_s8_quantize_vfp11),
      TVIS_IF_VFP11(tvis_pointwise_s8_dequantize_c) },
#endif
    { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, FUNCTIONS(ALWAYS, c) },
    { { NULL, 0, 0, 0, 0, 0 }, NULL, NULL, NULL, NULL, NULL, NULL },
};

uint16_t tvis_pointwise_s8_choose(uint32_t cpu)
{
    uint16_t i = 0;
    while (tvis_pointwise_s8[i].k.cpu & ~cpu)
        i++;
    return i;
}
