/* SPDX-License-Identifier: MIT */
/* Attention for vectors of VEC queries, included after vec_*.h by the file that defines the variant, which sets
 * KEYS and ROWS. Queries are taken in panels of NQ. Everything lies transposed, a row for a key or a channel and a lane
 * for a query: maxima, sums and rescaling need no sums across lanes, and k and v are used as they are, by
 * broadcasting. */
#include "ops/attention.h"
#include "ops/math_vec.h"

#include <float.h>

#define NQ (2 * VEC)

/* Places in scratch, of one panel. */
typedef struct panel {
    float *q, *o, *max, *sum; /* (d, NQ), (d, NQ), (NQ), (NQ) */
    float *score, *rescale;   /* (KEYS, NQ), (NQ), shared by all panels */
} panel;

static panel panel_at(const tvis_attention_f32_args *a, int32_t i)
{
    const ptrdiff_t d = a->d;
    panel p;
    p.score = a->scratch + 2 * KEYS * d;
    p.rescale = p.score + KEYS * NQ;
    p.q = p.rescale + NQ + i * NQ * (2 * d + 2);
    p.o = p.q + d * NQ;
    p.max = p.o + d * NQ;
    p.sum = p.max + NQ;
    return p;
}

#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
#define ROW_DECLARE(row)                                                                                               \
    vec l##row = start && rows > row ? vmul(vload(y + row * NQ), left) : vset1(0.0f);                                  \
    vec r##row = start && rows > row ? vmul(vload(y + row * NQ + VEC), right) : vset1(0.0f);
#define ROW_STEP(row)                                                                                                  \
    if (rows > row) {                                                                                                  \
        const vec f = vset1(x[row * xr]);                                                                              \
        l##row = vfma(f, left, l##row);                                                                                \
        r##row = vfma(f, right, r##row);                                                                               \
    }
#define ROW_STORE(row)                                                                                                 \
    if (rows > row) {                                                                                                  \
        vstore(y + row * NQ, l##row);                                                                                  \
        vstore(y + row * NQ + VEC, r##row);                                                                            \
    }

/* y[row] = start * y[row] + sum over k of x[row * xr + k * xk] * w[k], for `rows` rows; w, y and start have NQ lanes;
 * start is NULL for 0. */
TVIS_INLINE void product(const float *x, ptrdiff_t xr, ptrdiff_t xk, const float *w, int32_t k, const float *start,
                         float *y, const int rows)
{
    vec left = start ? vload(start) : vset1(0.0f), right = start ? vload(start + VEC) : left;
    EACH_ROW(ROW_DECLARE)
    for (; k > 0; k--, x += xk, w += NQ) {
        left = vload(w);
        right = vload(w + VEC);
        EACH_ROW(ROW_STEP)
    }
    EACH_ROW(ROW_STORE)
}

TVIS_INLINE void products(const float *x, ptrdiff_t xr, ptrdiff_t xk, const float *w, int32_t k, const float *start,
                          float *y, int32_t rows)
{
    for (; rows >= ROWS; rows -= ROWS, x += ROWS * xr, y += ROWS * NQ)
        product(x, xr, xk, w, k, start, y, ROWS);
    if (rows >= 4) {
        product(x, xr, xk, w, k, start, y, 4);
        rows -= 4;
        x += 4 * xr;
        y += 4 * NQ;
    }
    for (; rows > 0; rows--, x += xr, y += NQ)
        product(x, xr, xk, w, k, start, y, 1);
}

/* Scores to weights; what all weights before must be multiplied with goes to p->rescale. */
static void weigh(const panel *p, int32_t keys)
{
    for (int32_t side = 0; side < NQ; side += VEC) {
        const vec before = vload(p->max + side);
        float *score = p->score + side;
        vec max = before;
        for (int32_t j = 0; j < keys; j++)
            max = vmax(max, vload(score + j * NQ));
        const vec rescale = vexp(vsub(before, max));
        vec sum = vmul(vload(p->sum + side), rescale);
        for (int32_t j = 0; j < keys; j++) {
            const vec weight = vexp(vsub(vload(score + j * NQ), max));
            vstore(score + j * NQ, weight);
            sum = vadd(weight, sum);
        }
        vstore(p->max + side, max);
        vstore(p->sum + side, sum);
        vstore(p->rescale + side, rescale);
    }
}

/* Lanes past the last query are zero. */
static void begin_panel(const tvis_attention_f32_args *a, const panel *p, int32_t first)
{
    for (int32_t lane = 0; lane < NQ; lane++) {
        const bool used = first + lane < a->queries;
        const float *q = a->q + (ptrdiff_t)(used ? first + lane : 0) * a->ld;
        p->max[lane] = -FLT_MAX;
        p->sum[lane] = 0.0f;
        for (int32_t i = 0; i < a->d; i++)
            p->q[i * NQ + lane] = used ? q[i] * a->scale : 0.0f;
    }
    for (int32_t i = 0; i < a->d * NQ; i++)
        p->o[i] = 0.0f;
}

static void end_panel(const tvis_attention_f32_args *a, const panel *p, int32_t first)
{
    for (int32_t lane = 0; lane < NQ && first + lane < a->queries; lane++) {
        float *y = a->y + (ptrdiff_t)(first + lane) * a->ldy;
        const float scale = 1.0f / p->sum[lane];
        for (int32_t i = 0; i < a->d; i++)
            y[i] = p->o[i * NQ + lane] * scale;
    }
}

/* Rows next to each other: at the distance ld many would share a line of the cache. */
static void copy_rows(const float *x, int32_t ld, int32_t rows, int32_t d, float *out)
{
    for (int32_t j = 0; j < rows; j++, x += ld, out += d) {
        int32_t i = 0;
        for (; d - i >= VEC; i += VEC)
            vstore(out + i, vload(x + i));
        for (; i < d; i++)
            out[i] = x[i];
    }
}

static void attend(const tvis_attention_f32_args *a)
{
    const ptrdiff_t d = a->d;
    float *k = a->scratch, *v = k + KEYS * d;
    const int32_t panels = (a->queries + NQ - 1) / NQ;
    for (int32_t i = 0; i < panels; i++) {
        const panel p = panel_at(a, i);
        begin_panel(a, &p, i * NQ);
    }
    for (int32_t j = 0; j < a->keys; j += KEYS) {
        const int32_t keys = a->keys - j < KEYS ? a->keys - j : KEYS;
        copy_rows(a->k + (ptrdiff_t)j * a->ld, a->ld, keys, a->d, k);
        copy_rows(a->v + (ptrdiff_t)j * a->ld, a->ld, keys, a->d, v);
        for (int32_t i = 0; i < panels; i++) {
            const panel p = panel_at(a, i);
            products(k, d, 1, p.q, a->d, NULL, p.score, keys);
            weigh(&p, keys);
            products(v, 1, d, p.score, keys, p.rescale, p.o, a->d);
        }
    }
    for (int32_t i = 0; i < panels; i++) {
        const panel p = panel_at(a, i);
        end_panel(a, &p, i * NQ);
    }
}
