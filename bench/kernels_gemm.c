/* SPDX-License-Identifier: MIT */
/* Matrix products in fp32. */
#include "bench/kernels.h"
#include "ops/gemm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const int32_t tvb_gemm_layers[TVB_GEMM_LAYERS][3] = {
    { 12544, 32, 27 },  { 12544, 16, 32 },  { 12544, 96, 16 },  { 3136, 24, 96 },  { 3136, 144, 24 },
    { 3136, 24, 144 },  { 784, 32, 144 },   { 784, 192, 32 },   { 784, 32, 192 },  { 196, 64, 192 },
    { 196, 384, 64 },   { 196, 64, 384 },   { 196, 96, 384 },   { 196, 576, 96 },  { 196, 96, 576 },
    { 49, 160, 576 },   { 49, 960, 160 },   { 49, 160, 960 },   { 49, 320, 960 },  { 49, 1280, 320 },
    { 1, 1000, 1280 },  { 4, 1000, 1280 },  { 12544, 64, 147 }, { 3136, 64, 576 }, { 3136, 256, 64 },
    { 784, 128, 1152 }, { 196, 256, 2304 }, { 49, 512, 4608 },  { 49, 2048, 512 }, { 257, 1152, 384 },
    { 257, 384, 1536 },
};

typedef struct gemm_call {
    const tvis_gemm_f32_variant *v;
    tvis_gemm_f32_args a;
} gemm_call;

static void gemm_run(void *arg)
{
    const gemm_call *call = arg;
    call->v->run(&call->a);
}

/* A row of the table on a layer. */
static tvb_stats gemm_time(const tvb_options *o, const tvis_gemm_f32_variant *v, tvis_gemm_f32_args a)
{
    gemm_call call = { v, a };
    float *packed = NULL;
    if (v->k.pack != TVIS_PACK_PLAIN) {
        packed = tvb_floats(tvis_gemm_f32_packed(a.n, a.k, v->k.nr));
        tvis_gemm_f32_pack(a.w, a.n, a.k, v->k.nr, packed);
        call.a.w = packed;
    }
    const tvb_stats s = tvb_measure(gemm_run, &call, o->seconds);
    free(packed);
    return s;
}

static void gemm_layer(tvb_table *table, const tvb_options *o, int32_t m, int32_t n, int32_t k)
{
    static const tvis_gemm_f32_variant plain_c = { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_gemm_f32_c };
    char shape[48];
    float *x = tvb_floats((size_t)m * (size_t)k), *w = tvb_floats((size_t)n * (size_t)k), *bias = tvb_floats((size_t)n),
          *y = tvb_floats((size_t)m * (size_t)n);
    const tvis_gemm_f32_args a = {
        .x = x, .w = w, .bias = bias, .y = y, .m = m, .n = n, .k = k, .ldx = k, .ldy = n, .lo = 0.0f, .hi = 6.0f
    };
    (void)snprintf(shape, sizeof shape, "m%d n%d k%d", (int)m, (int)n, (int)k);
    tvb_stats reference = { .p50 = NAN };
    for (const tvis_gemm_f32_variant *v = tvis_gemm_f32; v->k.name; v++) {
        tvb_timing t = { "gemm_f32", v->k.name, shape, (double)m * (double)n * (double)k, NAN };
        if (!tvb_runs(o, &v->k, v->run) || (v->k.m_max && m > v->k.m_max) || !tvb_wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = gemm_time(o, &plain_c, a);
        const tvb_stats s = v->run == plain_c.run ? reference : gemm_time(o, v, a);
        t.c_ns = reference.p50;
        tvb_report(table, o, &t, &s);
    }
    free(x);
    free(w);
    free(bias);
    free(y);
}

void tvb_kernels_gemm(tvb_table *table, const tvb_options *o)
{
    for (size_t i = 0; i < TVB_GEMM_LAYERS; i++)
        gemm_layer(table, o, tvb_gemm_layers[i][0], tvb_gemm_layers[i][1], tvb_gemm_layers[i][2]);
}
