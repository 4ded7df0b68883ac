/* SPDX-License-Identifier: MIT */
/* Attention in int8: C against softmax in double precision, every row of tvis_attention_s8 against C: equal. Inputs end
 * where a page ends; y, map and scratch lie between guards. */
#include "ops/attention_s8.h"

#include <math.h>

#include "core/port.h"
#include "tests/kernels.h"

/* What the bytes of q, k and v are. */
typedef enum values { RANDOM, LOWEST, HIGHEST, EXTREMES, NARROW, SINK, VALUES_COUNT } values;

typedef struct problem {
    tvis_attention_s8_args a;
    tvt_buf qkv; /* q, k and v of a token next to each other, and a gap */
    double unit; /* natural logarithm of the weight that a step of the scores is */
    double v_y;  /* scale of v in units of y */
} problem;

static int8_t value(values kind, int32_t token, int32_t place)
{
    const int8_t r = (int8_t)(tvt_rand() & 0xff);
    switch (kind) {
    case LOWEST:
        return -128;
    case HIGHEST:
        return 127;
    case EXTREMES:
        return r < 0 ? -128 : 127;
    case NARROW:
        return (int8_t)(r / 16);
    case SINK: /* every query points at token 0; the others are alike */
        return place == 2 ? (int8_t)(token ? 100 + r / 64 : -100) : place == 0 || token == 0 ? 60 : 0;
    default:
        return r;
    }
}

static void fill(problem *p, values kind, int32_t tokens)
{
    const tvis_attention_s8_args *a = &p->a;
    int8_t *x = p->qkv.p;
    for (int32_t j = 0; j < tokens; j++)
        for (int32_t i = 0; i < 3 * a->d; i++)
            x[(ptrdiff_t)j * a->ld + i] = value(kind, j, i / a->d);
}

/* steep: how far, in powers of e, the scores of two typical keys are apart. */
static void scale(problem *p, double steep, double v_y)
{
    tvis_attention_s8_args *a = &p->a;
    p->unit = steep / (74.0 * 74.0 * sqrt((double)a->d));
    p->v_y = v_y;
    const double exponent = p->unit / log(2.0) * 32768.0;
    assert_int_equal(tvis_requant_choose(&exponent, 1, 1, &a->mul, &a->shift), TVIS_OK);
    assert_int_equal(tvis_requant_choose(&v_y, 1, 255, &a->y_mul, &a->y_shift), TVIS_OK);
}

static problem make(int32_t queries, int32_t keys, int32_t d, values kind, double steep)
{
    const int32_t tokens = queries > keys ? queries : keys, ld = 3 * d + (int32_t)tvt_below(3);
    problem p = { .qkv = tvt_paged((size_t)(tokens - 1) * (size_t)ld + (size_t)(3 * d)) };
    int8_t *x = p.qkv.p;
    p.a = (tvis_attention_s8_args){ .q = x,
                                    .k = x + d,
                                    .v = x + 2 * d,
                                    .queries = queries,
                                    .keys = keys,
                                    .d = d,
                                    .ld = ld,
                                    .ldy = d + (int32_t)tvt_below(3),
                                    .zero = (int32_t)tvt_below(256) - 128,
                                    .q_y = { .zero = (int32_t)tvt_below(256) - 128, .lo = -128, .hi = 127 } };
    fill(&p, kind, tokens);
    scale(&p, steep, 1.0);
    return p;
}

/* Runs all queries, in blocks of the row, into fresh memory: y, then the map. */
static tvt_buf result(const problem *p, const tvis_attention_s8_variant *v, int32_t block)
{
    tvis_attention_s8_args a = p->a;
    const size_t y = ((size_t)a.queries * (size_t)a.ldy + 1) / 2 * 2;
    tvt_buf out = tvt_guarded(y + (size_t)a.keys * sizeof(int16_t));
    tvt_buf scratch = tvt_guarded((size_t)tvis_attention_s8_scratch(&v->k, a.keys, a.d));
    memset(scratch.p, 0xa5, scratch.size);
    a.scratch = scratch.p;
    if (v->prepare)
        v->prepare(&a);
    for (int32_t i = 0; i < p->a.queries; i += block) {
        a.q = p->a.q + (ptrdiff_t)i * a.ld;
        a.y = (int8_t *)out.p + (ptrdiff_t)i * a.ldy;
        a.map = i ? NULL : (int16_t *)(void *)((int8_t *)out.p + y);
        a.queries = p->a.queries - i < block ? p->a.queries - i : block;
        v->run(&a);
    }
    assert_true(tvt_guards_ok(&scratch));
    tvt_free(&scratch);
    return out;
}

