/* SPDX-License-Identifier: MIT */
/* Times every kernel of the variant tables that this processor can run, on the layers of MobileNetV2 and ResNet-50
 * at 224 x 224 and of DINOv2's ViT-S at 224 and 518, with all data as near to the processor as it fits. */
#include "bench/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

bool tvb_wanted(const tvb_options *o, const tvb_timing *t)
{
    char text[128];
    (void)snprintf(text, sizeof text, "%s %s %s", t->op, t->kernel, t->shape);
    return !o->filter || strstr(text, o->filter);
}

bool tvb_runs(const tvb_options *o, const tvis_kernel *k, bool built)
{
    return built && !(k->cpu & ~o->cpu);
}

void tvb_report(tvb_table *table, const tvb_options *o, const tvb_timing *t, const tvb_stats *s)
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

int8_t *tvb_bytes(size_t n)
{
    return (int8_t *)tvb_floats((n + sizeof(float) - 1) / sizeof(float));
}

int32_t *tvb_multipliers(int32_t n, int32_t k)
{
    int32_t *mul = (int32_t *)(void *)tvb_floats((size_t)n);
    for (int32_t j = 0; j < n; j++)
        mul[j] = 2 * (8000000 / k + j);
    return mul;
}

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

static bool parse(tvb_options *o, int argc, char **argv)
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
    tvb_options o = { TVB_TEXT, NULL, 0.1, 0.0, tvis_cpu_detect() };
    tvb_table table;
    if (argc == 2 && !strcmp(argv[1], "--help"))
        return fputs(usage, stdout) < 0;
    if (!parse(&o, argc, argv))
        return 2;
    if (o.ghz <= 0)
        o.ghz = tvb_clock_ghz();
    tvb_table_begin(&table, o.format, columns, TVIS_COUNT(columns));
    tvb_kernels_gemm(&table, &o);
    tvb_kernels_sparse(&table, &o);
    tvb_kernels_integer_gemm(&table, &o);
    tvb_kernels_depthwise(&table, &o);
    tvb_kernels_pointwise(&table, &o);
    tvb_kernels_attention(&table, &o);
    tvb_kernels_norm(&table, &o);
    tvb_kernels_winograd(&table, &o);
    if (!tvb_table_end(&table)) {
        fprintf(stderr, "bench_kernels: stdout: cannot be written\n");
        return 1;
    }
    return 0;
}
