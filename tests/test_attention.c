/* SPDX-License-Identifier: MIT */
/* Every row of tvis_attention_f32 against double precision. Inputs end where a page ends; y and scratch lie between
 * guards. */
#include "ops/attention.h"

#include <math.h>

#include "core/port.h"
#include "tests/kernels.h"

typedef struct problem {
    tvis_attention_f32_args a;
    tvt_buf qkv, y, scratch; /* qkv: q, k and v of a token next to each other, and a gap */
} problem;

static problem make(const tvis_attention_f32_variant *v, int32_t queries, int32_t keys, int32_t d, float scale)
{
    const int32_t tokens = queries > keys ? queries : keys, ld = 3 * d + (int32_t)tvt_below(3);
    const int32_t ldy = d + (int32_t)tvt_below(3);
    problem p = { .qkv = tvt_paged((size_t)((tokens - 1) * ld + 3 * d) * sizeof(float)),
                  .y = tvt_guarded((size_t)((queries - 1) * ldy + d) * sizeof(float)),
                  .scratch = tvt_guarded((size_t)tvis_attention_f32_scratch(v, d) * sizeof(float)) };
    float *x = p.qkv.p;
    tvt_fill_f32(x, p.qkv.size / sizeof(float));
    memset(p.scratch.p, 0xff, p.scratch.size);
    p.a = (tvis_attention_f32_args){ x,          x + d, x + 2 * d, p.y.p, queries,
                                     keys,       d,     ld,        ldy,   scale / sqrtf((float)d),
                                     p.scratch.p };
    return p;
}

static void drop(problem *p)
{
    assert_true(tvt_guards_ok(&p->y));
    assert_true(tvt_guards_ok(&p->scratch));
    tvt_free(&p->qkv);
    tvt_free(&p->y);
    tvt_free(&p->scratch);
}

/* Weights of one query's keys, and the largest sum of |q k|. */
static double weights(const problem *p, int32_t query, double *w)
{
    const tvis_attention_f32_args *a = &p->a;
    double max = -INFINITY, sum = 0, largest = 0;
    for (int32_t j = 0; j < a->keys; j++) {
        double size = 0;
        w[j] = 0;
        for (int32_t i = 0; i < a->d; i++) {
            const double product = (double)a->q[query * a->ld + i] * (double)a->k[j * a->ld + i] * (double)a->scale;
            w[j] += product;
            size += fabs(product);
        }
        max = fmax(max, w[j]);
        largest = fmax(largest, size);
    }
    for (int32_t j = 0; j < a->keys; j++)
        sum += w[j] = exp(w[j] - max);
    for (int32_t j = 0; j < a->keys; j++)
        w[j] /= sum;
    return largest;
}

static void check_values(const problem *p, const char *name)
{
    const tvis_attention_f32_args *a = &p->a;
    double *w = malloc((size_t)a->keys * sizeof *w);
    assert_non_null(w);
    for (int32_t q = 0; q < a->queries; q++) {
        const double s = weights(p, q, w), allowed = (2 * s * (a->d + 8) + a->keys + a->d + 64) * 0x1p-24;
        for (int32_t i = 0; i < a->d; i++) {
            const double got = (double)a->y[q * a->ldy + i];
            double want = 0;
            for (int32_t j = 0; j < a->keys; j++)
                want += w[j] * (double)a->v[j * a->ld + i];
            if (!(fabs(got - want) <= allowed))
                fail_msg("attention_f32 %s queries=%d keys=%d d=%d seed=%u: y[%d][%d] is %.9g, not %.9g within %.2g",
                         name, (int)a->queries, (int)a->keys, (int)a->d, tvt_seed, (int)q, (int)i, got, want, allowed);
        }
    }
    free(w);
}

static void check(const tvis_attention_f32_variant *v, int32_t queries, int32_t keys, int32_t d, float scale)
{
    problem p = make(v, queries, keys, d, scale);
    v->run(&p.a);
    check_values(&p, v->k.name);
    drop(&p);
}

