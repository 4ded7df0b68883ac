/* SPDX-License-Identifier: MIT */
/* Elements one by one: their number stands for that of multiplications. */
#include "bench/kernels.h"
#include "ops/look_up_s8.h"
#include "ops/pointwise_s8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- pointwise_s8, look_up_s8: elements instead of multiplications ---- */

/* Pixels and channels. */
static const int32_t pointwise_layers[][2] = { { 50176, 3 }, { 3136, 16 }, { 784, 240 }, { 196, 672 }, { 49, 1152 } };

typedef struct pointwise_call {
    const tvis_pointwise_s8_variant *v;
    const tvis_look_up_s8_variant *look_up;
    int8_t *x, *z, *y; /* (pixels, c) */
    float *f;
    int32_t *sum; /* (c) */
    int32_t pixels, c;
} pointwise_call;

static const int32_t quarter = 1 << 30;

static void run_add(void *arg)
{
    const pointwise_call *p = arg;
    const tvis_add_s8_args a = {
        p->x, p->z, p->y, p->pixels * p->c, { quarter, 0, 3 }, { quarter, 1, -7 }, { NULL, 0, 5, -128, 127 }
    };
    p->v->add(&a);
}

static void run_scale(void *arg)
{
    const pointwise_call *p = arg;
    const tvis_scale_s8_args a = { p->x, p->z, p->y, p->pixels, p->c, 3, -128, { &quarter, 0, 5, -128, 127 } };
    p->v->scale(&a);
}

static void run_sum(void *arg)
{
    const pointwise_call *p = arg;
    p->v->sum(p->x, p->c, p->pixels, p->c, p->sum);
}

static void run_max(void *arg)
{
    const pointwise_call *p = arg;
    const int8_t *rows[1] = { p->x };
    p->v->max(rows, 1, p->pixels, p->c, p->y);
}

static void run_quantize(void *arg)
{
    const pointwise_call *p = arg;
    p->v->quantize(p->f, p->pixels * p->c, 0.01f, 3, p->y);
}

static void run_dequantize(void *arg)
{
    const pointwise_call *p = arg;
    p->v->dequantize(p->x, p->pixels * p->c, 0.01f, 3, p->f);
}

static void run_look_up(void *arg)
{
    const pointwise_call *p = arg;
    const tvis_look_up_s8_args a = { p->z, p->x, p->y, p->pixels, p->c, p->c };
    p->look_up->run(&a);
}

static void pointwise_function(tvb_table *table, const tvb_options *o, pointwise_call *p, const char *op,
                               void (*run)(void *arg))
{
    const bool look_up = run == run_look_up;
    const char *first = look_up ? (const char *)tvis_look_up_s8 : (const char *)tvis_pointwise_s8;
    const size_t row_bytes = look_up ? sizeof *tvis_look_up_s8 : sizeof *tvis_pointwise_s8;
    char shape[48];
    tvb_stats reference = { .p50 = NAN };
    p->v = &tvis_pointwise_s8[tvis_pointwise_s8_choose(0)];
    p->look_up = &tvis_look_up_s8[tvis_look_up_s8_choose(0)];
    (void)snprintf(shape, sizeof shape, "p%d c%d", (int)p->pixels, (int)p->c);
    for (const char *row = first; ((const tvis_kernel *)(const void *)row)->name; row += row_bytes) {
        const tvis_kernel *k = (const tvis_kernel *)(const void *)row;
        tvb_timing t = { op, k->name, shape, (double)p->pixels * (double)p->c, NAN };
        if (!tvb_wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = tvb_measure(run, p, o->seconds);
        pointwise_call call = *p;
        if (look_up)
            call.look_up = (const tvis_look_up_s8_variant *)(const void *)row;
        else
            call.v = (const tvis_pointwise_s8_variant *)(const void *)row;
        if (!tvb_runs(o, k, look_up ? call.look_up->run != NULL : call.v->add != NULL))
            continue;
        const tvb_stats s = tvb_measure(run, &call, o->seconds);
        t.c_ns = reference.p50;
        tvb_report(table, o, &t, &s);
    }
}

static void pointwise_layer(tvb_table *table, const tvb_options *o, int32_t pixels, int32_t c)
{
    const size_t n = (size_t)pixels * (size_t)c;
    pointwise_call p = {
        NULL,   NULL, tvb_bytes(n), tvb_bytes(n < 256 ? 256 : n), tvb_bytes(n), tvb_floats(n), tvb_multipliers(c, 1),
        pixels, c
    };
    pointwise_function(table, o, &p, "add_s8", run_add);
    pointwise_function(table, o, &p, "scale_s8", run_scale);
    pointwise_function(table, o, &p, "sum_s8", run_sum);
    pointwise_function(table, o, &p, "max_s8", run_max);
    pointwise_function(table, o, &p, "look_up_s8", run_look_up);
    pointwise_function(table, o, &p, "quantize_s8", run_quantize);
    pointwise_function(table, o, &p, "dequantize_s8", run_dequantize);
    free(p.x);
    free(p.z);
    free(p.y);
    free(p.f);
    free(p.sum);
}

void tvb_kernels_pointwise(tvb_table *table, const tvb_options *o)
{
    for (size_t i = 0; i < TVIS_COUNT(pointwise_layers); i++)
        pointwise_layer(table, o, pointwise_layers[i][0], pointwise_layers[i][1]);
}
