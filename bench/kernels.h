/* SPDX-License-Identifier: MIT */
/* What the families of kernels share in bench_kernels: options, a line of the table, layers. */
#ifndef TVIS_BENCH_KERNELS_H
#define TVIS_BENCH_KERNELS_H

#include "bench/bench.h"
#include "core/kernel.h"
#include "core/port.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct tvb_options {
    tvb_format format;
    const char *filter;
    double seconds, ghz;
    uint32_t cpu;
} tvb_options;

/* A kernel on a layer: what it is called and how long it takes. */
typedef struct tvb_timing {
    const char *op, *kernel, *shape;
    double macs;
    double c_ns; /* median of the C reference */
} tvb_timing;

/* Whether the line is asked for; whether this processor runs the kernel. */
bool tvb_wanted(const tvb_options *o, const tvb_timing *t);
bool tvb_runs(const tvb_options *o, const tvis_kernel *k, bool built);
void tvb_report(tvb_table *table, const tvb_options *o, const tvb_timing *t, const tvb_stats *s);
/* Bytes that are the same in each run; free() them. */
int8_t *tvb_bytes(size_t n);
/* What brings sums of k random products to -128 … 127; free() it. */
int32_t *tvb_multipliers(int32_t n, int32_t k);

/* Matrix products: rows, outputs, inputs. */
#define TVB_GEMM_LAYERS 31
extern const int32_t tvb_gemm_layers[TVB_GEMM_LAYERS][3];

/* Each times one family on its layers. */
void tvb_kernels_gemm(tvb_table *table, const tvb_options *o);
void tvb_kernels_sparse(tvb_table *table, const tvb_options *o);
void tvb_kernels_integer_gemm(tvb_table *table, const tvb_options *o);
void tvb_kernels_depthwise(tvb_table *table, const tvb_options *o);
void tvb_kernels_pointwise(tvb_table *table, const tvb_options *o);
void tvb_kernels_attention(tvb_table *table, const tvb_options *o);
void tvb_kernels_norm(tvb_table *table, const tvb_options *o);
void tvb_kernels_winograd(tvb_table *table, const tvb_options *o);

#endif
