/* SPDX-License-Identifier: MIT */
/* Depthwise convolutions in fp32 and int8. */
#include "bench/kernels.h"
#include "ops/depthwise.h"
#include "ops/depthwise_s8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- depthwise ---- */

/* Side of the picture, channels, kernel, stride. */
static const int32_t depthwise_layers[][4] = {
    { 112, 32, 3, 1 }, { 112, 96, 3, 2 }, { 56, 144, 3, 1 }, { 56, 144, 3, 2 }, { 28, 192, 3, 1 }, { 28, 192, 3, 2 },
    { 14, 384, 3, 1 }, { 14, 576, 3, 1 }, { 14, 576, 3, 2 }, { 7, 960, 3, 1 },  { 28, 120, 5, 1 }, { 14, 672, 5, 2 },
};

#define MAX_KH 5

typedef struct depthwise_call {
    const tvis_depthwise_f32_variant *v;
    tvis_depthwise_f32_args a;
    const float *x;
    float *y;
} depthwise_call;

/* All rows of a square picture. */
static void depthwise_run(void *arg)
{
    const depthwise_call *call = arg;
    tvis_depthwise_f32_args a = call->a;
    const float *rows[MAX_KH];
    a.rows = rows;
    for (int32_t oy = 0; oy < a.ow; oy++) {
        for (int32_t ky = 0; ky < a.kh; ky++) {
            const int32_t iy = oy * a.stride - a.pad + ky;
            rows[ky] = iy >= 0 && iy < a.iw ? call->x + (ptrdiff_t)iy * a.iw * a.c : NULL;
        }
        a.y = call->y + (ptrdiff_t)oy * a.ow * a.c;
        call->v->run(&a);
    }
}

static tvb_stats depthwise_time(const tvb_options *o, const tvis_depthwise_f32_variant *v, depthwise_call call)
{
    call.v = v;
    return tvb_measure(depthwise_run, &call, o->seconds);
}

static void depthwise_layer(tvb_table *table, const tvb_options *o, int32_t side, int32_t c, int32_t k, int32_t stride)
{
    static const tvis_depthwise_f32_variant plain_c = { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 },
                                                        tvis_depthwise_f32_c,
                                                        NULL };
    const int32_t out = (side - 1) / stride + 1;
    const size_t pixels = (size_t)side * (size_t)side, out_pixels = (size_t)out * (size_t)out;
    char shape[48];
    float *x = tvb_floats(pixels * (size_t)c), *w = tvb_floats((size_t)(k * k) * (size_t)c),
          *bias = tvb_floats((size_t)c), *y = tvb_floats(out_pixels * (size_t)c);
    depthwise_call call = { &plain_c,
                            { .w = w,
                              .bias = bias,
                              .iw = side,
                              .ow = out,
                              .c = c,
                              .kh = k,
                              .kw = k,
                              .stride = stride,
                              .pad = k / 2,
                              .dilation = 1,
                              .lo = 0.0f,
                              .hi = 6.0f },
                            x,
                            y };
    (void)snprintf(shape, sizeof shape, "%dx%d c%d k%d s%d", (int)side, (int)side, (int)c, (int)k, (int)stride);
    tvb_stats reference = { .p50 = NAN };
    for (const tvis_depthwise_f32_variant *v = tvis_depthwise_f32; v->k.name; v++) {
        tvb_timing t = { "depthwise_f32", v->k.name, shape, (double)out_pixels * (double)c * (double)(k * k), NAN };
        if (!tvb_runs(o, &v->k, v->run) || !tvb_wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = depthwise_time(o, &plain_c, call);
        const tvb_stats s = v->run == plain_c.run ? reference : depthwise_time(o, v, call);
        t.c_ns = reference.p50;
        tvb_report(table, o, &t, &s);
    }
    free(x);
    free(w);
    free(bias);
    free(y);
}

/* ---- depthwise_s8 ---- */

typedef struct depthwise_s8_call {
    const tvis_depthwise_s8_variant *v;
    tvis_depthwise_s8_args a;
    const int8_t *x;
    int8_t *y;
} depthwise_s8_call;

