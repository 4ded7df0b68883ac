/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include <tinyvis/hosted.h>
#include <tinyvis/session.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* Everything below the mutex is guarded by it. Work is dealt out one index at a time: a session asks for at most
 * TVIS_MAX_THREADS large parts, so that the lock costs nothing beside them. */
struct tvis_pool {
    pid_t pid; /* of the process that the workers belong to: a fork leaves them, and a lock that one of them holds,
                  behind */
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    void (*fn)(void *arg, uint32_t i);
    void *arg;
    uint32_t next, count, running; /* indices from `next` on are still to be dealt out, `running` are being worked on */
    bool quit;
    uint32_t workers;
    pthread_t thread[TVIS_MAX_THREADS];
};

/* Takes the lock off while a part is being worked on. */
static void work_off(tvis_pool *p)
{
    while (p->next < p->count) {
        void (*fn)(void *, uint32_t) = p->fn;
        void *arg = p->arg;
        const uint32_t i = p->next++;
        p->running++;
        (void)pthread_mutex_unlock(&p->lock);
        fn(arg, i);
        (void)pthread_mutex_lock(&p->lock);
        if (--p->running == 0 && p->next >= p->count)
            (void)pthread_cond_signal(&p->done);
    }
}

static void *worker(void *arg)
{
    tvis_pool *p = arg;
    (void)pthread_mutex_lock(&p->lock);
    while (!p->quit) {
        work_off(p);
        if (!p->quit)
            (void)pthread_cond_wait(&p->work, &p->lock);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Signals are for the program's own threads. Returns how many workers there are. */
static uint32_t start(tvis_pool *p, uint32_t workers)
{
    sigset_t all, old;
    (void)sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &old) != 0)
        return 0;
    while (p->workers < workers && pthread_create(&p->thread[p->workers], NULL, worker, p) == 0)
        p->workers++;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return p->workers;
}

static bool init(tvis_pool *p)
{
    if (pthread_mutex_init(&p->lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&p->work, NULL) == 0) {
        if (pthread_cond_init(&p->done, NULL) == 0)
            return true;
        (void)pthread_cond_destroy(&p->work);
    }
    (void)pthread_mutex_destroy(&p->lock);
    return false;
}

tvis_pool *tvis_pool_create(uint32_t threads)
{
    if (threads < 1 || threads > TVIS_MAX_THREADS)
        return NULL;
    tvis_pool *p = calloc(1, sizeof *p);
    if (!p || !init(p)) {
        free(p);
        return NULL;
    }
    p->pid = getpid();
    if (start(p, threads - 1) < threads - 1) {
        tvis_pool_destroy(p);
        return NULL;
    }
    return p;
}

void tvis_pool_destroy(tvis_pool *p)
{
    if (!p)
        return;
    if (p->pid != getpid()) {
        free(p);
        return;
    }
    (void)pthread_mutex_lock(&p->lock);
    p->quit = true;
    (void)pthread_cond_broadcast(&p->work);
    (void)pthread_mutex_unlock(&p->lock);
    for (uint32_t i = 0; i < p->workers; i++)
        (void)pthread_join(p->thread[i], NULL);
    (void)pthread_cond_destroy(&p->done);
    (void)pthread_cond_destroy(&p->work);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

void tvis_pool_parallel_for(void *pool, void (*fn)(void *arg, uint32_t i), void *arg, uint32_t count)
{
    tvis_pool *p = pool;
    if (p->pid != getpid()) {
        for (uint32_t i = 0; i < count; i++)
            fn(arg, i);
        return;
    }
    (void)pthread_mutex_lock(&p->lock);
    p->fn = fn;
    p->arg = arg;
    p->next = 0;
    p->count = count;
    (void)pthread_cond_broadcast(&p->work);
    work_off(p);
    while (p->running)
        (void)pthread_cond_wait(&p->done, &p->lock);
    (void)pthread_mutex_unlock(&p->lock);
}
