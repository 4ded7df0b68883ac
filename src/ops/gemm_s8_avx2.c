/* SPDX-License-Identifier: MIT */
/* AVX2: tiles of 4 x 16. x is widened to 16 bits once for all panels, w at each load; VPMADDWD then is exact: two
 * products, 2^15 at most. */
#include "core/port.h"
#include "ops/gemm_s8.h"
#include "ops/requant_avx2.h"

/* K: as much of k as is widened at a time; its rows stand in different banks of the cache. */
enum { GROUP = 2, NR = 16, ROWS = 4, K = 1024, K_STRIDE = K + 16 };

/* Rows of x, from k = p on, in 16 bits; the last group as the panels have it. */
typedef struct wide {
    int16_t x[ROWS][K_STRIDE];
    int32_t row, p, groups;
} wide;

static inline void widen_16(const int8_t *x, int16_t *out)
{
    _mm256_storeu_si256((__m256i *)(void *)out,
                        _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)x)));
}

static void widen_row(const int8_t *x, int32_t count, int16_t *out)
{
    int32_t p = 0;
    for (; count - p >= 16; p += 16)
        widen_16(x + p, out + p);
    if (p && p < count) {
        widen_16(x + count - 16, out + count - 16);
        return;
    }
    for (; p < count; p++)
        out[p] = x[p];
}

/* Groups from k = p on, K numbers at most. */
static void widen(const tvis_gemm_s8_args *a, int32_t row, int32_t rows, int32_t p, wide *out)
{
    const int32_t count = a->k - p < K ? a->k - p : K;
    for (int32_t r = 0; r < rows; r++) {
        const int8_t *x = a->x + (ptrdiff_t)(row + r) * a->ldx + p;
        widen_row(x, count, out->x[r]);
        if (count % GROUP) {
            out->x[r][count - 1] = 0;
            out->x[r][count] = x[count - 1];
        }
    }
    out->row = row;
    out->p = p;
    out->groups = (count + 1) / GROUP;
}

/* The numbers of one panel's columns; there are NR of each. */
typedef struct columns {
    const int32_t *bias, *mul;
    int32_t j, count;
} columns;

/* Copies for the last panel, filled up with zeros. */
typedef struct last_columns {
    int32_t bias[NR], mul[NR];
} last_columns;

static void copy_last(const tvis_gemm_s8_args *a, last_columns *last)
{
    const int32_t count = a->n % NR, j = a->n - count;
    memset(last, 0, sizeof *last);
    if (a->bias)
        memcpy(last->bias, a->bias + j, (size_t)count * sizeof(int32_t));
    if (!a->y32)
        memcpy(last->mul, a->q.mul + j, (size_t)count * sizeof(int32_t));
}

static columns columns_of(const tvis_gemm_s8_args *a, const last_columns *last, int32_t j)
{
    static const int32_t none[NR] = { 0 };
    const columns whole = { a->bias ? a->bias + j : none, a->y32 ? none : a->q.mul + j, j, NR };
    const columns some = { last->bias, last->mul, j, a->n - j };
    return a->n - j >= NR ? whole : some;
}

static inline __m256i load_words(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline __m256i load_group(const int16_t *x)
{
    return _mm256_broadcastd_epi32(_mm_loadu_si32(x));
}

static inline __m256i load_weights(const int8_t *w)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)w));
}

static inline void store_16(const columns *c, int8_t *y, __m128i v)
{
    if (c->count == NR)
        _mm_storeu_si128((__m128i *)(void *)y, v);
    else if (c->count == NR / 2)
        _mm_storel_epi64((__m128i *)(void *)y, v);
    else
        memcpy(y, &v, (size_t)c->count);
}

#define EACH_ROW(DO)                                                                                                   \
    DO(0);                                                                                                             \
    DO(1);                                                                                                             \
    DO(2);                                                                                                             \
    DO(3)
