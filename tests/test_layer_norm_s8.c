/* SPDX-License-Identifier: MIT */
/* Every row of tvis_layer_norm_s8 against C, and C against double precision. Inputs end where a page ends, y lies
 * between guards. */
#include "ops/layer_norm_s8.h"

#include <math.h>

#include "core/port.h"
#include "tests/kernels.h"

/* What make() makes. */
static bool by_length;

typedef enum content { ANY, FLAT, ONE_OFF, SMALL, HIGH, EXTREME, CONTENTS } content;

typedef struct problem {
    tvis_layer_norm_s8_args a;
    tvt_buf x, weight, bias, y;
    double *gamma, *beta; /* in steps of y */
    double eps;           /* in steps of x, squared */
} problem;

static size_t width(bool wide)
{
    return wide ? 2 : 1;
}

static int32_t get(const void *x, bool wide, int32_t i)
{
    return wide ? ((const int16_t *)x)[i] : ((const int8_t *)x)[i];
}

static int32_t any(content kind, bool wide, int32_t k)
{
    const int32_t most = wide ? 32767 : 127;
    switch (kind) {
    case FLAT:
        return -most - 1;
    case ONE_OFF:
        return k == 3 ? most : most - 1;
    case SMALL:
        return 100 + (int32_t)tvt_below(4);
    case HIGH:
        return most - (int32_t)tvt_below(20);
    case EXTREME:
        return tvt_below(2) ? most : -most - 1;
    default:
        return (int32_t)tvt_below((uint32_t)(2 * most + 2)) - most - 1;
    }
}

static void make_x(problem *p, content kind)
{
    const int32_t n = p->a.rows * p->a.c;
    p->x = tvt_paged((size_t)n * width(p->a.x_wide));
    for (int32_t i = 0; i < n; i++) {
        const int32_t v = any(kind, p->a.x_wide, i % p->a.c);
        if (p->a.x_wide)
            ((int16_t *)p->x.p)[i] = (int16_t)v;
        else
            ((int8_t *)p->x.p)[i] = (int8_t)v;
    }
    p->a.x = p->x.p;
}

/* As the quantizer makes them. */
static int32_t weight_of(const problem *p, int32_t k)
{
    const double v = p->gamma[k] * ldexp(1.0, p->a.shift);
    if (p->a.y_wide)
        return 2 * (int32_t)floor(ldexp(v, 31 - tvis_layer_norm_s8_bits(p->a.c, p->a.by_length)) + 0.5);
    return (int32_t)floor(v / tvis_layer_norm_s8_unit(p->a.c, p->a.by_length) + 0.5) & 0xffff;
}

static bool fits(const problem *p, double gamma, double beta)
{
    const double one = ldexp(1.0, p->a.shift);
    const double weight = p->a.y_wide ? gamma * one * ldexp(1.0, 1 - tvis_layer_norm_s8_bits(p->a.c, p->a.by_length))
                                      : gamma * one / tvis_layer_norm_s8_unit(p->a.c, p->a.by_length) / 32767.0;
    return weight < 1.0 && (beta + 1.0) * one < 1073741824.0;
}

/* gamma up to `most` steps of y, negative ones too; the shift as large as it can be. */
static void make_constants(problem *p, double most)
{
    const int32_t c = p->a.c;
    const double large = p->a.y_wide ? 30000.0 : 120.0;
    p->weight = tvt_paged((size_t)c * sizeof(int32_t));
    p->bias = tvt_paged((size_t)c * sizeof(int32_t));
    p->gamma = malloc((size_t)c * sizeof(double));
    p->beta = malloc((size_t)c * sizeof(double));
    assert_true(p->gamma && p->beta);
    for (p->a.shift = 24; !fits(p, most, large); p->a.shift--)
        assert_true(p->a.shift > 0);
    for (int32_t k = 0; k < c; k++) {
        p->gamma[k] = most * (double)tvt_float(-1.0f, 1.0f);
        p->beta[k] = k % 7 ? large * (double)tvt_float(-1.0f, 1.0f) : 0.0;
        ((int32_t *)p->weight.p)[k] = weight_of(p, k);
        ((int32_t *)p->bias.p)[k] = (int32_t)floor(ldexp(p->beta[k] + 0.5, p->a.shift) + 0.5);
    }
    p->a.weight = p->weight.p;
    p->a.bias = p->bias.p;
}

