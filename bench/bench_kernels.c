/* SPDX-License-Identifier: MIT */
/* Times every kernel of the variant tables that this processor can run, on the layers of MobileNetV2 and ResNet-50
 * at 224 x 224 and of DINOv2's ViT-S at 224 and 518, with all data as near to the processor as it fits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "core/port.h"
#include "ops/attention.h"
#include "ops/attention_s8.h"
#include "ops/depthwise.h"
#include "ops/depthwise_s8.h"
#include "ops/gemm.h"
#include "ops/gemm_s16.h"
#include "ops/gemm_s8.h"
#include "ops/layer_norm.h"
#include "ops/layer_norm_s8.h"
#include "ops/narrow.h"
#include "ops/look_up_s8.h"
#include "ops/pointwise_s8.h"
#include "ops/sparse_gemm.h"
#include "ops/winograd.h"

typedef struct options {
    tvb_format format;
    const char *filter;
    double seconds, ghz;
    uint32_t cpu;
} options;

static const tvb_column columns[] = {
    { "op", NULL, NULL, -13, -1 },
    { "kernel", NULL, NULL, -12, -1 },
    { "shape", NULL, NULL, -18, -1 },
    { "p50_us", NULL, "us", 9, 2 },
    { "min_us", "min ", "us", 13, 2 },
    { "gmacs", NULL, "GMAC/s", 7, 2 },
    { "macs_per_cycle", NULL, "MAC/cycle", 6, 2 },
    { "times_c", NULL, "x c", 6, 1 },
};

/* A kernel on a layer: what it is called and how long it takes. */
typedef struct timing {
    const char *op, *kernel, *shape;
    double macs;
    double c_ns; /* median of the C reference */
} timing;

static bool wanted(const options *o, const timing *t)
{
    char text[128];
    (void)snprintf(text, sizeof text, "%s %s %s", t->op, t->kernel, t->shape);
    return !o->filter || strstr(text, o->filter);
}

static bool runs(const options *o, const tvis_kernel *k, bool built)
{
    return built && !(k->cpu & ~o->cpu);
}

static void report(tvb_table *table, const options *o, const timing *t, const tvb_stats *s)
{
    tvb_text(table, t->op);
    tvb_text(table, t->kernel);
    tvb_text(table, t->shape);
    tvb_number(table, s->p50 * 1e-3);
    tvb_number(table, s->min * 1e-3);
    tvb_number(table, t->macs / s->p50);
    tvb_number(table, o->ghz > 0 ? t->macs / s->p50 / o->ghz : (double)NAN);
    tvb_number(table, t->c_ns / s->p50);
}

/* ---- gemm ---- */

static const int32_t gemm_layers[][3] = {
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
static tvb_stats gemm_time(const options *o, const tvis_gemm_f32_variant *v, tvis_gemm_f32_args a)
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

static void gemm_layer(tvb_table *table, const options *o, int32_t m, int32_t n, int32_t k)
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
        timing t = { "gemm_f32", v->k.name, shape, (double)m * (double)n * (double)k, NAN };
        if (!runs(o, &v->k, v->run) || (v->k.m_max && m > v->k.m_max) || !wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = gemm_time(o, &plain_c, a);
        const tvb_stats s = v->run == plain_c.run ? reference : gemm_time(o, v, a);
        t.c_ns = reference.p50;
        report(table, o, &t, &s);
    }
    free(x);
    free(w);
    free(bias);
    free(y);
}

#if TVIS_LARGE_CODE
/* ---- sparse_gemm: nine of ten weights are 0; MACs are those of the dense product ---- */

typedef struct sparse_call {
    const tvis_sparse_gemm_variant *v;
    tvis_sparse_gemm_args a;
} sparse_call;

static void sparse_run(void *arg)
{
    const sparse_call *call = arg;
    tvis_sparse_gemm_run(call->v, &call->a);
}

/* (n, k) floats, stored without their zeros; free() w->data. */
static void make_sparse(int32_t n, int32_t k, tvis_sparse *w)
{
    const size_t all = (size_t)n * (size_t)k;
    float *plain = tvb_floats(all);
    for (size_t i = 0; i < all; i++)
        plain[i] = i * 2654435761u % 1000 < 100 ? plain[i] : 0.0f;
    const size_t bytes_of_w = tvis_sparse_bytes(plain, n, k, sizeof *plain);
    float *stored = tvb_floats(bytes_of_w / sizeof *stored + 1);
    tvis_sparse_compress(plain, n, k, sizeof *plain, stored);
    *w = (tvis_sparse){ (const void *)stored, bytes_of_w, n, k, sizeof *plain };
    free(plain);
}

