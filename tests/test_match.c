/* SPDX-License-Identifier: MIT */
/* Matches, against tests/golden/keypoints and against all products one by one. */
#include <tinyvis/keypoints.h>

#include <math.h>

#include "core/port.h"
#include "models/random_hosted.h"
#include "tests/tvt.h"

#define GOLDEN "tests/golden/keypoints/matches"
enum { MOST = 200 };

static float *room(size_t n)
{
    float *p = malloc(n * sizeof *p);
    assert_non_null(p);
    return p;
}

static void normalize(const double *v, float *out, size_t d)
{
    double sum = 0;
    for (size_t k = 0; k < d; k++)
        sum += v[k] * v[k];
    for (size_t k = 0; k < d; k++)
        out[k] = (float)(v[k] / sqrt(sum));
}

static float *vectors_of(unsigned seed, const char *name, size_t n, size_t d)
{
    float *v = room(n * d);
    double *row = malloc(d * sizeof *row);
    assert_non_null(row);
    tvis_random_fill(seed, name, TVIS_RANDOM_INPUT, 1, v, (int64_t)(n * d));
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < d; k++)
            row[k] = (double)v[i * d + k];
        normalize(row, v + i * d, d);
    }
    free(row);
    return v;
}

/* As make_keypoints.py makes it. */
static float *noisy_copy(const float *a, unsigned seed, size_t na, size_t nb, size_t d, size_t copies)
{
    float *b = vectors_of(seed, "b", nb, d);
    double *row = malloc(d * sizeof *row);
    assert_non_null(row);
    for (size_t j = 0; j < na && j < nb / 2; j++) {
        for (size_t k = 0; k < d; k++)
            row[k] = (double)a[(j * 7 + 3) % na * d + k] + 0.2 * (double)b[j * d + k];
        normalize(row, b + j * d, d);
    }
    memmove(b + (nb - copies) * d, b, copies * d * sizeof *b);
    free(row);
    return b;
}

static uint32_t run(const tvis_match_config *c, const float *a, uint32_t na, const float *b, uint32_t nb, uint32_t d,
                    tvis_match *m)
{
    size_t bytes;
    uint32_t count = 12345;
    assert_int_equal(tvis_match_size(c, na, nb, d, &bytes, NULL), TVIS_OK);
    tvt_buf mem = tvt_guarded(bytes), left = tvt_paged(na * d * sizeof *a), right = tvt_paged(nb * d * sizeof *b);
    memcpy(left.p, a, left.size);
    memcpy(right.p, b, right.size);
    assert_int_equal(tvis_match_run(c, left.p, na, right.p, nb, d, mem.p, bytes, m, &count, NULL), TVIS_OK);
    assert_true(tvt_guards_ok(&mem));
    tvt_free(&mem);
    tvt_free(&left);
    tvt_free(&right);
    return count;
}

static void golden(void **state)
{
    size_t size, dims[1], at = 0;
    char *text = (char *)tvt_read(GOLDEN ".txt", &size);
    float *want = tvt_npy_f32(GOLDEN ".npy", dims, 1);
    const uint32_t masks[] = { UINT32_MAX, TVIS_CPU_AVX2, 0 };
    (void)state;
    for (char *line = text; *line; line = strchr(line, '\n') + 1) {
        unsigned seed, na, nb, d, copies, count;
        tvis_match_config c;
        tvis_match m[MOST];
        tvis_match_defaults(&c);
        assert_int_equal(
            sscanf(line, "%u %u %u %u %u %f %f %u", &seed, &na, &nb, &d, &copies, &c.max_distance, &c.ratio, &count),
            8);
        float *a = vectors_of(seed, "a", na, d), *b = noisy_copy(a, seed, na, nb, d, copies);
        for (size_t k = 0; k < TVIS_COUNT(masks); k++) {
            c.cpu = tvt_cpu() & masks[k];
            assert_int_equal(run(&c, a, na, b, nb, d, m), count);
            for (uint32_t i = 0; i < count; i++) {
                const float *w = want + at + 3 * (size_t)i;
                assert_int_equal(m[i].a, w[0]);
                assert_int_equal(m[i].b, w[1]);
                assert_true(fabsf(m[i].distance - w[2]) < 1e-5f);
            }
        }
        at += 3 * (size_t)count;
        free(a);
        free(b);
    }
    assert_int_equal(at, dims[0]);
    free(text);
    free(want);
}

static double product(const float *a, const float *b, uint32_t d)
{
    double sum = 0;
    for (uint32_t k = 0; k < d; k++)
        sum += (double)a[k] * (double)b[k];
    return sum > 1 ? 1 : sum;
}

/* The first row of x with the largest product with v. Products are sums of few halves: exact. */
static uint32_t nearest(const float *v, const float *x, uint32_t n, uint32_t d)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (product(v, x + (size_t)i * d, d) > product(v, x + (size_t)best * d, d))
            best = i;
    return best;
}

