/* SPDX-License-Identifier: MIT */
/* Times whole networks. Several of them take turns, a run each, so that a machine that changes its speed is the same to
 * all. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/board.h"
#include "bench/bench.h"
#include "bench/loaded.h"
#include "bench/serve.h"
#include "core/port.h"
#include <tinyvis/convert.h>

enum { WARM_UP = 3, COLD_STARTS = 5, MAX_MODELS = 64, MOST_PARAMS = 200000000 };

static const tvb_column columns[] = {
    { "model", NULL, NULL, -24, -1 },     { "input", NULL, NULL, -9, -1 },     { "plan", NULL, NULL, -5, -1 },
    { "threads", NULL, NULL, 7, 0 },      { "batch", NULL, NULL, 5, 0 },       { "p50_ms", NULL, NULL, 9, 3 },
    { "p95_ms", NULL, NULL, 9, 3 },       { "p99_ms", NULL, NULL, 9, 3 },      { "mean_ms", NULL, NULL, 9, 3 },
    { "min_ms", NULL, NULL, 9, 3 },       { "std_ms", NULL, NULL, 8, 3 },      { "throughput", NULL, NULL, 10, 2 },
    { "arena_bytes", NULL, NULL, 11, 0 }, { "pack_bytes", NULL, NULL, 10, 0 }, { "file_bytes", NULL, NULL, 10, 0 },
    { "peak_rss_kb", NULL, NULL, 11, 0 }, { "load_ms", NULL, NULL, 8, 3 },     { "cold_start_ms", NULL, NULL, 13, 3 },
};

typedef struct options {
    tvb_format format;
    tvb_setup setup;
    uint32_t runs;
    bool serve;
    const char *models[MAX_MODELS];
    size_t count;
} options;

typedef struct subject {
    const char *name;
    char made[128]; /* a file of random weights, removed at the end; or empty */
    tvb_loaded loaded;
    tvb_cold cold;
    double *ms;
} subject;

static const char usage[] =
    "usage: bench_models [M.tvis...] [--threads N] [--batch N] [--runs N] [--size HxW] [--plan fast|small]\n"
    "                    [--cpu NAME] [--no-pack] [--strict] [--bf16] [--json | --csv | --serve]\n"
    "  M.tvis        models; without any, every architecture with random weights\n"
    "                that has up to 200 M parameters\n"
    "  --threads N   1 to 64, default 1\n"
    "  --batch N     pictures in one run, default 1\n"
    "  --runs N      runs of each model that are timed, default 50\n"
    "  --size HxW    pixels of the input, default the model's\n"
    "  --plan PLAN   fast: time counts (default); small: memory counts\n"
    "  --cpu NAME    c, avx2, avx512, vnni, vbmi, neon, dotprod or i8mm: kernels of these instructions and of those that\n"
    "                they build on (default all that the processor has)\n"
    "  --no-pack     without packed weights\n"
    "  --strict      without Winograd\n"
    "  --bf16        factors of floats may be rounded to bfloat16\n"
    "  --serve       one model runs as lines \"N WARM\" on stdin say: N timed runs after WARM others; JSON, a line "
    "each\n"
    "Times are milliseconds a run, throughput is pictures a second. cold_start_ms is what a new process needs from\n"
    "opening the file, which the system has read before, to the end of the first run; load_ms is the part before that\n"
    "run; both are medians of 5 processes, and peak_rss_kb is the most memory that any of them had.\n";

/* ---- options ---- */

static bool number(const char *text, unsigned long max, unsigned long *value, const char *ends)
{
    char *end;
    *value = text ? strtoul(text, &end, 10) : 0;
    return text && *text >= '0' && *text <= '9' && strchr(ends, *end) && *value >= 1 && *value <= max;
}

static bool set_size(tvb_setup *s, const char *text)
{
    unsigned long h, w;
    const char *x = text ? strchr(text, 'x') : NULL;
    if (!number(text, 65535, &h, "x") || !number(x ? x + 1 : text, 65535, &w, ""))
        return false;
    s->h = (uint16_t)h;
    s->w = (uint16_t)w;
    return true;
}

static bool set_plan(tvb_setup *s, const char *text)
{
    s->plan = text && !strcmp(text, "small") ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST;
    return text && (!strcmp(text, "small") || !strcmp(text, "fast"));
}