static void sparse_layer(tvb_table *table, const options *o, int32_t m, int32_t n, int32_t k)
{
    char shape[48];
    tvis_sparse w;
    make_sparse(n, k, &w);
    float *x = tvb_floats((size_t)m * (size_t)k), *bias = tvb_floats((size_t)n), *y = tvb_floats((size_t)m * (size_t)n),
          *index = tvb_floats(tvis_sparse_index_bytes(&w) / sizeof *index + 1);
    const tvis_gemm_f32_args g = {
        .x = x, .bias = bias, .y = y, .m = m, .n = n, .k = k, .ldx = k, .ldy = n, .hi = 6.0f
    };
    tvb_stats reference = { .p50 = NAN };
    tvis_sparse_index_make(&w, index);
    (void)snprintf(shape, sizeof shape, "m%d n%d k%d", (int)m, (int)n, (int)k);
    for (const tvis_sparse_gemm_variant *v = tvis_sparse_gemm, *c = v; v->k.name; v++) {
        timing t = { "sparse_gemm", v->k.name, shape, (double)m * (double)n * (double)k, NAN };
        if (!runs(o, &v->k, v->multiply) || !wanted(o, &t))
            continue;
        float *scratch = tvb_floats((size_t)tvis_sparse_gemm_scratch(v, m, k, w.size, false) / sizeof *scratch + 1);
        sparse_call call = { v, { .g = g, .w = &w, .index = index, .scratch = scratch } };
        const tvb_stats s = tvb_measure(sparse_run, &call, o->seconds);
        for (call.v = c; call.v->k.cpu; call.v++)
            ;
        if (isnan(reference.p50))
            reference = tvb_measure(sparse_run, &call, o->seconds);
        t.c_ns = reference.p50;
        report(table, o, &t, &s);
        free(scratch);
    }
    free(x);
    free(bias);
    free(y);
    free(index);
    free((void *)(uintptr_t)w.data);
}
#endif

/* ---- gemm_s8 ---- */

/* Bytes that are the same in each run; free() them. */
static int8_t *bytes(size_t n)
{
    return (int8_t *)tvb_floats((n + sizeof(float) - 1) / sizeof(float));
}

/* What brings sums of k random products to -128 … 127; free() it. */
static int32_t *multipliers(int32_t n, int32_t k)
{
    int32_t *mul = (int32_t *)(void *)tvb_floats((size_t)n);
    for (int32_t j = 0; j < n; j++)
        mul[j] = 2 * (8000000 / k + j);
    return mul;
}

typedef struct gemm_s8_call {
    const tvis_gemm_s8_variant *v;
    tvis_gemm_s8_args a;
} gemm_s8_call;

static void gemm_s8_run(void *arg)
{
    const gemm_s8_call *call = arg;
    call->v->run(&call->a);
}

static tvb_stats gemm_s8_time(const options *o, const tvis_gemm_s8_variant *v, tvis_gemm_s8_args a)
{
    gemm_s8_call call = { v, a };
    int8_t *packed = NULL;
    if (v->k.pack != TVIS_PACK_PLAIN) {
        packed = bytes(tvis_gemm_s8_packed(a.n, a.k, v->k.pack));
        tvis_gemm_s8_pack(a.w, a.n, a.k, v->k.pack, packed);
        call.a.w = packed;
    }
    call.a.scratch = v->scratch ? bytes(v->scratch) : NULL;
    const tvb_stats s = tvb_measure(gemm_s8_run, &call, o->seconds);
    free(call.a.scratch);
    free(packed);
    return s;
}

