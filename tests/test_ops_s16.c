/* SPDX-License-Identifier: MIT */
/* Sums, products by channel, pools and tables with S16 on some side, against double precision, and what they refuse. */
#include <math.h>

#include "ops/requant.h"
#include "ops/table16.h"
#include "tests/net_mixed.h"

static const int32_t shape[4] = { 2, 5, 3, 70 };
static const uint8_t types[] = { TVIS_S8, TVIS_S16 };

/* Bit k of i: the type of tensor k; at least one is S16. */
static uint8_t type_of(uint32_t i, uint32_t k)
{
    return types[i >> k & 1];
}

static int32_t zero_of(uint8_t dtype, int32_t zero)
{
    return dtype == TVIS_S8 ? zero : 0;
}

static void factor(double v, int64_t bound, int32_t *mul, uint8_t *shift)
{
    int32_t s;
    assert_int_equal(tvis_requant_choose(&v, 1, bound, mul, &s), TVIS_OK);
    *shift = (uint8_t)s;
}

static tvis_quant limits(uint8_t dtype)
{
    tvis_quant q = { .lo = -100, .hi = 125, .zero = (int8_t)zero_of(dtype, 9) };
    if (dtype == TVIS_S16)
        tvis_quant_set16(&q, -31000, 32700);
    return q;
}

/* Output i is `want`, within half a step and what the multiplier's digits do. */
static void expect(const tvt_mixed *t, size_t i, double want, double tolerance)
{
    const bool wide = t->n.g.tensor[t->y].dtype == TVIS_S16;
    const double lo = wide ? -31000.0 : -100.0, hi = wide ? 32700.0 : 125.0;
    const double y = tvt_mixed_y(t, i);
    if (!(fabs(fmin(fmax(want, lo), hi) - y) <= tolerance))
        fail_msg("%zu: %g is not %.3f", i, y, want);
}

static void sums(void **state)
{
    (void)state;
    for (uint32_t i = 1; i < 8; i++) {
        const uint8_t a = type_of(i, 0), b = type_of(i, 1), out = type_of(i, 2);
        const double unit = out == TVIS_S16 ? 1.0 : 1 / 256.0;
        const double fa = (a == TVIS_S16 ? 0.61 : 130.0) * unit, fb = (b == TVIS_S16 ? 0.43 : 99.0) * unit;
        tvis_quant q = limits(out);
        tvt_mixed t;
        factor(fa, 65535, &q.mul, &q.shift);
        factor(fb, 65535, &q.add_mul, &q.add_shift);
        tvt_mixed_begin(&t, shape[1], shape[2]);
        uint32_t in[2] = { tvt_mixed_input(&t, a, 0.1f, zero_of(a, -5), shape), 0 };
        in[1] = tvt_mixed_input(&t, b, 0.1f, zero_of(b, 77), shape);
        tvt_mixed_node(&t, TVIS_OP_ADD, in, 2, NULL, out, 0.1f, q.zero, &q);
        tvt_mixed_run(&t);
        for (size_t k = 0; k < tvt_mixed_size(shape); k++)
            expect(&t, k,
                   (tvt_mixed_x(&t, 0, k) - zero_of(a, -5)) * fa + (tvt_mixed_x(&t, 1, k) - zero_of(b, 77)) * fb +
                       q.zero,
                   1.01);
        tvt_mixed_end(&t);
    }
}

static void products(void **state)
{
    static const int32_t one[4] = { 2, 1, 1, 70 };
    (void)state;
    for (uint32_t i = 1; i < 8; i++) {
        const uint8_t x = type_of(i, 0), s = type_of(i, 1), out = type_of(i, 2);
        const double f =
            (x == TVIS_S16 ? 1.0 / 256 : 1.0) * (s == TVIS_S16 ? 1.0 / 128 : 1.5) / (out == TVIS_S16 ? 1.0 : 256.0);
        const int64_t bound = (int64_t)(x == TVIS_S16 ? 32768 : 255) * (s == TVIS_S16 ? 32768 : 255);
        tvis_quant q = limits(out);
        tvt_mixed t;
        factor(f, bound, &q.mul, &q.shift);
        tvt_mixed_begin(&t, shape[1], shape[2]);
        uint32_t in[2] = { tvt_mixed_input(&t, x, 0.1f, zero_of(x, 3), shape), 0 };
        in[1] = tvt_mixed_input(&t, s, 0.1f, zero_of(s, -128), one);
        tvt_mixed_node(&t, TVIS_OP_SCALE, in, 2, NULL, out, 0.1f, q.zero, &q);
        tvt_mixed_run(&t);
        for (size_t k = 0; k < tvt_mixed_size(shape); k++) {
            const double left = tvt_mixed_x(&t, 0, k) - zero_of(x, 3);
            const double right = tvt_mixed_x(&t, 1, k / (15 * 70) * 70 + k % 70) - zero_of(s, -128);
            expect(&t, k, left * right * f + q.zero, 0.5 + fabs(left * right) / 4294967296.0);
        }
        tvt_mixed_end(&t);
    }
}

