/* SPDX-License-Identifier: MIT */
/* Principal components against data whose components are known, and against their own definition. */
#include "examples/tinyvis/pca.h"

#include <math.h>

#include "core/port.h"
#include "tests/tvt.h"

enum { ROWS = 60, COLS = 40 };

static pca components(const float *x, size_t rows, size_t cols)
{
    pca p;
    assert_int_equal(pca_of(&p, x, rows, cols, NULL), TVIS_OK);
    return p;
}

/* Offsets of 5; three directions of falling weight, along channels 3, 7 and 11; a little noise. */
static void make(float *x, const float *weight, float noise)
{
    static const size_t channel[] = { 3, 7, 11 };
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t k = 0; k < COLS; k++)
            x[i * COLS + k] = 5.0f + noise * tvt_float(-1.0f, 1.0f);
        for (size_t a = 0; a < 3; a++) /* at right angles to each other, and without a mean */
            x[i * COLS + channel[a]] +=
                weight[a] * (float)cos((double)((a + 1) * (2 * i + 1)) * 3.14159265358979 / (2 * ROWS));
    }
}

static void known_directions(void **state)
{
    static const float weight[] = { 3.0f, 2.0f, 1.0f };
    float x[ROWS * COLS];
    (void)state;
    make(x, weight, 0.0f);
    pca p = components(x, ROWS, COLS);
    for (size_t a = 0; a < 3; a++) {
        const double share = (double)(weight[a] * weight[a]) / 14;
        assert_true(fabs(p.share[a] - share) < 1e-5);
        for (size_t i = 0; i < ROWS; i++) /* the largest coefficient is positive: the channel itself */
            assert_true(fabs((double)(p.score[i * 3 + a] - (x[i * COLS + 4 * a + 3] - 5.0f))) < 1e-4);
    }
    pca_free(&p);
}

/* Scores have no correlation, falling variance, and the shares that are told. */
static void definition(void **state)
{
    (void)state;
    for (int round = 0; round < 6; round++) {
        static const float weight[] = { 1.0f, 0.8f, 0.7f };
        float x[ROWS * COLS];
        double total = 0, m[3][3] = { { 0 } };
        const size_t cols = round < 3 ? COLS : 4 + (size_t)round, rows = ROWS;
        make(x, weight, 0.5f);
        pca p = components(x, rows, cols);
        for (size_t k = 0; k < cols; k++) {
            double mean = 0;
            for (size_t i = 0; i < rows; i++)
                mean += (double)x[i * cols + k] / (double)rows;
            for (size_t i = 0; i < rows; i++)
                total += ((double)x[i * cols + k] - mean) * ((double)x[i * cols + k] - mean);
        }
        for (size_t i = 0; i < rows; i++)
            for (size_t a = 0; a < 3; a++)
                for (size_t b = 0; b < 3; b++)
                    m[a][b] += (double)p.score[i * 3 + a] * (double)p.score[i * 3 + b];
        for (size_t a = 0; a < 3; a++) {
            assert_true(fabs(m[a][a] / total - p.share[a]) < 1e-5);
            assert_true(a == 0 || p.share[a] <= p.share[a - 1] + 1e-12);
            for (size_t b = 0; b < a; b++)
                assert_true(fabs(m[a][b]) < 1e-4 * total);
        }
        pca_free(&p);
    }
}

static void again_the_same(void **state)
{
    float x[ROWS * COLS];
    (void)state;
    tvt_fill_f32(x, TVIS_COUNT(x));
    pca a = components(x, ROWS, COLS), b = components(x, ROWS, COLS);
    assert_memory_equal(a.score, b.score, ROWS * 3 * sizeof(float));
    pca_free(&a);
    pca_free(&b);
}

/* One row, one column, nothing but a constant, fewer directions than components. */
static void little_to_find(void **state)
{
    float x[ROWS * COLS];
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(x); i++)
        x[i] = 2.5f;
    static const size_t shapes[][2] = { { 1, 40 }, { 40, 1 }, { 60, 40 }, { 1, 1 } };
    for (size_t s = 0; s < TVIS_COUNT(shapes); s++) {
        pca p = components(x, shapes[s][0], shapes[s][1]);
        for (size_t i = 0; i < shapes[s][0] * 3; i++)
            assert_true(fabs((double)p.score[i]) < 1e-6);
        pca_free(&p);
    }
    for (size_t i = 0; i < ROWS; i++)
        x[i * COLS + 9] = (float)i;
    pca p = components(x, ROWS, COLS);
    assert_true(fabs(p.share[0] - 1) < 1e-9 && p.share[1] < 1e-9 && p.share[2] < 1e-9);
    assert_true(p.score[0] < 0.0f && p.score[(ROWS - 1) * 3] > 0.0f);
    for (size_t i = 0; i < ROWS; i++)
        assert_true(fabs((double)p.score[i * 3 + 1]) < 1e-4 && fabs((double)p.score[i * 3 + 2]) < 1e-4);
    pca_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_directions),
        cmocka_unit_test(definition),
        cmocka_unit_test(again_the_same),
        cmocka_unit_test(little_to_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
