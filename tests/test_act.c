/* SPDX-License-Identifier: MIT */
/* Every row of tvis_act_f32 against the functions in double precision. Rows end where a page ends. */
#include "ops/act.h"

#include <float.h>
#include <math.h>

#include "core/port.h"
#include "tests/kernels.h"

static const uint8_t smooth[] = { TVIS_ACT_SIGMOID, TVIS_ACT_SILU, TVIS_ACT_GELU };
static const uint8_t hard[] = { TVIS_ACT_HARD_SWISH, TVIS_ACT_HARD_SIGMOID };

static double exact(uint8_t act, double x)
{
    const double gate = fmin(fmax(x + 3, 0), 6) / 6;
    switch (act) {
    case TVIS_ACT_HARD_SWISH:
        return x * gate;
    case TVIS_ACT_HARD_SIGMOID:
        return gate;
    case TVIS_ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case TVIS_ACT_SILU:
        return x / (1 + exp(-x));
    case TVIS_ACT_GELU:
        return 0.5 * x * erfc(-x * 0.70710678118654752);
    default:
        return x;
    }
}

static void apply(const tvis_act_f32_variant *v, uint8_t act, float *y, int32_t n)
{
    const tvis_act_f32_args a = { y, 1, n, n, act };
    v->run(&a);
}

/* Between -100 and 100, most of them where the functions bend; the first 60 are of every size. */
static void fill(float *x, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        x[i] = i % 4 ? tvt_float(-8.0f, 8.0f) : tvt_float(-100.0f, 100.0f);
    for (int32_t i = 0; i < 60 && i < n; i++)
        x[i] = ldexpf(i % 2 ? 1.5f : -1.25f, 4 * (i - 30));
}

static void close_to_the_function(void **state)
{
    enum { N = 20000 };
    const tvis_act_f32_variant *v = *state;
    static float x[N], y[N];
    tvt_need_row(&v->k, v->run);
    fill(x, N);
    for (size_t k = 0; k < TVIS_COUNT(smooth); k++) {
        memcpy(y, x, sizeof y);
        apply(v, smooth[k], y, N);
        for (int32_t i = 0; i < N; i++) {
            const double want = exact(smooth[k], (double)x[i]), allowed = fmax(1e-6, 1e-6 * fabs(want));
            if (!(fabs((double)y[i] - want) <= allowed) || fpclassify(y[i]) == FP_SUBNORMAL)
                fail_msg("act_f32 %s %s(%.9g) is %.9g, not %.9g", v->k.name, tvis_act_name(smooth[k]), (double)x[i],
                         (double)y[i], want);
        }
    }
}

static void hard_ones_are_the_reference(void **state)
{
    enum { N = 20000 };
    const tvis_act_f32_variant *v = *state;
    static float x[N], y[N], c[N];
    tvt_need_row(&v->k, v->run);
    fill(x, N);
    for (size_t k = 0; k < TVIS_COUNT(hard); k++) {
        const tvis_act_f32_args reference = { c, 1, N, N, hard[k] };
        memcpy(y, x, sizeof y);
        memcpy(c, x, sizeof c);
        apply(v, hard[k], y, N);
        tvis_act_f32_c(&reference);
        assert_memory_equal(y, c, sizeof y);
        for (int32_t i = 0; i < N; i++) {
            const double want = exact(hard[k], (double)x[i]);
            assert_true(fabs((double)y[i] - want) <= 2 * (double)FLT_EPSILON * fabs(want) + (double)FLT_MIN);
        }
    }
}

/* Every size of a last vector; a row's neighbours stay as they are. */
static void shapes(void **state)
{
    const tvis_act_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int32_t cols = 1; cols <= 70; cols++)
        for (int32_t rows = 1; rows <= 4; rows++)
            for (int32_t gap = 0; gap <= 3; gap += 3) {
                const int32_t ld = cols + gap, total = (rows - 1) * ld + cols;
                tvt_buf y = tvt_paged((size_t)total * sizeof(float)), x = tvt_guarded(y.size);
                const tvis_act_f32_args a = { y.p, rows, cols, ld, TVIS_ACT_SILU };
                float *before = x.p, *after = y.p;
                fill(before, total);
                memcpy(after, before, y.size);
                v->run(&a);
                for (int32_t i = 0; i < total; i++) {
                    const double want = i % ld < cols ? exact(TVIS_ACT_SILU, (double)before[i]) : (double)before[i];
                    assert_true(fabs((double)after[i] - want) <= fmax(1e-6, 1e-6 * fabs(want)));
                }
                assert_true(tvt_guards_ok(&y));
                tvt_free(&y);
                tvt_free(&x);
            }
}

static void limits(void **state)
{
    const tvis_act_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (uint8_t act = TVIS_ACT_HARD_SWISH; act < TVIS_ACT_COUNT_; act++) {
        float y[19];
        const bool gate = act == TVIS_ACT_SIGMOID || act == TVIS_ACT_HARD_SIGMOID;
        for (int i = 0; i < 19; i++)
            y[i] = i % 3 == 0 ? FLT_MAX : i % 3 == 1 ? NAN : act == TVIS_ACT_HARD_SWISH ? -FLT_MAX : -INFINITY;
        apply(v, act, y, 19);
        for (int i = 0; i < 19; i++) {
            if (i % 3 == 1)
                assert_true(isnan(y[i]));
            else if (i % 3 == 2)
                assert_true(fabs((double)y[i]) <= 1e-6);
            else if (gate)
                assert_true(fabs((double)y[i] - 1) <= 1e-6);
            else /* FLT_MAX times 6 is beyond the largest number */
                assert_true(y[i] >= FLT_MAX * 0.99f);
        }
    }
}

static void clamps_are_left_alone(void **state)
{
    float y[5] = { -7.0f, -0.5f, 0.0f, 3.0f, 9.0f }, same[5];
    (void)state;
    memcpy(same, y, sizeof y);
    for (uint8_t act = TVIS_ACT_NONE; act <= TVIS_ACT_RELU6; act++)
        tvis_act_apply(tvt_cpu(), act, y, 1, 5, 5);
    assert_memory_equal(y, same, sizeof y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_to_the_function),
        cmocka_unit_test(hard_ones_are_the_reference),
        cmocka_unit_test(shapes),
        cmocka_unit_test(limits),
        cmocka_unit_test(clamps_are_left_alone),
    };
    return tvt_run_rows("act_f32", tvis_act_f32, sizeof *tvis_act_f32, tests, TVIS_COUNT(tests));
}
