/* SPDX-License-Identifier: MIT */
/* The same network by every plan, with packed weights, watched, and planned for other processors. */
#include "tests/session.h"

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
    for (int way = 0; way < 16; way += tvt_quick() ? 5 : 1) {
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
        cmocka_unit_test(plans_agree),
        cmocka_unit_test(pack_is_shared),
        cmocka_unit_test(observers),
        cmocka_unit_test(other_processors),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
