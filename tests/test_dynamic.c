/* SPDX-License-Identifier: MIT */
/* Every row of tvis_dynamic against C, to the bit, and C against the definition in double precision. */
#include "ops/dynamic.h"

#include <math.h>

#include "core/port.h"
#include "tests/kernels.h"

enum { MOST = 80, ROWS = 3, GAP = 5 };

/* Rows of x: random, of one sign, constant, zeros, tiny, and some with what is not finite. */
static void fill_row(float *x, int32_t k, uint32_t kind)
{
    for (int32_t i = 0; i < k; i++) {
        const float v = tvt_float(-3.0f, 5.0f);
        x[i] = kind == 1   ? fabsf(v) + 1.0f
               : kind == 2 ? -fabsf(v)
               : kind == 3 ? 0.0f
               : kind == 4 ? 2.5f
               : kind == 5 ? v * 1e-42f
               : kind == 6 ? v * 1e37f
                           : v;
    }
    if (kind == 7)
        x[tvt_below((uint32_t)k)] = NAN;
    if (kind == 8)
        x[tvt_below((uint32_t)k)] = tvt_below(2) ? INFINITY : -INFINITY;
}

static void check_round(const tvis_dynamic_variant *v, int32_t k, uint32_t kind)
{
    tvt_buf x = tvt_paged(((ROWS - 1) * (size_t)(k + GAP) + (size_t)k) * sizeof(float));
    tvt_buf want = tvt_guarded(ROWS * (size_t)k), got = tvt_guarded(ROWS * (size_t)k);
    tvis_row_form form[2][ROWS];
    for (size_t i = 0; i < x.size / sizeof(float); i++)
        ((float *)x.p)[i] = NAN;
    for (int32_t r = 0; r < ROWS; r++)
        fill_row((float *)x.p + r * (k + GAP), k, kind);
    tvis_round_rows_c(&(tvis_round_rows_args){ x.p, want.p, form[0], ROWS, k, k + GAP });
    v->round(&(tvis_round_rows_args){ x.p, got.p, form[1], ROWS, k, k + GAP });
    for (int32_t r = 0; r < ROWS; r++)
        if (form[0][r].zero != form[1][r].zero || memcmp(&form[0][r].scale, &form[1][r].scale, sizeof(float)) != 0)
            if (!isnan(form[0][r].scale) || !isnan(form[1][r].scale))
                fail_msg("form of round_%s, k %d, kind %u, seed %u", v->k.name, (int)k, kind, tvt_seed);
    if (!tvt_same(&want, &got))
        fail_msg("round_%s, k %d, kind %u, seed %u", v->k.name, (int)k, kind, tvt_seed);
    tvt_free(&x);
    tvt_free(&want);
    tvt_free(&got);
}

static void rows_are_rounded_alike(void **state)
{
    const tvis_dynamic_variant *v = *state;
    tvt_need_row(&v->k, v->round);
    for (int32_t k = 1; k <= MOST; k += 1 + k / 20)
        for (uint32_t kind = 0; kind < 9; kind++)
            check_round(v, k, kind);
}

static void check_finish(const tvis_dynamic_variant *v, int32_t n, bool bias, bool add, bool wild)
{
    const size_t count = (ROWS - 1) * (size_t)(n + GAP) + (size_t)n;
    tvt_buf sums = tvt_paged(count * 4), scale = tvt_paged((size_t)n * 4), sum = tvt_paged((size_t)n * 4),
            biases = tvt_paged((size_t)n * 4), want = tvt_guarded(count * 4), got = tvt_guarded(count * 4);
    tvis_row_form form[ROWS];
    tvt_fill(sums.p, sums.size);
    tvt_fill(sum.p, sum.size);
    tvt_fill_f32(scale.p, (size_t)n);
    tvt_fill_f32(biases.p, (size_t)n);
    tvt_fill_f32(want.p, count);
    for (int32_t r = 0; r < ROWS; r++)
        form[r] = (tvis_row_form){ tvt_float(0.0f, 0.1f), (int32_t)tvt_below(256) - 128 };
    for (size_t i = 0; !wild && i < count; i++)
        ((int32_t *)sums.p)[i] %= 1 << 20;
    for (int32_t j = 0; !wild && j < n; j++)
        ((int32_t *)sum.p)[j] %= 1 << 12;
    memcpy(got.p, want.p, want.size);
    tvis_finish_sums_args a = {
        .sums = sums.p,
        .form = form,
        .w_scale = scale.p,
        .w_sum = sum.p,
        .bias = bias ? biases.p : NULL,
        .add = add ? want.p : NULL,
        .y = want.p,
        .m = ROWS,
        .n = n,
        .lds = n + GAP,
        .ldy = n + GAP,
        .lo = wild ? -INFINITY : 0.0f,
        .hi = wild ? INFINITY : 6.0f,
    };
    tvis_finish_sums_c(&a);
    a.y = got.p;
    a.add = add ? got.p : NULL;
    v->finish(&a);
    for (size_t i = 0; i < count; i++) /* 0 and -0 are the same */
        if (((float *)want.p)[i] < ((float *)got.p)[i] || ((float *)want.p)[i] > ((float *)got.p)[i])
            fail_msg("finish_%s, n %d, element %u, seed %u", v->k.name, (int)n, (unsigned)i, tvt_seed);
    assert_true(tvt_guards_ok(&want) && tvt_guards_ok(&got));
    tvt_free(&sums);
    tvt_free(&scale);
    tvt_free(&sum);
    tvt_free(&biases);
    tvt_free(&want);
    tvt_free(&got);
}

static void sums_are_finished_alike(void **state)
{
    const tvis_dynamic_variant *v = *state;
    tvt_need_row(&v->k, v->finish);
    for (int32_t n = 1; n <= MOST; n += 1 + n / 20)
        for (uint32_t way = 0; way < 8; way++)
            check_finish(v, n, way & 1u, way & 2u, way & 4u);
}

/* No value is further from what it became than half a step, but for what clamping a zero point that is rounded takes.
 */
static void rounding_is_what_it_says(void **state)
{
    const tvis_dynamic_variant *v = *state;
    float x[MOST];
    int8_t y[MOST];
    tvis_row_form f;
    tvt_need_row(&v->k, v->round);
    for (uint32_t i = 0; i < 900; i++) {
        const int32_t k = 1 + (int32_t)tvt_below(MOST);
        fill_row(x, k, i % 5);
        v->round(&(tvis_round_rows_args){ x, y, &f, 1, k, k });
        for (int32_t j = 0; j < k; j++) {
            const double back = (double)f.scale * (y[j] - f.zero), step = (double)f.scale;
            assert_true(fabs(back - (double)x[j]) <= step * 1.001);
            if (x[j] > 0.0f || x[j] < 0.0f)
                continue;
            assert_int_equal(y[j], f.zero); /* zeros are exact */
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_rounded_alike),
        cmocka_unit_test(sums_are_finished_alike),
        cmocka_unit_test(rounding_is_what_it_says),
    };
    return tvt_run_rows("dynamic", tvis_dynamic, sizeof *tvis_dynamic, tests, sizeof tests / sizeof *tests);
}
