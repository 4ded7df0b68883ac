/* SPDX-License-Identifier: MIT */
/* Matrix products in int8 and int16, and what makes their sums narrow. */
#include "bench/kernels.h"
#include "ops/gemm_s16.h"
#include "ops/gemm_s8.h"
#include "ops/narrow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct gemm_s8_call {
    const tvis_gemm_s8_variant *v;
    tvis_gemm_s8_args a;
} gemm_s8_call;

static void gemm_s8_run(void *arg)
{
    const gemm_s8_call *call = arg;
    call->v->run(&call->a);
}

static tvb_stats gemm_s8_time(const tvb_options *o, const tvis_gemm_s8_variant *v, tvis_gemm_s8_args a)
{
    gemm_s8_call call = { v, a };
    int8_t *packed = NULL;
    if (v->k.pack != TVIS_PACK_PLAIN) {
        packed = tvb_bytes(tvis_gemm_s8_packed(a.n, a.k, v->k.pack));
        tvis_gemm_s8_pack(a.w, a.n, a.k, v->k.pack, packed);
        call.a.w = packed;
    }
    call.a.scratch = v->scratch ? tvb_bytes(v->scratch) : NULL;
    const tvb_stats s = tvb_measure(gemm_s8_run, &call, o->seconds);
    free(call.a.scratch);
    free(packed);
    return s;
}

