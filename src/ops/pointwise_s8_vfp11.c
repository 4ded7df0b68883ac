/* SPDX-License-Identifier: MIT */
/* ARM11 (ARM DDI 0301H): R is SMMULR; four values at a time are compared by SSUB8, whose flags SEL obeys; a division
 * takes 15 cycles in a pipe of its own (21.6): the next one begins before the one under way is used. */
#include "ops/pointwise_s8.h"
#include "ops/requant_armv6.h"

void tvis_pointwise_s8_add_vfp11(const tvis_add_s8_args *a)
{
    const tvis_requant_add x = a->a_q, z = a->b_q;
    const tvis_limits_armv6 l = tvis_limits_of_armv6(&a->q);
    for (int32_t i = 0; i < a->n; i++) {
        const int32_t v = tvis_scale_armv6(a->a[i] - x.zero, x.mul, x.shift);
        const int32_t w = tvis_scale_armv6(a->b[i] - z.zero, z.mul, z.shift);
        a->y[i] = (int8_t)tvis_limit_armv6(v + w, &l);
    }
}

void tvis_pointwise_s8_scale_vfp11(const tvis_scale_s8_args *a)
{
    const tvis_limits_armv6 l = tvis_limits_of_armv6(&a->q);
    const int32_t mul = *a->q.mul, shift = a->q.shift, x_zero = a->x_zero, s_zero = a->s_zero, c = a->c;
    for (int32_t p = 0; p < a->pixels; p++) {
        const int8_t *x = a->x + (ptrdiff_t)p * c;
        int8_t *y = a->y + (ptrdiff_t)p * c;
        for (int32_t k = 0; k < c; k++)
            y[k] = (int8_t)tvis_limit_armv6(tvis_scale_armv6((x[k] - x_zero) * (a->s[k] - s_zero), mul, shift), &l);
    }
}

static inline uint32_t word(const int8_t *p)
{
    uint32_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static inline uint32_t largest(uint32_t x, uint32_t y)
{
    uint32_t r;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(r) : "r"(x), "r"(y) : "cc");
    return r;
}

void tvis_pointwise_s8_max_vfp11(const int8_t *const *rows, int32_t count, int32_t pixels, int32_t c, int8_t *y)
{
    enum { WORD = 4 };
    int32_t k = 0;
    for (; k + WORD <= c; k += WORD) {
        uint32_t m = 0x80808080u;
        for (int32_t r = 0; r < count; r++)
            for (int32_t p = 0; p < pixels; p++)
                m = largest(m, word(rows[r] + (ptrdiff_t)p * c + k));
        memcpy(y + k, &m, sizeof m);
    }
    for (; k < c; k++) {
        y[k] = INT8_MIN;
        for (int32_t r = 0; r < count; r++)
            for (int32_t p = 0; p < pixels; p++)
                y[k] = rows[r][(ptrdiff_t)p * c + k] > y[k] ? rows[r][(ptrdiff_t)p * c + k] : y[k];
    }
}

/* FTOSIZ saturates: what is left of 0 and 1023 lies outside of int8 for any zero point. */
static inline int8_t rounded(float quotient, int32_t zero)
{
    union {
        float f;
        uint32_t u;
        int32_t i;
    } v = { quotient };
    int32_t q;
    if (v.u << 1 > 0xff000000u) /* not a number */
        v.u = 0;
    v.f += 512.5f;
    __asm__("ftosizs %0, %0" : "+t"(v.f));
    __asm__("usat %0, #10, %1" : "=r"(q) : "r"(v.i));
    __asm__("ssat %0, #8, %1" : "=r"(q) : "r"(q - 512 + zero));
    return (int8_t)q;
}

void tvis_pointwise_s8_quantize_vfp11(const float *x, int32_t n, float scale, int32_t zero, int8_t *y)
{
    float next = n > 0 ? x[0] / scale : 0.0f;
    for (int32_t i = 1; i < n; i++) {
        const float v = next;
        next = x[i] / scale;
        TVIS_PREFETCH(x + i + 32);
        y[i - 1] = rounded(v, zero);
    }
    if (n > 0)
        y[n - 1] = rounded(next, zero);
}
