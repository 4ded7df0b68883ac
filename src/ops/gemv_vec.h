/* SPDX-License-Identifier: MIT */
/* Few rows of x times plain weights, for vectors of VEC floats; included after vec_*.h by the file that defines the
 * variant. An element of y is a vector of sums over k, added up in one fixed way, whichever tile it is computed in. */
#include "core/port.h"
#include "ops/gemm.h"

/* Rows of x and of w side by side: 1 x 8 or 2 x 4 sums at a time, since one alone would wait for its own additions. */
#define EACH_X(DO, j)                                                                                                  \
    DO(0, j);                                                                                                          \
    DO(1, j)
#define EACH_W(DO)                                                                                                     \
    DO(0);                                                                                                             \
    DO(1);                                                                                                             \
    DO(2);                                                                                                             \
    DO(3);                                                                                                             \
    DO(4);                                                                                                             \
    DO(5);                                                                                                             \
    DO(6);                                                                                                             \
    DO(7)

#define SUM_DECLARE(i, j) vec s##i##j = vset1(0.0f)
#define W_DECLARE(j)                                                                                                   \
    const float *w##j = a->w + (ptrdiff_t)(first + (cols > j ? j : 0)) * k;                                            \
    EACH_X(SUM_DECLARE, j)
#define SUM_STEP(i, j)                                                                                                 \
    if (rows > i) {                                                                                                    \
        s##i##j = vfma(x##i, w, s##i##j);                                                                              \
    }
#define W_STEP(j)                                                                                                      \
    if (cols > j) {                                                                                                    \
        const vec w = vload(w##j + p);                                                                                 \
        EACH_X(SUM_STEP, j);                                                                                           \
    }
#define W_LAST(j)                                                                                                      \
    if (cols > j) {                                                                                                    \
        const vec w = vload_first(w##j + p, k - p);                                                                    \
        EACH_X(SUM_STEP, j);                                                                                           \
    }
#define SUM_STORE(i, j)                                                                                                \
    if (rows > i) {                                                                                                    \
        gemv_store(a, (ptrdiff_t)(row + i) * a->ldy, first + j, vsum(s##i##j));                                        \
    }
#define W_STORE(j)                                                                                                     \
    if (cols > j) {                                                                                                    \
        EACH_X(SUM_STORE, j);                                                                                          \
    }

TVIS_INLINE void gemv_store(const tvis_gemm_f32_args *a, ptrdiff_t row, int32_t j, float v)
{
    if (a->bias)
        v += a->bias[j];
    if (a->add)
        v += a->add[row + j];
    v = v < a->lo ? a->lo : v;
    a->y[row + j] = v > a->hi ? a->hi : v;
}

/* y[row … row + rows) [first … first + cols). */
TVIS_INLINE void gemv_tile(const tvis_gemm_f32_args *a, int32_t row, int32_t first, const int rows, const int cols)
{
    const int32_t k = a->k;
    const float *xr0 = a->x + (ptrdiff_t)row * a->ldx, *xr1 = rows > 1 ? xr0 + a->ldx : xr0;
    int32_t p = 0;
    EACH_W(W_DECLARE);
    for (; k - p >= VEC; p += VEC) {
        const vec x0 = vload(xr0 + p), x1 = rows > 1 ? vload(xr1 + p) : x0;
        EACH_W(W_STEP);
    }
    if (p < k) {
        const vec x0 = vload_first(xr0 + p, k - p), x1 = rows > 1 ? vload_first(xr1 + p, k - p) : x0;
        EACH_W(W_LAST);
    }
    EACH_W(W_STORE);
}

/* y[…][j … j + cols): the weights are read for two rows of x at a time. */
TVIS_INLINE void gemv_cols(const tvis_gemm_f32_args *a, int32_t j, const int cols)
{
    int32_t i = 0;
    for (; a->m - i >= 2; i += 2)
        for (int c = 0; c < cols; c += cols < 4 ? cols : 4)
            gemv_tile(a, i, j + c, 2, cols < 4 ? cols : 4);
    if (i < a->m)
        gemv_tile(a, i, j, 1, cols);
}

TVIS_INLINE void gemv(const tvis_gemm_f32_args *a)
{
    int32_t j = 0;
    for (; a->n - j >= 8; j += 8)
        gemv_cols(a, j, 8);
    for (; j < a->n; j++)
        gemv_cols(a, j, 1);
}
