/* SPDX-License-Identifier: MIT */
/* Every row of tvis_channels_f32 against the C reference: the same bits. Inputs end where a page ends. */
#include "ops/channels.h"

#include <math.h>

#include "core/port.h"
#include "tests/kernels.h"

static const tvis_channels_f32_variant *reference(void)
{
    return &tvis_channels_f32[tvis_channels_choose(0)];
}

static tvt_buf random_floats(size_t n)
{
    tvt_buf b = tvt_paged(n * sizeof(float));
    tvt_fill_f32(b.p, n);
    return b;
}

static void sums(void **state)
{
    const tvis_channels_f32_variant *v = *state;
    tvt_need_row(&v->k, v->sum);
    for (int32_t c = 1; c <= 140; c += c < 70 ? 1 : 13)
        for (int32_t pixels = 1; pixels <= 9; pixels += 4) {
            const ptrdiff_t ld = c + (ptrdiff_t)tvt_below(3) * 5;
            tvt_buf x = random_floats((size_t)((pixels - 1) * ld + c));
            tvt_buf y = tvt_guarded((size_t)c * sizeof(float)), want = tvt_guarded(y.size);
            tvt_fill_f32(y.p, (size_t)c);
            memcpy(want.p, y.p, y.size);
            v->sum(x.p, ld, pixels, c, y.p);
            reference()->sum(x.p, ld, pixels, c, want.p);
            assert_true(tvt_same(&y, &want));
            tvt_free(&x);
            tvt_free(&y);
            tvt_free(&want);
        }
}

static void maxima(void **state)
{
    const tvis_channels_f32_variant *v = *state;
    tvt_need_row(&v->k, v->max);
    for (int32_t c = 1; c <= 140; c += c < 70 ? 1 : 13)
        for (int32_t pixels = 1; pixels <= 3; pixels++) {
            const int32_t count = 1 + (int32_t)tvt_below(4);
            const size_t floats = (size_t)(pixels * c);
            tvt_buf x[4], y = tvt_guarded((size_t)c * sizeof(float)), want = tvt_guarded(y.size);
            const float *rows[4];
            for (int32_t i = 0; i < count; i++) {
                x[i] = random_floats(floats);
                rows[i] = x[i].p;
                if (tvt_below(3) == 0)
                    ((float *)x[i].p)[tvt_below((uint32_t)floats)] = tvt_below(2) ? NAN : -INFINITY;
            }
            v->max(rows, count, pixels, c, y.p);
            reference()->max(rows, count, pixels, c, want.p);
            assert_true(tvt_same(&y, &want));
            for (int32_t i = 0; i < count; i++)
                tvt_free(&x[i]);
            tvt_free(&y);
            tvt_free(&want);
        }
}

static void not_a_number_wins(void **state)
{
    const tvis_channels_f32_variant *v = *state;
    const float first[3] = { NAN, 1.0f, -2.0f }, last[3] = { 3.0f, NAN, -1.0f };
    const float *rows[2] = { first, last };
    float y[3];
    tvt_need_row(&v->k, v->max);
    v->max(rows, 2, 1, 3, y);
    assert_true(isnan(y[0]) && isnan(y[1]) && y[2] > -1.5f);
}

static void products(void **state)
{
    const tvis_channels_f32_variant *v = *state;
    tvt_need_row(&v->k, v->scale);
    for (int32_t c = 1; c <= 70; c++)
        for (int32_t pixels = 1; pixels <= 5; pixels += 2) {
            tvt_buf x = random_floats((size_t)(pixels * c)), s = random_floats((size_t)c);
            tvt_buf y = tvt_guarded(x.size), want = tvt_guarded(x.size);
            reference()->scale(x.p, s.p, pixels, c, want.p);
            if (tvt_below(2)) {
                memcpy(y.p, x.p, x.size);
                v->scale(y.p, s.p, pixels, c, y.p);
            } else {
                v->scale(x.p, s.p, pixels, c, y.p);
            }
            assert_true(tvt_same(&y, &want));
            tvt_free(&x);
            tvt_free(&s);
            tvt_free(&y);
            tvt_free(&want);
        }
}

/* The reference itself. */
static void by_hand(void **state)
{
    static const float x[6] = { 1.0f, -2.0f, 3.0f, 4.0f, 5.0f, -6.0f }, s[3] = { 2.0f, 0.5f, -1.0f };
    static const float scaled[6] = { 2.0f, -1.0f, -3.0f, 8.0f, 2.5f, 6.0f }, sum[3] = { 15.0f, 23.0f, 27.0f };
    static const float most[3] = { 4.0f, 5.0f, 3.0f };
    const tvis_channels_f32_variant *v = *state;
    const float *rows[1] = { x };
    float y[6], total[3] = { 10.0f, 20.0f, 30.0f }, top[3];
    tvt_need_row(&v->k, v->sum);
    v->scale(x, s, 2, 3, y);
    assert_memory_equal(y, scaled, sizeof scaled);
    v->sum(x, 3, 2, 3, total);
    assert_memory_equal(total, sum, sizeof sum);
    v->max(rows, 1, 2, 3, top);
    assert_memory_equal(top, most, sizeof most);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums),     cmocka_unit_test(maxima),  cmocka_unit_test(not_a_number_wins),
        cmocka_unit_test(products), cmocka_unit_test(by_hand),
    };
    return tvt_run_rows("channels_f32", tvis_channels_f32, sizeof *tvis_channels_f32, tests, TVIS_COUNT(tests));
}
