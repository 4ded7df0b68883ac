/* SPDX-License-Identifier: MIT */
/* Whole networks for the tests: from weights to outputs in one call, under the conditions that a firmware has. */
#ifndef TVT_NETWORK_H
#define TVT_NETWORK_H

#include <tinyvis/convert.h>
#include <tinyvis/hosted.h>
#include <tinyvis/tinyvis.h>

#include "tests/fault.h"
#include "tests/tvt.h"

/* How a network is run. */
typedef struct tvt_run {
    uint16_t n, h, w, threads;
    uint8_t  plan;   /* tvis_plan */
    bool     packed; /* with pack memory */
    uint8_t  layout; /* of the input view, tvis_layout */
    uint32_t cpu;
} tvt_run;

static inline tvt_run tvt_default_run(uint16_t n, uint16_t h, uint16_t w)
{
    return (tvt_run){ n, h, w, 1, TVIS_PLAN_FAST, false, TVIS_NCHW, tvt_cpu() };
}

static inline void tvt_ok(tvis_status status, const tvis_diag *d)
{
    char text[512];
    if (status) {
        tvis_diag_format(d, text, sizeof text);
        fail_msg("%s: %s", tvis_status_name(status), text);
    }
}

/* Seconds on the processor's emulator are minutes: there, or with TVT_QUICK=1, only small networks are run. */
static inline bool tvt_quick(void)
{
    const char *text = getenv("TVT_QUICK");
#if defined(__x86_64__)
    return text && *text == '1';
#else
    return !(text && *text == '0');
#endif
}

/* TINYVIS_FULL=1: also what takes minutes. */
static inline bool tvt_full(void)
{
    const char *text = getenv("TINYVIS_FULL");
    return text && *text == '1';
}

static inline const char *tvt_next_line(const char *line, const char *file)
{
    line = strchr(line, '\n');
    if (!line || !line[1])
        fail_msg("%s ends too soon", file);
    return line + 1;
}

static inline void tvt_convert(const tvis_convert_config *c, tvis_blob *blob, tvis_model *m)
{
    tvis_diag d;
    tvt_ok(tvis_convert(c, blob, &d), &d);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &d), &d);
}

static inline tvis_session_config tvt_config(const tvt_run *r)
{
    tvis_session_config c;
    tvis_session_defaults(&c);
    c.n = r->n;
    c.h = r->h;
    c.w = r->w;
    c.threads = r->threads;
    c.plan = r->plan;
    c.cpu = r->cpu;
    return c;
}

static inline size_t tvt_arena_bytes(const tvis_model *m, const tvt_run *r)
{
    const tvis_session_config c = tvt_config(r);
    tvis_diag d;
    size_t bytes = 0;
    tvt_ok(tvis_session_size(m, &c, &bytes, &d), &d);
    return bytes;
}

/* (n, c, h, w) to (n, h, w, c). */
static inline void tvt_to_nhwc(const float *x, float *y, size_t n, size_t c, size_t hw)
{
    for (size_t b = 0; b < n; b++)
        for (size_t k = 0; k < c; k++)
            for (size_t i = 0; i < hw; i++)
                y[(b * hw + i) * c + k] = x[(b * c + k) * hw + i];
}

static inline tvt_buf tvt_pack(const tvis_model *m, tvis_session_config *c)
{
    tvis_diag d;
    size_t bytes = 0;
    tvt_ok(tvis_pack_size(m, c, &bytes, &d), &d);
    tvt_buf pack = tvt_guarded(bytes);
    if (bytes) {
        tvt_ok(tvis_pack_init(m, c, pack.p, bytes, &d), &d);
        c->pack = pack.p;
    }
    return pack;
}

/* A session in exactly the memory that it asks for, filled with NaNs before; nothing may be allocated meanwhile. */
static inline void tvt_run_session(const tvis_model *m, const tvis_session_config *c, const tvis_tensor *x, float *y)
{
    tvis_diag d;
    size_t bytes = 0;
    tvis_session *s = NULL;
    tvis_tensor out;
    tvt_ok(tvis_session_size(m, c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    memset(arena.p, 0xff, bytes);
    tvt_fault(TVT_ALLOC, 0, 12);
    tvis_status status = tvis_session_init(&s, m, c, arena.p, bytes, &d);
    if (!status)
        status = tvis_session_output(s, 0, &out);
    out.data = y;
    if (!status)
        status = tvis_session_run(s, x, &out, &d);
    const bool allocated = tvt_fault_fired();
    tvt_ok(status, &d);
    assert_false(allocated);
    assert_true(tvt_guards_ok(&arena));
    tvt_free(&arena);
}

/* x: n pictures of as many planes as the model has, whatever r->layout is; y has room for the first output. */
static inline void tvt_infer(const tvis_model *m, const tvt_run *r, const float *x, float *y)
{
    tvis_session_config c = tvt_config(r);
    const size_t hw = (size_t)r->h * r->w;
    tvis_model_info info;
    tvis_model_get_info(m, &info);
    tvt_buf input = tvt_paged(r->n * hw * info.c * sizeof(float)), pack = { 0 };
    const tvis_tensor in = { input.p, { r->n, r->h, r->w, info.c }, TVIS_F32, r->layout };
    tvis_pool *pool = r->threads > 1 ? tvis_pool_create(r->threads) : NULL;
    if (r->layout == TVIS_NCHW)
        memcpy(input.p, x, input.size);
    else
        tvt_to_nhwc(x, input.p, r->n, info.c, hw);
    if (pool) {
        c.parallel_for = tvis_pool_parallel_for;
        c.pool = pool;
    }
    if (r->packed)
        pack = tvt_pack(m, &c);
    tvt_run_session(m, &c, &in, y);
    tvis_pool_destroy(pool);
    assert_true(tvt_guards_ok(&input));
    tvt_free(&input);
    if (r->packed) {
        assert_true(tvt_guards_ok(&pack));
        tvt_free(&pack);
    }
}

static inline void tvt_add_macs(void *user, uint32_t node, const tvis_node_info *info)
{
    (void)node;
    *(uint64_t *)user += info->macs;
}

/* Multiplications at the model's own size. */
static inline uint64_t tvt_macs_of(const tvis_model *m)
{
    tvis_session_config c;
    tvis_session_bytes bytes;
    tvis_diag d;
    uint64_t macs = 0;
    tvis_session_defaults(&c);
    tvt_ok(tvis_session_plan(m, &c, &bytes, tvt_add_macs, &macs, &d), &d);
    return macs;
}

#endif
