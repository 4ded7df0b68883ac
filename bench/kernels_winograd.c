/* SPDX-License-Identifier: MIT */
/* Convolutions of 3 x 3 by Winograd's F(4 x 4, 3 x 3) in fp32. */
#include "bench/kernels.h"
#include "ops/winograd.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#if TVIS_WINOGRAD

/* Side of the picture, channels in and out: ResNet-18's and SuperPoint's. gemm_f32 has the same products directly. */
static const int32_t winograd_layers[][3] = { { 160, 64, 64 },  { 80, 64, 64 },   { 56, 64, 64 },   { 40, 128, 128 },
                                              { 30, 128, 256 }, { 28, 128, 128 }, { 14, 256, 256 }, { 7, 512, 512 } };

typedef struct winograd_call {
    tvis_winograd_f32_args a;
    int32_t tiles;
    float *scratch;
} winograd_call;

static void winograd_run(void *arg)
{
    const winograd_call *call = arg;
    tvis_winograd_part(&call->a, 0, call->tiles, 0, call->a.n, call->scratch);
}

static tvb_stats winograd_time(const tvb_options *o, const tvis_winograd_f32_variant *v, tvis_winograd_f32_args a)
{
    const int32_t channels = a.s->ic, tiles = (int32_t)tvis_winograd_tiles(a.s, 1);
    float *packed = tvb_floats((size_t)tvis_winograd_packed(&v->k, a.n, channels));
    winograd_call call = { a, tiles, tvb_floats((size_t)tvis_winograd_scratch(&v->k, a.n, channels, tiles)) };
    tvis_winograd_pack(&v->k, a.w, false, a.n, channels, packed);
    call.a.v = v;
    call.a.w = packed;
    const tvb_stats s = tvb_measure(winograd_run, &call, o->seconds);
    free(call.scratch);
    free(packed);
    return s;
}

static void winograd_layer(tvb_table *table, const tvb_options *o, int32_t side, int32_t channels, int32_t n)
{
    char shape[48];
    const tvis_conv_shape conv = { side, side, channels, side, side, 3, 3, { 1, 1 }, { 1, 1 }, 1, 1, sizeof(float) };
    const size_t pixels = (size_t)side * (size_t)side;
    float *x = tvb_floats(pixels * (size_t)channels), *w = tvb_floats((size_t)n * 9 * (size_t)channels),
          *bias = tvb_floats((size_t)n), *y = tvb_floats(pixels * (size_t)n);
    const tvis_winograd_f32_args a = {
        .s = &conv, .pictures = 1, .n = n, .x = x, .w = w, .bias = bias, .y = y, .act = TVIS_ACT_RELU, .cpu = o->cpu
    };
    (void)snprintf(shape, sizeof shape, "%dx%d c%d n%d", (int)side, (int)side, (int)channels, (int)n);
    tvb_stats reference = { .p50 = NAN };
    const tvis_winograd_f32_variant *last = tvis_winograd_f32;
    while (last[1].k.name)
        last++;
    for (const tvis_winograd_f32_variant *v = tvis_winograd_f32; v->k.name; v++) {
        tvb_timing t = { "winograd_f32", v->k.name, shape, 9.0 * (double)pixels * channels * n, NAN };
        if (!tvb_runs(o, &v->k, v->input) || !tvb_wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = winograd_time(o, last, a);
        const tvb_stats s = v == last ? reference : winograd_time(o, v, a);
        t.c_ns = reference.p50;
        tvb_report(table, o, &t, &s);
    }
    free(x);
    free(w);
    free(bias);
    free(y);
}

void tvb_kernels_winograd(tvb_table *table, const tvb_options *o)
{
    for (size_t i = 0; i < TVIS_COUNT(winograd_layers); i++)
        winograd_layer(table, o, winograd_layers[i][0], winograd_layers[i][1], winograd_layers[i][2]);
}
#else
void tvb_kernels_winograd(tvb_table *table, const tvb_options *o)
{
    (void)table;
    (void)o;
}
#endif
