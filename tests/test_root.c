/* SPDX-License-Identifier: MIT */
/* Reciprocal square roots of integers against double precision. */
#include "ops/root.h"

#include <float.h>
#include <math.h>

#include "core/port.h"
#include "tests/tvt.h"

static void roots(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 200000; i++) {
        const uint64_t any64 = (uint64_t)tvt_rand() << 32 | tvt_rand(), x = any64 >> (3 + tvt_below(61));
        const float eps = tvt_below(3) ? ldexpf(tvt_float(0.0f, 1.0f), (int)tvt_below(250) - 140) : 0.0f;
        if (!x && eps == 0.0f)
            continue;
        const tvis_scaled r = tvis_root_of(x, tvis_scaled_of(eps));
        const double want = 1.0 / sqrt((double)x + (double)eps), got = ldexp((double)r.mantissa, r.power);
        if (!(fabs(got - want) <= want * 0x1p-28) || r.mantissa < 1u << 30)
            fail_msg("1 / sqrt(%llu + %g): %.17g, not %.17g", (unsigned long long)x, (double)eps, got, want);
    }
}

/* The ends of the ranges. */
static void limits(void **state)
{
    static const uint64_t values[] = { 0, 1, 2, 3, 4, (1u << 30) - 1, 1u << 30, ((uint64_t)1 << 61) - 1 };
    static const float eps[] = { 0.0f, 1e-45f, FLT_MIN, 1.0f, 3e38f };
    (void)state;
    for (size_t i = 1; i < TVIS_COUNT(values) * TVIS_COUNT(eps); i++) {
        const uint64_t x = values[i / TVIS_COUNT(eps)];
        const float e = eps[i % TVIS_COUNT(eps)];
        const tvis_scaled r = tvis_root_of(x, tvis_scaled_of(e));
        const double want = 1.0 / sqrt((double)x + (double)e), got = ldexp((double)r.mantissa, r.power);
        if (!(fabs(got - want) <= want * 0x1p-28))
            fail_msg("1 / sqrt(%llu + %g): %.17g, not %.17g", (unsigned long long)x, (double)e, got, want);
    }
}

/* Every mantissa's first bits: the straight line and Newton's steps. */
static void all_mantissas(void **state)
{
    (void)state;
    for (uint64_t v = (uint64_t)1 << 30; v < (uint64_t)1 << 32; v += 8191) {
        const tvis_scaled r = tvis_root_of(v, tvis_scaled_of(0.0f));
        const double want = 1.0 / sqrt((double)v), got = ldexp((double)r.mantissa, r.power);
        assert_true(fabs(got - want) <= want * 0x1p-28);
        assert_true(r.mantissa >= 1u << 30 && r.mantissa <= 1u << 31);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots),
        cmocka_unit_test(limits),
        cmocka_unit_test(all_mantissas),
    };
    return cmocka_run_group_tests_name("root", tests, NULL, NULL);
}