/* ---- accuracy ---- */

static const tvis_attention_s8_variant *reference(void)
{
    const tvis_attention_s8_variant *v = tvis_attention_s8;
    while (v[1].k.name)
        v++;
    return v;
}

/* Weights of one query, the largest 1; their sum. */
static double weights(const problem *p, int32_t query, double *w)
{
    const tvis_attention_s8_args *a = &p->a;
    double max = -INFINITY, sum = 0;
    for (int32_t j = 0; j < a->keys; j++) {
        int64_t s = 0;
        for (int32_t i = 0; i < a->d; i++)
            s += (a->q[(ptrdiff_t)query * a->ld + i] - a->zero) * (a->k[(ptrdiff_t)j * a->ld + i] - a->zero);
        w[j] = (double)s * p->unit;
        max = fmax(max, w[j]);
    }
    for (int32_t j = 0; j < a->keys; j++)
        sum += w[j] = exp(w[j] - max);
    return sum;
}

/* Largest error of y, before rounding and limits make it an int8, and of the map. */
static double error_of(const problem *p, const tvt_buf *out)
{
    const tvis_attention_s8_args *a = &p->a;
    const int8_t *y = out->p;
    const int16_t *map = (const int16_t *)(const void *)(y + out->size - (size_t)a->keys * sizeof(int16_t));
    double *w = malloc((size_t)a->keys * sizeof *w), error = 0;
    assert_non_null(w);
    for (int32_t q = 0; q < a->queries; q++) {
        const double sum = weights(p, q, w);
        for (int32_t i = 0; i < a->d; i++) {
            double want = 0;
            for (int32_t j = 0; j < a->keys; j++)
                want += w[j] * (a->v[(ptrdiff_t)j * a->ld + i] - a->zero);
            want = fmin(fmax(want / sum * p->v_y + a->q_y.zero, -128.0), 127.0);
            error = fmax(error, fabs(want - y[(ptrdiff_t)q * a->ldy + i]));
        }
        for (int32_t j = 0; q == 0 && j < a->keys; j++) {
            const double part = w[j] / sum, allowed = 2 + part * (4 + 2 * sqrt((double)a->keys) / sum);
            if (!(fabs(part * 32768.0 - map[j]) <= allowed))
                fail_msg("map[%d] is %d, not %.2f within %.2f, keys=%d", (int)j, map[j], part * 32768.0, allowed,
                         (int)a->keys);
        }
    }
    free(w);
    return error;
}

static void check_accuracy(int32_t keys, int32_t d, values kind, double steep, double v_y)
{
    problem p = make(keys < 40 ? keys : 40, keys, d, kind, steep);
    scale(&p, steep, v_y);
    tvt_buf y = result(&p, reference(), 1);
    const double error = error_of(&p, &y);
    if (!(error <= 0.5 + 0.045 * fmax(v_y, 1.0)))
        fail_msg("keys=%d d=%d kind=%d steep=%g v_y=%g seed=%u: y is wrong by %.3f", (int)keys, (int)d, kind, steep,
                 v_y, tvt_seed, error);
    tvt_free(&y);
    tvt_free(&p.qkv);
}

/* From uniform weights to a single one. */
static void accuracy(void **state)
{
    static const int32_t keys[] = { 1, 2, 17, 50, 197, 257, 513, 1370 }, ds[] = { 8, 32, 64 };
    static const double steeps[] = { 0.0, 0.02, 0.3, 1.0, 2.5, 6.0, 20.0, 1000.0 };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(keys); i++)
        for (size_t k = 0; k < TVIS_COUNT(steeps); k++)
            for (int kind = 0; kind < VALUES_COUNT; kind++)
                check_accuracy(keys[i], ds[tvt_below(3)], (values)kind, steeps[k], k % 2 ? 1.0 : 3.0);
}

