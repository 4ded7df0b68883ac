/* SPDX-License-Identifier: MIT */
/* Every row of tvis_gemm_f32 against sums in double precision. Inputs end where a page ends, y lies between guards. */
#include "ops/gemm.h"

#include <float.h>
#include <math.h>

#include "core/port.h"
#include "ops/conv_shape.h"
#include "tests/kernels.h"

typedef enum added { NO_ADD, ADD, ADD_IN_PLACE, ADDED_COUNT } added;

/* One call with its memory: plain w beside the row's order of it, x and add with gaps between their rows. */
typedef struct problem {
    tvis_gemm_f32_args a;
    tvt_buf x, w, packed, bias, add, y;
    double error; /* of a product */
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

static bool panels(const tvis_kernel *k)
{
    return k->pack != TVIS_PACK_PLAIN;
}

static problem make(const tvis_kernel *k, int32_t m, int32_t n, int32_t kk, int32_t gap, bool bias, added add)
{
    const int32_t ldx = kk + gap, ldy = n + 2 * gap;
    problem p = { .x = random_floats(matrix(m, kk, ldx)), .w = random_floats((size_t)n * (size_t)kk) };
    if (bias)
        p.bias = random_floats((size_t)n);
    if (add != NO_ADD)
        p.add = random_floats(matrix(m, n, ldy));
    p.error = k->cpu & TVIS_CPU_AMX_BF16 ? 1.0 / 127 : 4 * (double)FLT_EPSILON; /* both factors by up to 1 / 256 */
    p.y = tvt_guarded(matrix(m, n, ldy) * sizeof(float));
    if (add == ADD_IN_PLACE)
        memcpy(p.y.p, p.add.p, p.add.size);
    if (panels(k)) {
        p.packed = tvt_paged(tvis_gemm_f32_packed(n, kk, k->nr) * sizeof(float));
        tvis_gemm_f32_pack(p.w.p, n, kk, k->nr, p.packed.p);
    }
    p.a = (tvis_gemm_f32_args){ .x = p.x.p,
                                .w = panels(k) ? p.packed.p : p.w.p,
                                .bias = p.bias.p,
                                .add = add == ADD_IN_PLACE ? p.y.p : p.add.p,
                                .y = p.y.p,
                                .m = m,
                                .n = n,
                                .k = kk,
                                .ldx = ldx,
                                .ldy = ldy,
                                .lo = -INFINITY,
                                .hi = INFINITY };
    return p;
}

static void drop(problem *p)
{
    tvt_buf *all[] = { &p->x, &p->w, &p->packed, &p->bias, &p->add, &p->y };
    for (size_t i = 0; i < TVIS_COUNT(all); i++)
        if (all[i]->p)
            tvt_free(all[i]);
}

/* What y[i][j] must be, and how far it may be from that. */
static double exact(const problem *p, int32_t i, int32_t j, double *tolerance)
{
    const float *x = (const float *)p->x.p + (ptrdiff_t)i * p->a.ldx,
                *w = (const float *)p->w.p + (ptrdiff_t)j * p->a.k;
    const double start = p->bias.p ? (double)((const float *)p->bias.p)[j] : 0;
    const double add = p->add.p ? (double)((const float *)p->add.p)[(ptrdiff_t)i * p->a.ldy + j] : 0;
    double sum = start + add, size = fabs(start) + fabs(add);
    for (int32_t q = 0; q < p->a.k; q++) {
        sum += (double)x[q] * (double)w[q];
        size += fabs((double)x[q] * (double)w[q]);
    }
    *tolerance = p->error * size;
    sum = sum < (double)p->a.lo ? (double)p->a.lo : sum;
    return sum > (double)p->a.hi ? (double)p->a.hi : sum;
}

static void check_values(const problem *p, const char *name)
{
    const float *y = p->y.p;
    for (int32_t i = 0; i < p->a.m; i++)
        for (int32_t j = 0; j < p->a.n; j++) {
            double tolerance;
            const double want = exact(p, i, j, &tolerance), got = (double)y[(ptrdiff_t)i * p->a.ldy + j];
            if (!(fabs(got - want) <= tolerance))
                fail_msg("gemm_f32 %s m=%d n=%d k=%d seed=%u: y[%d][%d] is %.9g, not %.9g", name, (int)p->a.m,
                         (int)p->a.n, (int)p->a.k, tvt_seed, (int)i, (int)j, got, want);
        }
}

/* Bytes between rows of y still are what they were: `before` is a copy of y. */
static void check_gaps(const problem *p, const uint8_t *before)
{
    const size_t used = (size_t)p->a.n * sizeof(float), step = (size_t)p->a.ldy * sizeof(float);
    for (size_t i = 0; i + 1 < (size_t)p->a.m; i++)
        assert_memory_equal((const uint8_t *)p->y.p + i * step + used, before + i * step + used, step - used);
    assert_true(tvt_guards_ok(&p->y));
}

static void check(const tvis_gemm_f32_variant *v, int32_t m, int32_t n, int32_t k)
{
    problem p = make(&v->k, m, n, k, (int32_t)tvt_below(4), tvt_below(3) > 0, (added)tvt_below(ADDED_COUNT));
    if (tvt_below(2)) {
        p.a.lo = tvt_below(2) ? 0.0f : -0.25f;
        p.a.hi = tvt_below(2) ? 0.5f : INFINITY;
    }
    uint8_t *before = malloc(p.y.size);
    assert_non_null(before);
    memcpy(before, p.y.p, p.y.size);
    v->run(&p.a);
    check_values(&p, v->k.name);
    check_gaps(&p, before);
    free(before);
    drop(&p);
}

/* All sizes around the tiles of all rows; k is drawn. */
static void small_shapes(void **state)
{
    static const int32_t ms[] = { 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 17, 23, 31 };
    static const int32_t ns[] = { 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 23, 24, 25, 31, 32, 33, 41, 63 };
    static const int32_t ks[] = { 1, 2, 3, 4, 5, 7, 8, 9, 11, 15, 16, 17, 23, 27, 31, 32, 33, 47, 64, 71 };
    const tvis_gemm_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (size_t i = 0; i < TVIS_COUNT(ms); i++)
        for (size_t j = 0; j < TVIS_COUNT(ns); j++)
            check(v, ms[i], ns[j], ks[tvt_below(TVIS_COUNT(ks))]);
    for (size_t i = 0; i < TVIS_COUNT(ks); i++)
        check(v, 1 + (int32_t)tvt_below(14), 1 + (int32_t)tvt_below(40), ks[i]);
}

/* Layers of MobileNetV2, and more rows than one block holds. */
static void layers(void **state)
{
    static const int32_t shapes[][3] = { { 196, 24, 144 }, { 784, 16, 32 },  { 200, 32, 27 },   { 49, 160, 960 },
                                         { 49, 320, 64 },  { 5, 1000, 128 }, { 1, 1000, 1280 }, { 4, 100, 1280 },
                                         { 211, 19, 401 }, { 50, 24, 512 },  { 37, 30, 512 },   { 130, 12, 10 },
                                         { 300, 33, 600 } };
    const tvis_gemm_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (size_t i = 0; i < TVIS_COUNT(shapes); i++)
        check(v, shapes[i][0], shapes[i][1], shapes[i][2]);
}

/* The same call in pieces: a few rows and columns at a time. */
static void run_cut(const tvis_gemm_f32_variant *v, const tvis_gemm_f32_args *a, int32_t rows, int32_t cols)
{
    for (int32_t i = 0; i < a->m; i += rows)
        for (int32_t j = 0; j < a->n; j += cols) {
            tvis_gemm_f32_args b = *a;
            const ptrdiff_t at = (ptrdiff_t)i * a->ldy + j;
            b.m = a->m - i < rows ? a->m - i : rows;
            b.n = a->n - j < cols ? a->n - j : cols;
            b.x += (ptrdiff_t)i * a->ldx;
            b.w += (ptrdiff_t)j * a->k;
            b.bias += j;
            b.add += at;
            b.y += at;
            v->run(&b);
        }
}

static void pieces_give_the_same_bits(void **state)
{
    static const int32_t shapes[][3] = {
        { 31, 71, 50 }, { 13, 96, 17 }, { 40, 24, 3 }, { 7, 40, 129 }, { 103, 9, 400 }
    };
    const tvis_gemm_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    const int32_t step = panels(&v->k) ? v->k.nr : 1;
    for (size_t s = 0; s < TVIS_COUNT(shapes); s++) {
        problem p = make(&v->k, shapes[s][0], shapes[s][1], shapes[s][2], 3, true, ADD);
        tvt_buf whole = p.y;
        v->run(&p.a);
        for (int round = 0; round < 12; round++) {
            p.y = tvt_guarded(whole.size);
            p.a.y = p.y.p;
            run_cut(v, &p.a, 1 + (int32_t)tvt_below(15), step * (1 + (int32_t)tvt_below(4)));
            if (!tvt_same(&whole, &p.y))
                fail_msg("gemm_f32 %s m=%d n=%d k=%d seed=%u: pieces differ from the whole", v->k.name, (int)p.a.m,
                         (int)p.a.n, (int)p.a.k, tvt_seed);
            tvt_free(&p.y);
        }
        p.y = whole;
        drop(&p);
    }
}

/* x in three lines, of which rows share elements, gives the bits of rows by themselves. */
static void lines_give_the_same_bits(void **state)
{
    enum { LINES = 3 };
    const tvis_gemm_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    if (!tvis_takes_lines(&v->k, 4, 1))
        skip();
    for (int32_t m = 1; m < 40; m += 3) {
        const int32_t run = m % 2 ? 1 + (int32_t)tvt_below(30) : 32 * (1 + (int32_t)tvt_below(8)),
                      next = 1 + (int32_t)tvt_below(9), n = 1 + (int32_t)tvt_below(70);
        const int32_t pitch = (m - 1) * next + run;
        problem p = make(&v->k, m, n, LINES * run, 0, true, NO_ADD);
        tvt_buf lines = random_floats((size_t)(LINES * pitch)), want = p.y;
        for (int32_t i = 0; i < m; i++)
            for (int32_t l = 0; l < LINES; l++)
                memcpy((float *)p.x.p + (i * LINES + l) * run, (const float *)lines.p + l * pitch + i * next,
                       (size_t)run * sizeof(float));
        v->run(&p.a);
        p.y = tvt_guarded(want.size);
        p.a.y = p.y.p;
        p.a.x = lines.p;
        p.a.ldx = next;
        p.a.run = run;
        p.a.gap = pitch - run;
        v->run(&p.a);
        if (!tvt_same(&want, &p.y))
            fail_msg("gemm_f32 %s m=%d n=%d run=%d next=%d seed=%u: lines differ from rows", v->k.name, (int)m, (int)n,
                     (int)run, (int)next, tvt_seed);
        tvt_free(&want);
        tvt_free(&lines);
        drop(&p);
    }
}

/* What is not a number reaches y, whatever the limits are, and no other row or column. */
static void not_a_number_stays(void **state)
{
    const tvis_gemm_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int32_t n = 1; n <= 40; n += 13) {
        problem p = make(&v->k, 15, n, 21, 0, true, NO_ADD);
        p.a.lo = 0.0f;
        p.a.hi = 6.0f;
        for (int32_t i = 0; i < p.a.m; i += 2)
            ((float *)p.x.p)[i * p.a.ldx + (int32_t)tvt_below(21)] = NAN;
        v->run(&p.a);
        for (int32_t i = 0; i < p.a.m; i++)
            for (int32_t j = 0; j < n; j++)
                assert_int_equal(isnan(((const float *)p.y.p)[i * p.a.ldy + j]) != 0, i % 2 == 0);
        drop(&p);
    }
}

