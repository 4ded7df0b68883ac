/* SPDX-License-Identifier: MIT */
/* Every row of tvis_sparse_gemm against the dense product in C, on floats and halves, with an index and without; any
 * bytes of weights. */
#include "ops/sparse_gemm.h"

#include <float.h>
#include <math.h>

#include "core/half.h"
#include "core/port.h"
#include "tests/kernels.h"

#if !TVIS_LARGE_CODE
static void left_out(void **state)
{
    (void)state;
    skip(); /* of code that is optimized for size */
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(left_out) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else

typedef enum added { NO_ADD, ADD, ADD_IN_PLACE, ADDED_COUNT } added;

/* One call with its memory. dense: the weights as floats. */
typedef struct problem {
    tvis_sparse_gemm_args a;
    tvis_sparse w;
    tvt_buf x, dense, stored, index, scratch, bias, add, y;
} problem;

static tvt_buf random_floats(size_t n)
{
    tvt_buf b = tvt_paged(n * sizeof(float));
    tvt_fill_f32(b.p, n);
    return b;
}

static size_t matrix(int32_t rows, int32_t cols, int32_t ld)
{
    return (size_t)(rows - 1) * (size_t)ld + (size_t)cols;
}

static tvt_buf compress(const void *plain, int32_t n, int32_t k, uint32_t size, tvis_sparse *w)
{
    const size_t bytes = tvis_sparse_bytes(plain, n, k, size);
    tvt_buf b = tvt_paged((bytes + 3) & ~(size_t)3);
    *w = (tvis_sparse){ b.p, bytes, n, k, size };
    tvis_sparse_compress(plain, n, k, size, b.p);
    return b;
}

/* Weights of which so many of 100 are 0, some whole rows too. */
static void make_weights(problem *p, int32_t n, int32_t k, uint32_t zeros, bool halves)
{
    const size_t all = (size_t)n * (size_t)k;
    uint16_t *half = malloc(all * sizeof *half);
    float *w;
    assert_non_null(half);
    p->dense = random_floats(all);
    w = p->dense.p;
    for (size_t i = 0; i < all; i++) {
        if (tvt_below(100) < zeros || i / (size_t)k % 11 == 3)
            w[i] = 0.0f;
        half[i] = tvis_half_from(w[i]);
        if (halves)
            tvis_half_expand(&half[i], 1, &w[i]);
    }
    p->stored = halves ? compress(half, n, k, 2, &p->w) : compress(w, n, k, 4, &p->w);
    free(half);
}

static problem make(const tvis_sparse_gemm_variant *v, int32_t m, int32_t n, int32_t k, uint32_t zeros)
{
    const int32_t gap = (int32_t)tvt_below(4), ldx = k + gap, ldy = n + 2 * gap;
    const added add = (added)tvt_below(ADDED_COUNT);
    const bool small = tvt_below(2);
    problem p = { .x = random_floats(matrix(m, k, ldx)), .y = tvt_guarded(matrix(m, n, ldy) * sizeof(float)) };
    make_weights(&p, n, k, zeros, tvt_below(3) == 0);
    if (tvt_below(3))
        p.bias = random_floats((size_t)n);
    if (add != NO_ADD)
        p.add = random_floats(matrix(m, n, ldy));
    if (add == ADD_IN_PLACE)
        memcpy(p.y.p, p.add.p, p.add.size);
    if (tvt_below(2)) {
        p.index = tvt_guarded(tvis_sparse_index_bytes(&p.w));
        tvis_sparse_index_make(&p.w, p.index.p);
        assert_true(tvt_guards_ok(&p.index));
    }
    p.scratch = tvt_guarded((size_t)tvis_sparse_gemm_scratch(v, m, k, p.w.size, small));
    p.a = (tvis_sparse_gemm_args){ .g = { .x = p.x.p,
                                          .bias = p.bias.p,
                                          .add = add == ADD_IN_PLACE ? p.y.p : p.add.p,
                                          .y = p.y.p,
                                          .m = m,
                                          .n = n,
                                          .k = k,
                                          .ldx = ldx,
                                          .ldy = ldy,
                                          .lo = tvt_below(2) ? -0.25f : -INFINITY,
                                          .hi = tvt_below(2) ? 0.5f : INFINITY },
                                   .index = p.index.p,
                                   .small = small,
                                   .scratch = p.scratch.p };
    return p;
}

static void drop(problem *p)
{
    tvt_buf *all[] = { &p->x, &p->dense, &p->stored, &p->index, &p->scratch, &p->bias, &p->add, &p->y };
    for (size_t i = 0; i < TVIS_COUNT(all); i++)
        if (all[i]->p)
            tvt_free(all[i]);
}

static void run(const tvis_sparse_gemm_variant *v, problem *p)
{
    p->a.w = &p->w;
    tvis_sparse_gemm_run(v, &p->a);
}

/* What y[i][j] must be, and how far it may be from that. */
static double exact(const problem *p, int32_t i, int32_t j, double *tolerance)
{
    const tvis_gemm_f32_args *a = &p->a.g;
    const float *x = a->x + (ptrdiff_t)i * a->ldx, *w = (const float *)p->dense.p + (ptrdiff_t)j * a->k;
    const double start = a->bias ? (double)a->bias[j] : 0;
    const double add = p->add.p ? (double)((const float *)p->add.p)[(ptrdiff_t)i * a->ldy + j] : 0;
    double sum = start + add, size = fabs(start) + fabs(add);
    for (int32_t c = 0; c < a->k; c++) {
        sum += (double)x[c] * (double)w[c];
        size += fabs((double)x[c] * (double)w[c]);
    }
    *tolerance = 4 * (double)FLT_EPSILON * size;
    return fmin(fmax(sum, (double)a->lo), (double)a->hi);
}

static void check(const tvis_sparse_gemm_variant *v, int32_t m, int32_t n, int32_t k, uint32_t zeros)
{
    problem p = make(v, m, n, k, zeros);
    const tvis_gemm_f32_args *a = &p.a.g;
    uint8_t *before = malloc(p.y.size);
    assert_non_null(before);
    memcpy(before, p.y.p, p.y.size);
    run(v, &p);
    for (int32_t i = 0; i < m; i++) {
        const size_t row = (size_t)i * (size_t)a->ldy * sizeof(float), used = (size_t)n * sizeof(float);
        for (int32_t j = 0; j < n; j++) {
            double tolerance;
            const double want = exact(&p, i, j, &tolerance), got = (double)a->y[(ptrdiff_t)i * a->ldy + j];
            if (!(fabs(got - want) <= tolerance))
                fail_msg("%s m=%d n=%d k=%d seed=%u: y[%d][%d] is %.9g, not %.9g", v->k.name, (int)m, (int)n, (int)k,
                         tvt_seed, (int)i, (int)j, got, want);
        }
        if (i + 1 < m)
            assert_memory_equal((uint8_t *)p.y.p + row + used, before + row + used, (size_t)(a->ldy - n) * 4);
    }
    assert_true(tvt_guards_ok(&p.y));
    assert_true(tvt_guards_ok(&p.scratch));
    free(before);
    drop(&p);
}

static void shapes(void **state)
{
    static const int32_t ms[] = { 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 127, 129, 200 };
    static const int32_t ns[] = { 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 50 };
    static const int32_t ks[] = { 1, 2, 7, 8, 9, 15, 16, 17, 23, 32, 33, 71, 96 };
    const tvis_sparse_gemm_variant *v = *state;
    tvt_need_row(&v->k, v->multiply);
    for (size_t i = 0; i < TVIS_COUNT(ms); i++)
        for (size_t j = 0; j < TVIS_COUNT(ns); j++)
            check(v, ms[i], ns[j], ks[tvt_below(TVIS_COUNT(ks))], tvt_below(101));
    check(v, 300, 24, 200, 90);
    check(v, 49, 40, 960, 90);
    check(v, 49, 40, 700, 0);
    check(v, 12, 5, 9000, 95);
}

/* Some rows and columns at a time give the same bits: scratch is that of the whole. */
static void pieces_give_the_same_bits(void **state)
{
    const tvis_sparse_gemm_variant *v = *state;
    tvt_need_row(&v->k, v->multiply);
    for (int round = 0; round < 40; round++) {
        problem p = make(v, 1 + (int32_t)tvt_below(150), 1 + (int32_t)tvt_below(60), 1 + (int32_t)tvt_below(80), 70);
        const tvis_sparse_gemm_args whole = p.a;
        const int32_t rows = 1 + (int32_t)tvt_below(40), columns = 1 + (int32_t)tvt_below(40);
        tvt_buf y = tvt_guarded(p.y.size);
        memcpy(y.p, p.y.p, p.y.size);
        run(v, &p);
        for (int32_t i = 0; i < whole.g.m; i += rows)
            for (int32_t j = 0; j < whole.g.n; j += columns) {
                const ptrdiff_t at = (ptrdiff_t)i * whole.g.ldy + j;
                const float *add = whole.g.add == whole.g.y ? y.p : whole.g.add;
                p.a.row = j;
                p.a.g.m = whole.g.m - i < rows ? whole.g.m - i : rows;
                p.a.g.n = whole.g.n - j < columns ? whole.g.n - j : columns;
                p.a.g.x = whole.g.x + (ptrdiff_t)i * whole.g.ldx;
                p.a.g.bias = whole.g.bias ? whole.g.bias + j : NULL;
                p.a.g.add = add ? add + at : NULL;
                p.a.g.y = (float *)y.p + at;
                run(v, &p);
            }
        assert_memory_equal(y.p, p.y.p, y.size);
        assert_true(tvt_guards_ok(&p.scratch));
        tvt_free(&y);
        drop(&p);
    }
}

/* What is not a number reaches its own row of y, where a weight that is not 0 meets it. */
static void not_a_number_stays(void **state)
{
    enum { M = 23, N = 19, K = 21 };
    const tvis_sparse_gemm_variant *v = *state;
    tvt_need_row(&v->k, v->multiply);
    problem p = make(v, M, N, K, 50);
    p.a.g.add = NULL;
    for (int32_t i = 0; i < M; i += 2)
        ((float *)p.x.p)[i * p.a.g.ldx + i % K] = NAN;
    run(v, &p);
    for (int32_t i = 0; i < M; i++)
        for (int32_t j = 0; j < N; j++) {
            const bool met = i % 2 == 0 && fabsf(((const float *)p.dense.p)[j * K + i % K]) > 0.0f;
            assert_int_equal(isnan(p.a.g.y[i * p.a.g.ldy + j]) != 0, met);
        }
    drop(&p);
}

/* Whatever the bytes of w are, nothing outside is read or written. */
static void any_weights_are_safe(void **state)
{
    const tvis_sparse_gemm_variant *v = *state;
    tvt_need_row(&v->k, v->multiply);
    for (int again = 0; again < 60; again++) {
        problem p = make(v, 1 + (int32_t)tvt_below(70), 37, 29, 50);
        const size_t starts = (37 + TVIS_SPARSE_ROWS - 1) / TVIS_SPARSE_ROWS;
        tvt_fill(p.stored.p, p.stored.size);
        for (size_t i = 0; tvt_below(3) && i < starts; i++)
            ((uint32_t *)p.stored.p)[i] = tvt_below(600); /* nearly right */
        if (p.index.p)
            tvis_sparse_index_make(&p.w, p.index.p);
        run(v, &p);
        assert_true(tvt_guards_ok(&p.y));
        assert_true(tvt_guards_ok(&p.scratch));
        assert_true(!p.index.p || tvt_guards_ok(&p.index));
        drop(&p);
    }
}

/* What planning relies on: panels are whole vectors; many zeros are faster, none are not, nor is a single row of x. */
static void table(void **state)
{
    const tvis_sparse_gemm_variant *v = *state;
    assert_int_equal(v->k.pack, TVIS_PACK_SPARSE);
    assert_int_equal(v->k.nr, TVIS_SPARSE_GROUP);
    assert_int_equal(v->widest % v->k.mr, 0);
    assert_ptr_equal(tvis_sparse_gemm_choose(v->k.cpu, 196, 576, 96, 576 * 96 / 20), v);
    assert_null(tvis_sparse_gemm_choose(v->k.cpu, 196, 576, 96, 576 * 96));
    assert_null(tvis_sparse_gemm_choose(v->k.cpu, 1, 576, 96, 576 * 96 / 20));
    assert_null(tvis_sparse_gemm_choose(v->k.cpu, 196, 576, TVIS_SPARSE_MAX_K + 1, 100));
    if (!v[1].k.name)
        assert_ptr_equal(v->multiply, tvis_sparse_multiply_c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(shapes),
        cmocka_unit_test(pieces_give_the_same_bits),
        cmocka_unit_test(not_a_number_stays),
        cmocka_unit_test(any_weights_are_safe),
    };
    return tvt_run_rows("sparse_gemm", tvis_sparse_gemm, sizeof *tvis_sparse_gemm, tests, TVIS_COUNT(tests));
}
#endif
