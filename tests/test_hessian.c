/* SPDX-License-Identifier: MIT */
/* What layers see, factors of it, and rounding to 4 bits that makes up for its errors. */
#include "quant/hessian_hosted.h"

#include <math.h>

#include "core/half.h"
#include "core/port.h"
#include "core/s4.h"
#include "quant/linalg_hosted.h"
#include "quant/s4_hosted.h"
#include "tests/net.h"
#include "tests/network.h"

/* ---- matrices ---- */

static void products_are_products(void **state)
{
    static const int32_t sizes[] = { 1, 2, 7, 31, 33, 70 };
    (void)state;
    for (size_t s = 0; s < 216; s++) {
        const int32_t m = sizes[s % 6], n = sizes[s / 6 % 6], k = sizes[s / 36], gap = 3;
        float x[73 * 70], w[73 * 70], y[73 * 70], want[73 * 70], panel[TVIS_PRODUCT_COLUMNS * 70];
        const float sign = s % 2 ? 1.0f : -1.0f;
        tvt_fill_f32(x, TVIS_COUNT(x));
        tvt_fill_f32(w, TVIS_COUNT(w));
        tvt_fill_f32(y, TVIS_COUNT(y));
        memcpy(want, y, sizeof want);
        for (int32_t i = 0; i < m; i++)
            for (int32_t j = 0; j < n; j++)
                for (int32_t p = 0; p < k; p++)
                    want[i * (n + gap) + j] += sign * x[i * (k + gap) + p] * w[j * (k + gap) + p];
        tvis_product_add(&(tvis_product){ y, x, w, m, n, k, n + gap, k + gap, k + gap, sign, panel, tvt_cpu() });
        assert_int_equal(tvt_differs_f32(want, y, TVIS_COUNT(y), 1e-4), -1);
    }
}

static void factors_multiply_to_the_matrix(void **state)
{
    static const int32_t sizes[] = { 1, 2, 5, 63, 64, 65, 130, 200 };
    (void)state;
    for (size_t s = 0; s < TVIS_COUNT(sizes); s++) {
        const int32_t n = sizes[s], count = n + 20;
        float *x = malloc((size_t)(n * count) * sizeof *x), *a = calloc((size_t)(n * n), sizeof *a);
        float *scratch = malloc((tvis_cholesky_floats(n) + 32 * (size_t)count) * sizeof *scratch);
        double *want = calloc((size_t)(n * n), sizeof *want), trace = 0.0;
        assert_true(x && a && scratch && want);
        tvt_fill_f32(x, (size_t)(n * count));
        for (int32_t i = 0; i < n; i++)
            for (int32_t j = 0; j <= i; j++)
                for (int32_t p = 0; p < count; p++)
                    want[i * n + j] += (double)x[i * count + p] * (double)x[j * count + p];
        tvis_add_squares(a, n, x, count, count, scratch, tvt_cpu());
        for (int32_t i = 0; i < n; i++)
            trace += want[i * n + i];
        for (int32_t i = 0; i < n; i++)
            want[i * n + i] += 0.01 * trace / n;
        tvis_cholesky_from_last(a, n, 0.01, scratch, tvt_cpu());
        for (int32_t i = 0; i < n; i++)
            for (int32_t j = 0; j <= i; j++) {
                double sum = 0.0;
                for (int32_t r = i; r < n; r++)
                    sum += (double)a[r * n + i] * (double)a[r * n + j];
                if (!(fabs(sum - want[i * n + j]) < 1e-4 * trace / n * 10))
                    fail_msg("n %d, (%d, %d): %g instead of %g", (int)n, (int)i, (int)j, sum, want[i * n + j]);
            }
        free(x);
        free(a);
        free(scratch);
        free(want);
    }
}

/* Zeros, and a matrix of rank one: finite factors. */
static void singular_matrices_have_factors(void **state)
{
    enum { N = 70 };
    static float a[N * N], scratch[64 * (N + 32)];
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        for (int i = 0; i < N * N; i++)
            a[i] = kind ? 1e6f : 0.0f;
        tvis_cholesky_from_last(a, N, 1e-9, scratch, tvt_cpu());
        for (int32_t i = 0; i < N; i++) {
            assert_true(a[i * N + i] > 0.0f);
            for (int32_t j = 0; j <= i; j++)
                assert_true(isfinite(a[i * N + j]));
        }
    }
}

/* ---- inputs of layers ---- */

enum { IMAGES = 3, SIDE = 6, C = 8 };

static tvis_status picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    const bool *broken = user;
    (void)d;
    if (*broken && i == 1)
        return TVIS_EIO;
    tvt_srand(40 + i);
    tvt_fill_f32(in->data, (size_t)in->dims[1] * (size_t)in->dims[2] * (size_t)in->dims[3]);
    return TVIS_OK;
}

