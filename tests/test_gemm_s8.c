/* SPDX-License-Identifier: MIT */
/* Every row of tvis_gemm_s8 against the C reference: equal. Inputs end where a page ends, y lies between guards. */
#include "ops/gemm_s8.h"

#include "core/port.h"
#include "ops/conv_shape.h"
#include "ops/table16.h"
#include "tests/kernels.h"

typedef enum added { NO_ADD, ADD, ADD_IN_PLACE, ADDED_COUNT } added;
/* What the bytes of x and w are. */
typedef enum values { RANDOM, LOWEST, HIGHEST, EXTREMES, VALUES_COUNT } values;

typedef struct problem {
    tvis_gemm_s8_args a;
    tvt_buf x, w, packed, bias, mul, add, y;
} problem;

static tvt_buf bytes(size_t n, values v)
{
    tvt_buf b = tvt_paged(n);
    int8_t *p = b.p;
    for (size_t i = 0; i < n; i++) {
        const int8_t r = (int8_t)(tvt_rand() & 0xff);
        p[i] = v == RANDOM ? r : v == LOWEST || (v == EXTREMES && r < 0) ? -128 : 127;
    }
    return b;
}

static tvt_buf words(size_t n, uint32_t most)
{
    tvt_buf b = tvt_paged(n * sizeof(int32_t));
    for (size_t i = 0; i < n; i++)
        ((int32_t *)b.p)[i] = (int32_t)tvt_below(most);
    return b;
}

static size_t matrix(int32_t rows, int32_t cols, int32_t ld)
{
    return (size_t)(rows - 1) * (size_t)ld + (size_t)cols;
}

/* Factors that spread most results over -128 … 127, some of them far outside. */
static void scales(problem *p)
{
    const int32_t k = p->a.k;
    p->mul = words((size_t)p->a.n, 1);
    for (int32_t j = 0; j < p->a.n; j++) {
        const int64_t mul = ((int64_t)1 << 32) / (200 * k) + tvt_below(1u << 10);
        ((int32_t *)p->mul.p)[j] = tvt_below(16) ? (int32_t)(mul & ~1) : 2 * (int32_t)tvt_below(1u << 30);
    }
    p->a.q = (tvis_requant){ p->mul.p, k < 256 ? (int32_t)tvt_below(6) : 0, (int32_t)tvt_below(256) - 128, -128, 127 };
    p->a.add_q = (tvis_requant_add){ 2 * (int32_t)tvt_below(1u << 30), (int32_t)tvt_below(tvt_below(8) ? 4 : 10),
                                     (int32_t)tvt_below(256) - 128 };
    if (tvt_below(2)) {
        p->a.q.lo = (int32_t)tvt_below(200) - 128;
        p->a.q.hi = p->a.q.lo + (int32_t)tvt_below((uint32_t)(128 - p->a.q.lo));
    }
}

static problem make(const tvis_kernel *v, int32_t m, int32_t n, int32_t k, values x, values w)
{
    const int32_t gap = (int32_t)tvt_below(4), ldx = k + gap, ldy = n + 2 * gap;
    problem p = { .x = bytes(matrix(m, k, ldx), x), .w = bytes((size_t)n * (size_t)k, w) };
    const added add = (added)tvt_below(ADDED_COUNT);
    if (tvt_below(3)) {
        p.bias = words((size_t)n, 20000);
        for (int32_t j = 0; j < n; j++)
            ((int32_t *)p.bias.p)[j] -= 10000;
    }
    if (add != NO_ADD)
        p.add = bytes(matrix(m, n, ldy), RANDOM);
    if (v->pack != TVIS_PACK_PLAIN) {
        p.packed = tvt_paged(tvis_gemm_s8_packed(n, k, v->pack));
        tvis_gemm_s8_pack(p.w.p, n, k, v->pack, p.packed.p);
    }
    p.a = (tvis_gemm_s8_args){ .x = p.x.p, .bias = p.bias.p, .m = m, .n = n, .k = k, .ldx = ldx, .ldy = ldy };
    scales(&p);
    p.a.add = p.add.p;
    return p;
}

