/* SPDX-License-Identifier: MIT */
/* The definition of requantisation, at its limits, and the choice of its numbers. */
#include "ops/requant.h"

#include <float.h>
#include <math.h>

#include "core/port.h"
#include "tests/tvt.h"

static int32_t any_word(void)
{
    static const int32_t ends[] = { 0, 1, -1, INT32_MAX, -INT32_MAX, 1 << 30, -(1 << 30), 0x55555555 };
    return tvt_below(4) ? (int32_t)tvt_rand() >> tvt_below(31) : ends[tvt_below(TVIS_COUNT(ends))];
}

/* floor(product / 2^32 + 1/2) of the real product, from its two halves: no shift of a negative number. */
static int32_t rounded(int32_t acc, int32_t mul, int32_t shift)
{
    const int64_t product = (int64_t)acc * ((int64_t)1 << shift) * mul, unit = (int64_t)1 << 32;
    int64_t whole = product / unit, rest = product % unit;
    if (rest < 0) {
        whole--;
        rest += unit;
    }
    return (int32_t)(whole + (rest >= unit / 2 ? 1 : 0));
}

static void scale_is_the_rounded_product(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++) {
        const int32_t shift = (int32_t)tvt_below(31), most = INT32_MAX >> shift;
        const int32_t mul = 2 * (int32_t)tvt_below(1u << 30);
        int32_t acc = any_word();
        acc = acc > most ? most : acc < -most ? -most : acc;
        assert_int_equal(tvis_requant_scale(acc, mul, shift), rounded(acc, mul, shift));
    }
}

/* SQRDMULH: the doubled product of two 32-bit numbers, rounded and saturated, its upper half. */
static int32_t sqrdmulh(int32_t a, int32_t b)
{
    const int64_t half = ((int64_t)a * b + ((int64_t)1 << 30)) / ((int64_t)1 << 31);
    const int64_t rest = ((int64_t)a * b + ((int64_t)1 << 30)) % ((int64_t)1 << 31);
    const int64_t v = half - (rest < 0 ? 1 : 0);
    return (int32_t)(v > INT32_MAX ? INT32_MAX : v);
}

static void one_instruction_does_it(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++) {
        const int32_t mul = 2 * (int32_t)tvt_below(1u << 30);
        const int32_t acc = any_word() | (int32_t)tvt_below(2);
        assert_int_equal(tvis_requant_scale(acc, mul, 0), sqrdmulh(acc, mul / 2));
    }
}

static void halves_go_upwards(void **state)
{
    (void)state;
    const int32_t half = 1 << 30; /* shift 1: 1/2 */
    static const int32_t want[] = { -1, -1, 0, 0, 1, 1, 2 };
    for (int32_t acc = -3; acc <= 3; acc++)
        assert_int_equal(tvis_requant_scale(acc, half, 1), want[acc + 3]);
}

/* What makes the sum of two of them and the saturation at 16 bits safe. */
static void range(void **state)
{
    (void)state;
    const int32_t most = INT32_MAX - 1; /* the largest even one */
    assert_int_equal(tvis_requant_scale(INT32_MAX, most, 0), (1 << 30) - 1);
    assert_int_equal(tvis_requant_scale(-INT32_MAX, most, 0), 1 - (1 << 30));
    assert_int_equal(tvis_requant_scale(255, most, 23), (255 << 22) - 1);
}

static void clamp(void **state)
{
    (void)state;
    const tvis_requant q = { NULL, 0, -100, -90, 50 };
    assert_int_equal(tvis_requant_clamp(-1000000, &q), -90);
    assert_int_equal(tvis_requant_clamp(9, &q), -90);
    assert_int_equal(tvis_requant_clamp(11, &q), -89);
    assert_int_equal(tvis_requant_clamp(150, &q), 50);
    assert_int_equal(tvis_requant_clamp((int64_t)2 * ((1 << 30) - 1), &q), 50);
}

static void sums_wrap(void **state)
{
    (void)state;
    assert_int_equal(tvis_requant_sum(INT32_MAX, 1), INT32_MIN);
    assert_int_equal(tvis_requant_sum(-5, 3), -2);
}