/* Rows of halves and zeros: many are equal, and equally far from others. */
static void ties(void **state)
{
    enum { D = 4 };
    float a[70 * D], b[70 * D];
    tvis_match m[70];
    (void)state;
    tvt_srand(tvt_seed);
    for (uint32_t round = 0; round < 100; round++) {
        const uint32_t na = 1 + tvt_below(70), nb = 1 + tvt_below(70);
        tvis_match_config c;
        uint32_t found = 0;
        tvis_match_defaults(&c);
        c.max_distance = 0.0f;
        c.cpu = round % 2 ? tvt_cpu() : 0;
        for (uint32_t i = 0; i < 70 * D; i++) {
            a[i] = tvt_below(2) ? 0.5f : -0.5f;
            b[i] = tvt_below(2) ? 0.5f : -0.5f;
        }
        const uint32_t count = run(&c, a, na, b, nb, D, m);
        for (uint32_t i = 0; i < na; i++) {
            const uint32_t j = nearest(a + (size_t)i * D, b, nb, D);
            if (nearest(b + (size_t)j * D, a, na, D) != i)
                continue;
            assert_true(found < count);
            assert_int_equal(m[found].a, i);
            assert_int_equal(m[found].b, j);
            const double far = sqrt(2 - 2 * product(a + (size_t)i * D, b + (size_t)j * D, D));
            assert_true(fabs((double)m[found].distance - far) < 1e-6);
            found++;
        }
        assert_int_equal(found, count);
        c.ratio = 0.999f; /* of two that are equally near, neither is clearly nearer */
        const uint32_t fewer = run(&c, a, na, b, nb, D, m);
        assert_true(fewer <= count);
    }
}

static void nothing_to_match(void **state)
{
    const float v[2] = { 1.0f, 0.0f };
    tvis_match m[1];
    tvis_match_config c;
    (void)state;
    tvis_match_defaults(&c);
    assert_int_equal(run(&c, v, 0, v, 1, 2, m), 0);
    assert_int_equal(run(&c, v, 1, v, 0, 2, m), 0);
    assert_int_equal(run(&c, v, 0, v, 0, 2, m), 0);
    assert_int_equal(run(&c, v, 1, v, 1, 2, m), 1);
    assert_true(m[0].distance == 0.0f);
}

static void no_numbers(void **state)
{
    enum { N = 40, D = 16 };
    float *a = vectors_of(1, "a", N, D), *b = noisy_copy(a, 1, N, N, D, 0);
    tvis_match m[N], n[N];
    tvis_match_config c;
    (void)state;
    tvis_match_defaults(&c);
    c.max_distance = 0.0f;
    const uint32_t before = run(&c, a, N, b, N, D, m);
    const uint32_t victim = m[0].a;
    a[victim * D + 3] = NAN;
    const uint32_t after = run(&c, a, N, b, N, D, n);
    assert_true(before > 5 && after > 0);
    for (uint32_t i = 0; i < after; i++)
        assert_true(n[i].a != victim && n[i].distance >= 0.0f);
    for (uint32_t i = 0; i < N * D; i++)
        a[i] = NAN;
    assert_int_equal(run(&c, a, N, b, N, D, n), 0);
    free(a);
    free(b);
}

static void bad_arguments(void **state)
{
    const float v[2] = { 1.0f, 0.0f };
    tvis_match m[1];
    tvis_match_config c, changed;
    tvis_diag d;
    size_t bytes;
    uint32_t count;
    (void)state;
    tvis_match_defaults(&c);
    assert_int_equal(tvis_match_size(NULL, 1, 1, 2, &bytes, &d), TVIS_EINVAL);
    assert_int_equal(tvis_match_size(&c, TVIS_MATCH_MAX_POINTS + 1, 1, 2, &bytes, &d), TVIS_EINVAL);
    assert_int_equal(tvis_match_size(&c, 1, TVIS_MATCH_MAX_POINTS + 1, 2, &bytes, &d), TVIS_EINVAL);
    assert_int_equal(tvis_match_size(&c, 1, 1, 0, &bytes, &d), TVIS_EINVAL);
    assert_int_equal(tvis_match_size(&c, 1, 1, TVIS_MATCH_MAX_DIM + 1, &bytes, &d), TVIS_EINVAL);
    assert_int_equal(tvis_match_size(&c, 1, 1, 2, NULL, &d), TVIS_EINVAL);
    changed = c;
    changed.ratio = 1.5f;
    assert_int_equal(tvis_match_size(&changed, 1, 1, 2, &bytes, &d), TVIS_EINVAL);
    assert_string_equal(d.subject, "ratio");
    changed = c;
    changed.max_distance = NAN;
    assert_int_equal(tvis_match_size(&changed, 1, 1, 2, &bytes, &d), TVIS_EINVAL);
    assert_string_equal(d.subject, "max_distance");
    assert_int_equal(tvis_match_size(&c, 1, 1, 2, &bytes, &d), TVIS_OK);
    tvt_buf mem = tvt_guarded(bytes);
    assert_int_equal(tvis_match_run(&c, v, 1, v, 1, 2, mem.p, bytes - 1, m, &count, &d), TVIS_ENOMEM);
    assert_int_equal(d.expected[0], bytes);
    assert_int_equal(tvis_match_run(&c, v, 1, v, 1, 2, (char *)mem.p + 4, bytes, m, &count, &d), TVIS_EINVAL);
    assert_int_equal(tvis_match_run(&c, NULL, 1, v, 1, 2, mem.p, bytes, m, &count, &d), TVIS_EINVAL);
    assert_int_equal(tvis_match_run(&c, v, 1, v, 1, 2, mem.p, bytes, NULL, &count, &d), TVIS_EINVAL);
    tvt_free(&mem);
}

/* The working memory grows with the points, not with their pairs. */
static void memory(void **state)
{
    tvis_match_config c;
    size_t bytes;
    (void)state;
    tvis_match_defaults(&c);
    assert_int_equal(tvis_match_size(&c, 1000, 1000, 256, &bytes, NULL), TVIS_OK);
    print_message("# matching 1000 with 1000 points of 256 numbers: %zu bytes\n", bytes);
    assert_true(bytes < 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden),     cmocka_unit_test(ties),          cmocka_unit_test(nothing_to_match),
        cmocka_unit_test(no_numbers), cmocka_unit_test(bad_arguments), cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
