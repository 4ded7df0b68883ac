/* SPDX-License-Identifier: MIT */
/* Runs a fuzzer without libFuzzer: first the seeds as they are, then mutations of them until the time is over.
 *     fuzz_x [-max_total_time=SECONDS] [-seed=N] [-max_len=BYTES] [-artifact_prefix=PREFIX] [-close_fd_mask=3]
 * FILE-OR-FOLDER... Knows nothing of coverage. Other options of libFuzzer are accepted and ignored. */
#define _DEFAULT_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Of the sanitizers, where they are linked. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));
void __sanitizer_set_report_fd(void *fd) __attribute__((weak));

typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

#define MAX_SEEDS 4096
static bytes seeds[MAX_SEEDS];
static size_t seed_count, max_len = 1 << 20;
static bytes input; /* the one being run, in max_len bytes */
static uint64_t state = 1;
static FILE *report; /* NULL: stdout */
static char crash_name[1024] = "crash-input";

static void die(const char *what, const char *name)
{
    fprintf(stderr, "fuzz: %s: %s\n", name, what);
    exit(2);
}

/* xorshift64* */
static uint32_t below(size_t n)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545f4914f6cdd1du >> 32) * n >> 32);
}

/* ---- seeds ---- */

static void add_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        die("cannot be opened", path);
    if (seed_count == MAX_SEEDS)
        die("too many seeds", path);
    bytes *s = &seeds[seed_count++];
    s->data = malloc(max_len);
    if (!s->data)
        die("no memory", path);
    s->size = fread(s->data, 1, max_len, f);
    if (ferror(f) || fclose(f) != 0)
        die("cannot be read", path);
}

static void add(const char *path)
{
    DIR *d = opendir(path);
    if (!d) {
        add_file(path);
        return;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char name[1024];
        if (e->d_name[0] == '.')
            continue;
        if (snprintf(name, sizeof name, "%s/%s", path, e->d_name) >= (int)sizeof name)
            die("the path is too long", path);
        add_file(name);
    }
    if (closedir(d) != 0)
        die("cannot be closed", path);
}

/* ---- mutations ---- */

static const uint64_t telling[] = { 0,
                                    1,
                                    2,
                                    7,
                                    8,
                                    0x7f,
                                    0x80,
                                    0xff,
                                    0x100,
                                    0x7fff,
                                    0x8000,
                                    0xffff,
                                    0x10000,
                                    0x7fffffff,
                                    0x80000000,
                                    0xffffffff,
                                    0x100000000,
                                    0x7fffffffffffffff,
                                    0x8000000000000000,
                                    UINT64_MAX };

static void flip_bit(bytes *b)
{
    const size_t at = below(b->size);
    b->data[at] = (uint8_t)(b->data[at] ^ 1u << below(8));
}

/* Little-endian, 1 to 8 bytes. */
static void set_number(bytes *b)
{
    const uint64_t v = telling[below(sizeof telling / sizeof *telling)] + below(3) - 1;
    const size_t at = below(b->size), width = (size_t)1 << below(4);
    for (size_t i = 0; i < width && at + i < b->size; i++)
        b->data[at + i] = (uint8_t)(v >> 8 * i);
}

static void cut(bytes *b)
{
    b->size = below(b->size);
}

static void erase(bytes *b)
{
    const size_t at = below(b->size), n = 1 + below(b->size - at);
    memmove(b->data + at, b->data + at + n, b->size - at - n);
    b->size -= n;
}

/* A piece of a seed, over what is there or in between. */
static void splice(bytes *b)
{
    const bytes *from = &seeds[below(seed_count)];
    if (!from->size)
        return;
    const size_t at = below(b->size), start = below(from->size);
    size_t n = 1 + below(from->size - start < 64 ? from->size - start : 64);
    const bool insert = below(2) && b->size + n <= max_len;
    if (insert) {
        memmove(b->data + at + n, b->data + at, b->size - at);
        b->size += n;
    }
    if (n > b->size - at)
        n = b->size - at;
    memcpy(b->data + at, from->data + start, n);
}

static void mutate(bytes *b)
{
    static void (*const how[])(
        bytes *) = { flip_bit, flip_bit, set_number, set_number, set_number, splice, erase, cut };
    for (uint32_t n = 1 + below(6); n && b->size; n--)
        how[below(sizeof how / sizeof *how)](b);
}

/* ---- running ---- */

static void keep_input(void)
{
    const int fd = open(crash_name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, input.data, input.size) != (ssize_t)input.size)
        _exit(2);
}

static void on_signal(int number)
{
    keep_input();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void run(const bytes *seed, bool mutated)
{
    memcpy(input.data, seed->data, seed->size);
    input.size = seed->size;
    if (mutated)
        mutate(&input);
    /* A block of exactly this size, so that a sanitizer sees reads past its end. */
    uint8_t *exact = malloc(input.size ? input.size : 1);
    if (!exact)
        die("no memory", "input");
    memcpy(exact, input.data, input.size);
    (void)LLVMFuzzerTestOneInput(exact, input.size);
    free(exact);
}

static bool option(const char *arg, const char *name, const char **value)
{
    const size_t n = strlen(name);
    *value = arg + n;
    return strncmp(arg, name, n) == 0;
}

/* What the code under test prints is thrown away; what we and the sanitizers say is not. */
static void silence(void)
{
    const int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), none = open("/dev/null", O_WRONLY);
    if (out < 0 || err < 0 || none < 0 || dup2(none, STDOUT_FILENO) < 0 || dup2(none, STDERR_FILENO) < 0)
        die("cannot be thrown away", "output");
    report = fdopen(out, "w");
    if (__sanitizer_set_report_fd)
        __sanitizer_set_report_fd((void *)(intptr_t)err);
}

static void arguments(char **argv, long *seconds)
{
    for (const char *v; *argv; argv++)
        if (option(*argv, "-max_total_time=", &v))
            *seconds = strtol(v, NULL, 10);
        else if (option(*argv, "-seed=", &v))
            state = strtoull(v, NULL, 10) | 1;
        else if (option(*argv, "-max_len=", &v))
            max_len = strtoul(v, NULL, 10);
        else if (strcmp(*argv, "-close_fd_mask=3") == 0)
            silence();
        else if (option(*argv, "-artifact_prefix=", &v))
            (void)snprintf(crash_name, sizeof crash_name, "%scrash", v);
        else if (**argv != '-')
            add(*argv);
}

int main(int argc, char **argv)
{
    static const int deadly[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };
    long seconds = 0;
    unsigned long runs = 0;
    (void)argc;
    arguments(argv + 1, &seconds);
    input.data = malloc(max_len);
    if (!seed_count)
        seeds[seed_count++] = (bytes){ calloc(1, 64), 64 };
    if (!input.data || !seeds[0].data)
        die("no memory", "seeds");
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(keep_input);
    else
        for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
            (void)signal(deadly[i], on_signal);
    for (size_t i = 0; i < seed_count; i++, runs++)
        run(&seeds[i], false);
    for (const time_t end = time(NULL) + seconds; time(NULL) < end; runs++)
        run(&seeds[below(seed_count)], true);
    fprintf(report ? report : stdout, "stat::number_of_executed_units: %lu\n", runs);
    return 0;
}