#define ROW_DECLARE(row) __m256i l##row = bias_l, r##row = bias_r
#define ROW_STEP(row)                                                                                                  \
    if (rows > row) {                                                                                                  \
        const __m256i x = load_group(in->x[row] + g * GROUP);                                                          \
        l##row = _mm256_add_epi32(l##row, _mm256_madd_epi16(x, left));                                                 \
        if (vecs > 1)                                                                                                  \
            r##row = _mm256_add_epi32(r##row, _mm256_madd_epi16(x, right));                                            \
    }
#define ROW_ADD(row)                                                                                                   \
    if (rows > row) {                                                                                                  \
        l##row = _mm256_add_epi32(l##row, sums[2 * row]);                                                              \
        r##row = _mm256_add_epi32(r##row, sums[2 * row + 1]);                                                          \
    }
#define ROW_STORE(row)                                                                                                 \
    if (rows > row) {                                                                                                  \
        sums[2 * row] = l##row;                                                                                        \
        sums[2 * row + 1] = r##row;                                                                                    \
    }
/* Whole rows of a panel need not pass through memory. */
#define ROW_SUMS(row)                                                                                                  \
    if (rows > row) {                                                                                                  \
        __m256i *to = (__m256i *)(void *)(y32 + row * a->ldy);                                                         \
        _mm256_storeu_si256(to, l##row);                                                                               \
        if (vecs > 1)                                                                                                  \
            _mm256_storeu_si256(to + 1, r##row);                                                                       \
    }
#define SCALE_L(row) scale8(l##row, mul_l, odd_l, shift)
#define SCALE_R(row) scale8(r##row, mul_r, odd_r, shift)
#define ROWS_FINISH(row, next)                                                                                         \
    if (rows > row) {                                                                                                  \
        const __m256i v = clamp32(SCALE_L(row), SCALE_R(row), SCALE_L(next), SCALE_R(next), limits);                   \
        store_16(c, y + row * a->ldy, _mm256_castsi256_si128(v));                                                      \
        if (rows > next)                                                                                               \
            store_16(c, y + next * a->ldy, _mm256_extracti128_si256(v, 1));                                            \
    }

/* The groups in `in` for `rows` rows from row i on and 8 * vecs columns, with their weights from w on. They are added
 * to the sums unless they are the first, which begin with the bias. The last ones become results: true; where that
 * takes more than the sums alone, the sums are left to the caller. */
TVIS_INLINE bool multiply(const tvis_gemm_s8_args *a, const columns *c, const wide *in, const int8_t *w, __m256i *sums,
                          const int rows, const int vecs)
{
    const __m256i zero = _mm256_setzero_si256();
    const __m256i bias_l = in->p ? zero : load_words(c->bias), bias_r = in->p ? zero : load_words(c->bias + 8);
    EACH_ROW(ROW_DECLARE);
    for (int32_t g = 0; g < in->groups; g++, w += GROUP * NR) {
        const __m256i left = load_weights(w), right = vecs > 1 ? load_weights(w + GROUP * NR / 2) : zero;
        EACH_ROW(ROW_STEP);
    }
    if (in->p) {
        EACH_ROW(ROW_ADD);
    }
    if (a->y32 && c->count == NR / 2 * vecs && in->p + K >= a->k) {
        int32_t *y32 = a->y32 + (ptrdiff_t)in->row * a->ldy + c->j;
        EACH_ROW(ROW_SUMS);
        return true;
    }
    if (!a->y32 && !a->add && in->p + K >= a->k) {
        const __m256i mul_l = load_words(c->mul), mul_r = load_words(c->mul + 8);
        const __m256i odd_l = odd8(mul_l), odd_r = odd8(mul_r);
        const __m256i shift = _mm256_set1_epi32(a->q.shift);
        const limits32 limits = limits32_of(&a->q);
        int8_t *y = a->y + (ptrdiff_t)in->row * a->ldy + c->j;
        ROWS_FINISH(0, 1);
        ROWS_FINISH(2, 3);
        return true;
    }
    EACH_ROW(ROW_STORE);
    return false;
}

/* One function for each tile: what is common to several would take the registers of the sums. */
#define MULTIPLY(rows, vecs)                                                                                           \
    static bool multiply_##rows##_##vecs(const tvis_gemm_s8_args *a, const columns *c, const wide *in,                 \
                                         const int8_t *w, __m256i *sums)                                               \
    {                                                                                                                  \
        return multiply(a, c, in, w, sums, rows, vecs);                                                                \
    }
MULTIPLY(1, 1)
MULTIPLY(2, 1)
MULTIPLY(3, 1)
MULTIPLY(4, 1)
MULTIPLY(1, 2)
MULTIPLY(2, 2)
MULTIPLY(3, 2)
MULTIPLY(4, 2)

typedef bool (*multiplier)(const tvis_gemm_s8_args *a, const columns *c, const wide *in, const int8_t *w,
                           __m256i *sums);
static const multiplier multiply_by[2][ROWS] = {
    { multiply_1_1, multiply_2_1, multiply_3_1, multiply_4_1 },
    { multiply_1_2, multiply_2_2, multiply_3_2, multiply_4_2 },
};

/* R() of what is added to 8 results. */
static inline __m256i scale_added(__m128i bytes, const tvis_requant_add *q)
{
    const __m256i mul = _mm256_set1_epi32(q->mul);
    const __m256i x = _mm256_sub_epi32(_mm256_cvtepi8_epi32(bytes), _mm256_set1_epi32(q->zero));
    return scale8(x, mul, mul, _mm256_set1_epi32(q->shift));
}

static void store_added(const tvis_gemm_s8_args *a, const columns *c, int32_t i, int32_t rows, const __m256i *sums)
{
    const __m256i shift = _mm256_set1_epi32(a->q.shift);
    const __m256i mul_l = load_words(c->mul), mul_r = load_words(c->mul + 8), odd_l = odd8(mul_l), odd_r = odd8(mul_r);
    const limits32 limits = limits32_of(&a->q);
    __m128i bytes = _mm_setzero_si128();
    for (int32_t r = 0; r < rows; r++, sums += 2) {
        const ptrdiff_t at = (ptrdiff_t)(i + r) * a->ldy + c->j;
        memcpy(&bytes, a->add + at, (size_t)c->count);
        const __m256i left = _mm256_add_epi32(scale8(sums[0], mul_l, odd_l, shift), scale_added(bytes, &a->add_q));
        const __m256i right =
            _mm256_add_epi32(scale8(sums[1], mul_r, odd_r, shift), scale_added(_mm_srli_si128(bytes, 8), &a->add_q));
        store_16(c, a->y + at, _mm256_castsi256_si128(clamp32(left, right, left, right, limits)));
    }
}

static void store_sums(const tvis_gemm_s8_args *a, const columns *c, int32_t i, int32_t rows, const __m256i *sums)
{
    for (int32_t r = 0; r < rows; r++)
        memcpy(a->y32 + (ptrdiff_t)(i + r) * a->ldy + c->j, sums + (ptrdiff_t)2 * r,
               (size_t)c->count * sizeof(int32_t));
}

/* One panel, w, and `rows` rows, K numbers of k at a time. */
static void tile(const tvis_gemm_s8_args *a, const columns *c, int32_t i, int32_t rows, const int8_t *w, wide *x)
{
    __m256i sums[2 * ROWS];
    bool done = false;
    for (int32_t p = 0; p < a->k; p += K, w += (ptrdiff_t)K * NR) {
        if (x->row != i || x->p != p)
            widen(a, i, rows, p, x);
        done = multiply_by[c->count > NR / 2][rows - 1](a, c, x, w, sums);
    }
    if (done)
        return;
    if (a->y32)
        store_sums(a, c, i, rows, sums);
    else
        store_added(a, c, i, rows, sums);
}

void tvis_gemm_s8_4x16_avx2(const tvis_gemm_s8_args *a)
{
    const size_t panel = tvis_gemm_s8_panel(a->k, GROUP, NR);
    last_columns last;
    wide x;
    x.row = -1;
    copy_last(a, &last);
    for (int32_t i = 0; i < a->m; i += ROWS) {
        const int8_t *w = a->w;
        for (int32_t j = 0; j < a->n; j += NR, w += panel) {
            const columns c = columns_of(a, &last, j);
            tile(a, &c, i, a->m - i < ROWS ? a->m - i : ROWS, w, &x);
        }
    }
}
