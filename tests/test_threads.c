/* SPDX-License-Identifier: MIT */
/* Many sessions of one model in many threads, and pools on both sides of a fork. */
#define _DEFAULT_SOURCE
#include <tinyvis/hosted.h>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/port.h"
#include "tests/net.h"
#include "tests/network.h"

enum { THREADS = 8, RUNS = 10, SIDE = 8, IN = SIDE * SIDE * 3, MOST_OUT = 1024 };

static tvis_blob blob;
static tvis_model model;
static void *packed;

typedef struct user {
    pthread_t thread;
    uint16_t threads; /* of its session */
    uint8_t plan;
    bool pack, done;
    float out[MOST_OUT];
} user;

static size_t elements(const tvis_tensor *t)
{
    return (size_t)t->dims[0] * (size_t)t->dims[1] * (size_t)t->dims[2] * (size_t)t->dims[3];
}

/* Runs the model as often as asked; the last picture's answer goes to u->out. */
static bool use(user *u, tvis_pool *pool, int runs)
{
    tvis_session_config c;
    tvis_session *s;
    size_t bytes;
    float x[IN];
    tvis_session_defaults(&c);
    c.threads = u->threads;
    c.plan = u->plan;
    c.pack = u->pack ? packed : NULL;
    c.parallel_for = pool ? tvis_pool_parallel_for : NULL;
    c.pool = pool;
    if (tvis_session_size(&model, &c, &bytes, NULL))
        return false;
    tvt_buf arena = tvt_guarded(bytes);
    bool good = tvis_session_init(&s, &model, &c, arena.p, bytes, NULL) == TVIS_OK;
    for (int r = 0; good && r < runs; r++) {
        for (int i = 0; i < IN; i++)
            x[i] = (float)((i * 7 + r * 13) % 29) / 16.0f - 0.9f;
        const tvis_tensor in = { x, { 1, SIDE, SIDE, 3 }, TVIS_F32, TVIS_NHWC };
        tvis_tensor out;
        good = tvis_session_run(s, &in, NULL, NULL) == TVIS_OK && tvis_session_output(s, 0, &out) == TVIS_OK &&
               elements(&out) <= MOST_OUT;
        if (good)
            memcpy(u->out, out.data, elements(&out) * sizeof(float));
    }
    good = good && tvt_guards_ok(&arena);
    tvt_free(&arena);
    return good;
}

static void *run(void *arg)
{
    user *u = arg;
    tvis_pool *pool = u->threads > 1 ? tvis_pool_create(u->threads) : NULL;
    u->done = (pool || u->threads == 1) && use(u, pool, RUNS);
    tvis_pool_destroy(pool);
    return NULL;
}

static int make_model(void **state)
{
    tvt_net n;
    tvis_session_config c;
    size_t bytes;
    (void)state;
    tvt_ok(tvt_net_sample(&n, &blob), &n.diag);
    tvt_ok(tvis_model_open(&model, blob.data, blob.size, &n.diag), &n.diag);
    tvis_session_defaults(&c);
    tvt_ok(tvis_pack_size(&model, &c, &bytes, &n.diag), &n.diag);
    packed = bytes && posix_memalign(&packed, TVIS_ARENA_ALIGN, bytes) == 0 ? packed : NULL;
    assert_non_null(packed);
    tvt_ok(tvis_pack_init(&model, &c, packed, bytes, &n.diag), &n.diag);
    return 0;
}

static int free_model(void **state)
{
    (void)state;
    tvis_blob_free(&blob);
    free(packed);
    return 0;
}

static void one_model_many_sessions(void **state)
{
    static user users[THREADS], alone = { .threads = 1 };
    (void)state;
    assert_true(use(&alone, NULL, RUNS));
    for (int i = 0; i < THREADS; i++)
        users[i] = (user){ .threads = (uint16_t)(1 + i % 3), .plan = i % 2 == 1, .pack = i % 4 == 0 };
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&users[i].thread, NULL, run, &users[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(users[i].thread, NULL), 0);
        assert_true(users[i].done);
        assert_memory_equal(users[i].out, alone.out, sizeof alone.out);
    }
}

/* ---- fork ---- */

/* In the child: 0 where the pool gives the right answer and can be destroyed. */
static int child(tvis_pool *pool, const user *right)
{
    static user u;
    (void)alarm(60);
    u = (user){ .threads = 3 };
    const bool good = use(&u, pool, RUNS) && memcmp(u.out, right->out, sizeof u.out) == 0;
    tvis_pool_destroy(pool);
    return good ? 0 : 1;
}

static void fork_and_check(tvis_pool *pool, const user *right)
{
    int status;
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(child(pool, right));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void pools_survive_a_fork(void **state)
{
    static user u = { .threads = 3 };
    tvis_pool *pool = tvis_pool_create(3);
    (void)state;
    assert_non_null(pool);
    assert_true(use(&u, pool, RUNS));
    fork_and_check(pool, &u);
    assert_true(use(&u, pool, RUNS)); /* and the parent's goes on */
    tvis_pool_destroy(pool);
}

static bool stop;

static void *keep_busy(void *arg)
{
    user u = { .threads = 3 };
    bool good = true;
    while (good && !__atomic_load_n(&stop, __ATOMIC_SEQ_CST))
        good = use(&u, arg, RUNS);
    return good ? arg : NULL;
}

/* Workers are anywhere then, also inside of the lock. */
static void a_fork_while_the_pool_works(void **state)
{
    static user u = { .threads = 1 };
    pthread_t busy;
    void *good;
    tvis_pool *pool = tvis_pool_create(3);
    (void)state;
    assert_non_null(pool);
    assert_true(use(&u, NULL, RUNS));
    assert_int_equal(pthread_create(&busy, NULL, keep_busy, pool), 0);
    for (int i = 0; i < 20; i++)
        fork_and_check(pool, &u);
    __atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
    assert_int_equal(pthread_join(busy, &good), 0);
    assert_non_null(good);
    tvis_pool_destroy(pool);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_model_many_sessions),
        cmocka_unit_test(pools_survive_a_fork),
#ifndef __SANITIZE_THREAD__ /* which allows no fork of a process that has threads at work */
        cmocka_unit_test(a_fork_while_the_pool_works),
#endif
    };
#ifdef __SANITIZE_THREAD__
    (void)a_fork_while_the_pool_works;
#endif
    return cmocka_run_group_tests(tests, make_model, free_model);
}
