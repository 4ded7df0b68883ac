/* SPDX-License-Identifier: MIT */
/* Products with sparse weights: nine of ten are 0; MACs are those of the dense product. */
#include "bench/kernels.h"
#include "ops/sparse_gemm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#if TVIS_LARGE_CODE

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

static void sparse_layer(tvb_table *table, const tvb_options *o, int32_t m, int32_t n, int32_t k)
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
        tvb_timing t = { "sparse_gemm", v->k.name, shape, (double)m * (double)n * (double)k, NAN };
        if (!tvb_runs(o, &v->k, v->multiply) || !tvb_wanted(o, &t))
            continue;
        float *scratch = tvb_floats((size_t)tvis_sparse_gemm_scratch(v, m, k, w.size, false) / sizeof *scratch + 1);
        sparse_call call = { v, { .g = g, .w = &w, .index = index, .scratch = scratch } };
        const tvb_stats s = tvb_measure(sparse_run, &call, o->seconds);
        for (call.v = c; call.v->k.cpu; call.v++)
            ;
        if (isnan(reference.p50))
            reference = tvb_measure(sparse_run, &call, o->seconds);
        t.c_ns = reference.p50;
        tvb_report(table, o, &t, &s);
        free(scratch);
    }
    free(x);
    free(bias);
    free(y);
    free(index);
    free((void *)(uintptr_t)w.data);
}

void tvb_kernels_sparse(tvb_table *table, const tvb_options *o)
{
    for (size_t i = 0; i < TVB_GEMM_LAYERS; i++)
        sparse_layer(table, o, tvb_gemm_layers[i][0], tvb_gemm_layers[i][1], tvb_gemm_layers[i][2]);
}
#else
void tvb_kernels_sparse(tvb_table *table, const tvb_options *o)
{
    (void)table;
    (void)o;
}
#endif
