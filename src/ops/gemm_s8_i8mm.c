/* SPDX-License-Identifier: MIT */
/* AArch64 with SMMLA, two rows times two columns, 8 k of each: tiles of 4 x 16, and of 4 x 8 for the last columns. */
#include "ops/gemm_s8_16_neon.h"

enum { GROUP = 8 };

#define EACH_PAIR(DO)                                                                                                  \
    DO(0);                                                                                                             \
    DO(1);                                                                                                             \
    DO(2);                                                                                                             \
    DO(3);                                                                                                             \
    DO(4);                                                                                                             \
    DO(5);                                                                                                             \
    DO(6);                                                                                                             \
    DO(7)
/* Sums of a pair of columns: a of the first two rows, b of the others; those past `rows` and `vecs` vanish. */
#define PAIR_DECLARE(pair)                                                                                             \
    int32x4_t a##pair = twice(c->bias + 2 * (pair)), b##pair = a##pair
#define PAIR_MULTIPLY(pair)                                                                                            \
    if ((pair) < 2 * vecs) {                                                                                           \
        const int8x16_t v = vld1q_s8(w + 2 * GROUP * (pair));                                                          \
        a##pair = vmmlaq_s32(a##pair, x01, v);                                                                         \
        if (rows > 2)                                                                                                  \
            b##pair = vmmlaq_s32(b##pair, x23, v);                                                                     \
    }
#define STORE_FOUR(at, left, right)                                                                                    \
    store_four(sums + (at), a##left, a##right);                                                                        \
    store_four(sums + 8 + (at), b##left, b##right)

static inline int32x4_t twice(const int32_t *pair)
{
    const int32x2_t v = vld1_s32(pair);
    return vcombine_s32(v, v);
}

/* Four columns of two rows. */
static inline void store_four(int32x4_t *sums, int32x4_t left, int32x4_t right)
{
    const int64x2_t l = vreinterpretq_s64_s32(left), r = vreinterpretq_s64_s32(right);
    sums[0] = vreinterpretq_s32_s64(vzip1q_s64(l, r));
    sums[4] = vreinterpretq_s32_s64(vzip2q_s64(l, r));
}

/* Bias and sums of `rows` rows from row i on and 4 * vecs columns of a panel from w on. */
TVIS_INLINE void multiply(const tvis_gemm_s8_args *a, const columns *c, int32_t i, const int8_t *w, int32x4_t *sums,
                          const int rows, const int vecs)
{
    const int8_t *x = a->x + (ptrdiff_t)i * a->ldx;
    const ptrdiff_t second = rows > 1 ? a->ldx : 0, third = 2 * second, fourth = rows > 3 ? 3 * second : third;
    EACH_PAIR(PAIR_DECLARE);
    for (int32_t p = 0; p < a->k; p += GROUP, w += GROUP * NR) {
        const int8_t *at = x + (a->k - p < GROUP ? a->k - GROUP : p);
        const int8x16_t x01 = vcombine_s8(vld1_s8(at), vld1_s8(at + second));
        const int8x16_t x23 = rows > 2 ? vcombine_s8(vld1_s8(at + third), vld1_s8(at + fourth)) : x01;
        EACH_PAIR(PAIR_MULTIPLY);
    }
    STORE_FOUR(0, 0, 1);
    STORE_FOUR(1, 2, 3);
    STORE_FOUR(2, 4, 5);
    STORE_FOUR(3, 6, 7);
}

EACH_TILE(MULTIPLY)

void tvis_gemm_s8_4x16_i8mm(const tvis_gemm_s8_args *a)
{
    static const products of = { MULTIPLIERS, tvis_i8mm_tiles_4x16, tvis_i8mm_sums_4x16, tvis_gemm_s8_4x16_i8mm,
                                 GROUP };
    multiply_panels(a, &of);
}