/* As the header promises: the smallest shift, mul even and below 2^31, and results this near to the real product. */
static void check_choice(const double *scale, int32_t n, int64_t bound)
{
    int32_t mul[8], shift = -1;
    assert_int_equal(tvis_requant_choose(scale, n, bound, mul, &shift), TVIS_OK);
    assert_in_range(shift, 0, 30);
    assert_true(bound << shift <= INT32_MAX);
    double largest = 0;
    for (int32_t j = 0; j < n; j++) {
        assert_true(mul[j] >= 0 && mul[j] % 2 == 0);
        largest = fmax(largest, scale[j]);
        for (int i = 0; i < 20; i++) {
            const int64_t acc = (int64_t)(tvt_rand() & INT32_MAX) % (bound + 1) * (tvt_below(2) ? 1 : -1);
            const double real = (double)acc * scale[j], got = tvis_requant_scale((int32_t)acc, mul[j], shift);
            const double most = 0.5 + (double)bound * ldexp(1.0, (int)shift - 32);
            assert_true(fabs(real - got) <= most * (1 + 1e-12));
        }
    }
    if (shift > 0)
        assert_true(largest * ldexp(1.0, 31 - (int)shift + 1) >= 1073741823.5);
}

static void choices(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const int32_t n = 1 + (int32_t)tvt_below(8);
        const int up = (int)tvt_below(12); /* the largest scale is below 2^up */
        const int64_t bound = (int64_t)(tvt_rand() >> (2 + up) >> tvt_below(20));
        double scale[8];
        for (int32_t j = 0; j < n; j++)
            scale[j] = tvt_below(20) ? ldexp((double)tvt_rand() + 0.5, up - 32 - (int)tvt_below(30)) : 0.0;
        check_choice(scale, n, bound);
    }
}

static void choices_at_the_limits(void **state)
{
    (void)state;
    int32_t mul[2], shift;
    const double ones[] = { 1.0, 0.25 }, below[] = { 0.49999999999999994 }, tiny[] = { DBL_MIN, 0.0 };
    assert_int_equal(tvis_requant_choose(ones, 2, 255, mul, &shift), TVIS_OK);
    assert_int_equal(shift, 2); /* 1.0 * 2^31 would be 2^31 itself */
    assert_int_equal(mul[0], 1 << 30);
    assert_int_equal(mul[1], 1 << 28);
    assert_int_equal(tvis_requant_choose(below, 1, 255, mul, &shift), TVIS_OK);
    assert_int_equal(shift, 1); /* it rounds to 2^31 with no shift */
    assert_int_equal(tvis_requant_choose(tiny, 2, INT32_MAX, mul, &shift), TVIS_OK);
    assert_int_equal(shift, 0);
    assert_int_equal(mul[0], 0);
    /* Rounding to a multiple of two, halves upwards: 3 * 2^-32 is 4 / 2^32. */
    const double three = ldexp(3.0, -32), less = ldexp(2.999, -32);
    assert_int_equal(tvis_requant_choose(&three, 1, 1, mul, &shift), TVIS_OK);
    assert_int_equal(mul[0], 4);
    assert_int_equal(tvis_requant_choose(&less, 1, 1, mul, &shift), TVIS_OK);
    assert_int_equal(mul[0], 2);
}

static void refusals(void **state)
{
    (void)state;
    static const double bad[] = { -0.1, (double)NAN, (double)INFINITY, -(double)INFINITY };
    const double good = 0.1, large = 1000.0, enormous = DBL_MAX;
    int32_t mul = 77, shift = 77;
    for (size_t i = 0; i < TVIS_COUNT(bad); i++)
        assert_int_equal(tvis_requant_choose(&bad[i], 1, 255, &mul, &shift), TVIS_EINVAL);
    assert_int_equal(tvis_requant_choose(&good, 1, -1, &mul, &shift), TVIS_EINVAL);
    assert_int_equal(tvis_requant_choose(&good, 1, (int64_t)INT32_MAX + 1, &mul, &shift), TVIS_EINVAL);
    assert_int_equal(tvis_requant_choose(&large, 1, 1 << 20, &mul, &shift), TVIS_EUNSUP);
    assert_int_equal(tvis_requant_choose(&enormous, 1, 0, &mul, &shift), TVIS_EUNSUP);
    assert_int_equal(mul, 77);
    assert_int_equal(shift, 77);
    assert_int_equal(tvis_requant_choose(&large, 1, 1 << 19, &mul, &shift), TVIS_OK);
    assert_int_equal(shift, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scale_is_the_rounded_product),
        cmocka_unit_test(one_instruction_does_it),
        cmocka_unit_test(halves_go_upwards),
        cmocka_unit_test(range),
        cmocka_unit_test(clamp),
        cmocka_unit_test(sums_wrap),
        cmocka_unit_test(choices),
        cmocka_unit_test(choices_at_the_limits),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("requant", tests, NULL, NULL);
}