/* All rows of a square picture. */
static void depthwise_s8_run(void *arg)
{
    const depthwise_s8_call *call = arg;
    tvis_depthwise_s8_args a = call->a;
    const int8_t *rows[MAX_KH];
    a.rows = rows;
    for (int32_t oy = 0; oy < a.ow; oy++) {
        for (int32_t ky = 0; ky < a.kh; ky++) {
            const int32_t iy = oy * a.stride - a.pad + ky;
            rows[ky] = iy >= 0 && iy < a.iw ? call->x + (ptrdiff_t)iy * a.iw * a.c : NULL;
        }
        a.y = call->y + (ptrdiff_t)oy * a.ow * a.c;
        call->v->run(&a);
    }
}

static tvb_stats depthwise_s8_time(const tvb_options *o, const tvis_depthwise_s8_variant *v, depthwise_s8_call call)
{
    int8_t *packed = NULL;
    call.v = v;
    if (TVIS_PACK_IS_TAPS(v->k.pack)) {
        packed = tvb_bytes(tvis_depthwise_s8_packed(call.a.kh, call.a.kw, call.a.c, v->k.pack));
        tvis_depthwise_s8_pack(call.a.w, call.a.kh, call.a.kw, call.a.c, v->k.pack, packed);
        call.a.w = packed;
    }
    const tvb_stats s = tvb_measure(depthwise_s8_run, &call, o->seconds);
    free(packed);
    return s;
}

static void depthwise_s8_layer(tvb_table *table, const tvb_options *o, int32_t side, int32_t c, int32_t k,
                               int32_t stride)
{
    static const tvis_depthwise_s8_variant plain_c = {
        { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_depthwise_s8_c, NULL, NULL, 0
    };
    const int32_t out = (side - 1) / stride + 1;
    const size_t pixels = (size_t)side * (size_t)side, out_pixels = (size_t)out * (size_t)out;
    char shape[48];
    int8_t *x = tvb_bytes(pixels * (size_t)c), *w = tvb_bytes((size_t)(k * k) * (size_t)c),
           *y = tvb_bytes(out_pixels * (size_t)c);
    int32_t *mul = tvb_multipliers(c, k * k);
    depthwise_s8_call call = { &plain_c,
                               { .w = w,
                                 .bias = mul,
                                 .iw = side,
                                 .ow = out,
                                 .c = c,
                                 .kh = k,
                                 .kw = k,
                                 .stride = stride,
                                 .pad = k / 2,
                                 .dilation = 1,
                                 .x_zero = -128,
                                 .q = { mul, 0, 3, -128, 127 } },
                               x,
                               y };
    (void)snprintf(shape, sizeof shape, "%dx%d c%d k%d s%d", (int)side, (int)side, (int)c, (int)k, (int)stride);
    tvb_stats reference = { .p50 = NAN };
    for (const tvis_depthwise_s8_variant *v = tvis_depthwise_s8; v->k.name; v++) {
        tvb_timing t = { "depthwise_s8", v->k.name, shape, (double)out_pixels * (double)c * (double)(k * k), NAN };
        if (!tvb_runs(o, &v->k, v->run) || !tvb_wanted(o, &t) || (v->side && v->side != k))
            continue;
        if (isnan(reference.p50))
            reference = depthwise_s8_time(o, &plain_c, call);
        const tvb_stats s = v->run == plain_c.run ? reference : depthwise_s8_time(o, v, call);
        t.c_ns = reference.p50;
        tvb_report(table, o, &t, &s);
    }
    free(x);
    free(w);
    free(y);
    free(mul);
}

void tvb_kernels_depthwise(tvb_table *table, const tvb_options *o)
{
    for (size_t i = 0; i < TVIS_COUNT(depthwise_layers); i++)
        depthwise_layer(table, o, depthwise_layers[i][0], depthwise_layers[i][1], depthwise_layers[i][2],
                        depthwise_layers[i][3]);
    for (size_t i = 0; i < TVIS_COUNT(depthwise_layers); i++)
        depthwise_s8_layer(table, o, depthwise_layers[i][0], depthwise_layers[i][1], depthwise_layers[i][2],
                           depthwise_layers[i][3]);
}
