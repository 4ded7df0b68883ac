/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include <tinyvis/hosted.h>
#include <tinyvis/session.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/diag.h"
#include "core/port.h"
#include "tests/fault.h"
#include "tests/tvt.h"

/* ---- sentences ---- */

static void says(const tvis_diag *d, const char *want)
{
    char text[400];
    const int n = tvis_diag_format(d, text, sizeof text);
    assert_string_equal(text, want);
    assert_int_equal(n, strlen(want));
}

static void sentences(void **state)
{
    static const int64_t want[] = { 32, 3, 3, 3 }, got[] = { 16, 3, 3, 3 };
    tvis_diag d = { 0 };
    (void)state;
    says(&d, "no error");
    (void)tvis_fail_shape(&d, TVIS_EMODEL, "m.pth: tensor features.0.0.weight", NULL, want, 4, got, 4);
    says(&d, "m.pth: tensor features.0.0.weight: shape 32x3x3x3 expected, 16x3x3x3 found");
    (void)tvis_fail_shape(&d, TVIS_EMODEL, "w", "of the first layer", want, 2, NULL, 0);
    says(&d, "w: of the first layer: shape 32x3 expected, () found");
    (void)tvis_fail_value(&d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "session memory", NULL, 1000, 999);
    says(&d, "session memory: 1000 bytes needed, 999 given");
    (void)tvis_fail_value(&d, TVIS_EIO, TVIS_DIAG_SYSTEM, "m.pth", "cannot be opened", -1, ENOENT);
    says(&d, "m.pth: cannot be opened: No such file or directory");
    (void)tvis_fail_value(&d, TVIS_EFORMAT, TVIS_DIAG_CRC, "header", NULL, 0x1234, 0xdeadbeef);
    says(&d, "header: checksum 00001234 expected, deadbeef found");
    (void)tvis_fail_value(&d, TVIS_EINVAL, TVIS_DIAG_DTYPE, "output", NULL, TVIS_F32, TVIS_S8);
    says(&d, "output: type f32 expected, s8 found");
    (void)tvis_fail_value(&d, TVIS_EINVAL, TVIS_DIAG_DTYPE, "output", NULL, TVIS_F32, 99);
    says(&d, "output: type f32 expected, ? found");
    (void)tvis_fail_value(&d, TVIS_EINVAL, TVIS_DIAG_ENUM, "image format", NULL, -1, 9);
    says(&d, "image format: value 9 unknown");
    (void)tvis_fail(&d, TVIS_EMODEL, TVIS_DIAG_MISSING, "classifier.1.weight", NULL);
    says(&d, "classifier.1.weight: not in the weights");
    (void)tvis_fail(&d, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, NULL, "is NULL");
    says(&d, "is NULL");
    d.code = (tvis_diag_code)99;
    says(&d, "is NULL");
}

static void sentences_name_nodes_and_tensors(void **state)
{
    tvis_diag d;
    (void)state;
    (void)tvis_fail(&d, TVIS_EUNSUP, TVIS_DIAG_NO_KERNEL, "features.3", NULL);
    d.node = 12;
    says(&d, "features.3 (node 12): no kernel for this operator");
    d.tensor = 7;
    says(&d, "features.3 (node 12, tensor 7): no kernel for this operator");
    d.subject[0] = '\0';
    says(&d, "node 12, tensor 7: no kernel for this operator");
    d.node = TVIS_NONE;
    says(&d, "tensor 7: no kernel for this operator");
}

static void every_code_has_a_sentence(void **state)
{
    (void)state;
    for (int code = 0; code < TVIS_DIAG_COUNT_; code++)
        for (int values = 0; values < 4; values++) {
            char text[300];
            tvis_diag d;
            (void)tvis_fail_value(&d, TVIS_EINVAL, (tvis_diag_code)code, "it", NULL, values & 1 ? 5 : -1,
                                  values & 2 ? 6 : -1);
            const int n = tvis_diag_format(&d, text, sizeof text);
            assert_in_range(n, 8, 120);
            assert_int_equal(n, strlen(text));
            assert_null(strchr(text, '\n'));
            assert_null(strstr(text, "-1"));
        }
}

