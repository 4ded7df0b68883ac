/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* madvise */
#include "load_model.h"

#include "bundled.h"
#include "fail.h"
#include "stats.h"

#include <stdlib.h>
#include <sys/mman.h>

void *memory_aligned(size_t bytes)
{
    enum { LARGE = 4 << 20, HUGE_PAGE = 2 << 20 };
    void *p;
    if (posix_memalign(&p, bytes < LARGE ? TVIS_ARENA_ALIGN : HUGE_PAGE, bytes ? bytes : 1) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    if (bytes >= LARGE)
        (void)madvise(p, bytes,
                      MADV_HUGEPAGE); /* weights are read from end to end in each run: fewer pages to look up */
#endif
    return p;
}

size_t tensor_elements(const tvis_tensor *t)
{
    return (size_t)t->dims[0] * (size_t)t->dims[1] * (size_t)t->dims[2] * (size_t)t->dims[3];
}

static tvis_status no_memory(const char *what, size_t bytes, tvis_diag *d)
{
    return tool_fail_value(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, what, NULL, (int64_t)bytes, 0);
}

static tvis_status start_threads(loaded *l, uint32_t threads, tvis_diag *d)
{
    l->config.threads = (uint16_t)threads;
    if (threads == 1)
        return TVIS_OK;
    l->pool = tvis_pool_create(threads);
    if (!l->pool)
        return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_REFUSED, "threads", "the operating system starts no more of them");
    l->config.parallel_for = tvis_pool_parallel_for;
    l->config.pool = l->pool;
    return TVIS_OK;
}

/* Of l->file. */
static tvis_status open_model(loaded *l, uint32_t threads, tvis_diag *d)
{
    tvis_status s = tvis_model_open(&l->model, l->file.data, l->file.size, d);
    if (!s)
        s = tvis_blob_verify(&l->model, d);
    if (s)
        return s;
    tvis_model_get_info(&l->model, &l->info);
    tvis_model_preprocess(&l->model, &l->preprocess);
    if (l->info.inputs != 1)
        return tool_fail_value(d, TVIS_EUNSUP, TVIS_DIAG_LIMIT, l->path, "inputs; the tool runs networks with one", 1,
                               l->info.inputs);
    return start_threads(l, threads, d);
}

tvis_status model_load_memory(loaded *l, const char *name, const uint8_t *blob, size_t size, uint32_t threads,
                              tvis_diag *d)
{
    *l = (loaded){ .path = name, .file = { blob, size, false }, .borrowed = true };
    tvis_session_defaults(&l->config);
    return open_model(l, threads, d);
}

tvis_status model_load(loaded *l, const char *path, uint32_t threads, tvis_diag *d)
{
    if (!path)
        return model_load_memory(l, BUNDLED_NAME, bundled_superpoint, bundled_superpoint_size, threads, d);
    *l = (loaded){ .path = path };
    tvis_session_defaults(&l->config);
    tvis_status s = tvis_file_open(&l->file, path, d);
    return s ? s : open_model(l, threads, d);
}

void model_stop(loaded *l)
{
    for (uint32_t i = 0; l->outputs && i < l->info.outputs; i++)
        free(l->outputs[i].data);
    free(l->outputs);
    free(l->arena);
    free(l->pack);
    l->outputs = NULL;
    l->arena = l->pack = NULL;
    l->config.pack = NULL;
    l->session = NULL;
}

tvis_status model_plan(loaded *l, tvis_node_visitor visit, void *user, tvis_diag *d)
{
    model_stop(l);
    l->pack_bytes = 0;
    tvis_status s = l->unpacked ? TVIS_OK : tvis_pack_size(&l->model, &l->config, &l->pack_bytes, d);
    if (s)
        return s;
    if (l->pack_bytes > 0) {
        l->pack = memory_aligned(l->pack_bytes);
        if (!l->pack)
            return no_memory("packed weights", l->pack_bytes, d);
        s = tvis_pack_init(&l->model, &l->config, l->pack, l->pack_bytes, d);
        l->config.pack = l->pack;
    }
    return s ? s : tvis_session_plan(&l->model, &l->config, &l->bytes, visit, user, d);
}

static tvis_status make_outputs(loaded *l, tvis_diag *d)
{
    l->outputs = calloc(l->info.outputs, sizeof *l->outputs);
    if (!l->outputs)
        return no_memory("outputs", l->info.outputs * sizeof *l->outputs, d);
    for (uint32_t i = 0; i < l->info.outputs; i++) {
        tvis_tensor *t = &l->outputs[i];
        tvis_status s = tvis_session_output(l->session, i, t);
        if (s)
            return tool_fail(d, s, TVIS_DIAG_ARGUMENT, "output", "cannot be described");
        bool tokens = t->dims[1] == 1 && t->dims[2] > 1;
        t->dtype = TVIS_F32;
        t->layout = tokens ? TVIS_NHWC : TVIS_NCHW;
        t->data = calloc(tensor_elements(t), sizeof(float)) /* the product is checked */;
        if (!t->data)
            return no_memory("outputs", tensor_elements(t) * sizeof(float), d);
    }
    return TVIS_OK;
}

tvis_status model_start(loaded *l, uint16_t n, uint16_t h, uint16_t w, tvis_diag *d)
{
    tvis_session_config *c = &l->config;
    if (l->session && c->n == n && c->h == h && c->w == w)
        return TVIS_OK;
    c->n = n;
    c->h = h;
    c->w = w;
    tvis_status s = model_plan(l, NULL, NULL, d);
    if (s)
        return s;
    l->arena = memory_aligned(l->bytes.total);
    if (!l->arena)
        return no_memory("arena", l->bytes.total, d);
    s = tvis_session_init(&l->session, &l->model, c, l->arena, l->bytes.total, d);
    if (!s)
        s = make_outputs(l, d);
    if (s)
        model_stop(l);
    return s;
}

tvis_status model_run(loaded *l, const tvis_tensor *in, double *ms, tvis_diag *d)
{
    double start = stats_now_ms();
    tvis_status s = tvis_session_run(l->session, in, l->outputs, d);
    *ms = stats_now_ms() - start;
    return s;
}

void model_unload(loaded *l)
{
    model_stop(l);
    tvis_pool_destroy(l->pool);
    if (l->file.data && !l->borrowed)
        tvis_file_close(&l->file);
    *l = (loaded){ 0 };
}

const float *model_logits(const loaded *l, int32_t i)
{
    const tvis_tensor *t = &l->outputs[0];
    if (l->info.classes == 0 || t->dims[1] != 1 || t->dims[2] != 1 || (uint32_t)t->dims[3] != l->info.classes)
        return NULL;
    return (const float *)t->data + (size_t)i * l->info.classes;
}
