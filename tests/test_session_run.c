/* SPDX-License-Identifier: MIT */
/* What a run gives: the same for every layout, number of threads, order of parts and number of sessions. */
#include <pthread.h>

#include "tests/session.h"

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
    for (int way = 0; way < 4; way += tvt_quick() ? 3 : 1) {
        tvis_session_config c = config();
        c.plan = (uint8_t)(way % 2);
        c.cpu = way / 2 ? 0 : tvt_cpu();
        run(&c, &want);
        for (size_t i = 0; i < TVIS_COUNT(counts); i += tvt_quick() ? 2 : 1) {
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
    for (int i = 0; i < (tvt_quick() ? 2 : 5); i++)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts),
        cmocka_unit_test(in_the_arena),
        cmocka_unit_test(threads),
        cmocka_unit_test(sessions_at_once),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
