/* SPDX-License-Identifier: MIT */
/* Weights are used where the file is mapped: a ViT-B, 346 MB of float32, in a process that may have 512 MB of
 * addresses, with hardly more memory of its own than the arena. */
#define _DEFAULT_SOURCE
#include "tests/network.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(__linux__) && !defined(SANITIZED)
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ADDRESSES = 512000000, SPARE = 2000000 };
enum { OK, NO_LIMIT, NO_STATUS, NOT_OPENED, NO_ARENA, NOT_RUN, NOT_FINITE, TOO_MUCH }; /* exit status of children */

/* Own pages of this process, in bytes; 0: unknown. */
static size_t anonymous(void)
{
    char line[256];
    unsigned long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    if (!f)
        return 0;
    while (fgets(line, sizeof line, f) && sscanf(line, "RssAnon: %lu kB", &kb) != 1)
        ;
    return fclose(f) == 0 ? (size_t)kb * 1024 : 0;
}

static int run_model(const tvis_model *m, uint16_t side)
{
    tvis_session_config c;
    tvis_session *s;
    tvis_tensor in, out;
    size_t bytes;
    void *arena;
    tvis_session_defaults(&c);
    c.plan = TVIS_PLAN_SMALL;
    c.h = c.w = side;
    if (tvis_session_size(m, &c, &bytes, NULL) || posix_memalign(&arena, TVIS_ARENA_ALIGN, bytes) != 0)
        return NO_ARENA;
    if (tvis_session_init(&s, m, &c, arena, bytes, NULL) || tvis_session_input(s, 0, &in))
        return NOT_RUN;
    for (size_t i = 0; i < (size_t)side * side * 3; i++)
        ((float *)in.data)[i] = (float)(i % 255) / 64.0f - 2.0f;
    if (tvis_session_run(s, &in, NULL, NULL) || tvis_session_output(s, 0, &out))
        return NOT_RUN;
    for (int32_t i = 0; i < out.dims[3]; i++)
        if (!(((const float *)out.data)[i] - ((const float *)out.data)[i] == 0.0f))
            return NOT_FINITE;
    const size_t own = anonymous();
    printf("# %ux%u: arena %zu bytes, anonymous memory %zu\n", side, side, bytes, own);
    (void)fflush(stdout);
    return own <= bytes + SPARE ? OK : TOO_MUCH;
}

static int limited(const char *path, uint16_t side)
{
    const struct rlimit most = { ADDRESSES, ADDRESSES };
    tvis_file f;
    tvis_model m;
    if (setrlimit(RLIMIT_AS, &most) != 0)
        return NO_LIMIT;
    if (anonymous() == 0)
        return NO_STATUS;
    if (tvis_file_open(&f, path, NULL) || !f.mapped || tvis_model_open(&m, f.data, f.size, NULL) ||
        tvis_blob_verify(&m, NULL))
        return NOT_OPENED;
    return run_model(&m, side);
}

static int make(const char *path, uint16_t side)
{
    const tvis_convert_config c = { .struct_size = sizeof c, .arch = "dinov2_vitb14", .seed = 2 };
    tvis_blob blob;
    (void)side;
    return tvis_convert(&c, &blob, NULL) || tvis_file_write(path, blob.data, blob.size, NULL) ? NOT_OPENED : OK;
}

/* In a process of its own. */
static int apart(int (*fn)(const char *path, uint16_t side), const char *path, uint16_t side)
{
    int status;
    (void)fflush(stdout);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(fn(path, side));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void weights_stay_in_the_file(void **state)
{
    const char *path = tvt_temp("vitb14.tvis");
    (void)state;
    if (tvt_quick())
        skip();
    assert_int_equal(apart(make, path, 0), OK);
    int small = apart(limited, path, 224), large = tvt_full() ? apart(limited, path, 518) : OK;
    (void)remove(path);
    if (small == NO_STATUS)
        skip();
    assert_int_equal(small, OK);
    assert_int_equal(large, OK);
}
#else
static void weights_stay_in_the_file(void **state)
{
    (void)state;
    skip();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(weights_stay_in_the_file) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