static void gemm_s8_layer(tvb_table *table, const tvb_options *o, int32_t m, int32_t n, int32_t k)
{
    static const tvis_gemm_s8_variant plain_c = { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_gemm_s8_c, 0, true };
    char shape[48];
    int8_t *x = tvb_bytes((size_t)m * (size_t)k), *w = tvb_bytes((size_t)n * (size_t)k),
           *y = tvb_bytes((size_t)m * (size_t)n);
    int32_t *mul = tvb_multipliers(n, k);
    const tvis_gemm_s8_args a = {
        .x = x, .w = w, .bias = mul, .y = y, .m = m, .n = n, .k = k, .ldx = k, .ldy = n, .q = { mul, 0, 3, -128, 127 }
    };
    (void)snprintf(shape, sizeof shape, "m%d n%d k%d", (int)m, (int)n, (int)k);
    tvb_stats reference = { .p50 = NAN };
    for (const tvis_gemm_s8_variant *v = tvis_gemm_s8; v->k.name; v++) {
        tvb_timing t = { "gemm_s8", v->k.name, shape, (double)m * (double)n * (double)k, NAN };
        if (!tvb_runs(o, &v->k, v->run) || (v->k.m_max && m > v->k.m_max) || !tvb_wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = gemm_s8_time(o, &plain_c, a);
        const tvb_stats s = v->run == plain_c.run ? reference : gemm_s8_time(o, v, a);
        t.c_ns = reference.p50;
        tvb_report(table, o, &t, &s);
    }
    free(x);
    free(w);
    free(y);
    free(mul);
}

/* ---- gemm_s16 ---- */

typedef struct gemm_s16_call {
    const tvis_gemm_s16_variant *v;
    tvis_gemm_s16_args a;
} gemm_s16_call;

static void gemm_s16_run(void *arg)
{
    const gemm_s16_call *call = arg;
    call->v->run(&call->a);
}

static tvb_stats gemm_s16_time(const tvb_options *o, const tvis_gemm_s16_variant *v, tvis_gemm_s16_args a)
{
    gemm_s16_call call = { v, a };
    int8_t *packed = NULL;
    if (v->k.pack != TVIS_PACK_PLAIN) {
        packed = tvb_bytes(tvis_gemm_s8_packed(a.n, a.k, v->k.pack));
        tvis_gemm_s8_pack(a.w, a.n, a.k, v->k.pack, packed);
        call.a.w = packed;
    }
    const tvb_stats s = tvb_measure(gemm_s16_run, &call, o->seconds);
    free(packed);
    return s;
}

static void gemm_s16_layer(tvb_table *table, const tvb_options *o, int32_t m, int32_t n, int32_t k)
{
    static const tvis_gemm_s16_variant plain_c = { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_gemm_s16_c };
    char shape[48];
    int16_t *x = (int16_t *)(void *)tvb_bytes((size_t)m * (size_t)k * sizeof *x);
    int8_t *w = tvb_bytes((size_t)n * (size_t)k);
    int32_t *y = (int32_t *)(void *)tvb_bytes((size_t)m * (size_t)n * sizeof *y);
    const tvis_gemm_s16_args a = { x, w, NULL, y, m, n, k, k, n };
    (void)snprintf(shape, sizeof shape, "m%d n%d k%d", (int)m, (int)n, (int)k);
    tvb_stats reference = { .p50 = NAN };
    for (const tvis_gemm_s16_variant *v = tvis_gemm_s16; v->k.name; v++) {
        tvb_timing t = { "gemm_s16", v->k.name, shape, (double)m * (double)n * (double)k, NAN };
        if (!tvb_runs(o, &v->k, v->run) || !tvb_wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = gemm_s16_time(o, &plain_c, a);
        const tvb_stats s = v->run == plain_c.run ? reference : gemm_s16_time(o, v, a);
        t.c_ns = reference.p50;
        tvb_report(table, o, &t, &s);
    }
    free(x);
    free(w);
    free(y);
}

/* ---- narrow ---- */

typedef struct narrow_call {
    const tvis_narrow_variant *v;
    tvis_narrow_args a;
} narrow_call;

static void narrow_run(void *arg)
{
    const narrow_call *call = arg;
    call->v->run(&call->a);
}

/* A block of sums to S16, or through a table to S8; elements count as MACs. */
static void narrow_block(tvb_table *table, const tvb_options *o, bool wide)
{
    enum { M = 24, N = 256 };
    static int32_t x[M * N];
    static int16_t y[M * N], entries[TVIS_TABLE16_ENTRIES];
    int32_t *mul = tvb_multipliers(N, 100);
    tvis_narrow_args a = {
        .x = x, .table = wide ? NULL : entries, .y = y, .m = M, .n = N, .ldx = N, .ldy = N, .wide = wide
    };
    a.q = (tvis_requant){ mul, 0, 0, INT16_MIN, INT16_MAX };
    for (int32_t i = 0; i < M * N; i++)
        x[i] = i * 7919 % 2000000 - 1000000;
    tvb_stats reference = { .p50 = NAN };
    for (const tvis_narrow_variant *v = tvis_narrow; v->k.name; v++) {
        tvb_timing t = { "narrow", v->k.name, wide ? "m24 n256 s16" : "m24 n256 table s8", M * N, NAN };
        if (!tvb_runs(o, &v->k, v->run) || !tvb_wanted(o, &t))
            continue;
        narrow_call call = { v, a }, plain_c = { &(tvis_narrow_variant){ .run = tvis_narrow_c }, a };
        if (isnan(reference.p50))
            reference = tvb_measure(narrow_run, &plain_c, o->seconds);
        const tvb_stats s = tvb_measure(narrow_run, &call, o->seconds);
        t.c_ns = reference.p50;
        tvb_report(table, o, &t, &s);
    }
    free(mul);
}

void tvb_kernels_integer_gemm(tvb_table *table, const tvb_options *o)
{
    for (size_t i = 0; i < TVB_GEMM_LAYERS; i++)
        gemm_s8_layer(table, o, tvb_gemm_layers[i][0], tvb_gemm_layers[i][1], tvb_gemm_layers[i][2]);
    for (size_t i = 0; i < TVB_GEMM_LAYERS; i++)
        gemm_s16_layer(table, o, tvb_gemm_layers[i][0], tvb_gemm_layers[i][1], tvb_gemm_layers[i][2]);
    narrow_block(table, o, true);
    narrow_block(table, o, false);
}