static bool set_cpu(tvb_setup *s, const char *text)
{
    static const struct {
        const char *name;
        uint32_t cpu;
    } sets[] = {
        { "c", 0 },
        { "avx2", TVIS_CPU_AVX2 },
        { "avx512", TVIS_CPU_AVX2 | TVIS_CPU_AVX512 },
        { "vnni", TVIS_CPU_AVX2 | TVIS_CPU_AVX512 | TVIS_CPU_VNNI },
        { "vbmi", TVIS_CPU_AVX2 | TVIS_CPU_AVX512 | TVIS_CPU_VNNI | TVIS_CPU_VBMI },
        { "neon", TVIS_CPU_NEON },
        { "dotprod", TVIS_CPU_NEON | TVIS_CPU_DOTPROD },
        { "i8mm", TVIS_CPU_NEON | TVIS_CPU_DOTPROD | TVIS_CPU_I8MM },
    };
    for (size_t i = 0; text && i < TVIS_COUNT(sets); i++)
        if (!strcmp(text, sets[i].name)) {
            s->cpu = sets[i].cpu;
            return true;
        }
    return false;
}

/* An option with a value; false: there is none of this name, or the value makes no sense. */
static bool set_value(options *o, const char *name, const char *value)
{
    unsigned long n;
    if (!strcmp(name, "--size"))
        return set_size(&o->setup, value);
    if (!strcmp(name, "--plan"))
        return set_plan(&o->setup, value);
    if (!strcmp(name, "--cpu"))
        return set_cpu(&o->setup, value);
    if (!strcmp(name, "--threads") && number(value, TVIS_MAX_THREADS, &n, ""))
        o->setup.threads = (uint16_t)n;
    else if (!strcmp(name, "--batch") && number(value, 65535, &n, ""))
        o->setup.batch = (uint16_t)n;
    else if (!strcmp(name, "--runs") && number(value, 1000000, &n, ""))
        o->runs = (uint32_t)n;
    else
        return false;
    return true;
}

static bool parse(options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json"))
            o->format = TVB_JSON;
        else if (!strcmp(argv[i], "--csv"))
            o->format = TVB_CSV;
        else if (!strcmp(argv[i], "--serve"))
            o->serve = true;
        else if (!strcmp(argv[i], "--no-pack"))
            o->setup.pack = false;
        else if (!strcmp(argv[i], "--strict"))
            o->setup.strict = true;
        else if (!strcmp(argv[i], "--bf16"))
            o->setup.bf16 = true;
        else if (argv[i][0] != '-' && o->count < MAX_MODELS)
            o->models[o->count++] = argv[i];
        else if (argv[i][0] == '-' && set_value(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL))
            i++;
        else {
            fprintf(stderr, "bench_models: %s: %s\n%s", argv[i],
                    argv[i][0] == '-' ? "unknown option, or its value is missing or wrong" : "too many models", usage);
            return false;
        }
    }
    if (o->serve && o->count != 1)
        fprintf(stderr, "bench_models: --serve: takes one model, not %zu\n%s", o->count, usage);
    return !o->serve || o->count == 1;
}

/* ---- measuring ---- */

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v)
{
    qsort(v, COLD_STARTS, sizeof *v, ascending);
    return v[COLD_STARTS / 2];
}

static bool start_cold(subject *s, const char *path, const tvb_setup *setup)
{
    double load[COLD_STARTS], total[COLD_STARTS];
    for (int i = 0; i < COLD_STARTS; i++) {
        tvb_cold cold;
        if (!tvb_cold_start(&cold, path, setup))
            return false;
        load[i] = cold.load_ms;
        total[i] = cold.total_ms;
        if (cold.peak_rss_kb > s->cold.peak_rss_kb)
            s->cold.peak_rss_kb = cold.peak_rss_kb;
    }
    s->cold.load_ms = median(load);
    s->cold.total_ms = median(total);
    return true;
}

static bool prepare(subject *s, const char *path, const options *o)
{
    s->ms = malloc(o->runs * sizeof *s->ms);
    if (!s->ms) {
        fprintf(stderr, "bench_models: no memory for %u samples\n", (unsigned)o->runs);
        return false;
    }
    if (!tvb_load(&s->loaded, path, &o->setup))
        return false;
    tvb_make_input(&s->loaded);
    for (int i = 0; i < WARM_UP; i++)
        if (!tvb_run(&s->loaded))
            return false;
    return true;
}

static bool take_turns(subject *s, size_t count, uint32_t runs)
{
    for (uint32_t r = 0; r < runs; r++)
        for (size_t i = 0; i < count; i++) {
            const uint64_t start = tvb_now();
            if (!tvb_run(&s[i].loaded))
                return false;
            s[i].ms[r] = (double)(tvb_now() - start) * 1e-6;
        }
    return true;
}