static void drop(problem *p)
{
    tvt_buf *all[] = { &p->x, &p->w, &p->packed, &p->bias, &p->mul, &p->add };
    for (size_t i = 0; i < TVIS_COUNT(all); i++)
        if (all[i]->p)
            tvt_free(all[i]);
}

/* One run into fresh memory, in place when it is asked for. */
static tvt_buf result(const problem *p, const tvis_gemm_s8_variant *v, bool sums, bool in_place)
{
    const size_t size = matrix(p->a.m, p->a.n, p->a.ldy);
    tvis_gemm_s8_args a = p->a;
    tvt_buf y = tvt_guarded(sums ? size * sizeof(int32_t) : size), scratch = { 0 };
    a.table = sums ? NULL : a.table;
    a.w = v->k.pack == TVIS_PACK_PLAIN ? p->w.p : p->packed.p;
    a.y = y.p;
    if (sums) {
        a.y = NULL;
        a.y32 = y.p;
        a.q.mul = NULL;
    } else if (in_place && a.add) {
        memcpy(y.p, a.add, size);
        a.add = y.p;
    }
    if (v->scratch) {
        scratch = tvt_guarded(v->scratch);
        a.scratch = scratch.p;
    }
    v->run(&a);
    if (v->scratch) {
        assert_true(tvt_guards_ok(&scratch));
        tvt_free(&scratch);
    }
    return y;
}

static const tvis_gemm_s8_variant plain_c = { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_gemm_s8_c, 0, true };

static void check_as(const tvis_gemm_s8_variant *v, int32_t m, int32_t n, int32_t k, values x, values w)
{
    problem p = make(&v->k, m, n, k, x, w);
    const bool sums = !tvt_below(4), in_place = tvt_below(2);
    tvt_buf want = result(&p, &plain_c, sums, in_place), got = result(&p, v, sums, in_place);
    if (!tvt_same(&want, &got))
        fail_msg("gemm_s8 %s m=%d n=%d k=%d x=%d w=%d sums=%d add=%d seed=%u", v->k.name, (int)m, (int)n, (int)k, x, w,
                 sums, p.a.add != NULL, tvt_seed);
    tvt_free(&want);
    tvt_free(&got);
    drop(&p);
}

static void check(const tvis_gemm_s8_variant *v, int32_t m, int32_t n, int32_t k)
{
    const bool random = tvt_below(4) > 0;
    check_as(v, m, n, k, random ? RANDOM : (values)tvt_below(VALUES_COUNT),
             random ? RANDOM : (values)tvt_below(VALUES_COUNT));
}

/* A table behind the sums, with its limits of 16 bits. */
static void looked_up(void **state)
{
    const tvis_gemm_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    if (!v->tables)
        skip();
    tvt_buf table = bytes(TVIS_TABLE16_ENTRIES * sizeof(int16_t), RANDOM);
    for (int32_t m = 1; m < 60; m += 1 + m / 4)
        for (int32_t n = 1; n < 12; n++) {
            problem p = make(&v->k, m, n, 1 + (int32_t)tvt_below(90), RANDOM, RANDOM);
            for (int32_t j = 0; j < n; j++)
                ((int32_t *)p.mul.p)[j] = 2 * (int32_t)tvt_below(1u << 27);
            p.a.add = NULL;
            p.a.table = table.p;
            p.a.q.zero = 0;
            p.a.q.lo = INT16_MIN;
            p.a.q.hi = INT16_MAX;
            tvt_buf want = result(&p, &plain_c, false, false), got = result(&p, v, false, false);
            assert_true(tvt_same(&want, &got));
            tvt_free(&want);
            tvt_free(&got);
            drop(&p);
        }
    tvt_free(&table);
}

/* All sizes around the tiles of all rows; k is drawn, then n and m are. */
static void small_shapes(void **state)
{
    static const int32_t ms[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 17, 23, 31, 33, 49 };
    static const int32_t ns[] = { 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 47, 48, 49, 63, 64, 65, 80, 113 };
    const tvis_gemm_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (size_t i = 0; i < TVIS_COUNT(ms); i++)
        for (size_t j = 0; j < TVIS_COUNT(ns); j++)
            check(v, ms[i], ns[j], 1 + (int32_t)tvt_below(90));
    for (int32_t k = 1; k <= 80; k++)
        for (int round = 0; round < 4; round++)
            check(v, 1 + (int32_t)tvt_below(40), 1 + (int32_t)tvt_below(70), k);
}

