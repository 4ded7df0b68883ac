/* SPDX-License-Identifier: MIT */
/* Layer normalisation, division by length and softmax of S8 and S16 as nodes, against double precision, and what they
 * refuse. */
#include <math.h>

#include "ops/layer_norm_s8.h"
#include "ops/requant.h"
#include "tests/net_mixed.h"

static const int32_t shape[4] = { 3, 2, 7, 96 };
static const uint8_t types[] = { TVIS_S8, TVIS_S16 };
/* Of all outputs of a test, on every target. */
#define LAYER_NORM_CRC 0x801913acu
#define LENGTH_CRC     0x5f02b955u
#define SOFTMAX_CRC    0x163bf6bdu
#define EPS            1e-3f
#define SCALE          0.004f

static uint8_t type_of(uint32_t i, uint32_t k)
{
    return types[i >> k & 1];
}

static int32_t zero_of(uint8_t dtype, int32_t zero)
{
    return dtype == TVIS_S8 ? zero : 0;
}

static uint32_t add_crc(uint32_t crc, const tvt_mixed *t)
{
    return tvis_crc32(crc, t->out.p, t->out.size);
}

static void expect_crc(uint32_t crc, uint32_t want)
{
    if (crc != want)
        fail_msg("crc 0x%08xu", crc);
}

/* ---- layer normalisation ---- */

static double gamma_of(int32_t k, uint8_t out)
{
    return (out == TVIS_S16 ? 6000.0 : 24.0) * (k % 11 - 5) / 5.0;
}

static double beta_of(int32_t k, uint8_t out)
{
    return (out == TVIS_S16 ? 5000.0 : 20.0) * (k % 7 - 3) / 3.0;
}

static uint32_t constant(tvt_mixed *t, const char *name, int32_t c, uint8_t dtype)
{
    const int32_t dims[4] = { 1, 1, 1, c };
    return tvis_graph_constant(&t->n.g, name, dtype, dims);
}

static void make_layer_norm(tvt_mixed *t, uint8_t in, uint8_t out)
{
    const int32_t c = shape[3], shift = out == TVIS_S16 ? 10 : 21, zero = zero_of(out, -13);
    const double unit =
        out == TVIS_S16 ? ldexp(1.0, 32 - tvis_layer_norm_s8_bits(c, false)) : 1.0 / tvis_layer_norm_s8_unit(c, false);
    tvis_params p;
    memset(&p, 0, sizeof p);
    p.eps = EPS;
    tvt_mixed_begin(t, shape[1], shape[2]);
    const uint32_t ids[3] = { tvt_mixed_input(t, in, SCALE, zero_of(in, 40), shape), constant(t, "w", c, TVIS_S32),
                              constant(t, "b", c, TVIS_S32) };
    for (int32_t k = 0; k < c; k++) {
        const int32_t w = (int32_t)floor(gamma_of(k, out) * ldexp(unit, shift) / 2.0 + 0.5) * 2;
        ((int32_t *)t->n.g.tensor[ids[1]].data)[k] = out == TVIS_S16 ? w : w & 0xffff;
        ((int32_t *)t->n.g.tensor[ids[2]].data)[k] = (int32_t)floor(ldexp(beta_of(k, out) + zero + 0.5, shift) + 0.5);
    }
    tvt_mixed_node(t, TVIS_OP_LAYER_NORM, ids, 3, &p, out, 1.0f, zero, &(tvis_quant){ .shift = (uint8_t)shift });
}

static void check_layer_norm(const tvt_mixed *t, size_t row, uint8_t out)
{
    const size_t c = (size_t)shape[3], at = row * c;
    double mean = 0.0, var = 0.0;
    for (size_t k = 0; k < c; k++)
        mean += tvt_mixed_x(t, 0, at + k) / (double)c;
    for (size_t k = 0; k < c; k++)
        var += pow(tvt_mixed_x(t, 0, at + k) - mean, 2.0) / (double)c;
    const double by = sqrt(var + (double)EPS / ((double)SCALE * (double)SCALE));
    for (size_t k = 0; k < c; k++) {
        const double n = (tvt_mixed_x(t, 0, at + k) - mean) / by;
        const double want = n * gamma_of((int32_t)k, out) + beta_of((int32_t)k, out) + zero_of(out, -13);
        if (!(fabs(tvt_mixed_limit(out, want) - tvt_mixed_y(t, at + k)) <= 0.53))
            fail_msg("row %zu, channel %zu: %g is not %.3f", row, k, tvt_mixed_y(t, at + k), want);
    }
}

