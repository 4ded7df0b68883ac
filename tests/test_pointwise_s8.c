/* SPDX-License-Identifier: MIT */
/* Every row of tvis_pointwise_s8 against the C reference: equal. Inputs end where a page ends, results lie between
 * guards or in place. */
#include "ops/pointwise_s8.h"

#include <float.h>
#include <math.h>

#include "core/port.h"
#include "tests/kernels.h"

static const tvis_pointwise_s8_variant *reference(void)
{
    return &tvis_pointwise_s8[tvis_pointwise_s8_choose(0)];
}

static tvt_buf bytes(size_t n)
{
    const bool extremes = tvt_below(4) == 0;
    tvt_buf b = tvt_paged(n);
    for (size_t i = 0; i < n; i++)
        ((int8_t *)b.p)[i] = extremes ? (tvt_below(2) ? -128 : 127) : (int8_t)((int32_t)tvt_below(256) - 128);
    return b;
}

static int32_t any_zero(void)
{
    return tvt_below(3) ? (int32_t)tvt_below(256) - 128 : tvt_below(2) ? -128 : 127;
}

static tvis_requant limits(const int32_t *mul, int32_t shift)
{
    tvis_requant q = { mul, shift, any_zero(), -128, 127 };
    if (tvt_below(2)) {
        q.lo = (int32_t)tvt_below(200) - 128;
        q.hi = q.lo + (int32_t)tvt_below((uint32_t)(128 - q.lo));
    }
    return q;
}

static int32_t factor(void)
{
    return 2 * (int32_t)tvt_below(1u << 30);
}

/* The largest shift for |value| <= 255. */
static tvis_requant_add any_factor(void)
{
    const tvis_requant_add q = { factor(), (int32_t)tvt_below(tvt_below(4) ? 3 : 24), any_zero() };
    return q;
}

static void sums_of_two(void **state)
{
    const tvis_pointwise_s8_variant *v = *state;
    tvt_need_row(&v->k, v->add);
    for (int32_t n = 1; n <= 300; n += n < 140 ? 1 : 17) {
        tvt_buf a = bytes((size_t)n), b = bytes((size_t)n), want = tvt_guarded((size_t)n), y = tvt_guarded((size_t)n);
        tvis_add_s8_args args = { a.p, b.p, want.p, n, any_factor(), any_factor(), limits(NULL, 0) };
        reference()->add(&args);
        args.y = y.p;
        if (n % 3) {
            args.a = n % 3 == 1 ? y.p : a.p;
            args.b = n % 3 == 2 ? y.p : b.p;
            memcpy(y.p, n % 3 == 1 ? a.p : b.p, (size_t)n);
        }
        v->add(&args);
        assert_true(tvt_same(&y, &want));
        tvt_free(&a);
        tvt_free(&b);
        tvt_free(&want);
        tvt_free(&y);
    }
}

static void products(void **state)
{
    const tvis_pointwise_s8_variant *v = *state;
    tvt_need_row(&v->k, v->scale);
    for (int32_t c = 1; c <= 200; c += c < 70 ? 1 : 13)
        for (int32_t pixels = 1; pixels <= 21; pixels += 5) {
            const size_t n = (size_t)(pixels * c);
            const int32_t mul = factor();
            tvt_buf x = bytes(n), s = bytes((size_t)c), y = tvt_guarded(n), want = tvt_guarded(n);
            tvis_scale_s8_args a = { x.p, s.p, want.p, pixels, c, any_zero(), any_zero(), { 0 } };
            a.q = limits(&mul, (int32_t)tvt_below(tvt_below(4) ? 3 : 15));
            reference()->scale(&a);
            a.y = y.p;
            if (tvt_below(2)) {
                memcpy(y.p, x.p, n);
                a.x = y.p;
            }
            v->scale(&a);
            assert_true(tvt_same(&y, &want));
            tvt_free(&x);
            tvt_free(&s);
            tvt_free(&y);
            tvt_free(&want);
        }
}

static void sums(void **state)
{
    static const int32_t pixels[] = { 1, 2, 15, 49, 255, 256, 600 };
    const tvis_pointwise_s8_variant *v = *state;
    tvt_need_row(&v->k, v->sum);
    for (int32_t c = 1; c <= 200; c += c < 70 ? 3 : 31)
        for (size_t i = 0; i < TVIS_COUNT(pixels); i++) {
            const ptrdiff_t ld = c + (ptrdiff_t)tvt_below(2) * 5;
            tvt_buf x = bytes((size_t)((pixels[i] - 1) * ld + c));
            tvt_buf y = tvt_guarded((size_t)c * sizeof(int32_t)), want = tvt_guarded(y.size);
            v->sum(x.p, ld, pixels[i], c, y.p);
            reference()->sum(x.p, ld, pixels[i], c, want.p);
            assert_true(tvt_same(&y, &want));
            tvt_free(&x);
            tvt_free(&y);
            tvt_free(&want);
        }
}

