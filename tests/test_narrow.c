/* SPDX-License-Identifier: MIT */
/* Every row of tvis_narrow against the C reference: equal. Inputs end where a page ends, y lies between guards. */
#include "ops/narrow.h"

#include "core/port.h"
#include "tests/kernels.h"

typedef struct problem {
    tvis_narrow_args a;
    tvt_buf x, mul, add, table;
    bool in_place;
} problem;

static size_t matrix(int32_t rows, int32_t cols, int32_t ld)
{
    return (size_t)(rows - 1) * (size_t)ld + (size_t)cols;
}

static tvt_buf bytes(size_t n)
{
    tvt_buf b = tvt_paged(n);
    tvt_fill(b.p, n);
    return b;
}

/* Sums up to the largest that the shift allows, many of them small. */
static tvt_buf sums(size_t n, int32_t shift)
{
    tvt_buf b = tvt_paged(n * sizeof(int32_t));
    for (size_t i = 0; i < n; i++) {
        const uint32_t r = tvt_below(16);
        const int32_t most = (int32_t)(0x7fffffffu >> shift), v = (int32_t)((tvt_rand() & 0x7fffffffu) >> shift);
        ((int32_t *)b.p)[i] = r == 0 ? most : r == 1 ? -most : r < 9 ? v : -(v >> (r - 9));
    }
    return b;
}

static int32_t multiplier(void)
{
    return 2 * (int32_t)(tvt_below(1u << 30) >> tvt_below(24));
}

static void scales(problem *p)
{
    tvis_narrow_args *a = &p->a;
    const bool wide = a->wide || a->table;
    const int32_t least = wide ? INT16_MIN : INT8_MIN, most = wide ? INT16_MAX : INT8_MAX;
    p->mul = tvt_paged((size_t)a->n * sizeof(int32_t));
    for (int32_t j = 0; j < a->n; j++)
        ((int32_t *)p->mul.p)[j] = multiplier();
    a->q.mul = p->mul.p;
    a->q.zero = wide ? 0 : (int32_t)tvt_below(256) - 128;
    a->q.lo = tvt_below(2) ? least : least + (int32_t)tvt_below((uint32_t)(most - least));
    a->q.hi = tvt_below(2) ? most : a->q.lo + (int32_t)tvt_below((uint32_t)(most - a->q.lo) + 1);
    a->add_q =
        (tvis_requant_add){ multiplier(), (int32_t)tvt_below(16), a->add_wide ? 0 : (int32_t)tvt_below(256) - 128 };
}

static problem make(int32_t m, int32_t n)
{
    problem p = { .in_place = tvt_below(2) };
    tvis_narrow_args *a = &p.a;
    a->m = m;
    a->n = n;
    a->ldx = n + (int32_t)tvt_below(3);
    a->ldy = n + (int32_t)tvt_below(3);
    a->wide = tvt_below(2);
    a->add_wide = p.in_place ? a->wide : tvt_below(2);
    a->q.shift = tvt_below(2) ? 0 : (int32_t)tvt_below(12);
    p.x = sums(matrix(m, n, a->ldx), a->q.shift);
    a->x = p.x.p;
    if (tvt_below(2)) {
        p.table = bytes(TVIS_TABLE16_ENTRIES * sizeof(int16_t));
        a->table = p.table.p;
    }
    if (tvt_below(2)) {
        p.add = bytes(matrix(m, n, a->ldy) * (a->add_wide ? 2 : 1));
        a->add = p.add.p;
    }
    scales(&p);
    return p;
}

static void drop(problem *p)
{
    tvt_buf *all[] = { &p->x, &p->mul, &p->add, &p->table };
    for (size_t i = 0; i < TVIS_COUNT(all); i++)
        if (all[i]->p)
            tvt_free(all[i]);
}

static tvt_buf result(const problem *p, const tvis_narrow_variant *v)
{
    tvis_narrow_args a = p->a;
    tvt_buf y = tvt_guarded(matrix(a.m, a.n, a.ldy) * (a.wide ? 2 : 1));
    a.y = y.p;
    if (p->in_place && a.add) {
        memcpy(y.p, a.add, y.size);
        a.add = y.p;
    }
    v->run(&a);
    return y;
}

static void check(const tvis_narrow_variant *v, int32_t m, int32_t n)
{
    static const tvis_narrow_variant plain_c = { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_narrow_c };
    problem p = make(m, n);
    tvt_buf want = result(&p, &plain_c), got = result(&p, v);
    if (!tvt_same(&want, &got))
        fail_msg("narrow %s m=%d n=%d wide=%d add=%d table=%d seed=%u", v->k.name, (int)m, (int)n, p.a.wide,
                 p.a.add ? 1 + p.a.add_wide : 0, p.a.table != NULL, tvt_seed);
    tvt_free(&want);
    tvt_free(&got);
    drop(&p);
}

static void shapes(void **state)
{
    const tvis_narrow_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int32_t n = 1; n <= 70; n++)
        for (int round = 0; round < 16; round++)
            check(v, 1 + (int32_t)tvt_below(4), n);
    for (int round = 0; round < 16; round++)
        check(v, 24, 256);
}

/* 11 / 2, halves upwards, is 6; (9 - 1) / 4 is 2; the table's steps are 128 apart. */
static void reference_by_hand(void **state)
{
    (void)state;
    static int16_t table[TVIS_TABLE16_ENTRIES];
    const int32_t x = 11, mul = 0x40000000;
    const int8_t add = 9;
    int8_t y8 = 0;
    int16_t y = 0;
    tvis_narrow_args a = { .x = &x, .y = &y, .m = 1, .n = 1, .ldx = 1, .ldy = 1, .wide = true };
    a.q = (tvis_requant){ &mul, 1, 0, -1000, 1000 };
    a.add_q = (tvis_requant_add){ 0x20000000, 1, 1 };
    tvis_narrow_c(&a);
    assert_int_equal(y, 6);
    a.add = &add;
    tvis_narrow_c(&a);
    assert_int_equal(y, 8);
    a.table = table;
    table[256] = -1000;
    table[257] = 3000;
    tvis_narrow_c(&a);
    assert_int_equal(y, -750);
    a.wide = false;
    a.y = &y8;
    tvis_narrow_c(&a);
    assert_int_equal(y8, -3);
    table[256] = table[257] = INT16_MAX;
    tvis_narrow_c(&a);
    assert_int_equal(y8, INT8_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes), cmocka_unit_test(reference_by_hand) };
    return tvt_run_rows("narrow", tvis_narrow, sizeof *tvis_narrow, tests, TVIS_COUNT(tests));
}