static void averages(void **state)
{
    (void)state;
    for (uint32_t i = 1; i < 4; i++) {
        const uint8_t x = type_of(i, 0), out = type_of(i, 1);
        const double f = (x == TVIS_S16 ? 1.3 : 250.0) / (out == TVIS_S16 ? 1.0 : 256.0);
        tvis_quant q = limits(out);
        tvt_mixed t;
        factor(f, 65535, &q.mul, &q.shift);
        tvt_mixed_begin(&t, shape[1], shape[2]);
        const uint32_t in = tvt_mixed_input(&t, x, 0.1f, zero_of(x, 21), shape);
        tvt_mixed_node(&t, TVIS_OP_GLOBAL_AVG_POOL, &in, 1, NULL, out, 0.1f, q.zero, &q);
        tvt_mixed_run(&t);
        assert_int_equal(t.dims[1] * t.dims[2], 1);
        for (size_t n = 0; n < 2; n++)
            for (size_t c = 0; c < 70; c++) {
                double sum = 0.0;
                for (size_t k = 0; k < 15; k++)
                    sum += tvt_mixed_x(&t, 0, (n * 15 + k) * 70 + c) - zero_of(x, 21);
                expect(&t, n * 70 + c, sum / 15.0 * f + q.zero, 0.5 + 0x1p-8);
            }
        tvt_mixed_end(&t);
    }
}

static void maxima(void **state)
{
    const tvis_params p = { .pool = { { 3, 2 }, { 2, 1 }, { 1, 0, 1, 1 } } };
    tvt_mixed t;
    (void)state;
    tvt_mixed_begin(&t, shape[1], shape[2]);
    const uint32_t in = tvt_mixed_input(&t, TVIS_S16, 0.1f, 0, shape);
    tvt_mixed_node(&t, TVIS_OP_MAX_POOL, &in, 1, &p, TVIS_S16, 0.1f, 0, NULL);
    tvt_mixed_run(&t);
    for (int32_t i = 0; i < t.dims[0] * t.dims[1] * t.dims[2] * 70; i++) {
        const int32_t c = i % 70, x = i / 70 % t.dims[2], y = i / 70 / t.dims[2] % t.dims[1],
                      n = i / 70 / t.dims[2] / t.dims[1];
        double most = -40000.0;
        for (int32_t ky = 0; ky < 3; ky++)
            for (int32_t kx = 0; kx < 2; kx++) {
                const int32_t iy = y * 2 - 1 + ky, ix = x + kx;
                if (iy >= 0 && iy < 5 && ix < 3)
                    most = fmax(most, tvt_mixed_x(&t, 0, (size_t)(((n * 5 + iy) * 3 + ix) * 70 + c)));
            }
        assert_int_equal((int)tvt_mixed_y(&t, (size_t)i), (int)most);
    }
    tvt_mixed_end(&t);
}

static uint32_t table(tvt_mixed *t, const int32_t *entries, uint8_t dtype)
{
    const int32_t dims[4] = { 1, 1, 1, *entries };
    const uint32_t id = tvis_graph_constant(&t->n.g, "table", dtype, dims);
    tvt_mixed_fill(dtype, t->n.g.tensor[id].data, (size_t)*entries);
    return id;
}

static void tables(void **state)
{
    static const int32_t entries = TVIS_TABLE16_ENTRIES;
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        const uint8_t x = type_of(i, 0), out = type_of(i, 1);
        tvt_mixed t;
        tvt_mixed_begin(&t, shape[1], shape[2]);
        const uint32_t in[2] = { tvt_mixed_input(&t, x, 0.1f, zero_of(x, 21), shape), table(&t, &entries, TVIS_S16) };
        const int16_t *v = t.n.g.tensor[in[1]].data;
        tvt_mixed_node(&t, TVIS_OP_ACTIVATION, in, 2, NULL, out, 0.1f, zero_of(out, 4), NULL);
        tvt_mixed_run(&t);
        for (size_t k = 0; k < tvt_mixed_size(shape); k++) {
            const double at = (tvt_mixed_x(&t, 0, k) * (x == TVIS_S16 ? 1.0 : 256.0) + 32768.0) / 128.0,
                         rest = at - floor(at);
            const double value = v[(int)at] * (1.0 - rest) + v[(int)at + 1] * rest;
            const double got = tvt_mixed_y(&t, k), want = out == TVIS_S16 ? value : fmin(value / 256.0, 127.0);
            assert_true(fabs(got - want) <= 0.5 + (out == TVIS_S16 ? 0.0 : 1.0 / 512));
        }
        tvt_mixed_end(&t);
    }
}

/* ---- refused ---- */

typedef void (*maker)(tvt_mixed *t, uint32_t x);

