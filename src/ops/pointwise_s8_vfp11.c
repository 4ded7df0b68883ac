/* SPDX-License-Identifier: MIT */
/* ARM11 (ARM DDI 0301H): R is SMMULR; four values at a time are compared by SSUB8, whose flags SEL obeys; a division
 * takes 15 cycles in a pipe of its own (21.6): the next one begins before the one under way is used. */
#include "ops/pointwise_s8.h"
#include "ops/requant_armv6.h"

#if TVIS_LARGE_CODE
enum { SOME = 64 }; /* channels that are scaled at a time */

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

static inline uint32_t word(const int8_t *p)
{
    uint32_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* base and byte \at of w. */
#define ADD_BYTE(base, w, at)                                                                                          \
    __extension__({                                                                                                    \
        int32_t sum_;                                                                                                  \
        __asm__("sxtab %0, %1, %2, ror #" #at : "=r"(sum_) : "r"(base), "r"(w));                                       \
        sum_;                                                                                                          \
    })

/* zero + R(v * mul), limits of int8 */
static inline int8_t scaled(int32_t v, int32_t mul, int32_t zero)
{
    int32_t y;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(y) : "r"(v), "r"(mul), "r"(zero));
    __asm__("ssat %0, #8, %1" : "=r"(y) : "r"(y));
    return (int8_t)y;
}

/* Four values, by factors that are shifted: a product of 9 bits each and the shift stay below 2^31. */
static inline void scale_four(const int8_t *x, const int32_t *factor, int32_t minus, int32_t mul, int32_t zero,
                              int8_t *y)
{
    const uint32_t w = word(x);
    const int32_t a = ADD_BYTE(minus, w, 0) * factor[0], b = ADD_BYTE(minus, w, 8) * factor[1];
    const int32_t c = ADD_BYTE(minus, w, 16) * factor[2], d = ADD_BYTE(minus, w, 24) * factor[3];
    const int8_t v[4] = { scaled(a, mul, zero), scaled(b, mul, zero), scaled(c, mul, zero), scaled(d, mul, zero) };
    y[0] = v[0];
    y[1] = v[1];
    y[2] = v[2];
    y[3] = v[3];
}

/* Channels [k, k + count) of all pixels. */
static void scale_channels(const tvis_scale_s8_args *a, int32_t k, int32_t count)
{
    const bool open = a->q.lo == INT8_MIN && a->q.hi == INT8_MAX;
    const tvis_limits_armv6 l = tvis_limits_of_armv6(&a->q);
    const int32_t mul = *a->q.mul, c = a->c, zero = a->q.zero, minus = -a->x_zero;
    int32_t factor[SOME];
    for (int32_t i = 0; i < count; i++)
        factor[i] = (int32_t)((uint32_t)(a->s[k + i] - a->s_zero) << a->q.shift);
    const int8_t *x = a->x + k;
    int8_t *y = a->y + k;
    for (int32_t p = 0; p < a->pixels; p++, x += c, y += c) {
        int32_t i = 0;
        TVIS_PREFETCH(x + 2 * (ptrdiff_t)c);
        TVIS_PREFETCH(x + 2 * (ptrdiff_t)c + 32);
        for (; open && i + 4 <= count; i += 4)
            scale_four(x + i, factor + i, minus, mul, zero, y + i);
        for (; i < count; i++) {
            const uint32_t v = (uint32_t)(x[i] + minus) * (uint32_t)factor[i];
            y[i] = (int8_t)tvis_limit_armv6(tvis_scale_armv6((int32_t)v, mul, 0), &l);
        }
    }
}

void tvis_pointwise_s8_scale_vfp11(const tvis_scale_s8_args *a)
{
    for (int32_t k = 0; k < a->c; k += SOME)
        scale_channels(a, k, a->c - k < SOME ? a->c - k : SOME);
}

/* ---- sums of pixels ---- */

/* Even and odd bytes of a word to two sums of 16 bits each. */
static inline void add_word(uint32_t w, uint32_t *even, uint32_t *odd)
{
    __asm__("sxtab16 %0, %0, %1" : "+r"(*even) : "r"(w));
    __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(*odd) : "r"(w));
}