/* Around the blocks of queries and keys, with every size of head that a tile can leave. */
static void shapes(void **state)
{
    const tvis_attention_f32_variant *v = *state;
    static const int32_t heads[] = { 1, 2, 3, 5, 8, 12, 16, 20, 33, 48, 64, 80 };
    tvt_need_row(&v->k, v->run);
    const int32_t mr = v->k.mr, nr = v->k.nr, block = v->keys;
    const int32_t queries[] = { 1, 2, nr, nr + 1, mr / 2 + 3, mr - 1, mr };
    const int32_t keys[] = { 1, 2, 7, block - 1, block, block + 1, 2 * block, 3 * block + 5 };
    for (size_t i = 0; i < TVIS_COUNT(queries); i++)
        for (size_t j = 0; j < TVIS_COUNT(keys); j++)
            check(v, queries[i], keys[j], heads[tvt_below(TVIS_COUNT(heads))], 1.0f);
    for (size_t i = 0; i < TVIS_COUNT(heads); i++)
        check(v, 1 + (int32_t)tvt_below((uint32_t)mr), 1 + (int32_t)tvt_below(3 * (uint32_t)block), heads[i], 1.0f);
}

/* Scores of hundreds: all but a few weights vanish, and the maximum moves from block to block. */
static void steep(void **state)
{
    const tvis_attention_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int i = 0; i < 8; i++)
        check(v, 9, 5 * v->keys, 16, 100.0f * (float)(i + 1));
}

static void queries_do_not_matter_to_each_other(void **state)
{
    enum { D = 24, KEYS = 75 };
    const tvis_attention_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    const int32_t queries = v->k.mr;
    problem p = make(v, queries, KEYS, D, 3.0f);
    v->run(&p.a);
    for (int32_t q = 0; q < queries; q += 1 + (int32_t)tvt_below(6)) {
        float alone[3][D];
        tvis_attention_f32_args few = p.a;
        few.q += q * p.a.ld;
        few.queries = queries - q < 3 ? queries - q : 3;
        few.y = alone[0];
        few.ldy = D;
        v->run(&few);
        for (int32_t i = 0; i < few.queries; i++)
            assert_memory_equal(alone[i], p.a.y + (q + i) * p.a.ldy, sizeof alone[i]);
    }
    drop(&p);
}

/* Gaps between rows of y stay as they are. */
static void gaps(void **state)
{
    const tvis_attention_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    problem p = make(v, 5, 9, 11, 1.0f);
    tvt_free(&p.y);
    p.y = tvt_guarded(5 * 20 * sizeof(float));
    p.a.y = p.y.p;
    p.a.ldy = 20;
    memset(p.y.p, 0x5a, p.y.size);
    v->run(&p.a);
    for (int32_t i = 0; i < 5; i++)
        for (size_t k = 11 * sizeof(float); k < 20 * sizeof(float); k++)
            assert_int_equal(((const uint8_t *)(p.a.y + i * 20))[k], 0x5a);
    drop(&p);
}

static void not_a_number_stays(void **state)
{
    const tvis_attention_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    problem p = make(v, 7, 40, 6, 1.0f);
    float *x = p.qkv.p;
    x[3 * p.a.ld + 2] = NAN; /* of query 3 */
    v->run(&p.a);
    for (int32_t q = 0; q < 7; q++)
        for (int32_t i = 0; i < 6; i++)
            assert_int_equal(isnan(p.a.y[q * p.a.ldy + i]) != 0, q == 3);
    x[3 * p.a.ld + 2] = 0.5f;
    x[39 * p.a.ld + 2 * 6 + 1] = NAN; /* a value of the last key */
    v->run(&p.a);
    for (int32_t q = 0; q < 7; q++)
        for (int32_t i = 0; i < 6; i++)
            assert_int_equal(isnan(p.a.y[q * p.a.ldy + i]) != 0, i == 1);
    drop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(steep),
        cmocka_unit_test(queries_do_not_matter_to_each_other),
        cmocka_unit_test(gaps),
        cmocka_unit_test(not_a_number_stays),
    };
    return tvt_run_rows("attention_f32", tvis_attention_f32, sizeof *tvis_attention_f32, tests, TVIS_COUNT(tests));
}
