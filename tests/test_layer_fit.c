/* SPDX-License-Identifier: MIT */
/* Layers of quantized models fitted to the float model's: errors are measured on other rows than those of the fit. */
#include "quant/layer_fit_hosted.h"
#include "tests/net.h"
#include "tests/network.h"

#include <math.h>
#include <string.h>

enum { SIDE = 12, PIXELS = SIDE * SIDE, OUT = 24, GROUPS = 2, INPUTS = 16, TAPS = 9, K = TAPS * INPUTS / GROUPS };

/* A 3 x 3 convolution of two groups, whose input loses something on its way. */
typedef struct layer {
    tvt_net net;
    tvis_blob blob;
    tvis_model m;
    tvis_layer_fit fit;
    tvis_refit refit;
    float w[OUT * K], bias[OUT], refit_bias[OUT];
    double scale[OUT];
    int8_t q[OUT * K];
    float exact[PIXELS * INPUTS], x[PIXELS * INPUTS];
} layer;

static void make_layer(layer *l)
{
    tvt_conv c = tvt_conv_of(OUT, 3, 1);
    tvis_diag d;
    c.groups = GROUPS;
    tvt_srand(7);
    tvt_net_begin(&l->net, SIDE, SIDE);
    tvis_graph_output(&l->net.g, tvt_net_conv(&l->net, tvt_net_input(&l->net, INPUTS), c));
    tvt_ok(tvt_net_write(&l->net, &l->blob), &l->net.diag);
    tvt_ok(tvis_model_open(&l->m, l->blob.data, l->blob.size, &d), &d);
    tvt_fill_f32(l->w, OUT * K);
    tvt_fill_f32(l->bias, OUT);
    l->refit = (tvis_refit){ l->q, l->scale, l->refit_bias };
    l->fit = (tvis_layer_fit){ .w = l->w, .bias = l->bias, .n = OUT, .rows = tvis_layer_rows_of(&l->m, 0) };
    assert_int_equal(l->fit.rows.k, K);
    assert_true(tvis_layer_fit_begin(&l->fit, tvt_cpu()));
    tvis_layer_rows_fit(&l->fit.rows, &l->m, 0, (int32_t[]){ 1, SIDE, SIDE, INPUTS });
    assert_int_equal(l->fit.rows.count, PIXELS);
}

static void free_layer(layer *l)
{
    tvis_layer_fit_free(&l->fit);
    tvis_blob_free(&l->blob);
}

/* Channels have a part in common, and a mean; the quantized model has 3/4 of channel 1, is 0.2 off in channel 2, and
 * rounds. Of `clipped` pixels it has lost nearly all. */
static void draw(layer *l, uint32_t seed, int clipped)
{
    tvt_srand(seed);
    for (int i = 0; i < PIXELS; i++) {
        const float common = tvt_float(-1.0f, 1.0f);
        for (int c = 0; c < INPUTS; c++) {
            const float v = 0.5f + common + tvt_float(-0.5f, 0.5f);
            const float kept = c == 1 ? 0.75f * v : c == 2 ? v + 0.2f : v;
            l->exact[i * INPUTS + c] = i < clipped ? 40.0f * v : v;
            l->x[i * INPUTS + c] = roundf(kept * 40.0f) / 40.0f;
        }
    }
}

/* Of the pixels that are not clipped, over the energy of the outputs, in dB, with weights w * scale. */
static double outputs_db(const layer *l, const float *w, const float *bias, int clipped, double *mean)
{
    double noise = 0.0, signal = 0.0;
    float room[K], exact[K];
    *mean = 0.0;
    for (int i = clipped + SIDE + 1; i < PIXELS; i++)
        for (int o = 0; o < OUT; o++) {
            const int g = o / (OUT / GROUPS);
            memcpy(exact, tvis_layer_row(&l->fit.rows, l->exact, i, g, room), sizeof exact);
            const float *x = tvis_layer_row(&l->fit.rows, l->x, i, g, room);
            double want = (double)l->bias[o], got = (double)bias[o];
            for (int k = 0; k < K; k++) {
                want += (double)l->w[o * K + k] * (double)exact[k];
                got += (double)w[o * K + k] * (double)x[k];
            }
            signal += want * want;
            noise += (want - got) * (want - got);
            *mean += (want - got) / (PIXELS * OUT);
        }
    return 10.0 * log10(signal / noise);
}

/* Fitted, or rounded to the nearest. */
static void expand(const layer *l, bool fitted, float *to)
{
    for (int o = 0; o < OUT; o++) {
        const double scale = fitted ? l->scale[o] : tvis_row_scale(l->w + o * K, K);
        for (int k = 0; k < K; k++) {
            const double v = fitted ? (double)l->q[o * K + k] : floor((double)l->w[o * K + k] / scale + 0.5);
            to[o * K + k] = (float)(v * scale);
        }
    }
}

static void compare(layer *l, int clipped, double least)
{
    float nearest[OUT * K], fitted[OUT * K];
    double moved, left;
    for (uint32_t i = 0; i < 16; i++) {
        draw(l, 100 + i, clipped);
        tvis_layer_fit_add(&l->fit, l->exact, l->x, i, 16);
    }
    assert_true(tvis_layer_fit_is_determined(&l->fit));
    assert_true(tvis_layer_fit_solve(&l->fit, &l->refit));
    expand(l, false, nearest);
    expand(l, true, fitted);
    draw(l, 1, clipped);
    const double plain = outputs_db(l, nearest, l->bias, clipped, &moved);
    const double db = outputs_db(l, fitted, l->refit_bias, clipped, &left);
    if (!(db > plain + least && fabs(left) < 0.1 * fabs(moved)))
        fail_msg("%.2f dB with the nearest integers, %.2f dB fitted, means off by %g and %g", plain, db, moved, left);
}

static void losses_are_made_up_for(void **state)
{
    layer l;
    (void)state;
    make_layer(&l);
    compare(&l, 0, 10.0);
    free_layer(&l);
}

static void clipped_pixels_do_not_count(void **state)
{
    layer l;
    (void)state;
    make_layer(&l);
    compare(&l, 2, 10.0);
    free_layer(&l);
}

static void zeros_stay(void **state)
{
    layer l;
    int zeros = 0, others = 0;
    (void)state;
    make_layer(&l);
    for (int i = 0; i < OUT * K; i += 3)
        l.w[i] = 0.0f;
    compare(&l, 0, 3.0);
    for (int i = 0; i < OUT * K; i++) {
        zeros += i % 3 == 0 && l.q[i] != 0;
        others += l.q[i] != 0;
    }
    assert_int_equal(zeros, 0);
    assert_true(others > OUT * K / 2);
    free_layer(&l);
}

static void few_rows_determine_nothing(void **state)
{
    layer l;
    (void)state;
    make_layer(&l);
    assert_false(tvis_layer_fit_is_determined(&l.fit));
    free_layer(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_made_up_for),
        cmocka_unit_test(clipped_pixels_do_not_count),
        cmocka_unit_test(zeros_stay),
        cmocka_unit_test(few_rows_determine_nothing),
    };
    return cmocka_run_group_tests_name("layer_fit", tests, NULL, NULL);
}
