/* SPDX-License-Identifier: MIT */
/* Transforms of Winograd tiles for vectors of VEC channels, included after vec_*.h by the file that defines the
 * variant, F(4 x 4, 3 x 3). The points are 0, +-sqrt(1/2), +-sqrt(2) and infinity, whose errors are smaller than those
 * of whole numbers; two points +-p share their even and odd parts. The transforms of columns, and then of rows, go
 * through memory that stays in the cache. */
#include "core/port.h"
#include "ops/winograd.h"

#define ROOT 1.41421356f
#define C(x) vset1(x)

/* a + p * b and a - p * b */
TVIS_INLINE void both(vec a, vec b, float p, float *out, ptrdiff_t step)
{
    vstore(out, vfma(C(p), b, a));
    vstore(out + step, vfma(C(-p), b, a));
}

/* One column of a tile, or a row of such columns, to out, `step` floats apart. */
TVIS_INLINE void in4(const vec *d, float *out, ptrdiff_t step)
{
    vstore(out, vfma(C(-2.5f), d[2], vadd(d[0], d[4])));
    both(vfma(C(-2.0f), d[2], d[4]), vfma(C(-2.0f), d[1], d[3]), ROOT / 2, out + step, step);
    both(vfma(C(-0.5f), d[2], d[4]), vfma(C(-0.5f), d[1], d[3]), ROOT, out + 3 * step, step);
    vstore(out + 5 * step, vfma(C(-2.5f), d[3], vadd(d[1], d[5])));
}

TVIS_INLINE void out4(const vec *d, vec *y)
{
    const vec s = vadd(d[1], d[2]), t = vsub(d[1], d[2]), u = vadd(d[3], d[4]), v = vsub(d[3], d[4]);
    y[0] = vadd(d[0], vadd(s, u));
    y[1] = vmul(C(ROOT / 2), vfma(C(2.0f), v, t));
    y[2] = vmul(C(0.5f), vfma(C(4.0f), u, s));
    y[3] = vfma(C(ROOT / 4), vfma(C(8.0f), v, t), d[5]);
}

TVIS_INLINE vec load(const float *p, int32_t n)
{
    return n < VEC ? vload_first(p, n) : vload(p);
}

enum { M = TVIS_WINOGRAD_M, SIDE = M + 2 };

/* From `from`, the numbers `apart` from each other. */
#define LOAD(i) d[i] = vload(from + i * apart)
#define LOAD_SIDE                                                                                                      \
    LOAD(0);                                                                                                           \
    LOAD(1);                                                                                                           \
    LOAD(2);                                                                                                           \
    LOAD(3);                                                                                                           \
    LOAD(4);                                                                                                           \
    LOAD(5)
#define LOAD_PIXEL(i) d[i] = edge && !t->rows[i] ? C(0.0f) : load(t->rows[i] + at, n)

/* Channels [c, c + n), n <= VEC, by columns and then by rows. What is stored behind the last channel belongs to tiles
 * that come later. */
TVIS_INLINE void input(const tvis_winograd_input *t, int32_t c, int32_t n, const bool edge)
{
    float half[SIDE * SIDE * VEC] __attribute__((aligned(64)));
    const ptrdiff_t apart = SIDE * VEC;
    vec d[SIDE];
    for (int32_t x = 0; x < SIDE; x++) {
        const ptrdiff_t at = (ptrdiff_t)x * t->channels + c;
        float *to = half + x * apart;
        if (!edge || (x >= t->left && x < t->right)) {
            LOAD_PIXEL(0);
            LOAD_PIXEL(1);
            LOAD_PIXEL(2);
            LOAD_PIXEL(3);
            LOAD_PIXEL(4);
            LOAD_PIXEL(5);
            in4(d, to, VEC);
        } else {
            for (int32_t i = 0; i < SIDE; i++)
                vstore(to + i * VEC, C(0.0f));
        }
    }
    for (int32_t i = 0; i < SIDE; i++) {
        const float *from = half + i * VEC;
        LOAD_SIDE;
        in4(d, t->v + i * SIDE * t->step + c, t->step);
    }
}

TVIS_INLINE void input_tile(const tvis_winograd_input *t)
{
    const int32_t whole = t->channels / VEC * VEC, rest = t->channels - whole;
    bool edge = t->left > 0 || t->right < SIDE;
    for (int32_t i = 0; i < SIDE; i++)
        edge = edge || !t->rows[i];
    if (VEC > 1 && !edge)
        for (int32_t c = 0; c < whole; c += VEC)
            input(t, c, VEC, false);
    else
        for (int32_t c = 0; c < whole; c += VEC)
            input(t, c, VEC, true);
    if (rest)
        input(t, whole, rest, true);
}

#define STORE_PIXEL(i)                                                                                                 \
    if (i < t->cols) {                                                                                                 \
        vec p = vadd(y[i], bias);                                                                                      \
        if (add)                                                                                                       \
            p = vadd(p, load(add + i * t->pixel, n));                                                                  \
        p = vmin(hi, vmax(lo, p));                                                                                     \
        if (n < VEC)                                                                                                   \
            vstore_first(to + i * t->pixel, n, p);                                                                     \
        else                                                                                                           \
            vstore(to + i * t->pixel, p);                                                                              \
    }

TVIS_INLINE void output(const tvis_winograd_output *t, int32_t c, int32_t n)
{
    float half[SIDE * SIDE * VEC] __attribute__((aligned(64)));
    const vec lo = C(t->lo), hi = C(t->hi), bias = t->bias ? load(t->bias + c, n) : C(0.0f);
    vec d[SIDE], y[M];
    for (int32_t x = 0; x < SIDE; x++) {
        const float *from = t->v + x * t->step + c;
        const ptrdiff_t apart = SIDE * t->step;
        float *to = half + x * M * VEC;
        LOAD_SIDE;
        out4(d, y);
        vstore(to, y[0]);
        vstore(to + VEC, y[1]);
        vstore(to + 2 * VEC, y[2]);
        vstore(to + 3 * VEC, y[3]);
    }
    for (int32_t i = 0; i < t->rows; i++) {
        const float *from = half + i * VEC, *add = t->add ? t->add + i * t->line + c : NULL;
        const ptrdiff_t apart = M * VEC;
        float *to = t->y + i * t->line + c;
        LOAD_SIDE;
        out4(d, y);
        STORE_PIXEL(0);
        STORE_PIXEL(1);
        STORE_PIXEL(2);
        STORE_PIXEL(3);
    }
}

TVIS_INLINE void output_tile(const tvis_winograd_output *t)
{
    const int32_t whole = t->channels / VEC * VEC;
    for (int32_t c = 0; c < whole; c += VEC)
        output(t, c, VEC);
    if (whole < t->channels)
        output(t, whole, t->channels - whole);
}

#define TILES(isa)                                                                                                     \
    void tvis_winograd_in_##isa(const tvis_winograd_input *t)                                                          \
    {                                                                                                                  \
        input_tile(t);                                                                                                 \
    }                                                                                                                  \
    void tvis_winograd_out_##isa(const tvis_winograd_output *t)                                                        \
    {                                                                                                                  \
        output_tile(t);                                                                                                \
    }