/* Every pair of extreme inputs, where sums of products in 16 bits would overflow, at every k around the groups. */
static void extremes(void **state)
{
    const tvis_gemm_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int x = 0; x < VALUES_COUNT; x++)
        for (int w = 0; w < VALUES_COUNT; w++)
            for (int32_t k = 1; k <= 70; k += 1 + (int32_t)tvt_below(3))
                check_as(v, 13, 19, k, (values)x, (values)w);
}

/* Layers of MobileNetV2 and ResNet, more rows than one block holds, and the longest sums. */
static void layers(void **state)
{
    static const int32_t shapes[][3] = { { 196, 24, 144 }, { 784, 16, 32 },  { 200, 32, 27 },   { 49, 160, 960 },
                                         { 49, 320, 64 },  { 5, 1000, 128 }, { 1, 1000, 1280 }, { 4, 100, 1280 },
                                         { 211, 19, 401 }, { 30, 64, 147 },  { 49, 33, 4608 },  { 1500, 17, 1100 },
                                         { 1201, 35, 77 } };
    const tvis_gemm_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (size_t i = 0; i < TVIS_COUNT(shapes); i++)
        check(v, shapes[i][0], shapes[i][1], shapes[i][2]);
    for (int x = 0; x < VALUES_COUNT; x++)
        for (int w = 0; w < VALUES_COUNT; w++)
            check_as(v, 3, 5, TVIS_GEMM_S8_MAX_K - x, (values)x, (values)w);
}

/* Columns of a layer by themselves, as groups of a convolution ask for them: panels are independent. */
static void columns_by_themselves(void **state)
{
    const tvis_gemm_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    const int32_t step = v->k.nr;
    const size_t panel = v->k.pack == TVIS_PACK_PLAIN ? 37 : tvis_gemm_s8_panel(37, TVIS_PACK_GROUP(v->k.pack), step);
    problem p = make(&v->k, 21, 150, 37, RANDOM, RANDOM);
    p.a.add = NULL;
    tvt_buf whole = result(&p, v, true, false), parts = tvt_guarded(whole.size), scratch = tvt_guarded(v->scratch + 1);
    for (int32_t j = 0; j < p.a.n; j += step) {
        tvis_gemm_s8_args a = p.a;
        a.w = (const int8_t *)(panel == 37 ? p.w.p : p.packed.p) + panel * (size_t)(j / step);
        a.n = p.a.n - j < step ? p.a.n - j : step;
        a.bias = p.a.bias ? p.a.bias + j : NULL;
        a.y32 = (int32_t *)parts.p + j;
        a.scratch = scratch.p;
        v->run(&a);
    }
    assert_true(tvt_same(&whole, &parts));
    tvt_free(&whole);
    tvt_free(&parts);
    tvt_free(&scratch);
    drop(&p);
}

/* x in three lines, of which rows share elements, gives what rows by themselves do. */
static void lines(void **state)
{
    enum { LINES = 3 };
    const tvis_gemm_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    if (!tvis_takes_lines(&v->k, 1, 4))
        skip();
    for (int32_t m = 1; m < 40; m += 3) {
        const int32_t run = 4 * (1 + (int32_t)tvt_below(9)), next = 1 + (int32_t)tvt_below(9);
        const int32_t pitch = (m - 1) * next + run, n = 1 + (int32_t)tvt_below(150);
        problem p = make(&v->k, m, n, LINES * run, RANDOM, RANDOM);
        tvt_buf some = bytes((size_t)(LINES * pitch), RANDOM);
        for (int32_t i = 0; i < m; i++)
            for (int32_t l = 0; l < LINES; l++)
                memcpy((int8_t *)p.x.p + i * p.a.ldx + l * run, (const int8_t *)some.p + l * pitch + i * next,
                       (size_t)run);
        tvt_buf want = result(&p, v, m % 2 != 0, false);
        p.a.x = some.p;
        p.a.ldx = next;
        p.a.run = run;
        p.a.gap = pitch - run;
        tvt_buf got = result(&p, v, m % 2 != 0, false);
        if (!tvt_same(&want, &got))
            fail_msg("gemm_s8 %s m=%d n=%d run=%d next=%d seed=%u: lines differ from rows", v->k.name, (int)m, (int)n,
                     (int)run, (int)next, tvt_seed);
        tvt_free(&want);
        tvt_free(&got);
        tvt_free(&some);
        drop(&p);
    }
}

