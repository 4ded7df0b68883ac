/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <tinyvis/types.h>

uint64_t tvb_now(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0) {
        perror("clock_gettime");
        exit(1);
    }
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Takes a cycle, and the next one waits for it. x86 rotates: recent processors add constants without a cycle. */
#if defined(__x86_64__) || defined(__i386__)
#define ONE_CYCLE(x) __asm__ volatile("ror $3, %0" : "+r"(x))
#elif defined(__aarch64__)
#define ONE_CYCLE(x) __asm__ volatile("add %0, %0, #1" : "+r"(x))
#elif defined(__arm__)
#define ONE_CYCLE(x) __asm__ volatile("add %0, %0, #1" : "+r"(x))
#endif

double tvb_clock_ghz(void)
{
#ifdef ONE_CYCLE
    enum { ROUNDS = 400000, TRIES = 20 };
    uint64_t best = UINT64_MAX;
    size_t x = 0;
    for (int t = 0; t < TRIES; t++) {
        const uint64_t start = tvb_now();
        for (int i = 0; i < ROUNDS; i++) {
            ONE_CYCLE(x);
            ONE_CYCLE(x);
            ONE_CYCLE(x);
            ONE_CYCLE(x);
            ONE_CYCLE(x);
            ONE_CYCLE(x);
            ONE_CYCLE(x);
            ONE_CYCLE(x);
        }
        const uint64_t took = tvb_now() - start;
        best = took < best ? took : best;
    }
    return best ? 8.0 * ROUNDS / (double)best : 0.0;
#else
    return 0.0;
#endif
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const double *sorted, size_t n, double p)
{
    const double rank = ceil(p * (double)n);
    return sorted[rank < 1.0 ? 0 : (size_t)rank - 1];
}

tvb_stats tvb_stats_of(double *samples, size_t n)
{
    double sum = 0, squares = 0;
    qsort(samples, n, sizeof *samples, ascending);
    for (size_t i = 0; i < n; i++)
        sum += samples[i];
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (samples[i] - mean) * (samples[i] - mean);
    return (tvb_stats){
        percentile(samples, n, 0.50), percentile(samples, n, 0.95), percentile(samples, n, 0.99), mean, samples[0],
        sqrt(squares / (double)n)
    };
}

static uint64_t time_calls(void (*fn)(void *arg), void *arg, uint64_t calls)
{
    const uint64_t start = tvb_now();
    for (uint64_t i = 0; i < calls; i++)
        fn(arg);
    return tvb_now() - start;
}

tvb_stats tvb_measure(void (*fn)(void *arg), void *arg, double seconds)
{
    enum { MAX_SAMPLES = 2000, SAMPLE_NS = 20000 };
    double samples[MAX_SAMPLES];
    size_t n = 0;
    uint64_t calls = 1;
    const uint64_t limit = (uint64_t)(seconds * 1e9), start = tvb_now();
    fn(arg);
    while (calls < 1u << 20 && time_calls(fn, arg, calls) < SAMPLE_NS)
        calls *= 2;
    do {
        samples[n++] = (double)time_calls(fn, arg, calls) / (double)calls;
    } while (n < MAX_SAMPLES && tvb_now() - start < limit);
    return tvb_stats_of(samples, n);
}

float *tvb_floats(size_t n)
{
    void *p = NULL;
    uint32_t seed = 1;
    if (n > SIZE_MAX / sizeof(float) || posix_memalign(&p, TVIS_ARENA_ALIGN, n * sizeof(float)) != 0) {
        fprintf(stderr, "no memory for %zu numbers\n", n);
        exit(1);
    }
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        ((float *)p)[i] = (float)(int32_t)seed / 2147483648.0f;
    }
    return p;
}

/* ---- rows ---- */

static bool plain(const tvb_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->columns[i].before || t->columns[i].after)
            return false;
    return true;
}

static void cell_begin(const tvb_table *t)
{
    if (t->format == TVB_TEXT)
        printf("%s", t->next ? " " : "");
    else if (t->format == TVB_CSV)
        printf("%s", t->next ? "," : "");
    else if (t->next)
        printf(", \"%s\": ", t->columns[t->next].key);
    else
        printf("%s {\"%s\": ", t->rows ? ",\n" : "", t->columns[0].key);
}

static void cell_end(tvb_table *t)
{
    if (++t->next < t->count)
        return;
    t->next = 0;
    t->rows++;
    printf("%s", t->format == TVB_JSON ? "}" : "\n");
}

void tvb_table_begin(tvb_table *t, tvb_format format, const tvb_column *columns, size_t count)
{
    *t = (tvb_table){ columns, count, 0, 0, format };
    if (format == TVB_JSON)
        printf("[\n");
    if (format == TVB_JSON || (format == TVB_TEXT && !plain(t)))
        return;
    for (size_t i = 0; i < count; i++)
        printf("%s%*s",
               i == 0              ? ""
               : format == TVB_CSV ? ","
                                   : " ",
               format == TVB_CSV ? 0 : columns[i].width, columns[i].key);
    printf("\n");
}

static void print_json(const char *s)
{
    putchar('"');
    for (; *s; s++)
        if ((unsigned char)*s < 0x20)
            printf("\\u%04x", (unsigned)*s);
        else
            printf(*s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
    putchar('"');
}

static void print_csv(const char *s)
{
    putchar('"');
    for (; *s; s++)
        printf(*s == '"' ? "\"\"" : "%c", *s);
    putchar('"');
}

/* In text, the text around a value sticks to it and the width counts both. */
static void print_text(const tvb_column *c, const char *value)
{
    char whole[128];
    (void)snprintf(whole, sizeof whole, "%s%s", c->before ? c->before : "", value);
    printf("%*s%s%s", c->width, whole, c->after ? " " : "", c->after ? c->after : "");
}

void tvb_text(tvb_table *t, const char *text)
{
    cell_begin(t);
    if (t->format == TVB_TEXT)
        print_text(&t->columns[t->next], text);
    else if (t->format == TVB_JSON)
        print_json(text);
    else
        print_csv(text);
    cell_end(t);
}

void tvb_number(tvb_table *t, double value)
{
    const tvb_column *c = &t->columns[t->next];
    char text[64];
    if (isfinite(value))
        (void)snprintf(text, sizeof text, "%.*f", c->decimals, value);
    else
        (void)snprintf(text, sizeof text, "%s", t->format == TVB_TEXT ? "-" : t->format == TVB_JSON ? "null" : "");
    cell_begin(t);
    if (t->format == TVB_TEXT)
        print_text(c, text);
    else
        printf("%s", text);
    cell_end(t);
}

bool tvb_table_end(tvb_table *t)
{
    if (t->format == TVB_JSON)
        printf("%s]\n", t->rows ? "\n" : "");
    return fflush(stdout) == 0 && !ferror(stdout);
}
