/* SPDX-License-Identifier: MIT */
/* Around products of int8 in layers between floats: rows of activations become int8, sums become floats. All in single
 * IEEE operations: every row of the table gives the same values. */
#ifndef TVIS_OPS_DYNAMIC_H
#define TVIS_OPS_DYNAMIC_H

#include "core/kernel.h"

/* How a row of int8 stands for floats: x = scale * (q - zero). */
typedef struct tvis_row_form {
    float scale;
    int32_t zero; /* -128 … 127 */
} tvis_row_form;

typedef struct tvis_round_rows_args {
    const float *x; /* (m, k), rows ldx apart */
    int8_t *y;      /* (m, k), dense */
    tvis_row_form *form;
    int32_t m, k, ldx;
} tvis_round_rows_args;

typedef struct tvis_finish_sums_args {
    const int32_t *sums; /* (m, n), rows lds apart */
    const tvis_row_form *form;
    const float *w_scale; /* (n) */
    const int32_t *w_sum; /* (n) */
    const float *bias;    /* (n) or NULL */
    const float *add;     /* (m, n), rows ldy apart, or NULL; may be y itself */
    float *y;             /* (m, n), rows ldy apart */
    int32_t m, n, lds, ldy;
    float lo, hi;
} tvis_finish_sums_args;

typedef struct tvis_dynamic_variant {
    tvis_kernel k;
    /* A row from lo = min(x, 0) to hi = max(x, 0): scale = (hi - lo) / 255, inverse = 255 / (hi - lo) or 0,
     * zero = near(-128 - lo * inverse), q = near(x * inverse + zero); near: to the nearest integer, halves to even,
     * within -128 … 127, and -128 for what is not a number. */
    void (*round)(const tvis_round_rows_args *a);
    /* y = clamp(float(sum - zero * w_sum[n]) * scale * w_scale[n] + bias[n] + add), the difference modulo 2^32. */
    void (*finish)(const tvis_finish_sums_args *a);
} tvis_dynamic_variant;

/* Fastest first, C last. */
extern const tvis_dynamic_variant tvis_dynamic[];

void tvis_round_rows_c(const tvis_round_rows_args *a);
void tvis_round_rows_avx2(const tvis_round_rows_args *a);
void tvis_round_rows_avx512(const tvis_round_rows_args *a);
void tvis_round_rows_neon(const tvis_round_rows_args *a);
void tvis_finish_sums_c(const tvis_finish_sums_args *a);
void tvis_finish_sums_avx2(const tvis_finish_sums_args *a);
void tvis_finish_sums_avx512(const tvis_finish_sums_args *a);
void tvis_finish_sums_neon(const tvis_finish_sums_args *a);

const tvis_dynamic_variant *tvis_dynamic_choose(uint32_t cpu);

static inline float tvis_dynamic_near(float v)
{
    const float shift = 12582912.0f; /* 1.5 * 2^23: what is added to it has no digits behind the point */
    v = v > -128.0f ? v : -128.0f;
    v = v < 127.0f ? v : 127.0f;
    return (v + shift) - shift;
}

/* lo <= 0 <= hi; *inverse for the row's elements. */
static inline tvis_row_form tvis_row_form_of(float lo, float hi, float *inverse)
{
    const float range = hi - lo;
    *inverse = range > 0.0f ? 255.0f / range : 0.0f;
    return (tvis_row_form){ range / 255.0f, (int32_t)tvis_dynamic_near(-128.0f - lo * *inverse) };
}

static inline float tvis_finish_sum(const tvis_finish_sums_args *a, tvis_row_form f, int32_t sum, int32_t j,
                                    const float *add)
{
    const int32_t v = (int32_t)((uint32_t)sum - (uint32_t)f.zero * (uint32_t)a->w_sum[j]);
    float y = (float)v * f.scale * a->w_scale[j];
    y = a->bias ? y + a->bias[j] : y;
    y = add ? y + add[j] : y;
    y = y < a->lo ? a->lo : y;
    return y > a->hi ? a->hi : y;
}

#endif
