/* SPDX-License-Identifier: MIT */
/* Panel GEMM for vectors of VEC floats, included after vec_*.h by the file that defines the variant. Tiles are at most
 * 12 rows of x times one or two vectors of columns. Where a multiply-add can take its factor from a lane of a vector
 * (vfma_lane), x is loaded four k at a time. However a tile is cut, an element of y is bias, then one multiply-add for
 * each k in rising order, then add, then the clamp: always the same bits. */
#include "core/port.h"
#include "ops/gemm.h"

#define NR (2 * VEC) /* columns of a panel */

/* A row, the base register it is addressed from, and its distance from there: 12 row pointers don't fit in 16
 * registers. */
#define EACH_ROW(DO)                                                                                                   \
    DO(0, x0, 0);                                                                                                      \
    DO(1, x0, 1);                                                                                                      \
    DO(2, x0, 2);                                                                                                      \
    DO(3, x3, 0);                                                                                                      \
    DO(4, x3, 1);                                                                                                      \
    DO(5, x3, 2);                                                                                                      \
    DO(6, x6, 0);                                                                                                      \
    DO(7, x6, 1);                                                                                                      \
    DO(8, x6, 2);                                                                                                      \
    DO(9, x9, 0);                                                                                                      \
    DO(10, x9, 1);                                                                                                     \
    DO(11, x9, 2)

/* Accumulators l (left vector) and r (right vector); those past `rows` and `vecs` are constants that vanish. */
#define ROW_DECLARE(row, base, at) vec l##row = left, r##row = right
#define ROW_STEP(row, base, at)                                                                                        \
    if (rows > row) {                                                                                                  \
        const vec x = vset1(base[at * ldx]);                                                                           \
        l##row = vfma(x, left, l##row);                                                                                \
        if (vecs > 1)                                                                                                  \
            r##row = vfma(x, right, r##row);                                                                           \
    }
#ifdef vfma_lane
#define ROW_LOAD(row, base, at) const vec q##row = rows > row ? vload(base + at * ldx) : left
#define ROW_LANE(row, lane)                                                                                            \
    if (rows > row) {                                                                                                  \
        l##row = vfma_lane(q##row, lane, left, l##row);                                                                \
        if (vecs > 1)                                                                                                  \
            r##row = vfma_lane(q##row, lane, right, r##row);                                                           \
    }