static inline void add_halves(uint32_t even, uint32_t odd, int32_t *sum)
{
    sum[0] += (int16_t)even;
    sum[1] += (int16_t)odd;
    sum[2] += (int16_t)(even >> 16);
    sum[3] += (int16_t)(odd >> 16);
}

/* Eight channels; sums of as many pixels as are safe in 16 bits. */
static void sum_eight(const int8_t *x, ptrdiff_t ld, int32_t pixels, int32_t *sum)
{
    enum { SAFE = 255 };
    while (pixels > 0) {
        uint32_t s[4] = { 0 };
        const int32_t end = pixels > SAFE ? pixels - SAFE : 0;
        for (; pixels > end; pixels--, x += ld) {
            TVIS_PREFETCH(x + 4 * ld);
            const uint32_t v = word(x), w = word(x + 4);
            add_word(v, s, s + 1);
            add_word(w, s + 2, s + 3);
        }
        add_halves(s[0], s[1], sum);
        add_halves(s[2], s[3], sum + 4);
    }
}

void tvis_pointwise_s8_sum_vfp11(const int8_t *x, ptrdiff_t ld, int32_t pixels, int32_t c, int32_t *sum)
{
    memset(sum, 0, (size_t)c * sizeof *sum);
    int32_t k = 0;
    for (; k + 8 <= c; k += 8)
        sum_eight(x + k, ld, pixels, sum + k);
    if (k < c)
        tvis_pointwise_s8_sum_c(x + k, ld, pixels, c - k, sum + k);
}

/* ---- largest ---- */

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

static void divide(const float *x, int32_t n, float scale, int32_t zero, int8_t *y)
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

/* Bits behind the point of a rounded quotient. */
enum { POINT = 12, ONE = 1 << POINT };

/* 512.5 more than a quotient, as a whole number of 2^-POINT, from ONE times the inverse. */
static inline int32_t fixed(float x, float inverse)
{
    union {
        float f;
        int32_t i;
    } v = { x * inverse + 512.5f * ONE };
    __asm__("ftosizs %0, %0" : "+t"(v.f));
    return v.i;
}

static inline bool is_near(int32_t v)
{
    return ((v + 1) & (ONE - 1)) < 2;
}

static inline int8_t whole(int32_t v, int32_t zero)
{
    int32_t q;
    __asm__("usat %0, #10, %1, asr #12" : "=r"(q) : "r"(v));
    __asm__("ssat %0, #8, %1" : "=r"(q) : "r"(q - 512 + zero));
    return (int8_t)q;
}

/* For quotients up to 512, products with the inverse are less than 2^-12 from what division gives: unless a whole
 * number is that near, and what is not a number comes out as 0, both have the same whole part. */
void tvis_pointwise_s8_quantize_vfp11(const float *x, int32_t n, float scale, int32_t zero, int8_t *y)
{
    const float inverse = ONE / scale;
    int32_t i = 0;
    for (; scale > 1e-30f && scale < 1e30f && i + 4 <= n; i += 4) {
        const int32_t a = fixed(x[i], inverse), b = fixed(x[i + 1], inverse), c = fixed(x[i + 2], inverse),
                      d = fixed(x[i + 3], inverse);
        TVIS_PREFETCH(x + i + 32);
        if (is_near(a) || is_near(b) || is_near(c) || is_near(d)) {
            divide(x + i, 4, scale, zero, y + i);
            continue;
        }
        y[i] = whole(a, zero);
        y[i + 1] = whole(b, zero);
        y[i + 2] = whole(c, zero);
        y[i + 3] = whole(d, zero);
    }
    divide(x + i, n - i, scale, zero, y + i);
}
#endif
