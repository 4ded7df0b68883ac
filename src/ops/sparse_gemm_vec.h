/* SPDX-License-Identifier: MIT */
/* Products of sparse rows with panels of up to eight vectors, in the words of vec_*.h. */

#define EACH_SUM(DO)  DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
#define DECLARE(s, i) vec s##i = start_##s;
#define STEP(s, i)                                                                                                     \
    if (vecs > i)                                                                                                      \
        s##i = vfma(w_##s, vload(x_##s + i * VEC), s##i);
#define STORE(s, i)                                                                                                    \
    if (vecs > i)                                                                                                      \
        vstore(y_##s + i * VEC, s##i);
#define DECLARE_A(i) DECLARE(a, i)
#define DECLARE_B(i) DECLARE(b, i)
#define STEP_A(i)    STEP(a, i)
#define STEP_B(i)    STEP(b, i)
#define STORE_A(i)   STORE(a, i)
#define STORE_B(i)   STORE(b, i)
#define PRODUCT(s, at)                                                                                                 \
    const vec w_##s = vset1(t->value[r_##s][at]);                                                                      \
    const float *x_##s = t->x + (ptrdiff_t)column_##s[at] * (vecs * VEC);

/* Rows r and r + 1, or r alone: two hide each other's latency. */
TVIS_INLINE const uint16_t *multiply_rows(const tvis_sparse_tile *t, int32_t r_a, const uint16_t *column_a,
                                          const int vecs, const bool two)
{
    const int32_t r_b = two ? r_a + 1 : r_a, count_a = t->count[r_a], count_b = two ? t->count[r_b] : 0;
    const uint16_t *column_b = column_a + count_a;
    const vec start_a = vset1(t->bias ? t->bias[r_a] : 0.0f), start_b = vset1(t->bias ? t->bias[r_b] : 0.0f);
    float *y_a = t->sums + r_a * vecs * VEC, *y_b = t->sums + r_b * vecs * VEC;
    int32_t i = 0, j;
    EACH_SUM(DECLARE_A)
    EACH_SUM(DECLARE_B)
    for (; i < count_a && i < count_b; i++) {
        PRODUCT(a, i)
        PRODUCT(b, i)
        EACH_SUM(STEP_A)
        EACH_SUM(STEP_B)
    }
    for (j = i; j < count_b; j++) {
        PRODUCT(b, j)
        EACH_SUM(STEP_B)
    }
    for (; i < count_a; i++) {
        PRODUCT(a, i)
        EACH_SUM(STEP_A)
    }
    EACH_SUM(STORE_A)
    if (two) {
        EACH_SUM(STORE_B)
    }
    return column_b + count_b;
}

TVIS_INLINE void multiply_all(const tvis_sparse_tile *t, const int vecs)
{
    const uint16_t *column = t->column;
    int32_t r = 0;
    for (; vecs <= MOST_IN_TWO && r + 1 < t->rows; r += 2)
        column = multiply_rows(t, r, column, vecs, true);
    for (; r < t->rows; r++)
        column = multiply_rows(t, r, column, vecs, false);
}

#define CASE(n)                                                                                                        \
    case n *VEC:                                                                                                       \
        multiply_all(t, n);                                                                                            \
        break;

TVIS_INLINE void multiply(const tvis_sparse_tile *t)
{
    switch (t->width) {
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
    }
}

#ifndef columns
/* Four columns at a time, without a branch: those whose bits are set come first. */
TVIS_INLINE uint16_t *columns(const uint8_t *bits, int32_t k, uint16_t *out)
{
#define SET(a, b, c, d) ((uint64_t)(d) << 48 | (uint64_t)(c) << 32 | (b) << 16 | (a))
    static const uint64_t set[16] = { 0,
                                      SET(0, 0, 0, 0),
                                      SET(1, 0, 0, 0),
                                      SET(0, 1, 0, 0),
                                      SET(2, 0, 0, 0),
                                      SET(0, 2, 0, 0),
                                      SET(1, 2, 0, 0),
                                      SET(0, 1, 2, 0),
                                      SET(3, 0, 0, 0),
                                      SET(0, 3, 0, 0),
                                      SET(1, 3, 0, 0),
                                      SET(0, 1, 3, 0),
                                      SET(2, 3, 0, 0),
                                      SET(0, 2, 3, 0),
                                      SET(1, 2, 3, 0),
                                      SET(0, 1, 2, 3) };
    static const uint8_t count[16] = { 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4 };
    for (int32_t c = 0; c < k; c += 4) {
        uint32_t four = (uint32_t)bits[c / 8] >> c % 8 & 15;
        if (k - c < 4)
            four &= (1u << (k - c)) - 1;
        const uint64_t all = set[four] + (uint64_t)c * SET(1, 1, 1, 1);
        memcpy(out, &all, sizeof all);
        out += count[four];
    }
    return out;
}
#endif

/* Pixel i, or the last one again behind it: what is computed there is never stored. */
static inline const float *pixel(const tvis_gemm_f32_args *a, const float *x, int32_t i, int32_t pixels)
{
    return x + (ptrdiff_t)(i < pixels ? i : pixels - 1) * a->ldx;
}

TVIS_INLINE void turn(const tvis_gemm_f32_args *a, const float *x, int32_t pixels, int32_t width, float *out)
{
    const float *row[SIDE];
    for (int32_t i = 0; i < width; i += SIDE) {
        float *to = out + i;
        for (int32_t r = 0; r < SIDE; r++)
            row[r] = pixel(a, x, i + r, pixels);
        int32_t c = 0;
        for (; a->k - c >= SIDE; c += SIDE, to += (ptrdiff_t)SIDE * width)
            turn_square(row, c, to, width);
        for (; c < a->k; c++, to += width)
            for (int32_t r = 0; r < SIDE; r++)
                to[r] = row[r][c];
    }
}

TVIS_INLINE void finish(const tvis_gemm_f32_args *a, const tvis_sparse_tile *t, int32_t pixels, ptrdiff_t at)
{
    const float *row[SIDE];
    for (int32_t r = 0; r < t->rows; r += SIDE) {
        for (int32_t s = 0; s < SIDE; s++)
            row[s] = t->sums + (ptrdiff_t)(r + s) * t->width;
        finish_columns(a, row, pixels, t->rows - r, at + r);
    }
}

#define KERNELS(isa)                                                                                                   \
    void tvis_sparse_turn_##isa(const tvis_gemm_f32_args *a, const float *x, int32_t pixels, int32_t width,            \
                                float *out)                                                                            \
    {                                                                                                                  \
        turn(a, x, pixels, width, out);                                                                                \
    }                                                                                                                  \
    void tvis_sparse_multiply_##isa(const tvis_sparse_tile *t)                                                         \
    {                                                                                                                  \
        multiply(t);                                                                                                   \
    }                                                                                                                  \
    void tvis_sparse_finish_##isa(const tvis_gemm_f32_args *a, const tvis_sparse_tile *t, int32_t pixels,              \
                                  ptrdiff_t at)                                                                        \
    {                                                                                                                  \
        finish(a, t, pixels, at);                                                                                      \
    }                                                                                                                  \
    uint16_t *tvis_sparse_columns_##isa(const uint8_t *bits, int32_t k, uint16_t *out)                                 \
    {                                                                                                                  \
        return columns(bits, k, out);                                                                                  \
    }