#define ROW_LANE_0(row, base, at) ROW_LANE(row, 0)
#define ROW_LANE_1(row, base, at) ROW_LANE(row, 1)
#define ROW_LANE_2(row, base, at) ROW_LANE(row, 2)
#define ROW_LANE_3(row, base, at) ROW_LANE(row, 3)
#define STEP_LANE(lane)                                                                                                \
    left = vload(w + lane * NR);                                                                                       \
    right = vecs > 1 ? vload(w + lane * NR + VEC) : left;                                                              \
    EACH_ROW(ROW_LANE_##lane)
#endif
#define ROW_ADD(row, base, at)                                                                                         \
    if (rows > row) {                                                                                                  \
        l##row = vadd(l##row, load_cols(add, cols));                                                                   \
        if (vecs > 1)                                                                                                  \
            r##row = vadd(r##row, load_cols(add + VEC, cols - VEC));                                                   \
        add += ldy;                                                                                                    \
    }
#define ROW_STORE(row, base, at)                                                                                       \
    if (rows > row) {                                                                                                  \
        l##row = vmin(hi, vmax(lo, l##row));                                                                           \
        if (vecs > 1) {                                                                                                \
            vstore(y, l##row);                                                                                         \
            STORE_LAST(y + VEC, vmin(hi, vmax(lo, r##row)));                                                           \
        } else {                                                                                                       \
            STORE_LAST(y, l##row);                                                                                     \
        }                                                                                                              \
        y += ldy;                                                                                                      \
    }

static inline vec load_cols(const float *p, int32_t cols)
{
    return cols >= VEC ? vload(p) : vload_first(p, cols);
}

/* Rows of x, a multiple of mr, that are taken through all panels before the next ones: they stay in the second-level
 * cache while the panels pass. */
static inline int32_t block_rows(const tvis_gemm_f32_args *a, int32_t mr)
{
    enum { X_FLOATS = VEC >= 8 ? 1 << 17 : 1 << 15, LEAST = 96 };
    int32_t rows = X_FLOATS / a->k, blocks;
    rows = rows < LEAST ? LEAST : rows;
    blocks = (a->m - 1) / rows + 1;
    rows = (a->m - 1) / blocks + 1;
    return (rows - 1) / mr * mr + mr;
}

/* Where a tile asks for the next panel while it uses one: weights often come from beyond the second-level cache, and at
 * its end is where the processor's own foresight ends. The first tiles ask for a share each, a step of k at a time, so
 * that memory keeps up. Past the last panel it is for what isn't used. */
typedef struct ahead {
    uintptr_t next;
    size_t step; /* bytes */
} ahead;

static inline ahead ahead_of(const tvis_gemm_f32_args *a, int32_t i, const float *w)
{
    const uintptr_t panel = (uintptr_t)a->k * NR * sizeof *w;
    const uint32_t shares = a->m >= 96 ? 8 : a->m >= 48 ? 4 : a->m >= 24 ? 2 : 1, own = (uint32_t)i / 12 % shares;
    return (ahead){ (uintptr_t)w + panel + panel / shares * own, NR * sizeof *w / shares };
}

static inline void ask(ahead *a)
{
#if VEC >= 8
    TVIS_PREFETCH((const void *)a->next);
#endif
    a->next += a->step;
}

/* y[i … i + rows) [j … j + cols), j the first column of a panel, (vecs - 1) * VEC < cols <= vecs * VEC. */
TVIS_INLINE void tile(const tvis_gemm_f32_args *a, int32_t i, int32_t j, int32_t cols, const int rows, const int vecs)
{
    const ptrdiff_t ldx = a->ldx, ldy = a->ldy;
    const float *w = a->w + (ptrdiff_t)j * a->k, *end = w + (ptrdiff_t)a->k * NR;
    ahead next = ahead_of(a, i, w);
    const float *x0 = a->x + i * ldx;
    const float *x3 = rows > 3 ? x0 + 3 * ldx : x0, *x6 = rows > 6 ? x3 + 3 * ldx : x0,
                *x9 = rows > 9 ? x6 + 3 * ldx : x0;
    const ptrdiff_t line = (ptrdiff_t)(a->run ? a->run : a->k) * NR;
    float *y = a->y + i * ldy + j;
    const vec lo = vset1(a->lo), hi = vset1(a->hi);
    vec left = a->bias ? load_cols(a->bias + j, cols) : vset1(0.0f);
    vec right = a->bias && vecs > 1 ? load_cols(a->bias + j + VEC, cols - VEC) : vset1(0.0f);
    EACH_ROW(ROW_DECLARE);
    for (const float *stop = w + line;; stop += line) {
#ifdef vfma_lane
        for (; stop - w >= 4 * NR; w += 4 * NR, x0 += 4, x3 += 4, x6 += 4, x9 += 4) {
            EACH_ROW(ROW_LOAD);
            STEP_LANE(0);
            STEP_LANE(1);
            STEP_LANE(2);
            STEP_LANE(3);
        }
#endif
        for (; w < stop; w += NR, x0++, x3++, x6++, x9++) {
            ask(&next);
            left = vload(w);
            right = vecs > 1 ? vload(w + VEC) : left;
            EACH_ROW(ROW_STEP);
        }
        if (w == end)
            break;
        x0 += a->gap;
        x3 += a->gap;
        x6 += a->gap;
        x9 += a->gap;
    }
    if (a->add) {
        const float *add = a->add + i * ldy + j;
        EACH_ROW(ROW_ADD);
    }
    if (cols == vecs * VEC) {
#define STORE_LAST(p, v) vstore(p, v)
        EACH_ROW(ROW_STORE);
#undef STORE_LAST
    } else {
#define STORE_LAST(p, v) vstore_first(p, cols - (vecs - 1) * VEC, v)
        EACH_ROW(ROW_STORE);
#undef STORE_LAST
    }
}