static void maxima(void **state)
{
    const tvis_pointwise_s8_variant *v = *state;
    tvt_need_row(&v->k, v->max);
    for (int32_t c = 1; c <= 200; c += c < 70 ? 1 : 13)
        for (int32_t pixels = 1; pixels <= 3; pixels++) {
            const int32_t count = 1 + (int32_t)tvt_below(4);
            tvt_buf x[4], y = tvt_guarded((size_t)c), want = tvt_guarded((size_t)c);
            const int8_t *rows[4];
            for (int32_t i = 0; i < count; i++) {
                x[i] = bytes((size_t)(pixels * c));
                rows[i] = x[i].p;
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

/* Most within what an int8 can hold; some at its bounds and halves, some beyond all of them. */
static void fill(float *x, int32_t n, float scale)
{
    static const float odd[] = { NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, FLT_MIN, 1e-40f, -0.0f };
    for (int32_t i = 0; i < n; i++)
        switch (tvt_below(8)) {
        case 0:
            x[i] = odd[tvt_below(TVIS_COUNT(odd))];
            break;
        case 1:
            x[i] = scale * (tvt_below(2) ? 512.0f : -512.0f) * tvt_float(0.99f, 1.01f);
            break;
        case 2:
            x[i] = scale * ((float)((int32_t)tvt_below(512) - 256) + 0.5f);
            break;
        default:
            x[i] = scale * tvt_float(-200.0f, 200.0f);
        }
}

static void rounding(void **state)
{
    const tvis_pointwise_s8_variant *v = *state;
    tvt_need_row(&v->k, v->quantize);
    for (int32_t n = 1; n <= 3000; n += n < 140 ? 1 : 317) {
        const float scale = tvt_below(4) ? tvt_float(1e-3f, 2.0f) : tvt_below(2) ? 0.25f : FLT_MIN;
        const int32_t zero = any_zero();
        tvt_buf x = tvt_paged((size_t)n * sizeof(float)), y = tvt_guarded((size_t)n), want = tvt_guarded((size_t)n);
        fill(x.p, n, scale);
        v->quantize(x.p, n, scale, zero, y.p);
        reference()->quantize(x.p, n, scale, zero, want.p);
        assert_true(tvt_same(&y, &want));
        tvt_free(&x);
        tvt_free(&y);
        tvt_free(&want);
    }
}

/* Where the floats are. */
static void rounding_in_place(void **state)
{
    const tvis_pointwise_s8_variant *v = *state;
    tvt_need_row(&v->k, v->quantize);
    for (int32_t n = TVIS_QUANTIZE_IN_PLACE; n < TVIS_QUANTIZE_IN_PLACE + 300; n += n < 1100 ? 1 : 17) {
        tvt_buf x = tvt_guarded((size_t)n * sizeof(float)), want = tvt_guarded((size_t)n);
        fill(x.p, n, 0.5f);
        reference()->quantize(x.p, n, 0.5f, 3, want.p);
        v->quantize(x.p, n, 0.5f, 3, x.p);
        assert_memory_equal(x.p, want.p, (size_t)n);
        assert_true(tvt_guards_ok(&x));
        tvt_free(&x);
        tvt_free(&want);
    }
}

static void back_to_floats(void **state)
{
    const tvis_pointwise_s8_variant *v = *state;
    tvt_need_row(&v->k, v->dequantize);
    for (int32_t n = 1; n <= 300; n += n < 140 ? 1 : 17) {
        const float scale = tvt_float(1e-3f, 2.0f);
        const int32_t zero = any_zero();
        tvt_buf x = bytes((size_t)n), y = tvt_guarded((size_t)n * sizeof(float)), want = tvt_guarded(y.size);
        v->dequantize(x.p, n, scale, zero, y.p);
        reference()->dequantize(x.p, n, scale, zero, want.p);
        assert_true(tvt_same(&y, &want));
        tvt_free(&x);
        tvt_free(&y);
        tvt_free(&want);
    }
}

/* The reference itself. */
static void by_hand(void **state)
{
    static const int8_t a[4] = { -3, 0, 5, 127 }, b[4] = { 4, -4, 2, 127 }, added[4] = { 2, 0, 4, 50 };
    static const int8_t factors[2] = { 2, -2 }, scaled[4] = { -2, 1, 6, -126 }, largest[2] = { 5, 127 };
    static const float x[4] = { 0.75f, -0.75f, NAN, 1e30f };
    static const int8_t quantized[4] = { 4, 1, 2, 127 }; /* 1.5 and -1.5, halves upwards */
    const tvis_pointwise_s8_variant *v = *state;
    const int32_t half = 1 << 30, *mul = &half;
    const int8_t *rows[1] = { a };
    int8_t y[4];
    int32_t sum[2];
    float f[4];
    tvt_need_row(&v->k, v->add);
    const tvis_add_s8_args sum_args = { a, b, y, 4, { half, 0, -1 }, { half, 0, 0 }, { NULL, 0, 1, -50, 50 } };
    v->add(&sum_args); /* quarters of -2 and 4, 1 and -4, 6 and 2, 128 and 127, and 1 */
    assert_memory_equal(y, added, sizeof added);
    const tvis_scale_s8_args product_args = { a, factors, y, 2, 2, 0, 0, { mul, 1, 1, -128, 127 } };
    v->scale(&product_args); /* halves of -6, 0, 10 and -254, and 1 */
    assert_memory_equal(y, scaled, sizeof scaled);
    v->sum(a, 2, 2, 2, sum);
    assert_true(sum[0] == 2 && sum[1] == 127);
    v->max(rows, 1, 2, 2, y);
    assert_memory_equal(y, largest, sizeof largest);
    v->quantize(x, 4, 0.5f, 2, y);
    assert_memory_equal(y, quantized, sizeof quantized);
    v->dequantize(a, 4, 0.5f, 1, f);
    assert_true(f[0] < -1.99f && f[0] > -2.01f && f[3] > 62.99f && f[3] < 63.01f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_two),    cmocka_unit_test(products), cmocka_unit_test(sums),
        cmocka_unit_test(maxima),         cmocka_unit_test(rounding), cmocka_unit_test(rounding_in_place),
        cmocka_unit_test(back_to_floats), cmocka_unit_test(by_hand),
    };
    return tvt_run_rows("pointwise_s8", tvis_pointwise_s8, sizeof *tvis_pointwise_s8, tests, TVIS_COUNT(tests));
}
