/* SPDX-License-Identifier: MIT */
/* Attention of a head in fp32 and int8. */
#include "bench/kernels.h"
#include "ops/attention.h"
#include "ops/attention_s8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- attention ---- */

/* Tokens, channels of a head. */
static const int32_t attention_layers[][2] = { { 197, 64 }, { 257, 64 }, { 1370, 64 } };

typedef struct attention_call {
    const tvis_attention_f32_variant *v;
    tvis_attention_f32_args a;
} attention_call;

/* All queries of a head. */
static void attention_run(void *arg)
{
    const attention_call *call = arg;
    tvis_attention_f32_args a = call->a;
    for (int32_t i = 0; i < a.keys; i += call->v->k.mr) {
        a.q = call->a.q + (ptrdiff_t)i * a.ld;
        a.y = call->a.y + (ptrdiff_t)i * a.ldy;
        a.queries = a.keys - i < call->v->k.mr ? a.keys - i : call->v->k.mr;
        call->v->run(&a);
    }
}

static tvb_stats attention_time(const tvb_options *o, const tvis_attention_f32_variant *v, tvis_attention_f32_args a)
{
    attention_call call = { v, a };
    call.a.scratch = tvb_floats((size_t)tvis_attention_f32_scratch(v, a.d));
    const tvb_stats s = tvb_measure(attention_run, &call, o->seconds);
    free(call.a.scratch);
    return s;
}

static void attention_layer(tvb_table *table, const tvb_options *o, int32_t tokens, int32_t d)
{
    char shape[48];
    const int32_t ld = 3 * 6 * d; /* of a network with six heads */
    float *x = tvb_floats((size_t)tokens * (size_t)ld), *y = tvb_floats((size_t)tokens * (size_t)d);
    const tvis_attention_f32_args a = { .q = x,
                                        .k = x + ld / 3,
                                        .v = x + 2 * ld / 3,
                                        .y = y,
                                        .keys = tokens,
                                        .d = d,
                                        .ld = ld,
                                        .ldy = d,
                                        .scale = 0.125f };
    (void)snprintf(shape, sizeof shape, "t%d d%d", (int)tokens, (int)d);
    tvb_stats reference = { .p50 = NAN };
    const tvis_attention_f32_variant *last = tvis_attention_f32;
    while (last[1].k.name)
        last++;
    for (const tvis_attention_f32_variant *v = tvis_attention_f32; v->k.name; v++) {
        tvb_timing t = { "attention_f32", v->k.name, shape, 2.0 * (double)tokens * (double)tokens * (double)d, NAN };
        if (!tvb_runs(o, &v->k, v->run) || !tvb_wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = attention_time(o, last, a);
        const tvb_stats s = v == last ? reference : attention_time(o, v, a);
        t.c_ns = reference.p50;
        tvb_report(table, o, &t, &s);
    }
    free(x);
    free(y);
}

/* ---- attention_s8 ---- */

typedef struct attention_s8_call {
    const tvis_attention_s8_variant *v;
    tvis_attention_s8_args a;
} attention_s8_call;

/* All queries of a head. */
static void attention_s8_run(void *arg)
{
    const attention_s8_call *call = arg;
    tvis_attention_s8_args a = call->a;
    if (call->v->prepare)
        call->v->prepare(&a);
    for (int32_t i = 0; i < a.keys; i += call->v->k.mr) {
        a.q = call->a.q + (ptrdiff_t)i * a.ld;
        a.y = call->a.y + (ptrdiff_t)i * a.ldy;
        a.queries = a.keys - i < call->v->k.mr ? a.keys - i : call->v->k.mr;
        call->v->run(&a);
    }
}

static tvb_stats attention_s8_time(const tvb_options *o, const tvis_attention_s8_variant *v, tvis_attention_s8_args a)
{
    attention_s8_call call = { v, a };
    call.a.scratch = tvb_bytes((size_t)tvis_attention_s8_scratch(&v->k, a.keys, a.d));
    const tvb_stats s = tvb_measure(attention_s8_run, &call, o->seconds);
    free(call.a.scratch);
    return s;
}

/* A step of the scores is 2^-11 of an exponent of 2: weights from 1 to 2^-15 are frequent. */
static void attention_s8_layer(tvb_table *table, const tvb_options *o, int32_t tokens, int32_t d)
{
    char shape[48];
    const int32_t ld = 3 * 6 * d;
    int8_t *x = tvb_bytes((size_t)tokens * (size_t)ld), *y = tvb_bytes((size_t)tokens * (size_t)d);
    const tvis_attention_s8_args a = { .q = x,
                                       .k = x + ld / 3,
                                       .v = x + 2 * ld / 3,
                                       .y = y,
                                       .keys = tokens,
                                       .d = d,
                                       .ld = ld,
                                       .ldy = d,
                                       .zero = 3,
                                       .mul = 1 << 30,
                                       .shift = 6,
                                       .y_mul = 1 << 30,
                                       .y_shift = 2,
                                       .q_y = { NULL, 0, 5, -128, 127 } };
    (void)snprintf(shape, sizeof shape, "t%d d%d", (int)tokens, (int)d);
    tvb_stats reference = { .p50 = NAN };
    const tvis_attention_s8_variant *last = tvis_attention_s8;
    while (last[1].k.name)
        last++;
    for (const tvis_attention_s8_variant *v = tvis_attention_s8; v->k.name; v++) {
        tvb_timing t = { "attention_s8", v->k.name, shape, 2.0 * (double)tokens * (double)tokens * (double)d, NAN };
        if (!tvb_runs(o, &v->k, v->run) || !tvb_wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = attention_s8_time(o, last, a);
        const tvb_stats s = v == last ? reference : attention_s8_time(o, v, a);
        t.c_ns = reference.p50;
        tvb_report(table, o, &t, &s);
    }
    free(x);
    free(y);
}

void tvb_kernels_attention(tvb_table *table, const tvb_options *o)
{
    for (size_t i = 0; i < TVIS_COUNT(attention_layers); i++)
        attention_layer(table, o, attention_layers[i][0], attention_layers[i][1]);
    for (size_t i = 0; i < TVIS_COUNT(attention_layers); i++)
        attention_s8_layer(table, o, attention_layers[i][0], attention_layers[i][1]);
}