static void sentences_are_cut_and_clean(void **state)
{
    tvis_diag d;
    (void)state;
    (void)tvis_fail(&d, TVIS_EFORMAT, TVIS_DIAG_MAGIC, "a\nb\x1b[2J", NULL);
    says(&d, "a?b?[2J: not a file of this type");
    const int whole = tvis_diag_format(&d, NULL, 0);
    for (size_t size = 1; size < 50; size++) {
        tvt_buf b = tvt_guarded(size);
        assert_int_equal(tvis_diag_format(&d, b.p, size), whole);
        assert_true(tvt_guards_ok(&b));
        assert_int_equal(strlen(b.p), size - 1 < (size_t)whole ? size - 1 : (size_t)whole);
        tvt_free(&b);
    }
}

/* ---- files ---- */

static char folder[256];

static const char *in_folder(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *p = paths[next++ % 4];
    assert_true(snprintf(p, 512, "%s/%s", folder, name) < 512);
    return p;
}

/* Files in the folder; removes them when asked. */
static int files(bool clear)
{
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.') {
            n++;
            if (clear)
                assert_int_equal(remove(in_folder(e->d_name)), 0);
        }
    assert_int_equal(closedir(d), 0);
    return n;
}

static int enter(void **state)
{
    (void)state;
    strcpy(folder, tvt_temp("hosted"));
    return mkdir(folder, 0777);
}

static int leave(void **state)
{
    (void)state;
    (void)files(true);
    return rmdir(folder);
}

static void holds(const char *path, const void *data, size_t size)
{
    tvis_file f;
    assert_int_equal(tvis_file_open(&f, path, NULL), TVIS_OK);
    assert_int_equal(f.size, size);
    assert_int_equal((uintptr_t)f.data % TVIS_ARENA_ALIGN, 0);
    if (size)
        assert_memory_equal(f.data, data, size);
    tvis_file_close(&f);
    assert_null(f.data);
}

static void write_and_read(void **state)
{
    static const size_t sizes[] = { 0, 1, 63, 64, 4095, 4096, 4097, 200000 };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(sizes); i++) {
        tvt_buf b = tvt_guarded(sizes[i]);
        tvt_fill(b.p, b.size);
        assert_int_equal(tvis_file_write(in_folder("f"), b.p, b.size, NULL), TVIS_OK);
        holds(in_folder("f"), b.p, b.size);
        tvt_fault(TVT_MMAP, 0, ENODEV); /* reads instead */
        holds(in_folder("f"), b.p, b.size);
        assert_int_equal(tvt_fault_fired(), sizes[i] != 0);
        tvt_free(&b);
    }
    assert_int_equal(files(true), 1);
}

