/* SPDX-License-Identifier: MIT */
#include "ops/sparse_gemm.h"
#include "core/half.h"
#include "core/port.h"

#if TVIS_LARGE_CODE
/* Values of a group, for each column: rows of w are taken until the next one does not fit. */
enum { ROOM = 6, SLACK = 16, LEAST_ROWS = 5 };
enum { L1_FLOATS = 8192, SMALL_KB = 16, MOST_ROWS = 1024, ALIGN = 64 };

void tvis_sparse_turn_c(const tvis_gemm_f32_args *a, const float *x, int32_t pixels, int32_t width, float *out)
{
    enum { LINE = 8 };
    for (int32_t c = 0; c < a->k; c++) {
        const float *from = x + c;
        for (int32_t i = 1; i <= width; i++) {
            if (c % LINE == 0)
                TVIS_PREFETCH(from + LINE);
            *out++ = *from;
            from += i < pixels ? a->ldx : 0;
        }
    }
}

void tvis_sparse_multiply_c(const tvis_sparse_tile *t)
{
    const uint16_t *column = t->column;
    for (int32_t r = 0; r < t->rows; r++) {
        float *y = t->sums + (ptrdiff_t)r * t->width;
        for (int32_t i = 0; i < t->width; i++)
            y[i] = t->bias ? t->bias[r] : 0.0f;
        for (int32_t v = 0; v < t->count[r]; v++) {
            const float *x = t->x + (ptrdiff_t)*column++ * t->width;
            const float w = t->value[r][v];
            for (int32_t i = 0; i < t->width; i++)
                y[i] += w * x[i];
        }
    }
}

void tvis_sparse_finish_c(const tvis_gemm_f32_args *a, const tvis_sparse_tile *t, int32_t pixels, ptrdiff_t at)
{
    for (int32_t i = 0; i < pixels; i++, at += a->ldy)
        for (int32_t r = 0; r < t->rows; r++) {
            float v = t->sums[(ptrdiff_t)r * t->width + i];
            if (a->add)
                v += a->add[at + r];
            v = v < a->lo ? a->lo : v;
            a->y[at + r] = v > a->hi ? a->hi : v;
        }
}

uint16_t *tvis_sparse_columns_c(const uint8_t *bits, int32_t k, uint16_t *out)
{
    for (int32_t base = 0; base < k; base += 8) {
        uint32_t left = *bits++;
        if (k - base < 8)
            left &= (1u << (k - base)) - 1;
        for (; left; left &= left - 1)
            *out++ = (uint16_t)(base + __builtin_ctz(left));
    }
    return out;
}

#define AVX2_STEPS                                                                                                     \
    TVIS_IF_X86(tvis_sparse_turn_avx2), TVIS_IF_X86(tvis_sparse_multiply_avx2), TVIS_IF_X86(tvis_sparse_finish_avx2),  \
        TVIS_IF_X86(tvis_sparse_columns_avx2)
#define AVX512_STEPS                                                                                                   \
    TVIS_IF_X86(tvis_sparse_turn_avx512), TVIS_IF_X86(tvis_sparse_multiply_avx512),                                    \
        TVIS_IF_X86(tvis_sparse_finish_avx512), TVIS_IF_X86(tvis_sparse_columns_avx512)
#define NEON_STEPS                                                                                                     \
    TVIS_IF_AARCH64(tvis_sparse_turn_neon), TVIS_IF_AARCH64(tvis_sparse_multiply_neon),                                \
        TVIS_IF_AARCH64(tvis_sparse_finish_neon), TVIS_IF_AARCH64(tvis_sparse_columns_neon)
#define VFP11_STEPS                                                                                                    \
    tvis_sparse_turn_c, TVIS_IF_VFP11(tvis_sparse_multiply_vfp11), TVIS_IF_VFP11(tvis_sparse_finish_vfp11),            \
        tvis_sparse_columns_c
#define C_STEPS tvis_sparse_turn_c, tvis_sparse_multiply_c, tvis_sparse_finish_c, tvis_sparse_columns_c
#define KERNEL(name, cpu, pixels)                                                                                      \
    {                                                                                                                  \
        name, cpu, TVIS_PACK_SPARSE, 0, pixels, TVIS_SPARSE_GROUP                                                      \
    }

const tvis_sparse_gemm_variant tvis_sparse_gemm[] = {
    { KERNEL("sparse16_avx512", TVIS_CPU_AVX512, 16), 128, 256, 40, 13, 18, AVX512_STEPS },
    { KERNEL("sparse8_avx2", TVIS_CPU_AVX2, 8), 64, 256, 26, 8, 10, AVX2_STEPS },
    { KERNEL("sparse4_neon", TVIS_CPU_NEON, 4), 32, 128, 26, 5, 6, NEON_STEPS },
    { KERNEL("sparse8_vfp11", TVIS_CPU_VFP11, 8), 8, 10, 28, 8, 10, VFP11_STEPS },
    { KERNEL("sparse8_c", 0, 8), 8, 10, 16, 3, 4, C_STEPS },
    { { NULL, 0, 0, 0, 0, 0 }, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL },
};