static void report(tvb_table *t, subject *s, const options *o)
{
    const tvb_stats ms = tvb_stats_of(s->ms, o->runs);
    const int32_t *dims = s->loaded.input.dims;
    char size[32];
    (void)snprintf(size, sizeof size, "%dx%d", (int)dims[1], (int)dims[2]);
    tvb_text(t, s->name);
    tvb_text(t, size);
    tvb_text(t, o->setup.plan == TVIS_PLAN_SMALL ? "small" : "fast");
    tvb_number(t, o->setup.threads);
    tvb_number(t, o->setup.batch);
    tvb_number(t, ms.p50);
    tvb_number(t, ms.p95);
    tvb_number(t, ms.p99);
    tvb_number(t, ms.mean);
    tvb_number(t, ms.min);
    tvb_number(t, ms.std);
    tvb_number(t, o->setup.batch * 1e3 / ms.mean);
    tvb_number(t, (double)s->loaded.arena_bytes);
    tvb_number(t, (double)s->loaded.pack_bytes);
    tvb_number(t, (double)s->loaded.file.size);
    tvb_number(t, s->cold.peak_rss_kb);
    tvb_number(t, s->cold.load_ms);
    tvb_number(t, s->cold.total_ms);
}

/* ---- the program ---- */

static bool write_model(void *subject_)
{
    const subject *s = subject_;
    const tvis_convert_config c = { .struct_size = sizeof c, .arch = s->name, .seed = 1 };
    char text[512];
    tvis_blob blob;
    tvis_diag d;
    tvis_status status = tvis_convert(&c, &blob, &d);
    if (!status) {
        status = tvis_file_write(s->made, blob.data, blob.size, &d);
        tvis_blob_free(&blob);
    }
    if (status) {
        tvis_diag_format(&d, text, sizeof text);
        fprintf(stderr, "bench_models: %s\n", text);
    }
    return status == TVIS_OK;
}

/* A file with random weights in the folder for temporary files. */
static bool make_model(subject *s)
{
    const char *folder = getenv("TMPDIR");
    double peak_rss_kb;
    const int n = snprintf(s->made, sizeof s->made, "%s/tinyvis-bench-%ld-%s.tvis", folder && *folder ? folder : "/tmp",
                           (long)getpid(), s->name);
    if (n > 0 && (size_t)n < sizeof s->made)
        return tvb_in_child(write_model, s, &peak_rss_kb);
    s->made[0] = '\0';
    fprintf(stderr, "bench_models: TMPDIR: the path is too long\n");
    return false;
}

static bool choose_models(subject *s, options *o)
{
    tvis_arch_info arch;
    for (size_t i = 0; i < o->count; i++)
        s[i].name = o->models[i];
    if (o->count)
        return true;
    for (uint32_t i = 0; o->count < MAX_MODELS && tvis_arch(i, &arch); i++) {
        if (arch.params > MOST_PARAMS)
            continue;
        s[o->count].name = arch.name;
        if (!make_model(&s[o->count]))
            return false;
        o->models[o->count] = s[o->count].made;
        o->count++;
    }
    return true;
}

static bool bench(subject *s, options *o)
{
    tvb_table table;
    if (!choose_models(s, o))
        return false;
    for (size_t i = 0; i < o->count; i++)
        if (!start_cold(&s[i], o->models[i], &o->setup))
            return false;
    for (size_t i = 0; i < o->count; i++)
        if (!prepare(&s[i], o->models[i], o))
            return false;
    tvb_print_board("before");
    if (!take_turns(s, o->count, o->runs))
        return false;
    tvb_print_board("after");
    tvb_table_begin(&table, o->format, columns, TVIS_COUNT(columns));
    for (size_t i = 0; i < o->count; i++)
        report(&table, &s[i], o);
    if (tvb_table_end(&table))
        return true;
    fprintf(stderr, "bench_models: stdout: cannot be written\n");
    return false;
}

int main(int argc, char **argv)
{
    static subject subjects[MAX_MODELS];
    options o = { .setup = { .batch = 1, .threads = 1, .plan = TVIS_PLAN_FAST, .cpu = UINT32_MAX, .pack = true },
                  .runs = 50 };
    if (argc == 2 && !strcmp(argv[1], "--help"))
        return fputs(usage, stdout) < 0;
    if (!parse(&o, argc, argv))
        return 2;
    if (o.serve)
        return tvb_serve(o.models[0], &o.setup) ? 0 : 1;
    const bool done = bench(subjects, &o);
    for (size_t i = 0; i < MAX_MODELS; i++) {
        tvb_unload(&subjects[i].loaded);
        free(subjects[i].ms);
        if (subjects[i].made[0] && unlink(subjects[i].made) != 0 && errno != ENOENT)
            perror(subjects[i].made);
    }
    return done ? 0 : 1;
}