static int8_t plain_or_zero(const problem *p, int32_t j, int32_t q)
{
    return j < p->a.n && q < p->a.k && q >= 0 ? ((const int8_t *)p->w.p)[j * p->a.k + q] : (int8_t)0;
}

/* The order that core/kernel.h describes, byte by byte. */
static void check_packing(const tvis_kernel *v, int32_t n, int32_t k)
{
    const int32_t group = TVIS_PACK_GROUP(v->pack), nr = v->nr, groups = (k + group - 1) / group;
    const int32_t panels = (n + nr - 1) / nr, last = groups * group - k;
    problem p = make(v, 1, n, k, RANDOM, RANDOM);
    const int8_t *at = p.packed.p;
    assert_int_equal(p.packed.size, panels * (groups * group + 4) * nr);
    assert_true(tvt_guards_ok(&p.packed));
    for (int32_t j = 0; j < panels * nr; j += nr) {
        for (int32_t g = 0; g < groups; g++)
            for (int32_t c = 0; c < nr; c++)
                for (int32_t b = 0; b < group; b++) {
                    const bool again = g == groups - 1 && b < last;
                    const int32_t q = g * group + b - (g == groups - 1 ? last : 0);
                    assert_int_equal(*at++, again ? 0 : plain_or_zero(&p, j + c, q));
                }
        at += 4 * nr;
    }
    drop(&p);
}

static void table(void **state)
{
    const tvis_gemm_s8_variant *v = *state;
    assert_true(v->k.mr > 0 && v->k.nr > 0);
    if (v->k.pack != TVIS_PACK_PLAIN) {
        assert_int_equal(v->k.pack & 0xff, v->k.nr);
        for (int32_t n = 1; n <= 3 * v->k.nr; n += 5)
            for (int32_t k = 1; k <= 40; k += 3)
                check_packing(&v->k, n, k);
    }
    if (!v[1].k.name) {
        assert_ptr_equal(v->run, tvis_gemm_s8_c);
        assert_int_equal(v->k.cpu, 0);
        assert_int_equal(v->k.pack, TVIS_PACK_PLAIN);
    }
}

/* The reference itself, by hand: 3 * 5 - 2 * 7 + 10 = 11, times 1/2, halves upwards: 6; plus (9 - 1) / 4; plus 3. */
static void reference_by_hand(void **state)
{
    (void)state;
    const int8_t x[] = { 3, -2 }, w[] = { 5, 7 }, add = 9;
    const int32_t bias = 10, mul = 0x40000000, half = 0x20000000;
    int8_t y = 0;
    int32_t sum = 0;
    tvis_gemm_s8_args a = { .x = x, .w = w, .bias = &bias, .y = &y, .m = 1, .n = 1, .k = 2, .ldx = 2, .ldy = 1 };
    a.q = (tvis_requant){ &mul, 1, 3, -128, 127 };
    a.add_q = (tvis_requant_add){ half, 1, 1 };
    tvis_gemm_s8_c(&a);
    assert_int_equal(y, 9);
    a.add = &add;
    tvis_gemm_s8_c(&a);
    assert_int_equal(y, 11);
    a.q.hi = 10;
    tvis_gemm_s8_c(&a);
    assert_int_equal(y, 10);
    a.y32 = &sum;
    tvis_gemm_s8_c(&a);
    assert_int_equal(sum, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(small_shapes),
        cmocka_unit_test(extremes),
        cmocka_unit_test(layers),
        cmocka_unit_test(columns_by_themselves),
        cmocka_unit_test(reference_by_hand),
        cmocka_unit_test(lines),
        cmocka_unit_test(looked_up),
    };
    return tvt_run_rows("gemm_s8", tvis_gemm_s8, sizeof *tvis_gemm_s8, tests, TVIS_COUNT(tests));
}