static void layer_norms(void **state)
{
    uint32_t crc = 0;
    (void)state;
    tvt_srand(17);
    for (uint32_t i = 0; i < 4; i++) {
        tvt_mixed t;
        make_layer_norm(&t, type_of(i, 0), type_of(i, 1));
        tvt_mixed_run(&t);
        crc = add_crc(crc, &t);
        for (size_t row = 0; row < 42; row++)
            check_layer_norm(&t, row, type_of(i, 1));
        tvt_mixed_end(&t);
    }
    expect_crc(crc, LAYER_NORM_CRC);
}

/* ---- length ---- */

static void lengths(void **state)
{
    uint32_t crc = 0;
    (void)state;
    tvt_srand(17);
    for (uint32_t i = 0; i < 8; i++) {
        const uint8_t in = type_of(i, 0), out = type_of(i, 1);
        const double steps = out == TVIS_S16 ? 32767.0 : 127.0, eps = i >> 2 & 1 ? 0.9 : 1e-12;
        const int32_t zero = zero_of(in, 40), shift = out == TVIS_S16 ? 11 : 21, c = shape[3];
        const double unit = out == TVIS_S16 ? ldexp(1.0, 32 - tvis_layer_norm_s8_bits(c, true))
                                            : 1.0 / tvis_layer_norm_s8_unit(c, true);
        const tvis_quant q = { .mul = (int32_t)floor(ldexp(steps * unit, shift) / 2.0 + 0.5) * 2,
                               .shift = (uint8_t)shift,
                               .zero = (int8_t)zero_of(out, 1) };
        tvis_params p;
        tvt_mixed t;
        memset(&p, 0, sizeof p);
        p.eps = (float)eps;
        tvt_mixed_begin(&t, shape[1], shape[2]);
        const uint32_t x = tvt_mixed_input(&t, in, 1e-3f, zero, shape);
        memset(t.values[0].p, in == TVIS_S8 ? zero : 0, (size_t)c * tvis_dtype_size((tvis_dtype)in)); /* one without */
        tvt_mixed_node(&t, TVIS_OP_L2_NORM, &x, 1, &p, out, (float)(1.0 / steps), q.zero, &q);
        tvt_mixed_run(&t);
        crc = add_crc(crc, &t);
        for (size_t row = 0; row < 42; row++) {
            double sum = 0.0;
            for (size_t k = 0; k < (size_t)c; k++)
                sum += pow(tvt_mixed_x(&t, 0, row * (size_t)c + k) - zero, 2.0);
            const double by = fmax(sqrt(sum), (double)p.eps / (double)1e-3f);
            for (size_t k = 0; k < (size_t)c; k++) {
                const double want = (tvt_mixed_x(&t, 0, row * (size_t)c + k) - zero) / by * steps + q.zero;
                if (!(fabs(want - tvt_mixed_y(&t, row * (size_t)c + k)) <= 0.52))
                    fail_msg("row %zu, channel %zu: %g is not %.3f", row, k, tvt_mixed_y(&t, row * (size_t)c + k),
                             want);
            }
        }
        tvt_mixed_end(&t);
    }
    expect_crc(crc, LENGTH_CRC);
}

/* ---- softmax ---- */

static void make_softmax(tvt_mixed *t, uint8_t in, uint8_t out, float scale, const int32_t *dims)
{
    const double factor = (double)scale * 1.4426950408889634 * 4194304.0;
    tvis_quant q = { 0 };
    int32_t shift;
    assert_int_equal(tvis_requant_choose(&factor, 1, 0, &q.mul, &shift), TVIS_OK);
    q.shift = (uint8_t)shift;
    tvt_mixed_begin(t, dims[1], dims[2]);
    const uint32_t x = tvt_mixed_input(t, in, scale, zero_of(in, 40), dims);
    tvt_mixed_node(t, TVIS_OP_SOFTMAX, &x, 1, NULL, out, out == TVIS_S16 ? 1.0f / 32768.0f : 1.0f / 256.0f,
                   zero_of(out, -128), &q);
}

static void check_softmax(const tvt_mixed *t, size_t row, size_t c, uint8_t out)
{
    const double steps = out == TVIS_S16 ? 32768.0 : 256.0, scale = (double)t->n.g.tensor[0].scale;
    double max = -40000.0, sum = 0.0;
    for (size_t k = 0; k < c; k++)
        max = fmax(max, tvt_mixed_x(t, 0, row * c + k));
    for (size_t k = 0; k < c; k++)
        sum += exp((tvt_mixed_x(t, 0, row * c + k) - max) * scale);
    for (size_t k = 0; k < c; k++) {
        const double want = exp((tvt_mixed_x(t, 0, row * c + k) - max) * scale) / sum * steps + zero_of(out, -128);
        const double allowed = 0.5 + steps * 0x1p-21 + steps * (double)c * 0x1p-30;
        if (!(fabs(tvt_mixed_limit(out, want) - tvt_mixed_y(t, row * c + k)) <= allowed))
            fail_msg("row %zu, channel %zu: %g is not %.3f", row, k, tvt_mixed_y(t, row * c + k), want);
    }
}