static problem make(int32_t rows, int32_t c, content kind, bool x_wide, bool y_wide, double most, double eps)
{
    problem p = { .a = { .rows = rows, .c = c, .x_wide = x_wide, .y_wide = y_wide, .by_length = by_length } };
    p.eps = eps;
    p.a.zero = by_length && !x_wide ? (int32_t)tvt_below(256) - 128 : 0;
    p.a.eps = tvis_scaled_of((float)(by_length ? eps : eps * c * c));
    make_x(&p, kind);
    make_constants(&p, most);
    p.y = tvt_guarded((size_t)(rows * c) * width(y_wide));
    p.a.y = p.y.p;
    return p;
}

static void drop(problem *p)
{
    free(p->gamma);
    free(p->beta);
    tvt_free(&p->x);
    tvt_free(&p->weight);
    tvt_free(&p->bias);
    tvt_free(&p->y);
}

static void same_as_c(const tvis_layer_norm_s8_variant *v, problem *p)
{
    tvt_buf got = tvt_guarded(p->y.size);
    tvis_layer_norm_s8_c(&p->a);
    tvis_layer_norm_s8_args a = p->a;
    a.y = got.p;
    v->run(&a);
    if (!tvt_same(&p->y, &got))
        fail_msg("layer_norm_s8 %s c=%d %d->%d seed=%u", v->k.name, (int)a.c, a.x_wide, a.y_wide, tvt_seed);
    tvt_free(&got);
}

static void variants(void **state)
{
    const tvis_layer_norm_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int32_t c = 1; c <= 70; c++)
        for (int32_t i = 0; i < 4; i++) {
            problem p = make(1 + (int32_t)tvt_below(3), c, (content)tvt_below(CONTENTS), i & 1, i >> 1, 30.0, 0.1);
            same_as_c(v, &p);
            drop(&p);
        }
    static const int32_t large[] = { 384, 1000, 16383, 16384 };
    for (size_t i = 0; i < TVIS_COUNT(large) * 4 * CONTENTS; i++) {
        const content kind = (content)(i / 4 % CONTENTS);
        problem p = make(2, large[i / 4 / CONTENTS], kind, i & 1, i >> 1 & 1, i & 2 ? 9000.0 : 40.0, 3.0);
        same_as_c(v, &p);
        drop(&p);
    }
}

/* Any weights and biases, as a damaged file may have them, but for those that kernels may tell apart. */
static void damaged(void **state)
{
    const tvis_layer_norm_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int32_t i = 0; i < 40; i++) {
        problem p = make(2, 100, ANY, i & 1, i >> 1 & 1, 30.0, 0.0);
        int32_t *w = p.weight.p;
        tvt_fill(p.weight.p, p.weight.size);
        tvt_fill(p.bias.p, p.bias.size);
        for (int32_t k = 0; k < 100; k++)
            w[k] &= i >> 1 & 1 ? ~1 : 0xffff;
        p.a.shift = (int32_t)tvt_below(31);
        same_as_c(v, &p);
        drop(&p);
    }
}

static void in_place(void **state)
{
    const tvis_layer_norm_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int32_t wide = 0; wide < 2; wide++) {
        problem p = make(3, 77, ANY, wide, wide, 40.0, 0.0);
        v->run(&p.a);
        p.a.y = p.x.p;
        v->run(&p.a);
        assert_memory_equal(p.x.p, p.y.p, p.y.size);
        drop(&p);
    }
}

/* docs/int8.md: half a step, and what the integers lose. n: the normalised value; std: of the row, in steps of x. */
static double allowed(const problem *p, double most, double n, double gamma, double std)
{
    const double step = ldexp(1.0, -p->a.shift);
    if (p->a.y_wide)
        return 0.5 + 2.5 * ldexp(most, -tvis_layer_norm_s8_bits(p->a.c, p->a.by_length)) + 1.625 * step +
               0x1p-22 * fabs(n * gamma);
    const double unit = tvis_layer_norm_s8_unit(p->a.c, p->a.by_length);
    return 0.5 + fabs(gamma) * (0.5 / unit + 0x1p-14 / std) + fabs(n * gamma) * 0x1p-14 + fabs(n) * unit * step;
}

