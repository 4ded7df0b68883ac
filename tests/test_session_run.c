/* SPDX-License-Identifier: MIT */
/* What a run gives: the same for every layout, plan, number of threads, order of parts and number of sessions. */
#include <pthread.h>

#include "core/port.h"
#include "tests/net.h"
#include "tests/network.h"

enum { C = 3, SIDE = 22, OUT = 40, N = 2, CLASSES = 7 };

static tvis_blob blob;
static tvis_model m;
static float x[N * SIDE * SIDE * C];

/* A stem, two inverted residuals whose sums are taken in, a map and a classifier. */
static int open_model(void **state)
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

static int close_model(void **state)
{
    (void)state;
    tvis_blob_free(&blob);
    return 0;
}

static tvis_session_config config(void)
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

static void run_views(const tvis_session_config *c, const tvis_tensor *in, uint8_t out_layout, result *r)
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

static void run(const tvis_session_config *c, result *r)
{
    const tvis_tensor in = { x, { N, SIDE, SIDE, C }, TVIS_F32, TVIS_NHWC };
    run_views(c, &in, TVIS_NHWC, r);
}

static void layouts(void **state)
{
    const tvis_session_config c = config();
    static float planar[TVIS_COUNT(x)];
    static result want, got;
    tvis_tensor in = { planar, { N, SIDE, SIDE, C }, TVIS_F32, TVIS_NCHW };
    (void)state;
    for (size_t b = 0; b < N; b++)
        for (size_t i = 0; i < SIDE * SIDE; i++)
            for (size_t k = 0; k < C; k++)
                planar[(b * C + k) * SIDE * SIDE + i] = x[(b * SIDE * SIDE + i) * C + k];
    run(&c, &want);
    assert_true(tvt_std_f32(want.map, TVIS_COUNT(want.map)) > 0.01);
    run_views(&c, &in, TVIS_NHWC, &got);
    assert_memory_equal(&got, &want, sizeof got);
    run_views(&c, &in, TVIS_NCHW, &got);
    assert_memory_equal(got.classes, want.classes, sizeof got.classes);
    for (size_t b = 0; b < N; b++)
        for (size_t i = 0; i < 121; i++)
            for (size_t k = 0; k < OUT; k++)
                assert_memory_equal(&got.map[(b * OUT + k) * 121 + i], &want.map[(b * 121 + i) * OUT + k], 4);
}