/* Rows of x, a multiple of mr, that are turned over at a time. */
static int32_t block_rows(const tvis_sparse_gemm_variant *v, int64_t m, int32_t k, bool small)
{
    const int32_t mr = v->k.mr, kb = small && v->block > SMALL_KB ? SMALL_KB : v->block;
    const int32_t fit = kb * 256 / k / mr * mr, most = fit < mr ? mr : fit > MOST_ROWS ? MOST_ROWS : fit;
    return m < most ? ((int32_t)m + mr - 1) / mr * mr : most;
}

static size_t room(int32_t k)
{
    return (size_t)k * ROOM + SLACK;
}

uint64_t tvis_sparse_gemm_scratch(const tvis_sparse_gemm_variant *v, int64_t m, int32_t k, uint32_t size, bool small)
{
    const uint64_t x = (uint64_t)block_rows(v, m, k, small) * (uint64_t)k * sizeof(float);
    const uint64_t sums = (uint64_t)v->widest * TVIS_SPARSE_GROUP * sizeof(float);
    const uint64_t values = size == sizeof(float) ? 0 : room(k) * sizeof(float);
    return ALIGN + x + sums + values + ((room(k) * sizeof(uint16_t) + 3) & ~(size_t)3);
}

/* The parts of the scratch. */
typedef struct parts {
    float *x, *sums, *values;
    uint16_t *column;
} parts;

static parts cut(const tvis_sparse_gemm_variant *v, const tvis_sparse_gemm_args *a, int32_t block)
{
    float *x = (float *)(((uintptr_t)a->scratch + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1)),
          *sums = x + (ptrdiff_t)block * a->g.k, *values = sums + v->widest * TVIS_SPARSE_GROUP;
    float *column = values + (a->w->size == sizeof(float) ? 0 : room(a->g.k));
    return (parts){ x, sums, values, (uint16_t *)(void *)column };
}

/* The parts of an index of n rows. */
typedef struct found {
    uint32_t *start;
    uint16_t *count, *column;
} found;

static found index_of(const void *memory, int32_t n)
{
    uint32_t *start = (uint32_t *)(uintptr_t)memory;
    uint16_t *count = (uint16_t *)(void *)(start + (n - 1) / TVIS_SPARSE_GROUP + 1);
    return (found){ start, count, count + n };
}

static size_t values_of(const tvis_sparse *w)
{
    return (w->bytes - tvis_sparse_head(w->n, w->k)) / w->size;
}

size_t tvis_sparse_index_bytes(const tvis_sparse *w)
{
    const size_t starts = (size_t)((w->n - 1) / TVIS_SPARSE_GROUP + 1);
    return starts * sizeof(uint32_t) + ((size_t)w->n + values_of(w) + 2) * sizeof(uint16_t);
}

void tvis_sparse_index_make(const tvis_sparse *w, void *out)
{
    const found x = index_of(out, w->n);
    const size_t all = values_of(w);
    tvis_sparse_cursor c = tvis_sparse_seek(w, 0);
    size_t used = 0;
    for (int32_t i = 0; i < w->n; i++) {
        tvis_sparse_row r = tvis_sparse_next(&c);
        if (i % TVIS_SPARSE_GROUP == 0)
            x.start[i / TVIS_SPARSE_GROUP] = (uint32_t)used;
        if ((size_t)r.count > all - used) /* damaged: rows that share values */
            r.count = 0;
        x.count[i] = (uint16_t)r.count;
        while (r.count-- > 0)
            x.column[used++] = (uint16_t)tvis_sparse_column(&r);
    }
}

/* A walk over the rows of w. */
typedef struct reader {
    const tvis_sparse_gemm_variant *v;
    const tvis_sparse_gemm_args *a;
    tvis_sparse_cursor at;
    found x;
    const uint16_t *next; /* column in the index */
} reader;

static reader start_reading(const tvis_sparse_gemm_variant *v, const tvis_sparse_gemm_args *a)
{
    reader r = { v, a, { a->w, a->row / TVIS_SPARSE_ROWS * TVIS_SPARSE_ROWS, 0 }, { NULL, NULL, NULL }, NULL };
    if (a->index) {
        r.x = index_of(a->index, a->w->n);
        r.next = r.x.column + r.x.start[a->row / TVIS_SPARSE_GROUP];
        for (int32_t i = r.at.row; i < a->row; i++)
            r.next += r.x.count[i];
    }
    r.at = tvis_sparse_seek(a->w, a->row);
    return r;
}