static void add_shapes(tvt_mixed *t, uint32_t x)
{
    static const int32_t other[4] = { 2, 3, 5, 70 };
    const uint32_t in[2] = { x, tvt_mixed_input(t, TVIS_S8, 0.1f, 0, other) };
    tvt_mixed_node(t, TVIS_OP_ADD, in, 2, NULL, TVIS_S16, 0.1f, 0, NULL);
}

static void add_floats(tvt_mixed *t, uint32_t x)
{
    const uint32_t in[2] = { x, tvt_mixed_input(t, TVIS_F32, 0.1f, 0, shape) };
    tvt_mixed_node(t, TVIS_OP_ADD, in, 2, NULL, TVIS_S16, 0.1f, 0, NULL);
}

static void scale_shapes(tvt_mixed *t, uint32_t x)
{
    const uint32_t in[2] = { x, tvt_mixed_input(t, TVIS_S16, 0.1f, 0, shape) };
    tvt_mixed_node(t, TVIS_OP_SCALE, in, 2, NULL, TVIS_S8, 0.1f, 0, NULL);
}

static void average_floats(tvt_mixed *t, uint32_t x)
{
    tvt_mixed_node(t, TVIS_OP_GLOBAL_AVG_POOL, &x, 1, NULL, TVIS_F32, 0.1f, 0, NULL);
}

static void average_act(tvt_mixed *t, uint32_t x)
{
    tvt_mixed_node(t, TVIS_OP_GLOBAL_AVG_POOL, &x, 1, NULL, TVIS_S16, 0.1f, 0, NULL);
    tvt_net_set_act(&t->n, t->y, TVIS_ACT_RELU);
}

static const tvis_params window = { .pool = { { 2, 2 }, { 1, 1 }, { 0, 0, 0, 0 } } };

static void max_types(tvt_mixed *t, uint32_t x)
{
    tvt_mixed_node(t, TVIS_OP_MAX_POOL, &x, 1, &window, TVIS_S8, 0.1f, 0, NULL);
}

static void max_scales(tvt_mixed *t, uint32_t x)
{
    tvt_mixed_node(t, TVIS_OP_MAX_POOL, &x, 1, &window, TVIS_S16, 0.2f, 0, NULL);
}

static void max_window(tvt_mixed *t, uint32_t x)
{
    static const tvis_params large = { .pool = { { 6, 2 }, { 1, 1 }, { 0, 0, 0, 0 } } };
    tvt_mixed_node(t, TVIS_OP_MAX_POOL, &x, 1, &large, TVIS_S16, 0.1f, 0, NULL);
}

static void table_size(tvt_mixed *t, uint32_t x)
{
    static const int32_t entries = 512;
    const uint32_t in[2] = { x, table(t, &entries, TVIS_S16) };
    tvt_mixed_node(t, TVIS_OP_ACTIVATION, in, 2, NULL, TVIS_S16, 0.1f, 0, NULL);
}

static void table_type(tvt_mixed *t, uint32_t x)
{
    static const int32_t entries = 256;
    const uint32_t in[2] = { x, table(t, &entries, TVIS_S8) };
    tvt_mixed_node(t, TVIS_OP_ACTIVATION, in, 2, NULL, TVIS_S16, 0.1f, 0, NULL);
}

static void table_missing(tvt_mixed *t, uint32_t x)
{
    tvt_mixed_node(t, TVIS_OP_ACTIVATION, &x, 1, NULL, TVIS_S16, 0.1f, 0, NULL);
}

static void refused(void **state)
{
    static const struct {
        maker make;
        tvis_diag_code code;
    } cases[] = {
        { add_shapes, TVIS_DIAG_SHAPE },     { add_floats, TVIS_DIAG_DTYPE },    { scale_shapes, TVIS_DIAG_SHAPE },
        { average_floats, TVIS_DIAG_DTYPE }, { average_act, TVIS_DIAG_DTYPE },   { max_types, TVIS_DIAG_DTYPE },
        { max_scales, TVIS_DIAG_VALUE },     { max_window, TVIS_DIAG_SHAPE },    { table_size, TVIS_DIAG_SHAPE },
        { table_type, TVIS_DIAG_DTYPE },     { table_missing, TVIS_DIAG_GRAPH },
    };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(cases); i++) {
        tvt_mixed t;
        tvis_diag d;
        tvt_mixed_begin(&t, shape[1], shape[2]);
        cases[i].make(&t, tvt_mixed_input(&t, TVIS_S16, 0.1f, 0, shape));
        const tvis_status s = tvt_mixed_plan(&t, &d);
        if (s != TVIS_EFORMAT || d.code != cases[i].code)
            fail_msg("case %zu: status %d, code %d", i, (int)s, (int)d.code);
        tvt_mixed_end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums),   cmocka_unit_test(products), cmocka_unit_test(averages),
        cmocka_unit_test(maxima), cmocka_unit_test(tables),   cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests_name("ops_s16", tests, NULL, NULL);
}
