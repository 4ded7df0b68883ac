/* SPDX-License-Identifier: MIT */
/* Homographies of synthetic matches. */
#include <tinyvis/keypoints.h>

#include <math.h>

#include "core/port.h"
#include "tests/tvt.h"

enum { MOST = 600 };

static const double strong[9] = { 0.92, -0.31, 85.0, 0.27, 1.04, -20.0, 4e-4, -3e-4, 1.0 };

static void apply(const double h[9], double x, double y, double out[2])
{
    const double w = h[6] * x + h[7] * y + h[8];
    out[0] = (h[0] * x + h[1] * y + h[2]) / w;
    out[1] = (h[3] * x + h[4] * y + h[5]) / w;
}

/* n pairs of which the first `good` fit h up to noise pixels, the others are anywhere; in a 640 x 480 picture. */
static void make_pairs(tvis_pair *p, uint32_t n, uint32_t good, const double h[9], float noise)
{
    for (uint32_t i = 0; i < n; i++) {
        double b[2];
        p[i].a[0] = tvt_float(0.0f, 640.0f);
        p[i].a[1] = tvt_float(0.0f, 480.0f);
        apply(h, (double)p[i].a[0], (double)p[i].a[1], b);
        for (int k = 0; k < 2; k++)
            p[i].b[k] = i < good ? (float)b[k] + tvt_float(-noise, noise) : tvt_float(-100.0f, 700.0f);
    }
}

static void run(const tvis_homography_config *c, const tvis_pair *p, uint32_t n, uint8_t *inlier, tvis_homography *out)
{
    size_t bytes;
    assert_int_equal(tvis_homography_size(c, n, &bytes, NULL), TVIS_OK);
    tvt_buf mem = tvt_guarded(bytes);
    assert_int_equal(tvis_homography_run(c, p, n, mem.p, bytes, inlier, out, NULL), TVIS_OK);
    assert_true(tvt_guards_ok(&mem));
    tvt_free(&mem);
}

/* Largest distance of where two homographies take the corners of the picture. */
static double corner_error(const double h[9], const double want[9])
{
    double worst = 0;
    for (int i = 0; i < 4; i++) {
        double p[2], q[2];
        apply(h, i % 2 * 640.0, i / 2 * 480.0, p);
        apply(want, i % 2 * 640.0, i / 2 * 480.0, q);
        worst = fmax(worst, hypot(p[0] - q[0], p[1] - q[1]));
    }
    return worst;
}

static void exact(void **state)
{
    static const double plain[][9] = {
        { 1, 0, 0, 0, 1, 0, 0, 0, 1 },    { 1, 0, 13.5, 0, 1, -7.25, 0, 0, 1 },
        { 0, -1, 480, 1, 0, 0, 0, 0, 1 }, { -1, 0, 640, 0, 1, 0, 0, 0, 1 }, /* mirrored */
        { 0.1, 0, 5, 0, 9, 3, 0, 0, 1 },  { 0.92, -0.31, 85.0, 0.27, 1.04, -20.0, 4e-4, -3e-4, 1.0 },
    };
    tvis_pair p[MOST];
    uint8_t inlier[MOST];
    tvis_homography h;
    tvis_homography_config c;
    (void)state;
    tvt_srand(tvt_seed);
    tvis_homography_defaults(&c);
    for (size_t i = 0; i < TVIS_COUNT(plain); i++)
        for (uint32_t n = 4; n <= 60; n += 14) {
            make_pairs(p, n, n, plain[i], 0.0f);
            run(&c, p, n, inlier, &h);
            assert_int_equal(h.outcome, TVIS_HOMOGRAPHY_FOUND);
            assert_int_equal(h.inliers, n);
            assert_true(h.h[8] == 1.0);
            if (!(corner_error(h.h, plain[i]) < (n == 4 ? 0.5 : 1e-2))) /* pairs are float32: 4 may lie close */
                fail_msg("matrix %zu, %u pairs: %g pixels off", i, n, corner_error(h.h, plain[i]));
        }
}

static void half_are_wrong(void **state)
{
    tvis_pair p[MOST];
    uint8_t inlier[MOST];
    tvis_homography h;
    tvis_homography_config c;
    double worst = 0;
    (void)state;
    tvt_srand(tvt_seed);
    tvis_homography_defaults(&c);
    for (int round = 0; round < 40; round++) {
        const uint32_t n = 40 + tvt_below(400), good = n / 2;
        const float noise = round % 2 ? 1.0f : 0.0f;
        c.symmetric = round / 2 % 2;
        make_pairs(p, n, good, strong, noise);
        run(&c, p, n, inlier, &h);
        assert_int_equal(h.outcome, TVIS_HOMOGRAPHY_FOUND);
        uint32_t flags = 0;
        for (uint32_t i = 0; i < n; i++) {
            flags += inlier[i];
            if (!c.symmetric)
                assert_true(i >= good || inlier[i]);
        }
        assert_int_equal(flags, h.inliers);
        assert_true(h.inliers <= good + 6);
        const double e = corner_error(h.h, strong);
        assert_true(e < (round % 2 ? 3.0 : 1e-2));
        worst = round % 2 && e > worst ? e : worst;
    }
    print_message("# corners at most %.2f pixels off with one pixel of noise and half of the pairs wrong\n", worst);
}

