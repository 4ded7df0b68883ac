/* SPDX-License-Identifier: MIT */
/* Floats to int16 and back, and between int8 and int16. */
#include <math.h>

#include "ops/requant.h"
#include "tests/net_mixed.h"

static const int32_t shape[4] = { 3, 5, 7, 9 };
static const uint8_t types[] = { TVIS_S8, TVIS_S16 };

static void floats_are_rounded(void **state)
{
    static const float special[] = { NAN,          INFINITY,   -INFINITY, 1e30f,     -1e30f,    0.0f,
                                     -0.0f,        0.5f,       -0.5f,     1.5f,      -1.5f,     0.49999997f,
                                     -0.49999997f, 32766.5f,   32767.5f,  -32768.5f, -32769.0f, 65535.0f,
                                     -70000.0f,    32766.498f, 8191.5f,   -8191.5f };
    tvt_mixed t;
    (void)state;
    tvt_mixed_begin(&t, shape[1], shape[2]);
    const uint32_t x = tvt_mixed_input(&t, TVIS_F32, 0.0f, 0, shape);
    float *v = t.values[0].p;
    for (size_t i = 0; i < tvt_mixed_size(shape); i++)
        v[i] = i < TVIS_COUNT(special) ? special[i] * 0.25f : v[i] * 9000.0f;
    tvt_mixed_node(&t, TVIS_OP_QUANTIZE, &x, 1, NULL, TVIS_S16, 0.25f, 0, NULL);
    tvt_mixed_run(&t);
    for (size_t i = 0; i < tvt_mixed_size(shape); i++) {
        const double want = isnan(v[i]) ? 0.0 : tvt_mixed_limit(TVIS_S16, floor((double)v[i] / 0.25 + 0.5));
        assert_int_equal((int)tvt_mixed_y(&t, i), (int)want);
    }
    tvt_mixed_end(&t);
}

static void floats_come_back(void **state)
{
    tvt_mixed t;
    (void)state;
    tvt_mixed_begin(&t, shape[1], shape[2]);
    const uint32_t x = tvt_mixed_input(&t, TVIS_S16, 0.037f, 0, shape);
    tvt_mixed_node(&t, TVIS_OP_DEQUANTIZE, &x, 1, NULL, TVIS_F32, 0.0f, 0, NULL);
    tvt_mixed_run(&t);
    for (size_t i = 0; i < tvt_mixed_size(shape); i++) {
        const double want = tvt_mixed_x(&t, 0, i) * (double)0.037f;
        assert_true(fabs(tvt_mixed_y(&t, i) - want) <= fabs(want) * 0x1p-24);
    }
    tvt_mixed_end(&t);
}

static void between_integers(void **state)
{
    static const double factors[] = { 1.0, 256.0, 1 / 256.0, 0.37, 3.1, 0.0 };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(factors) * 4; i++) {
        const uint8_t in = types[i & 1], out = types[i >> 1 & 1];
        const int32_t zero = out == TVIS_S8 ? 11 : 0, x_zero = in == TVIS_S8 ? -7 : 0;
        tvis_quant q = { .lo = -100, .hi = 120, .zero = (int8_t)zero };
        int32_t shift;
        tvt_mixed t;
        assert_int_equal(tvis_requant_choose(&factors[i / 4], 1, UINT16_MAX, &q.mul, &shift), TVIS_OK);
        q.shift = (uint8_t)shift;
        if (out == TVIS_S16)
            tvis_quant_set16(&q, -30000, 32001);
        tvt_mixed_begin(&t, shape[1], shape[2]);
        const uint32_t x = tvt_mixed_input(&t, in, 0.5f, x_zero, shape);
        tvt_mixed_node(&t, TVIS_OP_REQUANTIZE, &x, 1, NULL, out, 0.5f, zero, &q);
        tvt_mixed_run(&t);
        for (size_t k = 0; k < tvt_mixed_size(shape); k++) {
            const double v = (tvt_mixed_x(&t, 0, k) - x_zero) * factors[i / 4] + zero;
            const double lo = out == TVIS_S8 ? -100.0 : -30000.0, hi = out == TVIS_S8 ? 120.0 : 32001.0;
            assert_true(fabs(tvt_mixed_y(&t, k) - fmin(fmax(v, lo), hi)) <= 0.5 + 0x1p-10);
        }
        tvt_mixed_end(&t);
    }
}

static void refused(void **state)
{
    static const struct {
        uint8_t op, in, out, act;
    } cases[] = {
        { TVIS_OP_QUANTIZE, TVIS_S8, TVIS_S16, TVIS_ACT_NONE },
        { TVIS_OP_QUANTIZE, TVIS_F32, TVIS_S16, TVIS_ACT_RELU },
        { TVIS_OP_DEQUANTIZE, TVIS_S16, TVIS_S8, TVIS_ACT_NONE },
        { TVIS_OP_REQUANTIZE, TVIS_F32, TVIS_S16, TVIS_ACT_NONE },
        { TVIS_OP_REQUANTIZE, TVIS_F32, TVIS_S8, TVIS_ACT_NONE },
        { TVIS_OP_REQUANTIZE, TVIS_S16, TVIS_F32, TVIS_ACT_NONE },
        { TVIS_OP_REQUANTIZE, TVIS_S16, TVIS_S8, TVIS_ACT_RELU },
    };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(cases); i++) {
        tvt_mixed t;
        tvis_diag d;
        tvt_mixed_begin(&t, shape[1], shape[2]);
        const uint32_t x = tvt_mixed_input(&t, cases[i].in, 0.5f, 0, shape);
        tvt_mixed_node(&t, (tvis_op_code)cases[i].op, &x, 1, NULL, cases[i].out, 0.5f, 0, NULL);
        tvt_net_set_act(&t.n, t.y, (tvis_act)cases[i].act);
        assert_int_equal(tvt_mixed_plan(&t, &d), TVIS_EFORMAT);
        assert_int_equal(d.code, TVIS_DIAG_DTYPE);
        tvt_mixed_end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_are_rounded),
        cmocka_unit_test(floats_come_back),
        cmocka_unit_test(between_integers),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests_name("quantize_s16", tests, NULL, NULL);
}