static void permissions_follow_the_umask(void **state)
{
    struct stat s;
    const mode_t old = umask(027);
    (void)state;
    assert_int_equal(tvis_file_write(in_folder("f"), "x", 1, NULL), TVIS_OK);
    (void)umask(old);
    assert_int_equal(stat(in_folder("f"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0640);
    assert_int_equal(files(true), 1);
}

static void fails_to_open(const char *path, tvis_diag_code code, int64_t found)
{
    tvis_file f;
    tvis_diag d;
    assert_int_equal(tvis_file_open(&f, path, &d), TVIS_EIO);
    assert_int_equal(d.code, code);
    assert_true(d.found[0] == found);
    assert_string_equal(d.subject, path);
    assert_null(f.data);
    tvis_file_close(&f); /* does nothing */
}

static void unreadable(void **state)
{
    (void)state;
    fails_to_open(in_folder("absent"), TVIS_DIAG_SYSTEM, ENOENT);
    fails_to_open(folder, TVIS_DIAG_SYSTEM, EISDIR);
    fails_to_open("", TVIS_DIAG_SYSTEM, ENOENT);
    assert_int_equal(tvis_file_open(&(tvis_file){ 0 }, in_folder("absent"), NULL), TVIS_EIO);
}

static void unwritable(const char *path, tvis_diag_code code, int64_t found)
{
    tvis_diag d;
    const int before = files(false);
    assert_int_equal(tvis_file_write(path, "new", 3, &d), TVIS_EIO);
    assert_int_equal(d.code, code);
    assert_true(d.found[0] == found);
    assert_string_equal(d.subject, path);
    assert_int_equal(files(false), before);
}

static void unwritable_targets(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(in_folder("pipe"), 0666), 0);
    unwritable(folder, TVIS_DIAG_SYSTEM, EISDIR);
    unwritable(in_folder("no/such/folder"), TVIS_DIAG_SYSTEM, ENOENT);
    unwritable(in_folder("new/"), TVIS_DIAG_SYSTEM, ENOENT);
    unwritable("", TVIS_DIAG_SYSTEM, ENOENT);
    unwritable("/dev/null", TVIS_DIAG_REFUSED, -1);
    unwritable(in_folder("pipe"), TVIS_DIAG_REFUSED, -1);
    assert_int_equal(files(true), 1);
}

static void *feed(void *path)
{
    FILE *f = fopen(path, "wb");
    if (f) {
        for (uint32_t i = 0; i < 50000; i++)
            if (fwrite(&i, sizeof i, 1, f) != 1)
                break;
        (void)fclose(f);
    }
    return NULL;
}

static void pipes_are_read_to_the_end(void **state)
{
    char path[512];
    pthread_t t;
    tvis_file f;
    (void)state;
    strcpy(path, in_folder("pipe"));
    assert_int_equal(mkfifo(path, 0666), 0);
    assert_int_equal(pthread_create(&t, NULL, feed, path), 0);
    assert_int_equal(tvis_file_open(&f, path, NULL), TVIS_OK);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(f.size, 200000);
    for (uint32_t i = 0; i < 50000; i++)
        assert_memory_equal(f.data + 4 * i, &i, 4);
    tvis_file_close(&f);
    assert_int_equal(files(true), 1);
}

static void short_and_interrupted_calls(void **state)
{
    uint8_t data[1000];
    (void)state;
    tvt_fill(data, sizeof data);
    tvt_fault_trickle(true);
    assert_int_equal(tvis_file_write(in_folder("f"), data, sizeof data, NULL), TVIS_OK);
    tvt_fault(TVT_MMAP, 0, ENODEV);
    holds(in_folder("f"), data, sizeof data);
    assert_true(tvt_fault_fired());
    tvt_fault_trickle(false);
    holds(in_folder("f"), data, sizeof data);
    assert_int_equal(files(true), 1);
}

/* Whatever fails: the old content stays, no other file does, and the reason is told. */
static void failed_writes_leave_the_old_file(void **state)
{
    static const struct {
        tvt_fault_kind kind;
        int            code;
    } faults[] = { { TVT_ALLOC, ENOMEM }, { TVT_OPEN, EACCES }, { TVT_WRITE, ENOSPC },
                   { TVT_SYNC, EIO },     { TVT_CLOSE, EIO },   { TVT_RENAME, EXDEV } };
    (void)state;
    assert_int_equal(tvis_file_write(in_folder("f"), "old", 3, NULL), TVIS_OK);
    for (size_t i = 0; i < TVIS_COUNT(faults); i++) {
        tvis_diag d;
        tvt_fault(faults[i].kind, 0, faults[i].code);
        const tvis_status s = tvis_file_write(in_folder("f"), "newer", 5, &d);
        assert_true(tvt_fault_fired());
        assert_int_equal(s, faults[i].code == ENOMEM ? TVIS_ENOMEM : TVIS_EIO);
        assert_true(faults[i].code == ENOMEM || d.found[0] == faults[i].code);
        holds(in_folder("f"), "old", 3);
        assert_int_equal(files(false), 1);
    }
    tvt_fault(TVT_SYNC, 0, EINVAL); /* a file system without fsync */
    assert_int_equal(tvis_file_write(in_folder("f"), "newer", 5, NULL), TVIS_OK);
    assert_true(tvt_fault_fired());
    holds(in_folder("f"), "newer", 5);
    assert_int_equal(files(true), 1);
}

static void failed_reads(void **state)
{
    static const tvt_fault_kind kinds[] = { TVT_OPEN, TVT_STAT, TVT_READ };
    tvis_file f;
    (void)state;
    assert_int_equal(tvis_file_write(in_folder("f"), "", 0, NULL), TVIS_OK); /* empty: not mapped, read */
    for (size_t i = 0; i < TVIS_COUNT(kinds); i++) {
        tvt_fault(kinds[i], 0, EIO);
        const tvis_status s = tvis_file_open(&f, in_folder("f"), NULL);
        if (tvt_fault_fired()) /* fstat may be another function in an old libc */
            assert_int_equal(s, TVIS_EIO);
        else
            tvis_file_close(&f);
    }
    tvt_fault(TVT_ALLOC, 0, ENOMEM);
    assert_int_equal(tvis_file_open(&f, in_folder("f"), NULL), TVIS_ENOMEM);
    assert_true(tvt_fault_fired());
    assert_int_equal(files(true), 1);
}

/* ---- pool ---- */

typedef struct job {
    uint32_t calls[500]; /* each written by one thread only */
} job;

static void count_call(void *arg, uint32_t i)
{
    ((job *)arg)->calls[i]++;
}

static void each_index_once(void **state)
{
    static const uint32_t threads[] = { 1, 2, 3, 8, TVIS_MAX_THREADS };
    static const uint32_t counts[] = { 0, 1, 2, 7, 64, 500 };
    (void)state;
    for (size_t t = 0; t < TVIS_COUNT(threads); t++) {
        tvis_pool *p = tvis_pool_create(threads[t]);
        assert_non_null(p);
        job j = { { 0 } };
        uint32_t want[500] = { 0 };
        for (int round = 0; round < 50; round++)
            for (size_t c = 0; c < TVIS_COUNT(counts); c++) {
                tvis_pool_parallel_for(p, count_call, &j, counts[c]);
                for (uint32_t i = 0; i < counts[c]; i++)
                    want[i]++;
                assert_memory_equal(j.calls, want, sizeof want); /* all done when it returns */
            }
        tvis_pool_destroy(p);
    }
    tvis_pool_destroy(NULL);
}

typedef struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t  all_here;
    uint32_t        here, expected;
} meeting;

