/* SPDX-License-Identifier: MIT */
/* Layer norms in fp32 and of integers. */
#include "bench/kernels.h"
#include "ops/layer_norm.h"
#include "ops/layer_norm_s8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- layer_norm ---- */

/* Tokens, channels. A multiply-accumulate stands for an element. */
static const int32_t norm_layers[][2] = { { 257, 384 }, { 257, 768 } };

typedef struct norm_call {
    const tvis_layer_norm_f32_variant *v;
    tvis_layer_norm_f32_args a;
} norm_call;

static void norm_run(void *arg)
{
    const norm_call *call = arg;
    call->v->run(&call->a);
}

static void norm_layer(tvb_table *table, const tvb_options *o, int32_t tokens, int32_t c)
{
    char shape[48];
    const size_t n = (size_t)tokens * (size_t)c;
    float *x = tvb_floats(n), *w = tvb_floats((size_t)c), *y = tvb_floats(n);
    norm_call call = { NULL, { .x = x, .weight = w, .bias = w, .y = y, .rows = tokens, .c = c, .eps = 1e-6f } };
    (void)snprintf(shape, sizeof shape, "t%d c%d", (int)tokens, (int)c);
    for (call.v = tvis_layer_norm_f32; call.v->k.name; call.v++) {
        tvb_timing t = { "layer_norm_f32", call.v->k.name, shape, (double)n, NAN };
        if (!tvb_runs(o, &call.v->k, call.v->run) || !tvb_wanted(o, &t))
            continue;
        const tvb_stats s = tvb_measure(norm_run, &call, o->seconds);
        tvb_report(table, o, &t, &s);
    }
    free(x);
    free(w);
    free(y);
}

/* ---- layer_norm_s8 ---- */

typedef struct norm_s8_call {
    const tvis_layer_norm_s8_variant *v;
    tvis_layer_norm_s8_args a;
} norm_s8_call;

static void norm_s8_run(void *arg)
{
    const norm_s8_call *call = arg;
    call->v->run(&call->a);
}

/* S16 in, as residual streams are, to S8, for the layer behind. */
static void norm_s8_layer(tvb_table *table, const tvb_options *o, int32_t tokens, int32_t c)
{
    char shape[48];
    const size_t n = (size_t)tokens * (size_t)c;
    int8_t *x = tvb_bytes(2 * n), *y = tvb_bytes(n);
    int32_t *w = tvb_multipliers(c, 1);
    norm_s8_call call = {
        NULL,
        { .x = x, .weight = w, .bias = w, .y = y, .rows = tokens, .c = c, .shift = 12, .eps = { 1, 0 }, .x_wide = true }
    };
    (void)snprintf(shape, sizeof shape, "t%d c%d", (int)tokens, (int)c);
    for (call.v = tvis_layer_norm_s8; call.v->k.name; call.v++) {
        tvb_timing t = { "layer_norm_s8", call.v->k.name, shape, (double)n, NAN };
        if (!tvb_runs(o, &call.v->k, call.v->run) || !tvb_wanted(o, &t))
            continue;
        const tvb_stats s = tvb_measure(norm_s8_run, &call, o->seconds);
        tvb_report(table, o, &t, &s);
    }
    free(x);
    free(w);
    free(y);
}

void tvb_kernels_norm(tvb_table *table, const tvb_options *o)
{
    for (size_t i = 0; i < TVIS_COUNT(norm_layers); i++)
        norm_layer(table, o, norm_layers[i][0], norm_layers[i][1]);
    for (size_t i = 0; i < TVIS_COUNT(norm_layers); i++)
        norm_s8_layer(table, o, norm_layers[i][0], norm_layers[i][1]);
}
