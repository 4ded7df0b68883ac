/* SPDX-License-Identifier: MIT */
/* A model in memory, ready to run, and what it costs to get there in a fresh process. Failures are told on stderr. */
#ifndef TVB_LOADED_H
#define TVB_LOADED_H

#include <tinyvis/hosted.h>
#include <tinyvis/tinyvis.h>

/* How models are run. */
typedef struct tvb_setup {
    uint16_t batch, h, w; /* h, w: 0 for the model's default */
    uint16_t threads;
    uint8_t plan; /* tvis_plan */
    uint32_t cpu; /* TVIS_CPU_* that may be used, of those that are there */
    bool no_fusion;
    bool pack;   /* with packed weights where the plan has a use for them */
    bool strict; /* without Winograd */
    bool bf16;   /* factors of floats may be rounded */
} tvb_setup;

typedef struct tvb_loaded {
    tvis_file file;
    tvis_model model;
    tvis_session_config config;
    tvis_pool *pool;
    tvis_session *session;
    void *arena, *pack;
    size_t arena_bytes, pack_bytes;
    tvis_tensor input; /* numbers between -1 and 1 in memory of its own */
} tvb_loaded;

/* Opens the file, packs and starts a session. To be unloaded whatever came of it. */
bool tvb_load(tvb_loaded *l, const char *path, const tvb_setup *setup);
void tvb_unload(tvb_loaded *l);
/* Makes the input; before the first run. */
void tvb_make_input(tvb_loaded *l);
bool tvb_run(tvb_loaded *l);

typedef struct tvb_cold {
    double load_ms;  /* open, pack and session */
    double total_ms; /* and the first run */
    double peak_rss_kb;
} tvb_cold;

/* Calls fn in a child process. Its memory counts from what this process has, so call it while that is little. */
bool tvb_in_child(bool (*fn)(void *arg), void *arg, double *peak_rss_kb);
/* Loads and runs once in a child process. */
bool tvb_cold_start(tvb_cold *cold, const char *path, const tvb_setup *setup);

#endif
