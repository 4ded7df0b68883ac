/* SPDX-License-Identifier: MIT */
/* The network that the tests of sessions run, and one run of it. */
#ifndef TVT_SESSION_H
#define TVT_SESSION_H

#include "core/port.h"
#include "tests/net.h"
#include "tests/network.h"

enum { C = 3, SIDE = 22, OUT = 40, N = 2, CLASSES = 7 };

static tvis_blob blob;
static tvis_model m;
static float x[N * SIDE * SIDE * C];

/* A stem, two inverted residuals whose sums are taken in, a map and a classifier. */
static inline int open_model(void **state)
{
    tvt_net n;
    tvt_conv depthwise = tvt_conv_of(0, 3, 1);
    (void)state;
    depthwise.groups = 0;
    tvt_net_begin(&n, SIDE, SIDE);
    uint32_t y = tvt_net_conv(&n, tvt_net_input(&n, C), tvt_conv_of(16, 3, 1));
    for (int i = 0; i < 2; i++) {
        uint32_t z = tvt_net_activation(&n, tvt_net_conv(&n, y, tvt_conv_of(100, 1, 1)), TVIS_ACT_RELU6);
        z = tvt_net_conv(&n, tvt_net_conv(&n, z, depthwise), tvt_conv_of(16, 1, 1));
        y = tvt_net_add(&n, z, y);
    }
    y = tvt_net_conv(&n, y, tvt_conv_of(OUT, 5, 2));
    tvis_graph_output(&n.g, y);
    tvis_graph_output(&n.g, tvt_net_linear(&n, tvt_net_unary(&n, TVIS_OP_GLOBAL_AVG_POOL, y), CLASSES, true));
    tvis_pass_fuse_activation(&n.g);
    tvis_pass_fuse_add(&n.g);
    tvis_pass_remove_dead(&n.g);
    tvt_ok(tvt_net_write(&n, &blob), &n.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &n.diag), &n.diag);
    tvt_fill_f32(x, TVIS_COUNT(x));
    return 0;
}

static inline int close_model(void **state)
{
    (void)state;
    tvis_blob_free(&blob);
    return 0;
}

static inline tvis_session_config config(void)
{
    tvis_session_config c;
    tvis_session_defaults(&c);
    c.cpu = tvt_cpu();
    c.n = N;
    return c;
}

typedef struct result {
    float map[N * 11 * 11 * OUT], classes[N * CLASSES];
} result;

static inline void run_views(const tvis_session_config *c, const tvis_tensor *in, uint8_t out_layout, result *r)
{
    const tvis_tensor out[2] = { { r->map, { N, 11, 11, OUT }, TVIS_F32, out_layout },
                                 { r->classes, { N, 1, 1, CLASSES }, TVIS_F32, out_layout } };
    tvis_session *s;
    tvis_diag d;
    size_t bytes;
    tvt_ok(tvis_session_size(&m, c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    memset(arena.p, 0xff, bytes);
    tvt_ok(tvis_session_init(&s, &m, c, arena.p, bytes, &d), &d);
    for (int again = 0; again < 2; again++) {
        memset(r, 0xff, sizeof *r);
        tvt_ok(tvis_session_run(s, in, out, &d), &d);
    }
    assert_true(tvt_guards_ok(&arena));
    tvt_free(&arena);
}

static inline void run(const tvis_session_config *c, result *r)
{
    const tvis_tensor in = { x, { N, SIDE, SIDE, C }, TVIS_F32, TVIS_NHWC };
    run_views(c, &in, TVIS_NHWC, r);
}

#endif