/* The input is written where it is needed, the outputs are read where they are. */
static void in_the_arena(void **state)
{
    const tvis_session_config c = config();
    static result want;
    tvis_session *s;
    tvis_tensor in, out[2];
    tvis_diag d;
    size_t bytes;
    (void)state;
    run(&c, &want);
    tvt_ok(tvis_session_size(&m, &c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    tvt_ok(tvis_session_init(&s, &m, &c, arena.p, bytes, &d), &d);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(tvis_session_input(s, 0, &in), TVIS_OK);
        memcpy(in.data, x, sizeof x);
        tvt_ok(tvis_session_run(s, &in, NULL, &d), &d);
        for (uint32_t i = 0; i < 2; i++)
            assert_int_equal(tvis_session_output(s, i, &out[i]), TVIS_OK);
        assert_memory_equal(out[0].data, want.map, sizeof want.map);
        assert_memory_equal(out[1].data, want.classes, sizeof want.classes);
    }
    assert_true(tvt_guards_ok(&arena));
    tvt_free(&arena);
}

/* ---- threads ---- */

/* Backwards and inside out, in the calling thread. */
static void shuffled(void *pool, void (*fn)(void *arg, uint32_t i), void *arg, uint32_t count)
{
    ++*(uint32_t *)pool;
    for (uint32_t i = count; i-- > 0;)
        if (i % 2)
            fn(arg, i);
    for (uint32_t i = 0; i < count; i += 2)
        fn(arg, i);
}

static void threads(void **state)
{
    static const uint16_t counts[] = { 1, 2, 3, 7, 64 };
    static result want, got;
    (void)state;
    for (int way = 0; way < 4; way++) {
        tvis_session_config c = config();
        c.plan = (uint8_t)(way % 2);
        c.cpu = way / 2 ? 0 : tvt_cpu();
        run(&c, &want);
        for (size_t i = 0; i < TVIS_COUNT(counts); i++) {
            uint32_t calls = 0;
            c.threads = counts[i];
            c.parallel_for = NULL; /* the parts one after the other */
            run(&c, &got);
            assert_memory_equal(&got, &want, sizeof got);
            c.parallel_for = shuffled;
            c.pool = &calls;
            run(&c, &got);
            assert_memory_equal(&got, &want, sizeof got);
            assert_true(calls > 0 || counts[i] == 1);
            tvis_pool *pool = counts[i] <= 7 ? tvis_pool_create(counts[i]) : NULL;
            if (!pool)
                continue;
            c.parallel_for = tvis_pool_parallel_for;
            c.pool = pool;
            run(&c, &got);
            assert_memory_equal(&got, &want, sizeof got);
            tvis_pool_destroy(pool);
        }
    }
}

static void *worker(void *arg)
{
    tvis_session_config c = config();
    c.threads = 2;
    for (int i = 0; i < 5; i++)
        run(&c, arg);
    return NULL;
}

/* Sessions share the model and nothing else. */
static void sessions_at_once(void **state)
{
    static result want, got[3];
    const tvis_session_config c = config();
    pthread_t thread[2];
    (void)state;
    run(&c, &want);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, worker, &got[i]), 0);
    worker(&got[2]);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    for (int i = 0; i < 3; i++)
        assert_memory_equal(&got[i], &want, sizeof want);
}

/* ---- plans ---- */

static void plans_agree(void **state)
{
    static result want, got;
    tvis_session_config c = config();
    (void)state;
    c.cpu = 0;
    c.no_fusion = true;
    run(&c, &want);
    const double map = 1e-6 * tvt_range_f32(want.map, TVIS_COUNT(want.map));
    const double classes = 1e-6 * tvt_range_f32(want.classes, TVIS_COUNT(want.classes));
    for (int way = 0; way < 16; way++) {
        tvt_buf pack = { 0 };
        c = config();
        c.plan = (uint8_t)(way & 1 ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST);
        c.no_fusion = way & 2;
        c.cpu = way & 4 ? tvt_cpu() : tvt_cpu() & (TVIS_CPU_AVX2 | TVIS_CPU_NEON);
        if (way & 8)
            pack = tvt_pack(&m, &c);
        run(&c, &got);
        if (tvt_max_diff_f32(got.map, want.map, TVIS_COUNT(got.map)) > map ||
            tvt_max_diff_f32(got.classes, want.classes, TVIS_COUNT(got.classes)) > classes)
            fail_msg("way %d is %g and %g from the C kernels", way,
                     tvt_max_diff_f32(got.map, want.map, TVIS_COUNT(got.map)),
                     tvt_max_diff_f32(got.classes, want.classes, TVIS_COUNT(got.classes)));
        if (pack.p) {
            assert_true(tvt_guards_ok(&pack));
            tvt_free(&pack);
        }
    }
}

/* Packed for batch 1 and wide kernels, used by other batches, sizes and kernels: what does not fit is packed on the
 * way. */
static void pack_is_shared(void **state)
{
    static result want, got;
    tvis_session_config c = config();
    (void)state;
    c.n = 1;
    c.h = c.w = 10;
    tvt_buf pack = tvt_pack(&m, &c);
    for (int way = 0; way < 4; way++) {
        tvis_session_config with = config(), without = config();
        without.cpu = with.cpu = way & 1 ? tvt_cpu() & TVIS_CPU_AVX2 : tvt_cpu();
        without.plan = with.plan = way & 2 ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST;
        with.pack = c.pack;
        run(&without, &want);
        run(&with, &got);
        assert_memory_equal(&got, &want, sizeof got);
    }
    assert_true(tvt_guards_ok(&pack));
    tvt_free(&pack);
}

