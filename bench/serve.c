/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "bench/serve.h"
#include "bench/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FIRST_RUNS = 4, MOST_RUNS = 100000 };

typedef struct sample {
    uint64_t wall, cpu;
} sample;

static uint64_t cpu_now(void)
{
    struct timespec t = { 0 };
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Of this process alone: getrusage() counts what the parent had before exec, too. 0 where /proc is absent. */
static unsigned long peak_rss_kb(void)
{
    char line[256];
    unsigned long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "VmHWM:", 6))
            kb = strtoul(line + 6, NULL, 10);
    if (f)
        (void)fclose(f);
    return kb;
}

static bool timed_run(tvb_loaded *l, sample *s)
{
    const uint64_t wall = tvb_now(), cpu = cpu_now();
    const bool done = tvb_run(l);
    s->cpu = cpu_now() - cpu;
    s->wall = tvb_now() - wall;
    return done;
}

static bool start(tvb_loaded *l, const char *path, const tvb_setup *setup)
{
    sample s[FIRST_RUNS];
    const uint64_t begin = tvb_now();
    if (!tvb_load(l, path, setup))
        return false;
    tvb_make_input(l);
    uint64_t startup = 0, least = UINT64_MAX;
    for (int i = 0; i < FIRST_RUNS; i++) {
        if (!timed_run(l, &s[i]))
            return false;
        if (i == 0)
            startup = tvb_now() - begin;
        else if (s[i].wall < least)
            least = s[i].wall;
    }
    printf("{\"startup_ms\": %.3f, \"est_ms\": %.3f, \"peak_rss_kb\": %lu, \"arena_bytes\": %zu, \"pack_bytes\": %zu, "
           "\"file_bytes\": %zu}\n",
           (double)startup * 1e-6, (double)least * 1e-6, peak_rss_kb(), l->arena_bytes, l->pack_bytes, l->file.size);
    return fflush(stdout) == 0;
}

static void write_lists(const sample *s, size_t n)
{
    printf("{\"wall_ns\": [");
    for (size_t i = 0; i < n; i++)
        printf("%s%" PRIu64, i ? ", " : "", s[i].wall);
    printf("], \"cpu_ns\": [");
    for (size_t i = 0; i < n; i++)
        printf("%s%" PRIu64, i ? ", " : "", s[i].cpu);
    printf("]}\n");
}

static bool turn(tvb_loaded *l, size_t n, size_t warm)
{
    sample ignored, *s = malloc(n * sizeof *s);
    bool done = s != NULL;
    for (size_t i = 0; done && i < warm; i++)
        done = timed_run(l, &ignored);
    for (size_t i = 0; done && i < n; i++)
        done = timed_run(l, &s[i]);
    if (done)
        write_lists(s, n);
    free(s);
    return done && fflush(stdout) == 0;
}

bool tvb_serve(const char *path, const tvb_setup *setup)
{
    char line[64];
    tvb_loaded l;
    bool done = start(&l, path, setup);
    while (done && fgets(line, sizeof line, stdin)) {
        char *end;
        const unsigned long n = strtoul(line, &end, 10), warm = strtoul(end, NULL, 10);
        done = n >= 1 && n <= MOST_RUNS && warm <= MOST_RUNS && turn(&l, n, warm);
    }
    tvb_unload(&l);
    return done;
}