/* What weights multiply. Exact up to the root: c * x - sum is below 2^31. */
static double normalised(const problem *p, int32_t row, double *n)
{
    const int32_t c = p->a.c, at = row * c;
    double sum = 0.0, squares = 0.0;
    for (int32_t k = 0; k < c; k++)
        sum += get(p->a.x, p->a.x_wide, at + k);
    for (int32_t k = 0; k < c; k++) {
        const double x = get(p->a.x, p->a.x_wide, at + k);
        n[k] = p->a.by_length ? x - p->a.zero : (c * x - sum) / c;
        squares += n[k] * n[k];
    }
    const double std = sqrt(p->a.by_length ? squares : squares / c);
    const double by = p->a.by_length ? fmax(std, sqrt(p->eps)) : sqrt(std * std + p->eps);
    for (int32_t k = 0; k < c; k++)
        n[k] = by > 0.0 ? n[k] / by : 0.0;
    return std;
}

static double check_row(const problem *p, int32_t row, double most)
{
    static double n[TVIS_LAYER_NORM_S8_MAX_C];
    const double std = normalised(p, row, n), lo = p->a.y_wide ? -32768.0 : -128.0, hi = p->a.y_wide ? 32767.0 : 127.0;
    double worst = 0.0;
    for (int32_t k = 0; k < p->a.c; k++) {
        const double want = n[k] * p->gamma[k] + p->beta[k], got = get(p->a.y, p->a.y_wide, row * p->a.c + k);
        const double off = fabs(fmin(fmax(want, lo), hi) - got);
        if (!(off <= allowed(p, most, n[k], p->gamma[k], std)))
            fail_msg("layer_norm_s8 c=%d %d->%d: y[%d] is %g, not %.4f, seed=%u", (int)p->a.c, p->a.x_wide, p->a.y_wide,
                     (int)k, got, want, tvt_seed);
        worst = fmax(worst, off);
    }
    return worst;
}

static void accuracy(void **state)
{
    static const int32_t cs[] = { 1, 2, 3, 5, 17, 64, 384, 768, 1023, 1024, 4096, 16383, 16384 };
    static const double eps[] = { 0.0, 1e-9, 0.04, 700.0, 1e14 };
    const tvis_layer_norm_s8_variant *v = *state;
    double worst = 0.0;
    tvt_need_row(&v->k, v->run);
    for (size_t i = 0; i < TVIS_COUNT(cs) * TVIS_COUNT(eps) * CONTENTS * 4; i++) {
        const int32_t c = cs[i / 4 % TVIS_COUNT(cs)];
        const content kind = (content)(i / 4 / TVIS_COUNT(cs) % CONTENTS);
        const double e = eps[i / 4 / TVIS_COUNT(cs) / CONTENTS], most = i & 2 ? 8000.0 : 30.0;
        if (c > 1024 && e > 0.0)
            continue;
        problem p = make(2, c, kind, i & 1, i >> 1 & 1, most, e);
        v->run(&p.a);
        for (int32_t row = 0; row < 2; row++) {
            const double off = check_row(&p, row, most);
            worst = c <= 1024 ? fmax(worst, off) : worst;
        }
        drop(&p);
    }
    if (!(worst <= 0.52))
        fail_msg("%.4f steps off", worst);
}

static void variants_by_length(void **state)
{
    by_length = true;
    variants(state);
    damaged(state);
    by_length = false;
}

static void accuracy_by_length(void **state)
{
    by_length = true;
    accuracy(state);
    by_length = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variants),           cmocka_unit_test(damaged),
        cmocka_unit_test(in_place),           cmocka_unit_test(accuracy),
        cmocka_unit_test(variants_by_length), cmocka_unit_test(accuracy_by_length),
    };
    return tvt_run_rows("layer_norm_s8", tvis_layer_norm_s8, sizeof *tvis_layer_norm_s8, tests, TVIS_COUNT(tests));
}