/* ---- observers ---- */

typedef struct watch {
    uint32_t next, nodes, before;
    tvis_session *s;
} watch;

static void observe(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count)
{
    watch *w = user;
    assert_int_equal(count, 1);
    if (!outputs) {
        assert_int_equal(w->before, w->nodes);
        assert_true(node >= w->next);
        w->next = node;
        w->before++;
        return;
    }
    assert_int_equal(node, w->next++);
    w->nodes++;
    assert_true(outputs->dtype == TVIS_F32 && outputs->layout == TVIS_NHWC && outputs->dims[0] == N);
    const size_t floats =
        (size_t)outputs->dims[0] * (size_t)outputs->dims[1] * (size_t)outputs->dims[2] * (size_t)outputs->dims[3];
    for (size_t i = 0; i < floats; i++)
        assert_true(((const float *)outputs->data)[i] - ((const float *)outputs->data)[i] == 0.0f);
    const int32_t map[4] = { N, 11, 11, OUT }, classes[4] = { N, 1, 1, CLASSES };
    if (node == 7)
        assert_memory_equal(outputs->dims, map, sizeof map);
    if (node == 9)
        assert_memory_equal(outputs->dims, classes, sizeof classes);
}

static void observers(void **state)
{
    tvis_model_info info;
    (void)state;
    tvis_model_get_info(&m, &info);
    assert_int_equal(info.nodes, 10);
    for (int fused = 0; fused < 2; fused++) {
        watch w = { 0 };
        tvis_session_config c = config();
        c.no_fusion = !fused;
        c.plan = TVIS_PLAN_SMALL;
        c.observe = observe;
        c.observe_user = &w;
        const tvis_tensor in = { x, { N, SIDE, SIDE, C }, TVIS_F32, TVIS_NHWC };
        tvis_session *s;
        tvis_diag d;
        size_t bytes;
        tvt_ok(tvis_session_size(&m, &c, &bytes, &d), &d);
        tvt_buf arena = tvt_guarded(bytes);
        tvt_ok(tvis_session_init(&s, &m, &c, arena.p, bytes, &d), &d);
        tvt_ok(tvis_session_run(s, &in, NULL, &d), &d);
        assert_true(fused ? w.nodes < info.nodes && w.nodes >= 5 : w.nodes == info.nodes);
        tvt_free(&arena);
    }
}

/* ---- other processors ---- */

typedef struct names {
    const char *allowed;
    uint32_t nodes, theirs;
} names;

static void kernel_name(void *user, uint32_t node, const tvis_node_info *info)
{
    names *n = user;
    (void)node;
    n->nodes++;
    if (strchr(info->kernel, '_')) {
        if (!strstr(info->kernel, n->allowed))
            fail_msg("%s runs %s, not %s", info->name, info->kernel, n->allowed);
        n->theirs++;
    }
}

static void other_processors(void **state)
{
    static const struct {
        uint32_t cpu;
        const char *name;
        bool has;
    } targets[] = {
        { 0, "?", false },
        { TVIS_CPU_ARMV6, "armv6", false },
        { TVIS_CPU_NEON, "neon", true },
        { TVIS_CPU_AVX2, "avx2", true },
        { TVIS_CPU_AVX2 | TVIS_CPU_AVX512, "avx", true },
    };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(targets); i++) {
        names n = { targets[i].name, 0, 0 };
        tvis_session_config c = config();
        tvis_diag d;
        c.cpu = targets[i].cpu;
        c.no_fusion = true;
        tvt_ok(tvis_session_plan(&m, &c, NULL, kernel_name, &n, &d), &d);
        assert_int_equal(n.nodes, 10);
        assert_true(!targets[i].has || n.theirs >= 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts),     cmocka_unit_test(in_the_arena),     cmocka_unit_test(threads),
        cmocka_unit_test(plans_agree), cmocka_unit_test(sessions_at_once), cmocka_unit_test(pack_is_shared),
        cmocka_unit_test(observers),   cmocka_unit_test(other_processors),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
