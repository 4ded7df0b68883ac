/* SPDX-License-Identifier: MIT */
/* Runs a model that nobody vouches for, as far as it is small: for fuzzers and for tests of damaged blobs. */
#ifndef TVT_EXERCISE_H
#define TVT_EXERCISE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tinyvis/tinyvis.h>

#define TVT_EXERCISE_BYTES (1u << 21)
#define TVT_EXERCISE_WORK  (1u << 22) /* multiply-accumulates and bytes of all nodes */
#define TVT_EXERCISE_GUARD 64u

typedef struct tvt_memory {
    uint8_t *base, *p;
    size_t size;
} tvt_memory;

static inline void tvt_exercise_die(const char *what)
{
    fprintf(stderr, "exercise: %s\n", what);
    abort();
}

/* Aligned, with bytes on both sides that nobody may change, NaNs inside. */
static inline tvt_memory tvt_exercise_memory(size_t size)
{
    tvt_memory m = { malloc(size + 3 * TVT_EXERCISE_GUARD), NULL, size };
    if (!m.base)
        tvt_exercise_die("no memory");
    m.p = m.base + 2 * TVT_EXERCISE_GUARD - (uintptr_t)m.base % TVT_EXERCISE_GUARD;
    memset(m.base, 0x5c, size + 3 * TVT_EXERCISE_GUARD);
    memset(m.p, 0xff, size);
    return m;
}

static inline void tvt_exercise_free(tvt_memory *m)
{
    for (uint8_t *g = m->base; g < m->p; g++)
        if (*g != 0x5c)
            tvt_exercise_die("a byte in front of the memory was written");
    for (uint8_t *g = m->p + m->size; g < m->p + m->size + TVT_EXERCISE_GUARD; g++)
        if (*g != 0x5c)
            tvt_exercise_die("a byte behind the memory was written");
    free(m->base);
}

static inline void tvt_exercise_work(void *user, uint32_t node, const tvis_node_info *info)
{
    uint64_t *work = user;
    (void)node;
    *work += info->macs < UINT32_MAX ? info->macs : UINT32_MAX;
    *work += info->bytes < UINT32_MAX ? info->bytes : UINT32_MAX;
}

static inline void tvt_exercise_run(tvis_session *s, const tvis_model_info *info)
{
    tvis_tensor in[64], out;
    for (uint32_t i = 0; i < info->inputs; i++)
        if (tvis_session_input(s, i, &in[i]))
            tvt_exercise_die("an input is not there");
    for (uint32_t i = 0; i < info->inputs; i++)
        for (int64_t k = 0;
             in[i].dtype == TVIS_F32 && k < (int64_t)in[i].dims[0] * in[i].dims[1] * in[i].dims[2] * in[i].dims[3]; k++)
            ((float *)in[i].data)[k] = (float)(k % 17) * 0.25f - 2.0f;
    if (tvis_session_run(s, in, NULL, NULL))
        tvt_exercise_die("running failed");
    for (uint32_t i = 0; i < info->outputs; i++)
        if (tvis_session_output(s, i, &out))
            tvt_exercise_die("an output is not there");
}

/* Sizes, packs and runs with this config. Whether it was run; aborts where calls contradict each other. */
static inline bool tvt_exercise(const tvis_model *m, tvis_session_config c)
{
    tvis_model_info info;
    tvis_session *s;
    tvis_diag d;
    size_t bytes, pack = 0;
    uint64_t work = 0;
    tvis_model_get_info(m, &info);
    if (tvis_session_size(m, &c, &bytes, &d))
        return false;
    if (tvis_session_plan(m, &c, NULL, tvt_exercise_work, &work, &d))
        tvt_exercise_die("planning failed after sizing");
    if (bytes > TVT_EXERCISE_BYTES || work > TVT_EXERCISE_WORK)
        return false;
    tvt_memory packed = { NULL, NULL, 0 };
    if (tvis_pack_size(m, &c, &pack, &d) == TVIS_OK && pack > 0 && pack <= TVT_EXERCISE_BYTES) {
        packed = tvt_exercise_memory(pack);
        if (tvis_pack_init(m, &c, packed.p, pack, &d))
            tvt_exercise_die("packing failed after sizing");
        c.pack = packed.p;
        if (tvis_session_size(m, &c, &bytes, &d))
            tvt_exercise_die("sizing failed with packed weights");
    }
    tvt_memory arena = tvt_exercise_memory(bytes);
    if (tvis_session_init(&s, m, &c, arena.p, bytes, &d))
        tvt_exercise_die("init failed after sizing");
    tvt_exercise_run(s, &info);
    tvt_exercise_free(&arena);
    if (packed.base)
        tvt_exercise_free(&packed);
    return true;
}

#endif