/* ---- rows ---- */

static void check(const tvis_attention_s8_variant *v, int32_t queries, int32_t keys, int32_t d, values kind)
{
    static const double steeps[] = { 0.0, 0.1, 1.0, 3.0, 10.0, 300.0 };
    problem p = make(queries, keys, d, kind, steeps[tvt_below(TVIS_COUNT(steeps))]);
    if (!tvt_below(4)) { /* anything that a blob can hold */
        p.a.mul = 2 * (int32_t)tvt_below(1u << 30);
        p.a.shift = (int32_t)tvt_below(31);
        p.a.y_mul = 2 * (int32_t)tvt_below(1u << 30);
        p.a.y_shift = (int32_t)tvt_below(31);
        p.a.q_y.lo = (int32_t)tvt_below(200) - 128;
        p.a.q_y.hi = p.a.q_y.lo + (int32_t)tvt_below((uint32_t)(128 - p.a.q_y.lo));
    }
    tvt_buf want = result(&p, reference(), 1), got = result(&p, v, v->k.mr);
    if (!tvt_same(&want, &got))
        fail_msg("attention_s8 %s queries=%d keys=%d d=%d kind=%d seed=%u", v->k.name, (int)queries, (int)keys, (int)d,
                 kind, tvt_seed);
    tvt_free(&want);
    tvt_free(&got);
    tvt_free(&p.qkv);
}

/* Around the tiles, with every size of head that they can leave. */
static void shapes(void **state)
{
    static const int32_t heads[] = { 1, 2, 3, 4, 5, 8, 15, 16, 17, 20, 31, 32, 33, 48, 63, 64, 65, 80, 100 };
    static const int32_t keys[] = { 1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 50, 64, 65, 197 };
    const tvis_attention_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    const int32_t mr = v->k.mr, queries[] = { 1, 2, 3, 4, 5, 11, 12, 13, mr, mr + 1 };
    for (size_t i = 0; i < TVIS_COUNT(keys); i++)
        for (size_t j = 0; j < TVIS_COUNT(queries); j++)
            check(v, queries[j], keys[i], heads[tvt_below(TVIS_COUNT(heads))], (values)tvt_below(VALUES_COUNT));
    for (size_t i = 0; i < TVIS_COUNT(heads); i++)
        for (int kind = 0; kind < VALUES_COUNT; kind++)
            check(v, 1 + (int32_t)tvt_below(30), 1 + (int32_t)tvt_below(90), heads[i], (values)kind);
}

/* More keys than a block of sums holds. */
static void many_keys(void **state)
{
    static const int32_t keys[] = { 511, 512, 513, 528, 1023, 1024, 1025, 1370, 2100 };
    const tvis_attention_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (size_t i = 0; i < TVIS_COUNT(keys); i++)
        for (int kind = 0; kind < VALUES_COUNT; kind++)
            check(v, 1 + (int32_t)tvt_below(6), keys[i], 1 + (int32_t)tvt_below(24), (values)kind);
}

/* Gaps between rows of y stay as they are: result() fills none of them, and tvt_guarded() all alike. */
static void wide_heads(void **state)
{
    const tvis_attention_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    check(v, 3, 20, TVIS_ATTENTION_S8_MAX_D, EXTREMES);
    check(v, 2, 5, 5000, LOWEST);
    check(v, 1, TVIS_ATTENTION_S8_MAX_KEYS, 2, HIGHEST);
    check(v, 1, TVIS_ATTENTION_S8_MAX_KEYS - 7, 3, RANDOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes), cmocka_unit_test(many_keys),
                                        cmocka_unit_test(wide_heads) };
    const struct CMUnitTest once[] = { cmocka_unit_test(accuracy) };
    const int failed = cmocka_run_group_tests_name("attention_s8", once, NULL, NULL);
    return failed +
           tvt_run_rows("attention_s8", tvis_attention_s8, sizeof *tvis_attention_s8, tests, TVIS_COUNT(tests));
}
