/* SPDX-License-Identifier: MIT */
/* Depthwise rows for vectors of VEC channels, included after vec_*.h by the file that defines the variant. Channels run
 * inside, so that memory is read in order. An element of y is bias, then one multiply-add for each tap inside the
 * picture, row by row, then the clamp: the same bits whatever tile it is computed in. */
#include "core/port.h"
#include "ops/depthwise.h"

/* Four sums at a time, since one alone would wait for its own additions: four columns that share their weights, or four
 * vectors of channels of one column. ONE and REST, the vector that is not full, are for what remains. */
enum { COLUMNS, VECTORS, ONE, REST };

#define EACH_SUM(DO)                                                                                                   \
    do {                                                                                                               \
        DO(0);                                                                                                         \
        if (shape == COLUMNS || shape == VECTORS) {                                                                    \
            DO(1);                                                                                                     \
            DO(2);                                                                                                     \
            DO(3);                                                                                                     \
        }                                                                                                              \
    } while (0)
#define LOAD(p)     (shape == REST ? vload_first(p, a->c - ch) : vload(p))
#define SUM_BIAS(i) s##i = LOAD(a->bias + ch + i * next_w)
#define SUM_TAP(i)  s##i = vfma(LOAD(w + i * next_w), LOAD(x + i * next_x), s##i)
#define SUM_STORE(i)                                                                                                   \
    do {                                                                                                               \
        s##i = vmin(hi, vmax(lo, s##i));                                                                               \
        if (shape == REST)                                                                                             \
            vstore_first(y, a->c - ch, s##i);                                                                          \
        else                                                                                                           \
            vstore(y + i * next_y, s##i);                                                                              \
    } while (0)

/* Output column ox, the input column of its first tap, and those of its taps that are inside the picture. */
typedef struct column {
    int32_t ox, ix, kx, kx_end;
} column;

/* Channels from ch on of column t, or of t and the three after it; their taps are all inside the picture.
 * taps: kx_end - kx where it is known, else 0. */
TVIS_INLINE void block(const tvis_depthwise_f32_args *a, column t, int32_t ch, const int shape, const int taps)
{
    const ptrdiff_t c = a->c, step = a->dilation * c;
    const ptrdiff_t next_x = shape == COLUMNS ? a->stride * c : VEC, next_y = shape == COLUMNS ? c : VEC,
                    next_w = shape == COLUMNS ? 0 : VEC;
    const ptrdiff_t at = (t.ix + (ptrdiff_t)t.kx * a->dilation) * c + ch;
    const int32_t count = taps ? taps : t.kx_end - t.kx;
    const vec lo = vset1(a->lo), hi = vset1(a->hi);
    float *y = a->y + t.ox * c + ch;
    vec s0 = vset1(0.0f), s1 = s0, s2 = s0, s3 = s0;
    if (a->bias)
        EACH_SUM(SUM_BIAS);
    for (int32_t ky = 0; ky < a->kh; ky++) {
        const float *x = a->rows[ky], *w = a->w + ((ptrdiff_t)ky * a->kw + t.kx) * c + ch;
        if (!x)
            continue;
        x += at;
        for (int32_t k = 0; k < count; k++, x += step, w += c)
            EACH_SUM(SUM_TAP);
    }
    EACH_SUM(SUM_STORE);
}

static void one_column(const tvis_depthwise_f32_args *a, int32_t ox)
{
    const int32_t d = a->dilation, ix = ox * a->stride - a->pad;
    column t = { ox, ix, ix < 0 ? (d - 1 - ix) / d : 0, a->kw };
    int32_t ch = 0;
    if (ix >= a->iw)
        t.kx_end = 0;
    else if ((a->iw - 1 - ix) / d < a->kw)
        t.kx_end = (a->iw - 1 - ix) / d + 1;
    for (; a->c - ch >= 4 * VEC; ch += 4 * VEC)
        block(a, t, ch, VECTORS, 0);
    for (; a->c - ch >= VEC; ch += VEC)
        block(a, t, ch, ONE, 0);
    if (ch < a->c)
        block(a, t, ch, REST, 0);
}

/* The channels from ch on of four columns, fewer than a vector. */
static void rest_of_four(const tvis_depthwise_f32_args *a, column t, int32_t ch)
{
    for (int i = 0; i < 4; i++, t.ox++, t.ix += a->stride)
        block(a, t, ch, REST, 0);
}

static void four_columns(const tvis_depthwise_f32_args *a, int32_t ox)
{
    const column t = { ox, ox * a->stride - a->pad, 0, a->kw };
    int32_t ch = 0;
    for (; a->kw == 5 && a->c - ch >= VEC; ch += VEC)
        block(a, t, ch, COLUMNS, 5);
    for (; a->c - ch >= VEC; ch += VEC)
        block(a, t, ch, COLUMNS, 0);
    if (ch < a->c)
        rest_of_four(a, t, ch);
}

/* 3 x 3, undilated: all taps of a tile without a branch, columns sharing their loads of x. */
#define TAP_3(row, k)                                                                                                  \
    do {                                                                                                               \
        const vec weight = vload(w##row + (k)*c + ch);                                                                 \
        s0 = vfma(weight, vload(x##row + (k)*c + ch), s0);                                                             \
        s1 = vfma(weight, vload(x##row + (k + stride) * c + ch), s1);                                                  \
        s2 = vfma(weight, vload(x##row + (k + 2 * stride) * c + ch), s2);                                              \
        s3 = vfma(weight, vload(x##row + (k + 3 * stride) * c + ch), s3);                                              \
    } while (0)
#define ROW_3(row)                                                                                                     \
    do {                                                                                                               \
        TAP_3(row, 0);                                                                                                 \
        TAP_3(row, 1);                                                                                                 \
        TAP_3(row, 2);                                                                                                 \
    } while (0)

/* `rows` (2 or 3) rows of the picture from x[0] on that meet the rows of weights from w on. */
TVIS_INLINE void four_3x3(const tvis_depthwise_f32_args *a, const float *const *x, const float *w, int32_t ox,
                          const int rows, const int32_t stride)
{
    const column t = { ox, ox * stride - a->pad, 0, 3 };
    const ptrdiff_t c = a->c, at = t.ix * c;
    const float *x0 = x[0] + at, *x1 = x[1] + at, *x2 = rows > 2 ? x[2] + at : x0;
    const float *w0 = w, *w1 = w0 + 3 * c, *w2 = w1 + 3 * c;
    float *y = a->y + ox * c;
    const vec lo = vset1(a->lo), hi = vset1(a->hi);
    int32_t ch = 0;
    for (; c - ch >= VEC; ch += VEC) {
        vec s0 = a->bias ? vload(a->bias + ch) : vset1(0.0f), s1 = s0, s2 = s0, s3 = s0;
        ROW_3(0);
        ROW_3(1);
        if (rows > 2)
            ROW_3(2);
        vstore(y + ch, vmin(hi, vmax(lo, s0)));
        vstore(y + c + ch, vmin(hi, vmax(lo, s1)));
        vstore(y + 2 * c + ch, vmin(hi, vmax(lo, s2)));
        vstore(y + 3 * c + ch, vmin(hi, vmax(lo, s3)));
    }
    if (ch < c)
        rest_of_four(a, t, ch);
}

/* Columns ox … end, four at a time; returns the first that is left. */
static int32_t fours_3x3(const tvis_depthwise_f32_args *a, int32_t ox, int32_t end)
{
    const bool top = !a->rows[0], bottom = !a->rows[2], wide = a->stride == 2;
    const float *const *x = a->rows + (top ? 1 : 0);
    const float *w = a->w + (top ? 3 * (ptrdiff_t)a->c : 0);
    for (; end - ox >= 4; ox += 4) {
        if (top || bottom)
            wide ? four_3x3(a, x, w, ox, 2, 2) : four_3x3(a, x, w, ox, 2, 1);
        else
            wide ? four_3x3(a, x, w, ox, 3, 2) : four_3x3(a, x, w, ox, 3, 1);
    }
    return ox;
}

static bool is_3x3(const tvis_depthwise_f32_args *a)
{
    return a->kh == 3 && a->kw == 3 && a->dilation == 1 && a->stride <= 2 && a->rows[1] && (a->rows[0] || a->rows[2]);
}

TVIS_INLINE void depthwise(const tvis_depthwise_f32_args *a)
{
    /* inner … inner_end: the columns whose taps are all in the picture. */
    const int32_t room = a->iw - 1 - (a->kw - 1) * a->dilation + a->pad;
    const int32_t fit = room < 0 ? 0 : room / a->stride + 1;
    const int32_t inner = (a->pad + a->stride - 1) / a->stride, inner_end = fit < a->ow ? fit : a->ow;
    int32_t ox = 0;
    for (; ox < inner && ox < a->ow; ox++)
        one_column(a, ox);
    if (is_3x3(a))
        ox = fours_3x3(a, ox, inner_end);
    for (; inner_end - ox >= 4; ox += 4)
        four_columns(a, ox);
    for (; ox < a->ow; ox++)
        one_column(a, ox);
}
