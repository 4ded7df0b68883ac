/* SPDX-License-Identifier: MIT */
#include "prune_target.h"
#include "fail.h"
#include "inputs.h"
#include "stats.h"

enum { RUNS = 15, TRIALS = 7 };

/* What a trial keeps of size and latency; 1 of what nobody asked for. */
typedef struct kept {
    double size, latency;
} kept;

static tvis_status run_once(loaded *l, double *ms, tvis_diag *d)
{
    tvis_tensor in;
    const tvis_status s = source_pattern(l, &in, d);
    return s ? s : model_run(l, &in, ms, d);
}

/* Medians of runs in turns, the first of which warm the caches. */
static tvis_status compare_latency(const loaded *original, loaded *trial, double *share, tvis_diag *d)
{
    double before[RUNS + 1], after[RUNS + 1];
    loaded plain = { 0 }; /* packed, as the original need not be */
    tvis_status s = model_load(&plain, original->path, 1, d);
    if (!s)
        s = model_start(&plain, 1, 0, 0, d);
    if (!s)
        s = model_start(trial, 1, 0, 0, d);
    for (int i = 0; i <= RUNS && !s; i++) {
        s = run_once(&plain, &before[i], d);
        if (!s)
            s = run_once(trial, &after[i], d);
    }
    model_unload(&plain);
    if (!s)
        *share = stats_latencies(after + 1, RUNS).p50 / stats_latencies(before + 1, RUNS).p50;
    return s;
}

static tvis_status try_amount(const loaded *original, const prune_target *t, tvis_prune_config c, kept *k, tvis_diag *d)
{
    tvis_blob blob = { NULL, 0 };
    loaded trial = { 0 };
    c.layer = NULL;
    *k = (kept){ 1, 1 };
    tvis_status s = tvis_prune(&original->model, &c, &blob, NULL, d);
    if (s)
        return s;
    k->size = (double)blob.size / (double)original->file.size;
    if (t->latency > 0)
        s = model_load_memory(&trial, "trial", blob.data, blob.size, 1, d);
    if (!s && t->latency > 0)
        s = compare_latency(original, &trial, &k->latency, d);
    model_unload(&trial);
    tvis_blob_free(&blob);
    return s;
}

static bool meets(const prune_target *t, const kept *k)
{
    return (t->size <= 0 || k->size <= t->size) && (t->latency <= 0 || k->latency <= t->latency);
}

static tvis_status tell_nearest(const loaded *original, const prune_target *t, const kept *k, tvis_diag *d)
{
    const bool size = t->size > 0 && k->size > t->size;
    return tool_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, original->path,
                           size ? "per cent of the file that are left at least" : "per cent of the time that are left at least",
                           (int64_t)((size ? t->size : t->latency) * 100 + 0.5),
                           (int64_t)((size ? k->size : k->latency) * 100 + 0.5));
}

/* An amount that a network cannot give up at all is too much. */
tvis_status prune_to_target(const loaded *original, const prune_target *t, tvis_prune_config *c, tvis_diag *d)
{
    double low = 0, high = 1, found = -1;
    kept k, nearest = { 1, 1 };
    for (int i = 0; i < TRIALS; i++) {
        c->amount = (low + high) / 2;
        const tvis_status s = try_amount(original, t, *c, &k, d);
        if (s && s != TVIS_EINVAL)
            return s;
        const bool enough = s || meets(t, &k);
        if (!s && enough)
            found = c->amount;
        if (!s && k.size * k.latency < nearest.size * nearest.latency)
            nearest = k;
        *(enough ? &high : &low) = c->amount;
    }
    c->amount = found;
    return found < 0 ? tell_nearest(original, t, &nearest, d) : TVIS_OK;
}
