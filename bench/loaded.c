/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "bench/loaded.h"
#include "bench/bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static bool ok(tvis_status s, const tvis_diag *d)
{
    char text[512];
    if (s == TVIS_OK)
        return true;
    tvis_diag_format(d, text, sizeof text);
    fprintf(stderr, "bench_models: %s\n", text);
    return false;
}

static bool system_failed(const char *what)
{
    fprintf(stderr, "bench_models: %s: %s\n", what, strerror(errno));
    return false;
}

static void *aligned(size_t bytes)
{
    enum { LARGE = 4 << 20, HUGE_PAGE = 2 << 20 };
    void *p;
    if (posix_memalign(&p, bytes < LARGE ? TVIS_ARENA_ALIGN : HUGE_PAGE, bytes) != 0) {
        fprintf(stderr, "bench_models: no memory for %zu bytes\n", bytes);
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    if (bytes >= LARGE)
        (void)madvise(p, bytes, MADV_HUGEPAGE); /* as the tool does */
#endif
    return p;
}

static bool start_threads(tvb_loaded *l, uint16_t threads)
{
    l->config.threads = threads;
    if (threads == 1)
        return true;
    l->pool = tvis_pool_create(threads);
    if (!l->pool) {
        fprintf(stderr, "bench_models: %u threads cannot be started\n", (unsigned)threads);
        return false;
    }
    l->config.parallel_for = tvis_pool_parallel_for;
    l->config.pool = l->pool;
    return true;
}

static bool pack(tvb_loaded *l, tvis_diag *d)
{
    if (!ok(tvis_pack_size(&l->model, &l->config, &l->pack_bytes, d), d))
        return false;
    if (l->pack_bytes == 0)
        return true;
    l->pack = aligned(l->pack_bytes);
    if (!l->pack || !ok(tvis_pack_init(&l->model, &l->config, l->pack, l->pack_bytes, d), d))
        return false;
    l->config.pack = l->pack;
    return true;
}

static bool start_session(tvb_loaded *l, tvis_diag *d)
{
    if (!ok(tvis_session_size(&l->model, &l->config, &l->arena_bytes, d), d))
        return false;
    l->arena = aligned(l->arena_bytes);
    return l->arena && ok(tvis_session_init(&l->session, &l->model, &l->config, l->arena, l->arena_bytes, d), d);
}

bool tvb_load(tvb_loaded *l, const char *path, const tvb_setup *setup)
{
    tvis_diag d;
    memset(l, 0, sizeof *l);
    tvis_session_defaults(&l->config);
    l->config.n = setup->batch;
    l->config.h = setup->h;
    l->config.w = setup->w;
    l->config.plan = setup->plan;
    l->config.strict = setup->strict;
    l->config.bf16 = setup->bf16;
    l->config.cpu &= setup->cpu;
    l->config.no_fusion = setup->no_fusion;
    if (!ok(tvis_file_open(&l->file, path, &d), &d) ||
        !ok(tvis_model_open(&l->model, l->file.data, l->file.size, &d), &d) || !start_threads(l, setup->threads))
        return false;
    if (setup->pack && setup->plan == TVIS_PLAN_FAST && !pack(l, &d))
        return false;
    return start_session(l, &d);
}

void tvb_unload(tvb_loaded *l)
{
    tvis_pool_destroy(l->pool);
    free(l->input.data);
    free(l->arena);
    free(l->pack);
    tvis_file_close(&l->file);
}

void tvb_make_input(tvb_loaded *l)
{
    size_t n = 1;
    (void)tvis_session_input(l->session, 0, &l->input);
    for (int i = 0; i < 4; i++)
        n *= (size_t)l->input.dims[i]; /* it fits the arena */
    l->input.data = tvb_floats(n);
}

bool tvb_run(tvb_loaded *l)
{
    tvis_diag d;
    return ok(tvis_session_run(l->session, &l->input, NULL, &d), &d);
}

/* ---- a fresh process ---- */

static double ms_since(uint64_t start)
{
    return (double)(tvb_now() - start) * 1e-6;
}

typedef struct first_run {
    const char *path;
    const tvb_setup *setup;
    int report; /* a pipe's end */
} first_run;

static bool load_and_run(void *arg)
{
    const first_run *f = arg;
    tvb_loaded l;
    tvb_cold cold = { 0 };
    const uint64_t start = tvb_now();
    bool done = tvb_load(&l, f->path, f->setup);
    if (done) {
        cold.load_ms = ms_since(start);
        tvb_make_input(&l);
        const uint64_t first = tvb_now();
        done = tvb_run(&l);
        cold.total_ms = cold.load_ms + ms_since(first);
    }
    tvb_unload(&l);
    return done && write(f->report, &cold, sizeof cold) == (ssize_t)sizeof cold;
}

bool tvb_in_child(bool (*fn)(void *arg), void *arg, double *peak_rss_kb)
{
    struct rusage usage;
    int status;
    (void)fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0)
        _exit(fn(arg) ? 0 : 1);
    if (pid < 0)
        return system_failed("fork");
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR)
            return system_failed("wait");
    if (WIFSIGNALED(status))
        fprintf(stderr, "bench_models: a child process was killed by signal %d\n", WTERMSIG(status));
    *peak_rss_kb = (double)usage.ru_maxrss;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool tvb_cold_start(tvb_cold *cold, const char *path, const tvb_setup *setup)
{
    int ends[2];
    double peak_rss_kb = 0;
    if (pipe(ends) != 0)
        return system_failed("pipe");
    first_run f = { path, setup, ends[1] };
    bool done = tvb_in_child(load_and_run, &f, &peak_rss_kb);
    done = done && read(ends[0], cold, sizeof *cold) == (ssize_t)sizeof *cold;
    cold->peak_rss_kb = peak_rss_kb;
    (void)close(ends[0]);
    (void)close(ends[1]);
    return done;
}
