/* SPDX-License-Identifier: MIT */
/* Every row of tvis_layer_norm_f32 against double precision. Inputs end where a page ends, y lies between guards. */
#include "ops/layer_norm.h"

#include <math.h>

#include "core/port.h"
#include "tests/kernels.h"

static const double UNIT = 0x1p-24; /* half the distance of floats at 1 */

typedef struct problem {
    tvis_layer_norm_f32_args a;
    tvt_buf x, weight, bias, y;
} problem;

static tvt_buf random_floats(int32_t n, float low, float high)
{
    tvt_buf b = tvt_paged((size_t)n * sizeof(float));
    for (int32_t i = 0; i < n; i++)
        ((float *)b.p)[i] = tvt_float(low, high);
    return b;
}

static problem make(int32_t rows, int32_t c, float offset)
{
    problem p = { .x = random_floats(rows * c, offset - 2.0f, offset + 2.0f),
                  .weight = random_floats(c, -1.0f, 2.0f),
                  .bias = random_floats(c, -1.0f, 1.0f),
                  .y = tvt_guarded((size_t)(rows * c) * sizeof(float)) };
    p.a = (tvis_layer_norm_f32_args){ p.x.p, p.weight.p, p.bias.p, p.y.p, rows, c, 1e-6f };
    return p;
}

static void drop(problem *p)
{
    tvt_free(&p->x);
    tvt_free(&p->weight);
    tvt_free(&p->bias);
    tvt_free(&p->y);
}

static void check_row(const problem *p, const tvis_kernel *k, int32_t row)
{
    const int32_t c = p->a.c;
    const float *x = (const float *)p->x.p + row * c, *y = (const float *)p->y.p + row * c;
    double mean = 0, size = 0, var = 0;
    for (int32_t i = 0; i < c; i++) {
        mean += (double)x[i] / c;
        size += fabs((double)x[i]) / c;
    }
    for (int32_t i = 0; i < c; i++)
        var += ((double)x[i] - mean) * ((double)x[i] - mean) / c;
    const double scale = 1 / sqrt(var + 1e-6), e = ((double)c / k->nr + 8) * UNIT;
    for (int32_t i = 0; i < c; i++) {
        const double w = (double)p->a.weight[i], b = (double)p->a.bias[i], want = ((double)x[i] - mean) * scale;
        const double allowed = e * (2 + fabs(want) + size * scale) * fabs(w) + 4 * UNIT * (fabs(want * w) + fabs(b));
        if (!(fabs((double)y[i] - (want * w + b)) <= allowed))
            fail_msg("layer_norm_f32 %s c=%d seed=%u: y[%d] is %.9g, not %.9g within %.2g", k->name, (int)c, tvt_seed,
                     (int)i, (double)y[i], want * w + b, allowed);
    }
}

static void check(const tvis_layer_norm_f32_variant *v, int32_t rows, int32_t c, float offset)
{
    problem p = make(rows, c, offset);
    v->run(&p.a);
    for (int32_t i = 0; i < rows; i++)
        check_row(&p, &v->k, i);
    assert_true(tvt_guards_ok(&p.y));
    drop(&p);
}

static void shapes(void **state)
{
    const tvis_layer_norm_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int32_t c = 1; c <= 100; c++)
        check(v, 1 + (int32_t)tvt_below(3), c, 0.0f);
    for (int32_t c = 384; c <= 1536; c += 384)
        for (int32_t offset = 0; offset <= 30; offset += 10)
            check(v, 2, c, (float)offset);
}

static void in_place(void **state)
{
    const tvis_layer_norm_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    problem p = make(3, 77, 1.0f);
    v->run(&p.a);
    p.a.y = p.x.p;
    v->run(&p.a);
    assert_memory_equal(p.x.p, p.y.p, p.y.size);
    drop(&p);
}

static void rows_do_not_matter_to_each_other(void **state)
{
    const tvis_layer_norm_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    problem p = make(5, 51, 0.0f);
    float alone[51];
    v->run(&p.a);
    for (int32_t i = 0; i < 5; i++) {
        tvis_layer_norm_f32_args one = p.a;
        one.x += i * 51;
        one.y = alone;
        one.rows = 1;
        v->run(&one);
        assert_memory_equal(alone, (const float *)p.y.p + i * 51, sizeof alone);
    }
    drop(&p);
}

static void not_a_number_stays(void **state)
{
    const tvis_layer_norm_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int32_t c = 5; c <= 50; c += 15) {
        problem p = make(2, c, 0.0f);
        ((float *)p.x.p)[tvt_below((uint32_t)c)] = NAN;
        v->run(&p.a);
        for (int32_t i = 0; i < 2 * c; i++)
            assert_int_equal(isnan(((const float *)p.y.p)[i]) != 0, i < c);
        drop(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(in_place),
        cmocka_unit_test(rows_do_not_matter_to_each_other),
        cmocka_unit_test(not_a_number_stays),
    };
    return tvt_run_rows("layer_norm_f32", tvis_layer_norm_f32, sizeof *tvis_layer_norm_f32, tests, TVIS_COUNT(tests));
}