static void check_packing(const tvis_gemm_f32_variant *v)
{
    const int32_t nr = v->k.nr;
    for (int32_t n = 1; n <= 3 * nr; n += 5)
        for (int32_t k = 1; k <= 40; k += 3) {
            problem p = make(&v->k, 1, n, k, 0, false, NO_ADD);
            const float *packed = p.packed.p, *w = p.w.p;
            assert_int_equal(p.packed.size / sizeof(float), (n + nr - 1) / nr * nr * k);
            assert_true(tvt_guards_ok(&p.packed));
            for (int32_t j = 0; j < (n + nr - 1) / nr * nr; j++)
                for (int32_t q = 0; q < k; q++)
                    assert_true(packed[j / nr * nr * k + q * nr + j % nr] == (j < n ? w[j * k + q] : 0.0f));
            drop(&p);
        }
}

/* What planning relies on: the order is described, and the last row runs everywhere. */
static void table(void **state)
{
    const tvis_gemm_f32_variant *v = *state;
    assert_true(v->k.pack == TVIS_PACK_PLAIN || v->k.pack == TVIS_PACK_PANEL(v->k.nr));
    assert_true(v->k.mr > 0 && v->k.nr > 0);
    if (panels(&v->k))
        check_packing(v);
    if (!v[1].k.name) {
        assert_ptr_equal(v->run, tvis_gemm_f32_c);
        assert_int_equal(v->k.cpu, 0);
        assert_int_equal(v->k.m_max, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(small_shapes),
        cmocka_unit_test(layers),
        cmocka_unit_test(pieces_give_the_same_bits),
        cmocka_unit_test(lines_give_the_same_bits),
        cmocka_unit_test(not_a_number_stays),
    };
    return tvt_run_rows("gemm_f32", tvis_gemm_f32, sizeof *tvis_gemm_f32, tests, TVIS_COUNT(tests));
}