/* A grouped 3 x 3, a 1 x 1 and a linear layer, side by side on the input. */
static void make_layers(tvis_blob *blob, tvis_model *m)
{
    tvt_net n;
    tvis_diag d;
    tvt_conv grouped = tvt_conv_of(6, 3, 2), point = tvt_conv_of(7, 1, 1);
    grouped.groups = 2;
    tvt_net_begin(&n, SIDE, SIDE);
    const uint32_t x = tvt_net_input(&n, C);
    tvis_graph_output(&n.g, tvt_net_conv(&n, x, grouped));
    tvis_graph_output(&n.g, tvt_net_linear(&n, tvt_net_conv(&n, x, point), 5, true));
    tvt_ok(tvt_net_write(&n, blob), &n.diag);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &d), &d);
}

/* Value i of the patch at output pixel (y, x) of the grouped convolution. */
static double patch(const float *in, int32_t group, int32_t y, int32_t x, int32_t i)
{
    const int32_t c = group * (C / 2) + i % (C / 2), iy = 2 * y - 1 + i / (C / 2) / 3, ix = 2 * x - 1 + i / (C / 2) % 3;
    return iy < 0 || ix < 0 || iy >= SIDE || ix >= SIDE ? 0.0 : (double)in[(iy * SIDE + ix) * C + c];
}

typedef struct expected {
    uint32_t calls;
    size_t budget;
} expected;

static void check_grouped(const tvis_hessian *h)
{
    float in[SIDE * SIDE * C];
    bool broken = false;
    const tvis_tensor view = { in, { 1, SIDE, SIDE, C }, TVIS_F32, TVIS_NHWC };
    assert_int_equal(h->k, 9 * C / 2);
    assert_int_equal(h->groups, 2);
    assert_int_equal(h->rows, IMAGES * 9);
    for (int32_t g = 0; g < 2; g++)
        for (int32_t i = 0; i < h->k; i++)
            for (int32_t j = 0; j <= i; j++) {
                double want = 0.0;
                for (uint32_t p = 0; p < IMAGES; p++) {
                    picture(&broken, p, &view, NULL);
                    for (int32_t at = 0; at < 9; at++)
                        want += patch(in, g, at / 3, at % 3, i) * patch(in, g, at / 3, at % 3, j);
                }
                assert_true(fabs(want - (double)h->h[(g * h->k + i) * h->k + j]) < 1e-4);
            }
}

static tvis_status use(void *user, tvis_hessian *h, tvis_diag *d)
{
    expected *e = user;
    (void)d;
    assert_int_equal(h->node, e->calls++);
    if (h->node == 0 && e->budget < 10000)
        assert_null(h->h);
    else if (h->node == 0)
        check_grouped(h);
    else
        assert_true(h->rows == IMAGES * SIDE * SIDE && h->h && h->h[0] > 0.0f);
    return TVIS_OK;
}

static void inputs_are_summed_up(void **state)
{
    static const uint32_t nodes[] = { 0, 1, 2 };
    static const size_t budgets[] = { 1000000, 11000, 1000 }; /* one pass, two, and one without the first layer */
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    bool broken = false;
    const tvis_pictures pictures = { IMAGES, picture, &broken, tvt_cpu() };
    (void)state;
    make_layers(&blob, &m);
    for (size_t i = 0; i < TVIS_COUNT(budgets); i++) {
        expected e = { 0, budgets[i] };
        tvt_ok(tvis_hessian_each(&m, &pictures, nodes, 3, budgets[i], use, &e, &d), &d);
        assert_int_equal(e.calls, 3);
    }
    expected e = { 0, 1000000 };
    for (uint32_t i = 0;; i++) {
        tvt_fault(TVT_ALLOC, i, 12);
        e.calls = 0;
        const tvis_status s = tvis_hessian_each(&m, &pictures, nodes, 3, e.budget, use, &e, &d);
        if (!tvt_fault_fired())
            break;
        assert_int_equal(s, TVIS_ENOMEM);
    }
    broken = true;
    assert_int_equal(tvis_hessian_each(&m, &pictures, nodes, 3, 1000000, use, &e, &d), TVIS_EIO);
    tvis_blob_free(&blob);
}

/* ---- rounding ---- */