static void softmaxes(void **state)
{
    static const int32_t channels[] = { 1, 2, 65, 100, 5000 };
    static const float scales[] = { 1e-7f, 2e-4f, 0.03f, 1.0f, 60.0f };
    uint32_t crc = 0;
    (void)state;
    tvt_srand(17);
    for (uint32_t i = 0; i < 4 * TVIS_COUNT(channels) * TVIS_COUNT(scales); i++) {
        const int32_t c = channels[i / 4 % TVIS_COUNT(channels)], dims[4] = { 2, 1, 2, c };
        tvt_mixed t;
        make_softmax(&t, type_of(i, 0), type_of(i, 1), scales[i / 4 / TVIS_COUNT(channels)], dims);
        if (i % 3 == 0)
            memset(t.values[0].p, 5, t.values[0].size / 2); /* rows of equal values */
        tvt_mixed_run(&t);
        crc = add_crc(crc, &t);
        for (size_t row = 0; row < 4; row++)
            check_softmax(&t, row, (size_t)c, type_of(i, 1));
        tvt_mixed_end(&t);
    }
    expect_crc(crc, SOFTMAX_CRC);
}

/* ---- refused ---- */

static void refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 10; i++) {
        static const tvis_diag_code codes[] = { TVIS_DIAG_DTYPE, TVIS_DIAG_DTYPE, TVIS_DIAG_SHAPE, TVIS_DIAG_GRAPH,
                                                TVIS_DIAG_VALUE, TVIS_DIAG_DTYPE, TVIS_DIAG_VALUE, TVIS_DIAG_VALUE,
                                                TVIS_DIAG_DTYPE, TVIS_DIAG_DTYPE };
        tvt_mixed t;
        tvis_diag d;
        if (i < 6)
            make_layer_norm(&t, TVIS_S16, TVIS_S8);
        else
            make_softmax(&t, TVIS_S8, TVIS_S16, 0.1f, shape);
        tvis_gnode *n = tvis_graph_producer(&t.n.g, t.y);
        switch (i) {
        case 0:
            tvt_mixed_type(&t, t.y, TVIS_F32, 0.0f, 0);
            break;
        case 1:
            n->in[1] = constant(&t, "float", shape[3], TVIS_F32);
            break;
        case 2:
            n->in[2] = constant(&t, "short", shape[3] - 1, TVIS_S32);
            break;
        case 3:
            n->in_count = 2;
            break;
        case 4:
            t.n.g.tensor[n->in[0]].scale = 1e-30f;
            break;
        case 5:
        case 9:
            n->act = TVIS_ACT_RELU;
            break;
        case 6:
            t.n.g.tensor[t.y].scale = 1.0f / 32767.0f;
            break;
        case 7:
            tvt_mixed_type(&t, t.y, TVIS_S8, 1.0f / 256.0f, -127);
            break;
        default:
            tvt_mixed_type(&t, t.y, TVIS_F32, 0.0f, 0);
        }
        const tvis_status s = tvt_mixed_plan(&t, &d);
        if (s != TVIS_EFORMAT || d.code != codes[i])
            fail_msg("case %u: status %d, code %d", i, (int)s, (int)d.code);
        tvt_mixed_end(&t);
    }
}

static void too_many_channels(void **state)
{
    static const int32_t many[4] = { 1, 1, 1, TVIS_LAYER_NORM_S8_MAX_C + 1 };
    tvis_params p;
    tvt_mixed t;
    tvis_diag d;
    (void)state;
    memset(&p, 0, sizeof p);
    tvt_mixed_begin(&t, 1, 1);
    const uint32_t x = tvt_mixed_input(&t, TVIS_S16, SCALE, 0, many);
    tvt_mixed_node(&t, TVIS_OP_L2_NORM, &x, 1, &p, TVIS_S16, 1.0f / 32767.0f, 0, NULL);
    assert_int_equal(tvt_mixed_plan(&t, &d), TVIS_EUNSUP);
    assert_int_equal(d.code, TVIS_DIAG_LIMIT);
    tvt_mixed_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_norms), cmocka_unit_test(lengths),           cmocka_unit_test(softmaxes),
        cmocka_unit_test(refused),     cmocka_unit_test(too_many_channels),
    };
    return cmocka_run_group_tests_name("ops_norm_s8", tests, NULL, NULL);
}
