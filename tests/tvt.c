/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "tests/tvt.h"

#include <float.h>
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD      64u /* bytes on each side; keeps TVIS_ARENA_ALIGN */
#define GUARD_BYTE 0x5c
#define FILL_BYTE  0xa5

uint32_t        tvt_seed = 20240229u;
static uint64_t state;
static bool     seeded;

static void die(const char *what)
{
    fprintf(stderr, "tests: %s\n", what);
    exit(2);
}

static uint32_t number_from_env(const char *name, uint32_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? (uint32_t)strtoul(text, NULL, 0) : otherwise;
}

void tvt_srand(uint32_t seed)
{
    tvt_seed = seed;
    state = seed;
    seeded = true;
}

/* splitmix64 */
uint32_t tvt_rand(void)
{
    if (!seeded)
        tvt_srand(number_from_env("TVT_SEED", tvt_seed));
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

uint32_t tvt_below(uint32_t n)
{
    return (uint32_t)(((uint64_t)tvt_rand() * n) >> 32);
}

float tvt_float(float low, float high)
{
    return low + (high - low) * (float)(tvt_rand() >> 8) * (1.0f / 16777215.0f);
}

void tvt_fill_f32(float *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = tvt_float(-1.0f, 1.0f);
}

void tvt_fill(void *p, size_t bytes)
{
    uint8_t *b = p;
    for (size_t i = 0; i < bytes; i++)
        b[i] = (uint8_t)tvt_rand();
}

static void fill(tvt_buf *b, size_t room)
{
    memset(b->base, GUARD_BYTE, room);
    memset(b->p, FILL_BYTE, b->size);
}

tvt_buf tvt_guarded(size_t size)
{
    const size_t room = size + 3 * GUARD; /* two guards, and what alignment takes */
    tvt_buf b = { NULL, size, malloc(room), 0 };
    if (!b.base)
        die("no memory");
    const size_t past = (uintptr_t)b.base % TVIS_ARENA_ALIGN;
    b.p = b.base + (past ? TVIS_ARENA_ALIGN - past : 0) + GUARD;
    fill(&b, room);
    return b;
}

tvt_buf tvt_paged(size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t room = (size + GUARD + page - 1) / page * page;
    tvt_buf b = { NULL, size, NULL, room + page };
    void *m = mmap(NULL, b.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED)
        die("no memory");
    b.base = m;
    if (mprotect(b.base + room, page, PROT_NONE) != 0)
        die("mprotect failed");
    b.p = b.base + room - size;
    fill(&b, room);
    return b;
}

static bool all_guard(const uint8_t *from, const uint8_t *to)
{
    while (from < to)
        if (*from++ != GUARD_BYTE)
            return false;
    return true;
}

bool tvt_guards_ok(const tvt_buf *b)
{
    const uint8_t *p = b->p, *end = p + b->size;
    return all_guard(b->base, p) && (b->mapped || all_guard(end, end + GUARD));
}

bool tvt_same(const tvt_buf *a, const tvt_buf *b)
{
    return a->size == b->size && tvt_guards_ok(a) && tvt_guards_ok(b) && memcmp(a->p, b->p, a->size) == 0;
}

void tvt_free(tvt_buf *b)
{
    if (!b->mapped)
        free(b->base);
    else if (munmap(b->base, b->mapped) != 0)
        die("munmap failed");
    b->p = b->base = NULL;
}

uint32_t tvt_cpu(void)
{
    return tvis_cpu_detect() & number_from_env("TVT_CPU", UINT32_MAX);
}

static double difference(float a, float b)
{
    if (memcmp(&a, &b, sizeof a) == 0 || a == b)
        return 0;
    const double d = fabs((double)a - (double)b);
    return d <= DBL_MAX ? d : (double)INFINITY; /* also when one side is a NaN */
}

long tvt_differs_f32(const float *a, const float *b, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++)
        if (difference(a[i], b[i]) > tolerance)
            return (long)i;
    return -1;
}

double tvt_max_diff_f32(const float *a, const float *b, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, difference(a[i], b[i]));
    return most;
}

double tvt_range_f32(const float *a, size_t n)
{
    double low = a[0], high = a[0];
    for (size_t i = 1; i < n; i++) {
        low = fmin(low, (double)a[i]);
        high = fmax(high, (double)a[i]);
    }
    return high - low;
}

double tvt_std_f32(const float *a, size_t n)
{
    double mean = 0, sum = 0;
    for (size_t i = 0; i < n; i++)
        mean += (double)a[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        sum += ((double)a[i] - mean) * ((double)a[i] - mean);
    return sqrt(sum / (double)n);
}

uint8_t *tvt_read(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s cannot be opened", path);
    uint8_t *data = NULL;
    size_t n = 0, room = 0, got;
    do {
        if (room - n < 65536)
            data = realloc(data, room = room * 2 + 131072);
        if (!data)
            die("no memory");
        got = fread(data + n, 1, room - n - 1, f);
        n += got;
    } while (got);
    const bool ok = !ferror(f);
    if (fclose(f) != 0 || !ok)
        fail_msg("%s cannot be read", path);
    data[n] = 0;
    *size = n;
    return data;
}

static char *path_slot(void)
{
    static char     paths[4][512];
    static unsigned next;
    return paths[next++ % 4];
}

const char *tvt_data(const char *name)
{
    const char *folder = getenv("TINYVIS_DATA");
    char *path = path_slot();
    if (!folder || !*folder || snprintf(path, 512, "%s/%s", folder, name) >= 512 || access(path, R_OK) != 0)
        skip();
    return path;
}

const char *tvt_temp(const char *name)
{
    const char *folder = getenv("TMPDIR");
    char *path = path_slot();
    if (snprintf(path, 512, "%s/tinyvis-%ld-%s", folder && *folder ? folder : "/tmp", (long)getpid(), name) >= 512)
        die("the path of temporary files is too long");
    return path;
}

/* Digits of "'shape': (1, 3, 4)," at the position after the bracket. */
static size_t npy_shape(const char *path, const char *text, size_t *dims, uint32_t max_rank)
{
    size_t elements = 1;
    uint32_t rank = 0;
    for (uint32_t i = 0; i < max_rank; i++)
        dims[i] = 1;
    for (char *end; *text != ')'; text = end + strspn(end, ", ")) {
        const size_t d = (size_t)strtoul(text, &end, 10);
        if (end == text || rank == max_rank)
            fail_msg("%s: a shape of at most %u dimensions is expected", path, (unsigned)max_rank);
        dims[rank++] = d;
        elements *= d;
    }
    return elements;
}

float *tvt_npy_f32(const char *path, size_t *dims, uint32_t max_rank)
{
    size_t size;
    uint8_t *data = tvt_read(path, &size);
    char *header = (char *)data + 10; /* magic, version 1, 16-bit length */
    const size_t start = size < 10 ? 0 : 10u + data[8] + 256u * data[9];
    if (size < 10 || memcmp(data, "\x93NUMPY\x01", 7) != 0 || start > size)
        fail_msg("%s is not a .npy file of version 1", path);
    header[start - 11] = '\0'; /* the line feed that ends it */
    const char *shape = strstr(header, "'shape': (");
    if (!shape || !strstr(header, "'<f4'") || !strstr(header, "'fortran_order': False"))
        fail_msg("%s: float32 in C order is expected", path);
    const size_t n = npy_shape(path, shape + 10, dims, max_rank);
    if (n * sizeof(float) != size - start)
        fail_msg("%s: %zu elements do not fill the file", path, n);
    memmove(data, data + start, n * sizeof(float));
    return (float *)(void *)data;
}