/* All that 4 bits and a scale can hold comes back as it was. */
static void what_fits_is_exact(void **state)
{
    float w[32];
    (void)state;
    for (uint32_t i = 0; i < 500; i++) {
        const int32_t n = 1 + (int32_t)tvt_below(32), sign = i % 2 ? 1 : -1;
        const uint16_t given = tvis_half_from(tvt_float(0.01f, 2.0f));
        float scale, found;
        tvis_half_expand(&given, 1, &scale);
        for (int32_t k = 0; k < n; k++)
            w[k] = (float)(sign * ((int32_t)tvt_below(16) - 8)) * scale;
        w[0] = (float)(sign * -8) * scale;
        const uint16_t half = tvis_s4_scale(w, NULL, n);
        tvis_half_expand(&half, 1, &found);
        for (int32_t k = 0; k < n; k++)
            assert_true(fabsf((float)tvis_s4_round(w[k], found) * found - w[k]) <= 0.0f);
    }
    assert_int_equal(tvis_s4_scale((float[]){ 0.0f, 0.0f }, NULL, 2), 0);
    assert_int_equal(tvis_s4_round(1.0f, 0.0f), 0);
}

/* Better than the largest weight's scale, which is one that is tried. */
static void scales_lose_little(void **state)
{
    double chosen = 0.0, plain = 0.0;
    (void)state;
    for (uint32_t i = 0; i < 300; i++) {
        float w[32], largest = 0.0f, scale;
        tvt_fill_f32(w, 32);
        for (int k = 0; k < 32; k++) {
            w[k] *= w[k] * w[k];
            largest = fmaxf(largest, fabsf(w[k]));
        }
        const uint16_t half = tvis_s4_scale(w, NULL, 32);
        tvis_half_expand(&half, 1, &scale);
        for (int k = 0; k < 32; k++) {
            chosen += pow((double)((float)tvis_s4_round(w[k], scale) * scale - w[k]), 2);
            plain += pow((double)((float)tvis_s4_round(w[k], largest / 7) * (largest / 7) - w[k]), 2);
        }
    }
    assert_true(chosen < 0.8 * plain);
}

enum { K = 100, OUT = 48, ROWS = 600 };

/* Rows with a common part, as activations have: a few directions hold most of them. */
static void correlated(float *x, uint32_t seed)
{
    float mix[10 * K];
    tvt_srand(1);
    tvt_fill_f32(mix, TVIS_COUNT(mix));
    tvt_srand(seed);
    for (int r = 0; r < ROWS; r++)
        for (int d = 0; d < 10; d++) {
            const float part = tvt_float(-1.0f, d == 0 ? 4.0f : 1.0f);
            for (int k = 0; k < K; k++)
                x[r * K + k] = (d ? x[r * K + k] : tvt_float(-0.3f, 0.3f)) + part * mix[d * K + k];
        }
}

static double output_error(const float *x, const float *w, const uint8_t *rows)
{
    double noise = 0.0;
    for (int j = 0; j < OUT; j++) {
        float back[K];
        tvis_s4_expand(rows + (size_t)j * (size_t)tvis_s4_row_bytes(K), 0, K, back);
        for (int r = 0; r < ROWS; r++) {
            double sum = 0.0;
            for (int k = 0; k < K; k++)
                sum += (double)x[r * K + k] * (double)(back[k] - w[j * K + k]);
            noise += sum * sum;
        }
    }
    return noise;
}

/* Measured on other rows than those it was made for. */
static void errors_are_made_up_for(void **state)
{
    static float x[ROWS * K], turned[K * ROWS], h[K * K], panel[32 * ROWS];
    const int32_t dims[4] = { OUT, 1, 1, K };
    tvis_graph g;
    tvis_diag d;
    tvis_energy e;
    (void)state;
    tvis_graph_init(&g, &d);
    const uint32_t w = tvis_graph_constant(&g, "w", TVIS_F32, dims);
    correlated(x, 2);
    for (int r = 0; r < ROWS; r++)
        for (int k = 0; k < K; k++)
            turned[k * ROWS + r] = x[r * K + k];
    tvis_add_squares(h, K, turned, ROWS, ROWS, panel, tvt_cpu());
    correlated(x, 3);
    tvt_fill_f32(g.tensor[w].data, OUT * K);
    const tvis_gtensor from = g.tensor[w];
    tvis_hessian seen = { .cpu = tvt_cpu(), .k = K, .groups = 1, .rows = ROWS, .h = h };
    const uint32_t plain = tvis_to_s4(&g, &from, NULL, &e), better = tvis_to_s4(&g, &from, &seen, &e);
    const double db = 10 * log10(output_error(x, from.data, g.tensor[plain].data) /
                                 output_error(x, from.data, g.tensor[better].data));
    if (!(db > 6.0))
        fail_msg("%.2f dB better than rounding to the nearest", db);
    tvis_graph_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_products),
        cmocka_unit_test(factors_multiply_to_the_matrix),
        cmocka_unit_test(singular_matrices_have_factors),
        cmocka_unit_test(inputs_are_summed_up),
        cmocka_unit_test(what_fits_is_exact),
        cmocka_unit_test(scales_lose_little),
        cmocka_unit_test(errors_are_made_up_for),
    };
    return cmocka_run_group_tests_name("hessian", tests, NULL, NULL);
}
