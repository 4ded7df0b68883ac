/* SPDX-License-Identifier: MIT */
/* The functions of core/math.h against libm in a wider type. The errors asserted here are those the header states. */
#include "core/math.h"

#include <float.h>
#include <math.h>

#include "tests/network.h"

static float from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static uint32_t to_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* Floats of one sign up to `limit`, every step-th of them. */
static uint32_t step(void)
{
    return tvt_quick() ? 60013 : 251;
}

static void expf_error(void **state)
{
    double worst = 0;
    float where = 0;
    (void)state;
    for (uint32_t sign = 0; sign < 2; sign++)
        for (uint32_t u = 0; u <= to_bits(sign ? 87.0f : 88.0f); u += step()) {
            const float x = from_bits(u | sign << 31);
            const long double want = expl((long double)x);
            const double e = fabs((double)((tvis_expf(x) - want) / want));
            if (e > worst) {
                worst = e;
                where = x;
            }
        }
    print_message("# expf: relative error at most %.3g, at %.9g\n", worst, (double)where);
    assert_true(worst <= 8.8e-8);
}

static void expf_limits(void **state)
{
    (void)state;
    assert_true(tvis_expf(0.0f) == 1.0f);
    assert_true(tvis_expf(-0.0f) == 1.0f);
    assert_true(tvis_expf(-88.0f) == 0.0f);
    assert_true(tvis_expf(-FLT_MAX) == 0.0f);
    assert_true(tvis_expf(-INFINITY) == 0.0f);
    assert_true(tvis_expf(89.0f) == FLT_MAX);
    assert_true(tvis_expf(INFINITY) == FLT_MAX);
    assert_true(isnan(tvis_expf(NAN)));
    assert_true(tvis_expf(FLT_MIN) == 1.0f);
    /* between what is measured above and the limits: finite, rising, not far off */
    for (float x = 88.0f, last = 0; x < 88.73f; x += 0.001f) {
        const float y = tvis_expf(x);
        assert_true(isfinite(y) && y >= last && fabs((double)y / exp((double)x) - 1) < 1e-2);
        last = y;
    }
    for (float x = -87.34f, last = 0; x < -86.9f; x += 0.001f) {
        const float y = tvis_expf(x);
        assert_true(y >= last && y < 2e-38f);
        last = y;
    }
}

static void erff_error(void **state)
{
    double worst = 0;
    (void)state;
    for (uint32_t sign = 0; sign < 2; sign++)
        for (uint32_t u = 0; u <= to_bits(6.0f); u += step()) {
            const float x = from_bits(u | sign << 31);
            worst = fmax(worst, fabs((double)tvis_erff(x) - erf((double)x)));
        }
    print_message("# erff: absolute error at most %.3g\n", worst);
    assert_true(worst <= 1.7e-7);
    assert_true(tvis_erff(INFINITY) == 1.0f && tvis_erff(-INFINITY) == -1.0f && tvis_erff(0.0f) == 0.0f);
    assert_true(isnan(tvis_erff(NAN)));
}

static void check_sqrtf(float x, uint32_t *off)
{
    const float got = tvis_sqrtf(x), want = sqrtf(x);
    *off += got != want;
    if (to_bits(got) - to_bits(want) + 1 > 2)
        fail_msg("sqrtf(%.9g) is %.9g, not %.9g", (double)x, (double)got, (double)want);
}

static void sqrtf_rounds(void **state)
{
    uint32_t off = 0, count = 0;
    (void)state;
    for (uint32_t u = 0; u < 0x7f800000u; u += step(), count++)
        check_sqrtf(from_bits(u), &off);
    for (uint32_t i = 0; i <= 4096; i++) { /* squares and their neighbours */
        const uint32_t u = to_bits((float)i * (float)i);
        for (uint32_t d = i ? 0 : 1; d < 3; d++)
            check_sqrtf(from_bits(u + d - 1), &off);
    }
    print_message("# sqrtf: %u of %u not rounded correctly\n", off, count);
    assert_int_equal(off, 0);
}

/* The comparison with long double is exact where that has more bits; elsewhere sqrt is correctly rounded by IEEE 754.
 */
static void sqrt_error(void **state)
{
    uint32_t off = 0;
    const uint32_t count = tvt_quick() ? 100000 : 5000000;
    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t u = (uint64_t)tvt_rand() << 32 | tvt_rand(), a, b;
        double x;
        u = (u & 0x7fefffffffffffffu) | (i % 16 ? 0x0010000000000000u : 0x3ff0000000000000u);
        memcpy(&x, &u, sizeof x);
        if (!isfinite(x))
            continue;
        const double got = tvis_sqrt(x), want = sqrt(x);
        memcpy(&a, &got, sizeof a);
        memcpy(&b, &want, sizeof b);
        off += a != b;
        if (a - b + 1 > 2)
            fail_msg("sqrt(%.17g) is %.17g, not %.17g", x, got, want);
    }
    print_message("# sqrt: %.2f %% are 1 ulp off\n", 100.0 * off / count);
}

static void sqrt_limits(void **state)
{
    (void)state;
    assert_true(tvis_sqrt(0.0) == 0.0 && tvis_sqrt(-0.0) == 0.0 && tvis_sqrt(-1.0) == 0.0);
    assert_true(tvis_sqrt(-INFINITY) == 0.0 && tvis_sqrt(INFINITY) == (double)INFINITY);
    assert_true(isnan(tvis_sqrt(NAN)) && isnan(tvis_sqrtf(NAN)));
    assert_true(tvis_sqrtf(INFINITY) == INFINITY && tvis_sqrtf(-1.0f) == 0.0f && tvis_sqrtf(-0.0f) == 0.0f);
    assert_true(tvis_sqrt(1.0) == 1.0 && tvis_sqrt(2.25) == 1.5);
    assert_true(fabs(tvis_sqrt(DBL_MIN) - sqrt(DBL_MIN)) <= DBL_EPSILON * sqrt(DBL_MIN));
    assert_true(fabs(tvis_sqrt(DBL_MAX) - sqrt(DBL_MAX)) <= DBL_EPSILON * sqrt(DBL_MAX));
    assert_true(tvis_sqrtf(1e-45f) == sqrtf(1e-45f));
}

/* The whole order, ties, and what is not a number. */
static void top_k(void **state)
{
    const float logits[8] = { 1, 3, -2, 3, NAN, -INFINITY, 0, 3 };
    const uint32_t want[8] = { 1, 3, 7, 0, 6, 2, 4, 5 };
    uint32_t index[8];
    float prob[8];
    (void)state;
    tvis_top_k(logits, 8, 8, index, prob);
    assert_memory_equal(index, want, sizeof want);
    const float plain[4] = { 0.5f, 2.5f, -1, 1 };
    tvis_top_k(plain, 4, 2, index, prob);
    const double sum = exp(-2.0) + 1 + exp(-3.5) + exp(-1.5);
    assert_int_equal(index[0], 1);
    assert_int_equal(index[1], 3);
    assert_true(fabs((double)prob[0] - 1 / sum) < 1e-6 && fabs((double)prob[1] - exp(-1.5) / sum) < 1e-6);
    const float large[3] = { 1e30f, -1e30f, 1e30f };
    tvis_top_k(large, 3, 3, index, prob);
    assert_true(prob[0] == 0.5f && prob[1] == 0.5f && prob[2] == 0.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expf_error),   cmocka_unit_test(expf_limits), cmocka_unit_test(erff_error),
        cmocka_unit_test(sqrtf_rounds), cmocka_unit_test(sqrt_error),  cmocka_unit_test(sqrt_limits),
        cmocka_unit_test(top_k),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