/* Pairs that agree, but are off to one side: least squares would follow them by 0.7 pixels. */
static void some_are_inexact(void **state)
{
    tvis_pair p[MOST];
    uint8_t inlier[MOST];
    tvis_homography h;
    tvis_homography_config c;
    (void)state;
    tvt_srand(tvt_seed);
    tvis_homography_defaults(&c);
    for (int round = 0; round < 20; round++) {
        const uint32_t n = 200, good = 140;
        make_pairs(p, n, n, strong, 0.3f);
        for (uint32_t i = good; i < n; i++)
            p[i].b[0] += 2.4f;
        run(&c, p, n, inlier, &h);
        assert_true(h.inliers > good);
        assert_true(corner_error(h.h, strong) < 0.45);
    }
}

/* 90 % wrong, and pairs of which most are copies. */
static void mostly_wrong(void **state)
{
    tvis_pair p[MOST];
    uint8_t inlier[MOST];
    tvis_homography h;
    tvis_homography_config c;
    (void)state;
    tvt_srand(tvt_seed);
    tvis_homography_defaults(&c);
    c.max_samples = 60000;
    make_pairs(p, 400, 60, strong, 0.5f);
    run(&c, p, 400, inlier, &h);
    assert_int_equal(h.outcome, TVIS_HOMOGRAPHY_FOUND);
    assert_true(h.inliers >= 60 && corner_error(h.h, strong) < 5.0);
    make_pairs(p, 50, 50, strong, 0.0f);
    for (uint32_t i = 50; i < 300; i++)
        p[i] = p[i % 5];
    run(&c, p, 300, inlier, &h);
    assert_int_equal(h.inliers, 300);
    assert_true(corner_error(h.h, strong) < 1e-2);
}

static void same_seed_same_bits(void **state)
{
    tvis_pair p[MOST];
    uint8_t inlier[2][MOST];
    tvis_homography h[2];
    tvis_homography_config c;
    (void)state;
    tvt_srand(tvt_seed);
    tvis_homography_defaults(&c);
    make_pairs(p, 200, 100, strong, 1.0f);
    for (int i = 0; i < 2; i++)
        run(&c, p, 200, inlier[i], &h[i]);
    assert_memory_equal(h[0].h, h[1].h, sizeof h[0].h);
    assert_memory_equal(inlier[0], inlier[1], 200);
}

static void expect_none(const tvis_homography_config *c, const tvis_pair *p, uint32_t n, uint8_t outcome)
{
    static const double zero[9] = { 0 };
    uint8_t inlier[MOST];
    tvis_homography h;
    memset(inlier, 7, sizeof inlier);
    run(c, p, n, inlier, &h);
    assert_int_equal(h.outcome, outcome);
    assert_int_equal(h.inliers, 0);
    assert_memory_equal(h.h, zero, sizeof zero);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(inlier[i], 0);
}

static void degenerate(void **state)
{
    tvis_pair p[MOST];
    tvis_homography_config c;
    (void)state;
    tvt_srand(tvt_seed);
    tvis_homography_defaults(&c);
    make_pairs(p, 3, 3, strong, 0.0f);
    for (uint32_t n = 0; n < 4; n++)
        expect_none(&c, p, n, TVIS_HOMOGRAPHY_FEW);
    for (uint32_t i = 0; i < 100; i++)
        p[i] = p[i % 3];
    expect_none(&c, p, 100, TVIS_HOMOGRAPHY_DEGENERATE);
    for (uint32_t i = 0; i < 100; i++) /* a line in the first, the second, both, and nearly one */
        p[i] = (tvis_pair){ { 3.0f * (float)i, 2.0f * (float)i + 5.0f },
                            { tvt_float(0.0f, 640.0f), tvt_float(0.0f, 480.0f) } };
    expect_none(&c, p, 100, TVIS_HOMOGRAPHY_DEGENERATE);
    for (uint32_t i = 0; i < 100; i++)
        p[i] = (tvis_pair){ { p[i].b[0], p[i].b[1] }, { p[i].a[0], p[i].a[1] } };
    expect_none(&c, p, 100, TVIS_HOMOGRAPHY_DEGENERATE);
    for (uint32_t i = 0; i < 100; i++)
        p[i] = (tvis_pair){ { 3.0f * (float)i, 2.0f * (float)i }, { 2.0f * (float)i, 3.0f * (float)i } };
    expect_none(&c, p, 100, TVIS_HOMOGRAPHY_DEGENERATE);
    for (uint32_t i = 0; i < 100; i++)
        for (int k = 0; k < 2; k++) {
            p[i].a[k] += tvt_float(-0.3f, 0.3f);
            p[i].b[k] += tvt_float(-0.3f, 0.3f);
        }
    expect_none(&c, p, 100, TVIS_HOMOGRAPHY_DEGENERATE);
}

