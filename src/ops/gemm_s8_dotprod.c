/* SPDX-License-Identifier: MIT */
/* AArch64 with dot products: tiles of 4 x 16, and of 4 x 8 for the last columns. */
#include "ops/gemm_s8_16_neon.h"

enum { GROUP = 4 };

#define EACH_ROW(DO)                                                                                                   \
    DO(0);                                                                                                             \
    DO(1);                                                                                                             \
    DO(2);                                                                                                             \
    DO(3)
/* Sums of a row in four vectors; those past `rows` and `vecs` are constants that vanish. */
#define ROW_DECLARE(row)                                                                                               \
    const int8_t *x##row = a->x + (i + (rows > row ? row : 0)) * (ptrdiff_t)a->ldx;                                    \
    int32x4_t a##row = vld1q_s32(c->bias), b##row = vld1q_s32(c->bias + 4), c##row = vld1q_s32(c->bias + 8),           \
              d##row = vld1q_s32(c->bias + 12)
#define ROW_LOAD(row)  const int8x16_t q##row = rows > row ? vld1q_s8(x##row + p) : none
#define ROW_GROUP(row) const int8x16_t q##row = rows > row ? load_group(x##row + p) : none
#define ROW_DOT(row, lane)                                                                                             \
    if (rows > row) {                                                                                                  \
        a##row = vdotq_laneq_s32(a##row, w0, q##row, lane);                                                            \
        b##row = vdotq_laneq_s32(b##row, w1, q##row, lane);                                                            \
        if (vecs > 2) {                                                                                                \
            c##row = vdotq_laneq_s32(c##row, w2, q##row, lane);                                                        \
            d##row = vdotq_laneq_s32(d##row, w3, q##row, lane);                                                        \
        }                                                                                                              \
    }
#define ROW_DOT_0(row) ROW_DOT(row, 0)
#define ROW_DOT_1(row) ROW_DOT(row, 1)
#define ROW_DOT_2(row) ROW_DOT(row, 2)
#define ROW_DOT_3(row) ROW_DOT(row, 3)
#define GROUP_OF(lane)                                                                                                 \
    do {                                                                                                               \
        const int8x16_t w0 = vld1q_s8(w), w1 = vld1q_s8(w + 16), w2 = vecs > 2 ? vld1q_s8(w + 32) : w0,                \
                        w3 = vecs > 2 ? vld1q_s8(w + 48) : w0;                                                         \
        EACH_ROW(ROW_DOT_##lane);                                                                                      \
        w += GROUP * NR;                                                                                               \
    } while (0)
#define ROW_STORE(row)                                                                                                 \
    if (rows > row) {                                                                                                  \
        sums[4 * row] = a##row;                                                                                        \
        sums[4 * row + 1] = b##row;                                                                                    \
        sums[4 * row + 2] = c##row;                                                                                    \
        sums[4 * row + 3] = d##row;                                                                                    \
    }

static inline int8x16_t load_group(const int8_t *x)
{
    int32_t word;
    memcpy(&word, x, sizeof word);
    return vreinterpretq_s8_s32(vdupq_n_s32(word));
}

/* Bias and sums of `rows` rows from row i on and 4 * vecs columns of a panel from w on. */
TVIS_INLINE void multiply(const tvis_gemm_s8_args *a, const columns *c, int32_t i, const int8_t *w, int32x4_t *sums,
                          const int rows, const int vecs)
{
    const int8x16_t none = vdupq_n_s8(0);
    int32_t p = 0;
    EACH_ROW(ROW_DECLARE);
    for (; a->k - p >= STEP; p += STEP) {
        EACH_ROW(ROW_LOAD);
        GROUP_OF(0);
        GROUP_OF(1);
        GROUP_OF(2);
        GROUP_OF(3);
    }
    for (; a->k - p >= GROUP; p += GROUP) {
        EACH_ROW(ROW_GROUP);
        GROUP_OF(0);
    }
    if (p < a->k) {
        p = a->k - GROUP;
        EACH_ROW(ROW_GROUP);
        GROUP_OF(0);
    }
    EACH_ROW(ROW_STORE);
}

EACH_TILE(MULTIPLY)

void tvis_gemm_s8_4x16_dotprod(const tvis_gemm_s8_args *a)
{
    static const products of = { MULTIPLIERS, tvis_dotprod_tiles_4x16, tvis_dotprod_sums_4x16, tvis_gemm_s8_4x16_dotprod,
                                 GROUP };
    multiply_panels(a, &of);
}