static void gemm_s8_layer(tvb_table *table, const options *o, int32_t m, int32_t n, int32_t k)
{
    static const tvis_gemm_s8_variant plain_c = { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_gemm_s8_c, 0 };
    char shape[48];
    int8_t *x = bytes((size_t)m * (size_t)k), *w = bytes((size_t)n * (size_t)k), *y = bytes((size_t)m * (size_t)n);
    int32_t *mul = multipliers(n, k);
    const tvis_gemm_s8_args a = {
        .x = x, .w = w, .bias = mul, .y = y, .m = m, .n = n, .k = k, .ldx = k, .ldy = n, .q = { mul, 0, 3, -128, 127 }
    };
    (void)snprintf(shape, sizeof shape, "m%d n%d k%d", (int)m, (int)n, (int)k);
    tvb_stats reference = { .p50 = NAN };
    for (const tvis_gemm_s8_variant *v = tvis_gemm_s8; v->k.name; v++) {
        timing t = { "gemm_s8", v->k.name, shape, (double)m * (double)n * (double)k, NAN };
        if (!runs(o, &v->k, v->run) || (v->k.m_max && m > v->k.m_max) || !wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = gemm_s8_time(o, &plain_c, a);
        const tvb_stats s = v->run == plain_c.run ? reference : gemm_s8_time(o, v, a);
        t.c_ns = reference.p50;
        report(table, o, &t, &s);
    }
    free(x);
    free(w);
    free(y);
    free(mul);
}

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

static tvb_stats depthwise_time(const options *o, const tvis_depthwise_f32_variant *v, depthwise_call call)
{
    call.v = v;
    return tvb_measure(depthwise_run, &call, o->seconds);
}

static void depthwise_layer(tvb_table *table, const options *o, int32_t side, int32_t c, int32_t k, int32_t stride)
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
        timing t = { "depthwise_f32", v->k.name, shape, (double)out_pixels * (double)c * (double)(k * k), NAN };
        if (!runs(o, &v->k, v->run) || !wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = depthwise_time(o, &plain_c, call);
        const tvb_stats s = v->run == plain_c.run ? reference : depthwise_time(o, v, call);
        t.c_ns = reference.p50;
        report(table, o, &t, &s);
    }
    free(x);
    free(w);
    free(bias);
    free(y);
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

static tvb_stats gemm_s16_time(const options *o, const tvis_gemm_s16_variant *v, tvis_gemm_s16_args a)
{
    gemm_s16_call call = { v, a };
    int8_t *packed = NULL;
    if (v->k.pack != TVIS_PACK_PLAIN) {
        packed = bytes(tvis_gemm_s8_packed(a.n, a.k, v->k.pack));
        tvis_gemm_s8_pack(a.w, a.n, a.k, v->k.pack, packed);
        call.a.w = packed;
    }
    const tvb_stats s = tvb_measure(gemm_s16_run, &call, o->seconds);
    free(packed);
    return s;
}

static void gemm_s16_layer(tvb_table *table, const options *o, int32_t m, int32_t n, int32_t k)
{
    static const tvis_gemm_s16_variant plain_c = { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_gemm_s16_c };
    char shape[48];
    int16_t *x = (int16_t *)(void *)bytes((size_t)m * (size_t)k * sizeof *x);
    int8_t *w = bytes((size_t)n * (size_t)k);
    int32_t *y = (int32_t *)(void *)bytes((size_t)m * (size_t)n * sizeof *y);
    const tvis_gemm_s16_args a = { x, w, NULL, y, m, n, k, k, n };
    (void)snprintf(shape, sizeof shape, "m%d n%d k%d", (int)m, (int)n, (int)k);
    tvb_stats reference = { .p50 = NAN };
    for (const tvis_gemm_s16_variant *v = tvis_gemm_s16; v->k.name; v++) {
        timing t = { "gemm_s16", v->k.name, shape, (double)m * (double)n * (double)k, NAN };
        if (!runs(o, &v->k, v->run) || !wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = gemm_s16_time(o, &plain_c, a);
        const tvb_stats s = v->run == plain_c.run ? reference : gemm_s16_time(o, v, a);
        t.c_ns = reference.p50;
        report(table, o, &t, &s);
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
static void narrow_block(tvb_table *table, const options *o, bool wide)
{
    enum { M = 24, N = 256 };
    static int32_t x[M * N];
    static int16_t y[M * N], entries[TVIS_TABLE16_ENTRIES];
    int32_t *mul = multipliers(N, 100);
    tvis_narrow_args a = {
        .x = x, .table = wide ? NULL : entries, .y = y, .m = M, .n = N, .ldx = N, .ldy = N, .wide = wide
    };
    a.q = (tvis_requant){ mul, 0, 0, INT16_MIN, INT16_MAX };
    for (int32_t i = 0; i < M * N; i++)
        x[i] = i * 7919 % 2000000 - 1000000;
    tvb_stats reference = { .p50 = NAN };
    for (const tvis_narrow_variant *v = tvis_narrow; v->k.name; v++) {
        timing t = { "narrow", v->k.name, wide ? "m24 n256 s16" : "m24 n256 table s8", M * N, NAN };
        if (!runs(o, &v->k, v->run) || !wanted(o, &t))
            continue;
        narrow_call call = { v, a }, plain_c = { &(tvis_narrow_variant){ .run = tvis_narrow_c }, a };
        if (isnan(reference.p50))
            reference = tvb_measure(narrow_run, &plain_c, o->seconds);
        const tvb_stats s = tvb_measure(narrow_run, &call, o->seconds);
        t.c_ns = reference.p50;
        report(table, o, &t, &s);
    }
    free(mul);
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

static tvb_stats depthwise_s8_time(const options *o, const tvis_depthwise_s8_variant *v, depthwise_s8_call call)
{
    int8_t *packed = NULL;
    call.v = v;
    if (TVIS_PACK_IS_TAPS(v->k.pack)) {
        packed = bytes(tvis_depthwise_s8_packed(call.a.kh, call.a.kw, call.a.c, v->k.pack));
        tvis_depthwise_s8_pack(call.a.w, call.a.kh, call.a.kw, call.a.c, v->k.pack, packed);
        call.a.w = packed;
    }
    const tvb_stats s = tvb_measure(depthwise_s8_run, &call, o->seconds);
    free(packed);
    return s;
}

static void depthwise_s8_layer(tvb_table *table, const options *o, int32_t side, int32_t c, int32_t k, int32_t stride)
{
    static const tvis_depthwise_s8_variant plain_c = {
        { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_depthwise_s8_c, NULL, NULL
    };
    const int32_t out = (side - 1) / stride + 1;
    const size_t pixels = (size_t)side * (size_t)side, out_pixels = (size_t)out * (size_t)out;
    char shape[48];
    int8_t *x = bytes(pixels * (size_t)c), *w = bytes((size_t)(k * k) * (size_t)c), *y = bytes(out_pixels * (size_t)c);
    int32_t *mul = multipliers(c, k * k);
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
        timing t = { "depthwise_s8", v->k.name, shape, (double)out_pixels * (double)c * (double)(k * k), NAN };
        if (!runs(o, &v->k, v->run) || !wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = depthwise_s8_time(o, &plain_c, call);
        const tvb_stats s = v->run == plain_c.run ? reference : depthwise_s8_time(o, v, call);
        t.c_ns = reference.p50;
        report(table, o, &t, &s);
    }
    free(x);
    free(w);
    free(y);
    free(mul);
}

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

static void pointwise_function(tvb_table *table, const options *o, pointwise_call *p, const char *op,
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
        timing t = { op, k->name, shape, (double)p->pixels * (double)p->c, NAN };
        if (!wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = tvb_measure(run, p, o->seconds);
        pointwise_call call = *p;
        if (look_up)
            call.look_up = (const tvis_look_up_s8_variant *)(const void *)row;
        else
            call.v = (const tvis_pointwise_s8_variant *)(const void *)row;
        if (!runs(o, k, look_up ? call.look_up->run != NULL : call.v->add != NULL))
            continue;
        const tvb_stats s = tvb_measure(run, &call, o->seconds);
        t.c_ns = reference.p50;
        report(table, o, &t, &s);
    }
}

static void pointwise_layer(tvb_table *table, const options *o, int32_t pixels, int32_t c)
{
    const size_t n = (size_t)pixels * (size_t)c;
    pointwise_call p = { NULL,   NULL, bytes(n), bytes(n < 256 ? 256 : n), bytes(n), tvb_floats(n), multipliers(c, 1),
                         pixels, c };
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

static tvb_stats attention_time(const options *o, const tvis_attention_f32_variant *v, tvis_attention_f32_args a)
{
    attention_call call = { v, a };
    call.a.scratch = tvb_floats((size_t)tvis_attention_f32_scratch(v, a.d));
    const tvb_stats s = tvb_measure(attention_run, &call, o->seconds);
    free(call.a.scratch);
    return s;
}

static void attention_layer(tvb_table *table, const options *o, int32_t tokens, int32_t d)
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
        timing t = { "attention_f32", v->k.name, shape, 2.0 * (double)tokens * (double)tokens * (double)d, NAN };
        if (!runs(o, &v->k, v->run) || !wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = attention_time(o, last, a);
        const tvb_stats s = v == last ? reference : attention_time(o, v, a);
        t.c_ns = reference.p50;
        report(table, o, &t, &s);
    }
    free(x);
    free(y);
}

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

static void norm_layer(tvb_table *table, const options *o, int32_t tokens, int32_t c)
{
    char shape[48];
    const size_t n = (size_t)tokens * (size_t)c;
    float *x = tvb_floats(n), *w = tvb_floats((size_t)c), *y = tvb_floats(n);
    norm_call call = { NULL, { .x = x, .weight = w, .bias = w, .y = y, .rows = tokens, .c = c, .eps = 1e-6f } };
    (void)snprintf(shape, sizeof shape, "t%d c%d", (int)tokens, (int)c);
    for (call.v = tvis_layer_norm_f32; call.v->k.name; call.v++) {
        timing t = { "layer_norm_f32", call.v->k.name, shape, (double)n, NAN };
        if (!runs(o, &call.v->k, call.v->run) || !wanted(o, &t))
            continue;
        const tvb_stats s = tvb_measure(norm_run, &call, o->seconds);
        report(table, o, &t, &s);
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
static void norm_s8_layer(tvb_table *table, const options *o, int32_t tokens, int32_t c)
{
    char shape[48];
    const size_t n = (size_t)tokens * (size_t)c;
    int8_t *x = bytes(2 * n), *y = bytes(n);
    int32_t *w = multipliers(c, 1);
    norm_s8_call call = {
        NULL,
        { .x = x, .weight = w, .bias = w, .y = y, .rows = tokens, .c = c, .shift = 12, .eps = { 1, 0 }, .x_wide = true }
    };
    (void)snprintf(shape, sizeof shape, "t%d c%d", (int)tokens, (int)c);
    for (call.v = tvis_layer_norm_s8; call.v->k.name; call.v++) {
        timing t = { "layer_norm_s8", call.v->k.name, shape, (double)n, NAN };
        if (!runs(o, &call.v->k, call.v->run) || !wanted(o, &t))
            continue;
        const tvb_stats s = tvb_measure(norm_s8_run, &call, o->seconds);
        report(table, o, &t, &s);
    }
    free(x);
    free(w);
    free(y);
}

/* ---- the program ---- */

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

static tvb_stats attention_s8_time(const options *o, const tvis_attention_s8_variant *v, tvis_attention_s8_args a)
{
    attention_s8_call call = { v, a };
    call.a.scratch = bytes((size_t)tvis_attention_s8_scratch(&v->k, a.keys, a.d));
    const tvb_stats s = tvb_measure(attention_s8_run, &call, o->seconds);
    free(call.a.scratch);
    return s;
}

/* A step of the scores is 2^-11 of an exponent of 2: weights from 1 to 2^-15 are frequent. */
static void attention_s8_layer(tvb_table *table, const options *o, int32_t tokens, int32_t d)
{
    char shape[48];
    const int32_t ld = 3 * 6 * d;
    int8_t *x = bytes((size_t)tokens * (size_t)ld), *y = bytes((size_t)tokens * (size_t)d);
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
        timing t = { "attention_s8", v->k.name, shape, 2.0 * (double)tokens * (double)tokens * (double)d, NAN };
        if (!runs(o, &v->k, v->run) || !wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = attention_s8_time(o, last, a);
        const tvb_stats s = v == last ? reference : attention_s8_time(o, v, a);
        t.c_ns = reference.p50;
        report(table, o, &t, &s);
    }
    free(x);
    free(y);
}

/* ---- winograd ---- */

#if TVIS_X86 || TVIS_AARCH64
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

static tvb_stats winograd_time(const options *o, const tvis_winograd_f32_variant *v, tvis_winograd_f32_args a)
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

static void winograd_layer(tvb_table *table, const options *o, int32_t side, int32_t channels, int32_t n)
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
        timing t = { "winograd_f32", v->k.name, shape, 9.0 * (double)pixels * channels * n, NAN };
        if (!runs(o, &v->k, v->input) || !wanted(o, &t))
            continue;
        if (isnan(reference.p50))
            reference = winograd_time(o, last, a);
        const tvb_stats s = v == last ? reference : winograd_time(o, v, a);
        t.c_ns = reference.p50;
        report(table, o, &t, &s);
    }
    free(x);
    free(w);
    free(bias);
    free(y);
}
#endif

static const char usage[] =
    "usage: bench_kernels [--json | --csv] [--filter TEXT] [--seconds S] [--ghz CLOCK]\n"
    "  --filter TEXT   lines that contain TEXT, e.g. 'gemm_f32 6x16_avx2' or 'k3 s2'\n"
    "  --seconds S     time for each line, default 0.1\n"
    "  --ghz CLOCK     the processor's clock, for MAC/cycle; measured when not given\n"
    "Times are medians of one call with its data in the cache; x c is the ratio to the C reference.\n";

static bool positive(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && *value > 0 && *value < 1e6;
}

static bool parse(options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "--json"))
            o->format = TVB_JSON;
        else if (!strcmp(argv[i], "--csv"))
            o->format = TVB_CSV;
        else if (!strcmp(argv[i], "--filter") && value)
            o->filter = argv[++i];
        else if (!strcmp(argv[i], "--seconds") && value && positive(value, &o->seconds))
            i++;
        else if (!strcmp(argv[i], "--ghz") && value && positive(value, &o->ghz))
            i++;
        else {
            fprintf(stderr, "bench_kernels: %s: unknown option, or a value is missing or not a positive number\n%s",
                    argv[i], usage);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    options o = { TVB_TEXT, NULL, 0.1, 0.0, tvis_cpu_detect() };
    tvb_table table;
    if (argc == 2 && !strcmp(argv[1], "--help"))
        return fputs(usage, stdout) < 0;
    if (!parse(&o, argc, argv))
        return 2;
    if (o.ghz <= 0)
        o.ghz = tvb_clock_ghz();
    tvb_table_begin(&table, o.format, columns, TVIS_COUNT(columns));
    for (size_t i = 0; i < TVIS_COUNT(gemm_layers); i++)
        gemm_layer(&table, &o, gemm_layers[i][0], gemm_layers[i][1], gemm_layers[i][2]);
#if TVIS_LARGE_CODE
    for (size_t i = 0; i < TVIS_COUNT(gemm_layers); i++)
        sparse_layer(&table, &o, gemm_layers[i][0], gemm_layers[i][1], gemm_layers[i][2]);
#endif
    for (size_t i = 0; i < TVIS_COUNT(gemm_layers); i++)
        gemm_s8_layer(&table, &o, gemm_layers[i][0], gemm_layers[i][1], gemm_layers[i][2]);
    for (size_t i = 0; i < TVIS_COUNT(gemm_layers); i++)
        gemm_s16_layer(&table, &o, gemm_layers[i][0], gemm_layers[i][1], gemm_layers[i][2]);
    narrow_block(&table, &o, true);
    narrow_block(&table, &o, false);
    for (size_t i = 0; i < TVIS_COUNT(depthwise_layers); i++)
        depthwise_layer(&table, &o, depthwise_layers[i][0], depthwise_layers[i][1], depthwise_layers[i][2],
                        depthwise_layers[i][3]);
    for (size_t i = 0; i < TVIS_COUNT(depthwise_layers); i++)
        depthwise_s8_layer(&table, &o, depthwise_layers[i][0], depthwise_layers[i][1], depthwise_layers[i][2],
                           depthwise_layers[i][3]);
    for (size_t i = 0; i < TVIS_COUNT(pointwise_layers); i++)
        pointwise_layer(&table, &o, pointwise_layers[i][0], pointwise_layers[i][1]);
    for (size_t i = 0; i < TVIS_COUNT(attention_layers); i++)
        attention_layer(&table, &o, attention_layers[i][0], attention_layers[i][1]);
    for (size_t i = 0; i < TVIS_COUNT(norm_layers); i++)
        norm_layer(&table, &o, norm_layers[i][0], norm_layers[i][1]);
    for (size_t i = 0; i < TVIS_COUNT(norm_layers); i++)
        norm_s8_layer(&table, &o, norm_layers[i][0], norm_layers[i][1]);
    for (size_t i = 0; i < TVIS_COUNT(attention_layers); i++)
        attention_s8_layer(&table, &o, attention_layers[i][0], attention_layers[i][1]);
#if TVIS_X86 || TVIS_AARCH64
    for (size_t i = 0; i < TVIS_COUNT(winograd_layers); i++)
        winograd_layer(&table, &o, winograd_layers[i][0], winograd_layers[i][1], winograd_layers[i][2]);
#endif
    if (!tvb_table_end(&table)) {
        fprintf(stderr, "bench_kernels: stdout: cannot be written\n");
        return 1;
    }
    return 0;
}