static void meet(void *arg, uint32_t i)
{
    meeting *m = arg;
    (void)i;
    (void)pthread_mutex_lock(&m->lock);
    if (++m->here == m->expected)
        (void)pthread_cond_broadcast(&m->all_here);
    while (m->here < m->expected)
        (void)pthread_cond_wait(&m->all_here, &m->lock);
    (void)pthread_mutex_unlock(&m->lock);
}

/* Ends only if as many threads as promised work at the same time. */
static void threads_work_side_by_side(void **state)
{
    meeting m = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 4 };
    tvis_pool *p = tvis_pool_create(4);
    (void)state;
    assert_non_null(p);
    tvis_pool_parallel_for(p, meet, &m, 4);
    assert_int_equal(m.here, 4);
    tvis_pool_destroy(p);
}

static double cpu_seconds(void)
{
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void idle_pools_sleep(void **state)
{
    job j = { { 0 } };
    tvis_pool *p = tvis_pool_create(4);
    (void)state;
    assert_non_null(p);
    tvis_pool_parallel_for(p, count_call, &j, 100);
    const double before = cpu_seconds();
    assert_int_equal(usleep(300000), 0);
    assert_true(cpu_seconds() - before < 0.1);
    tvis_pool_destroy(p);
}

static void pools_that_cannot_be(void **state)
{
    (void)state;
    assert_null(tvis_pool_create(0));
    assert_null(tvis_pool_create(TVIS_MAX_THREADS + 1));
    tvt_fault(TVT_ALLOC, 0, ENOMEM);
    assert_null(tvis_pool_create(2));
    assert_true(tvt_fault_fired());
    for (uint32_t i = 0; i < 3; i++) {
        tvt_fault(TVT_THREAD, i, EAGAIN);
        assert_null(tvis_pool_create(4)); /* those already started have ended: the sanitizers would tell */
        assert_true(tvt_fault_fired());
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences),
        cmocka_unit_test(sentences_name_nodes_and_tensors),
        cmocka_unit_test(every_code_has_a_sentence),
        cmocka_unit_test(sentences_are_cut_and_clean),
        cmocka_unit_test(write_and_read),
        cmocka_unit_test(permissions_follow_the_umask),
        cmocka_unit_test(unreadable),
        cmocka_unit_test(unwritable_targets),
        cmocka_unit_test(pipes_are_read_to_the_end),
        cmocka_unit_test(short_and_interrupted_calls),
        cmocka_unit_test(failed_writes_leave_the_old_file),
        cmocka_unit_test(failed_reads),
        cmocka_unit_test(each_index_once),
        cmocka_unit_test(threads_work_side_by_side),
        cmocka_unit_test(idle_pools_sleep),
        cmocka_unit_test(pools_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