static void by_chance(void **state)
{
    tvis_pair p[MOST];
    tvis_homography_config c;
    (void)state;
    tvt_srand(tvt_seed);
    tvis_homography_defaults(&c);
    c.min_inliers = 10;
    make_pairs(p, 100, 0, strong, 0.0f);
    expect_none(&c, p, 100, TVIS_HOMOGRAPHY_NONE);
}

/* Numbers that are none, or enormous, are outliers at most. */
static void any_numbers(void **state)
{
    tvis_pair p[MOST];
    uint8_t inlier[MOST];
    tvis_homography h;
    tvis_homography_config c;
    (void)state;
    tvt_srand(tvt_seed);
    tvis_homography_defaults(&c);
    for (int round = 0; round < 60; round++) {
        make_pairs(p, 120, 60, strong, 0.5f);
        for (uint32_t i = 60; i < 120; i++)
            if (round % 2)
                tvt_fill(&p[i], sizeof p[i]);
            else
                p[i].a[i % 2] = i % 3 ? NAN : INFINITY;
        run(&c, p, 120, inlier, &h);
        assert_int_equal(h.outcome, TVIS_HOMOGRAPHY_FOUND);
        assert_true(h.inliers >= 60 && corner_error(h.h, strong) < 3.0);
    }
    c.max_samples = 500;
    for (int round = 0; round < 200; round++) {
        tvt_fill(p, sizeof p);
        run(&c, p, 100, inlier, &h);
        for (int k = 0; k < 9; k++)
            assert_true(isfinite(h.h[k]));
    }
}

static void bad_arguments(void **state)
{
    tvis_pair p[4];
    uint8_t inlier[4], mem[4];
    tvis_homography h;
    tvis_homography_config c, changed;
    tvis_diag d;
    size_t bytes;
    (void)state;
    tvt_srand(tvt_seed);
    tvis_homography_defaults(&c);
    make_pairs(p, 4, 4, strong, 0.0f);
    assert_int_equal(tvis_homography_size(NULL, 4, &bytes, &d), TVIS_EINVAL);
    assert_int_equal(tvis_homography_size(&c, 4, NULL, &d), TVIS_EINVAL);
    assert_int_equal(tvis_homography_size(&c, TVIS_MATCH_MAX_POINTS + 1, &bytes, &d), TVIS_EINVAL);
    static const float thresholds[] = { 0.0f, -1.0f, NAN, INFINITY };
    for (size_t i = 0; i < TVIS_COUNT(thresholds); i++) {
        changed = c;
        changed.threshold = thresholds[i];
        assert_int_equal(tvis_homography_size(&changed, 4, &bytes, &d), TVIS_EINVAL);
        assert_string_equal(d.subject, "threshold");
    }
    changed = c;
    changed.min_inliers = 3;
    assert_int_equal(tvis_homography_size(&changed, 4, &bytes, &d), TVIS_EINVAL);
    changed = c;
    changed.max_samples = 0;
    assert_int_equal(tvis_homography_size(&changed, 4, &bytes, &d), TVIS_EINVAL);
    assert_int_equal(tvis_homography_size(&c, 4, &bytes, &d), TVIS_OK);
    assert_int_equal(tvis_homography_run(&c, p, 4, mem, bytes - 1, inlier, &h, &d), TVIS_ENOMEM);
    assert_int_equal(tvis_homography_run(&c, NULL, 4, mem, bytes, inlier, &h, &d), TVIS_EINVAL);
    assert_int_equal(tvis_homography_run(&c, p, 4, mem, bytes, NULL, &h, &d), TVIS_EINVAL);
    assert_int_equal(tvis_homography_run(&c, p, 4, mem, bytes, inlier, NULL, &d), TVIS_EINVAL);
    assert_int_equal(tvis_homography_run(&c, p, 4, mem, bytes, inlier, &h, &d), TVIS_OK);
    assert_int_equal(h.inliers, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact),
        cmocka_unit_test(half_are_wrong),
        cmocka_unit_test(some_are_inexact),
        cmocka_unit_test(mostly_wrong),
        cmocka_unit_test(degenerate),
        cmocka_unit_test(by_chance),
        cmocka_unit_test(same_seed_same_bits),
        cmocka_unit_test(any_numbers),
        cmocka_unit_test(bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