/* The reader's row becomes the next one of a tile; column and values: room for them. Answers how many it has. */
static int32_t read_row(reader *r, uint16_t *column, float *values, tvis_sparse_tile *t)
{
    const int32_t to = t->rows++, k = r->a->g.k;
    const int32_t count =
        r->next ? r->x.count[r->at.row] : (int32_t)(r->v->columns(tvis_sparse_bits(&r->at), k, column) - column);
    const void *from = tvis_sparse_take(&r->at, count);
    t->value[to] = from;
    t->count[to] = from ? count : 0;
    if (r->next)
        r->next += count;
    if (r->a->w->size != sizeof(float)) {
        tvis_half_expand(from, (size_t)t->count[to], values);
        t->value[to] = values;
    }
    return t->count[to];
}

/* Rows from the reader's on, `most` of them or as many as there is room for: at least five, as k is their longest. */
static void read_rows(reader *r, const parts *s, int32_t most, tvis_sparse_tile *t)
{
    const size_t k = (size_t)r->a->g.k;
    size_t used = 0;
    t->column = r->next ? r->next : s->column;
    for (t->rows = 0; t->rows < most && room((int32_t)k) - used >= k + SLACK;)
        used += (size_t)read_row(r, s->column + used, s->values + used, t);
}

/* Where part i begins when `all` are shared out evenly. */
static int32_t share(int32_t all, int32_t count, int32_t i)
{
    /* i <= count <= all: the product of short ones fits, and ARMv6 has no division of its own, least of 64 bits */
    return all < 32768 ? all * i / count : (int32_t)((int64_t)all * i / count);
}

/* Rows of x in a panel: it should stay in the first-level cache. */
static int32_t widest(const tvis_sparse_gemm_variant *v, int32_t k)
{
    const int32_t fit = L1_FLOATS / k / v->k.mr * v->k.mr, least = (v->widest / v->k.mr + 1) / 2 * v->k.mr;
    return fit < least ? least : fit < v->widest ? fit : v->widest;
}

static void multiply_panels(const tvis_sparse_gemm_variant *v, const tvis_gemm_f32_args *a, const parts *s,
                            tvis_sparse_tile *t, int32_t first, int32_t rows, int32_t j)
{
    const int32_t mr = v->k.mr, all = (rows - 1) / mr + 1, panels = (all * mr - 1) / widest(v, a->k) + 1;
    t->sums = s->sums;
    t->bias = a->bias ? a->bias + j : NULL;
    for (int32_t i = 0, at = 0, end; i < panels; i++, at = end) {
        end = share(all, panels, i + 1) * mr;
        t->x = s->x + (ptrdiff_t)at * a->k;
        t->width = end - at;
        v->multiply(t);
        v->finish(a, t, rows < end ? rows - at : end - at, (ptrdiff_t)(first + at) * a->ldy + j);
    }
}

static void turn_panels(const tvis_sparse_gemm_variant *v, const tvis_gemm_f32_args *a, float *x, int32_t first,
                        int32_t rows)
{
    const int32_t mr = v->k.mr, all = (rows - 1) / mr + 1, panels = (all * mr - 1) / widest(v, a->k) + 1;
    for (int32_t i = 0, at = 0, end; i < panels; i++, at = end) {
        end = share(all, panels, i + 1) * mr;
        v->turn(a, a->x + (ptrdiff_t)(first + at) * a->ldx, rows < end ? rows - at : end - at, end - at,
                x + (ptrdiff_t)at * a->k);
    }
}

void tvis_sparse_gemm_run(const tvis_sparse_gemm_variant *v, const tvis_sparse_gemm_args *a)
{
    const tvis_gemm_f32_args *g = &a->g;
    const int32_t block = block_rows(v, g->m, g->k, a->small);
    const parts s = cut(v, a, block);
    const int32_t all = (g->m - 1) / v->k.mr + 1, blocks = (all * v->k.mr - 1) / block + 1;
    for (int32_t i = 0; i < blocks; i++) {
        const int32_t first = share(all, blocks, i) * v->k.mr, end = share(all, blocks, i + 1) * v->k.mr;
        const int32_t rows = (g->m < end ? g->m : end) - first;
        reader r = start_reading(v, a);
        tvis_sparse_tile t;
        turn_panels(v, g, s.x, first, rows);
        for (int32_t j = 0; j < g->n; j += t.rows) {
            const int32_t left = g->n - j;
            read_rows(&r, &s, left < TVIS_SPARSE_GROUP ? left : TVIS_SPARSE_GROUP, &t);
            multiply_panels(v, g, &s, &t, first, rows, j);
        }
    }
}

const tvis_sparse_gemm_variant *tvis_sparse_gemm_choose(uint32_t cpu, int64_t m, int32_t n, int32_t k, uint64_t values)
{
    const tvis_sparse_gemm_variant *v = tvis_sparse_gemm;
    while (v->k.cpu & ~cpu)
        v++;
    const uint64_t dense = (uint64_t)n * (uint64_t)k;
    const uint64_t moved = (uint64_t)k * v->turned + (uint64_t)n * v->finished;
    return m >= LEAST_ROWS && k <= TVIS_SPARSE_MAX_K && values * v->product / 16 + moved < dense ? v : NULL;
}

#endif
