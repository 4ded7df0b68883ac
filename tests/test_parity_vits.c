/* SPDX-License-Identifier: MIT */
/* Vision transformers against PyTorch, every element of every output, by weights made from a seed on both sides
 * (tests/golden/parity). */
#include <math.h>

#include "core/port.h"
#include "models/random_hosted.h"
#include "tests/network.h"

#define GOLDEN    "tests/golden/parity/vits"
#define TOLERANCE 1e-4 /* of the range of the reference */

enum { OUTPUTS = 3, CLASS_SUMS = 8, SUMS = 2, MAX_NETS = 16, MAX_CASES = 8 };

typedef struct vit_case {
    unsigned h, w, whole;
    double range[OUTPUTS], gap; /* of the reference; of PyTorch in float32 from it, over its range */
    size_t at;                  /* of the stored outputs */
} vit_case;

typedef struct vit_net {
    char arch[32];
    unsigned long long params, macs; /* macs at 224 x 224 */
    unsigned case_count;
    vit_case cases[MAX_CASES];
} vit_net;

static vit_net nets[MAX_NETS];
static unsigned net_count, seed;
static float *stored;
static size_t stored_count;

/* ---- the file ---- */

static const char *next_line(const char *line)
{
    line = strchr(line, '\n');
    assert_non_null(line);
    return line + 1;
}

static int load_golden(void **state)
{
    size_t size;
    char *text = (char *)tvt_read(GOLDEN ".txt", &size);
    const char *line = text;
    (void)state;
    assert_int_equal(sscanf(line, "seed %u", &seed), 1);
    for (line = next_line(line); *line;) {
        assert_true(net_count < MAX_NETS);
        vit_net *n = &nets[net_count++];
        assert_int_equal(sscanf(line, "%31s %llu %llu %u", n->arch, &n->params, &n->macs, &n->case_count), 4);
        assert_true(n->case_count <= MAX_CASES);
        line = next_line(line);
        for (unsigned i = 0; i < n->case_count; i++, line = next_line(line)) {
            vit_case *c = &n->cases[i];
            assert_int_equal(sscanf(line, "%*s %u %u %u %lf %lf %lf %lf %zu", &c->h, &c->w, &c->whole, &c->range[0],
                                    &c->range[1], &c->range[2], &c->gap, &c->at),
                             8);
        }
    }
    free(text);
    stored = tvt_npy_f32(GOLDEN ".npy", &stored_count, 1);
    return 0;
}

static int free_golden(void **state)
{
    (void)state;
    free(stored);
    return 0;
}

/* ---- running ---- */

typedef struct result {
    uint32_t count;
    tvis_tensor y[OUTPUTS]; /* from malloc */
} result;

static void free_result(result *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        free(r->y[i].data);
}

static float *input(unsigned n, unsigned h, unsigned w)
{
    float *x = malloc(sizeof *x * 3 * n * h * w);
    assert_non_null(x);
    tvis_random_fill(seed, "input", TVIS_RANDOM_INPUT, 1, x, (int64_t)3 * n * h * w);
    return x;
}

static void collect(const tvis_session *s, result *r)
{
    for (r->count = 0; r->count < OUTPUTS && !tvis_session_output(s, r->count, &r->y[r->count]); r->count++) {
        tvis_tensor *y = &r->y[r->count];
        const size_t bytes =
            sizeof(float) * (size_t)y->dims[0] * (size_t)y->dims[1] * (size_t)y->dims[2] * (size_t)y->dims[3];
        void *copy = malloc(bytes);
        assert_non_null(copy);
        y->data = memcpy(copy, y->data, bytes);
    }
}

/* In exactly the memory that was asked for. */
static result infer(const tvis_model *m, const tvt_run *r, const float *x)
{
    tvis_session_config c = tvt_config(r);
    const tvis_tensor in = { (void *)(uintptr_t)x, { r->n, r->h, r->w, 3 }, TVIS_F32, TVIS_NCHW };
    tvis_pool *pool = r->threads > 1 ? tvis_pool_create(r->threads) : NULL;
    tvt_buf pack = { 0 };
    tvis_session *s;
    tvis_diag d;
    size_t bytes;
    result y;
    if (pool) {
        c.parallel_for = tvis_pool_parallel_for;
        c.pool = pool;
    }
    if (r->packed)
        pack = tvt_pack(m, &c);
    tvt_ok(tvis_session_size(m, &c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    memset(arena.p, 0xff, bytes);
    tvt_ok(tvis_session_init(&s, m, &c, arena.p, bytes, &d), &d);
    tvt_ok(tvis_session_run(s, &in, NULL, &d), &d);
    collect(s, &y);
    assert_true(tvt_guards_ok(&arena));
    tvt_free(&arena);
    if (pack.p)
        tvt_free(&pack);
    tvis_pool_destroy(pool);
    return y;
}

static void convert(const char *arch, tvis_blob *blob, tvis_model *m)
{
    const tvis_convert_config c = { .struct_size = sizeof c, .arch = arch, .seed = seed };
    tvt_convert(&c, blob, m);
}

/* ---- comparing ---- */

/* Sums of a row's elements with signs from the seed: an element that is off moves each of them by as much. */
static void signed_sums(const float *y, size_t n, size_t count, double *sums)
{
    float *signs = malloc(count * n * sizeof *signs);
    assert_non_null(signs);
    tvis_random_fill(seed, "signs", TVIS_RANDOM_TOKEN, 1, signs, (int64_t)(count * n));
    for (size_t k = 0; k < count; k++) {
        sums[k] = 0;
        for (size_t j = 0; j < n; j++)
            sums[k] += signs[k * n + j] < 0 ? -(double)y[j] : (double)y[j];
    }
    free(signs);
}

/* Largest difference of the rows of output i from what is stored at *at, which moves on. */
static double output_difference(const vit_case *c, const tvis_tensor *y, uint32_t i, size_t *at)
{
    const size_t rows = (size_t)y->dims[2], n = (size_t)y->dims[3];
    const bool whole = c->whole || (i == 0 && c->h == 224 && c->w == 224);
    const size_t count = whole ? n : i == 0 ? CLASS_SUMS : SUMS;
    double worst = 0, sums[CLASS_SUMS];
    for (size_t row = 0; row < rows; row++, *at += count) {
        const float *got = (const float *)y->data + row * n;
        assert_true(*at + count <= stored_count);
        if (whole) {
            worst = fmax(worst, tvt_max_diff_f32(got, stored + *at, n));
            continue;
        }
        signed_sums(got, n, count, sums);
        for (size_t k = 0; k < count; k++) {
            const double e = fabs(sums[k] - (double)stored[*at + k]);
            worst = e <= worst ? worst : e;
        }
    }
    return worst;
}

/* Over the ranges of the outputs, and as far as PyTorch's float32 result may be from them. */
static double difference(const vit_case *c, const result *r)
{
    double worst = 0;
    size_t at = c->at;
    for (uint32_t i = 0; i < r->count; i++) {
        const double e = output_difference(c, &r->y[i], i, &at) / c->range[i];
        worst = e <= worst ? worst : e;
    }
    return worst + c->gap;
}

static double tolerance(const vit_case *c)
{
    return c->h >= 518 ? 2 * TOLERANCE : TOLERANCE;
}

static bool affordable(const vit_net *n, const vit_case *c)
{
    if (tvt_quick()) /* one of each way to stretch */
        return c->whole && (strcmp(n->arch, "dino_vits16") == 0 || strcmp(n->arch, "dinov2_vits14_reg") == 0);
    return tvt_full() || (n->params < 200000000 && (c->h < 518 || n->params < 30000000));
}

static double check_case(const vit_net *n, const vit_case *c, const tvis_model *m)
{
    float *x = input(1, c->h, c->w);
    double worst = 0;
    for (uint8_t plan = TVIS_PLAN_FAST; plan <= TVIS_PLAN_SMALL; plan++) {
        tvt_run r = tvt_default_run(1, (uint16_t)c->h, (uint16_t)c->w);
        r.plan = plan;
        r.packed = plan == TVIS_PLAN_FAST;
        r.threads = plan == TVIS_PLAN_FAST ? 3 : 1;
        result y = infer(m, &r, x);
        const double e = difference(c, &y);
        if (!(e <= tolerance(c)))
            fail_msg("%s at %ux%u, plan %u: %g of the range off", n->arch, c->h, c->w, plan, e);
        worst = fmax(worst, e);
        free_result(&y);
    }
    free(x);
    return worst;
}

static void every_element(void **state)
{
    double worst = 0;
    unsigned done = 0, all = 0;
    (void)state;
    for (unsigned i = 0; i < net_count; i++) {
        tvis_blob blob = { NULL, 0 };
        tvis_model m;
        for (unsigned k = 0; k < nets[i].case_count; k++) {
            all++;
            if (!affordable(&nets[i], &nets[i].cases[k]))
                continue;
            if (!blob.data)
                convert(nets[i].arch, &blob, &m);
            worst = fmax(worst, check_case(&nets[i], &nets[i].cases[k], &m));
            done++;
        }
        tvis_blob_free(&blob);
    }
    assert_true(done > 0);
    print_message("# %u of %u sizes, worst difference from PyTorch %.2e of the range\n", done, all, worst);
}

/* ---- one network, closer ---- */

static const vit_net *net_of(const char *arch)
{
    for (unsigned i = 0; i < net_count; i++)
        if (strcmp(nets[i].arch, arch) == 0)
            return &nets[i];
    fail_msg("no %s in " GOLDEN, arch);
    return NULL;
}

static void cpu_flags(void **state)
{
    const vit_net *n = net_of("dino_vits16");
    const vit_case *c = &n->cases[0];
    const uint32_t masks[] = { 0, TVIS_CPU_AVX2, TVIS_CPU_NEON, UINT32_MAX };
    float *x = input(1, c->h, c->w);
    tvis_blob blob;
    tvis_model m;
    (void)state;
    convert(n->arch, &blob, &m);
    for (size_t i = 0; i < TVIS_COUNT(masks); i++) {
        tvt_run r = tvt_default_run(1, (uint16_t)c->h, (uint16_t)c->w);
        r.cpu &= masks[i];
        result y = infer(&m, &r, x);
        assert_int_equal(y.count, 3);
        assert_true(difference(c, &y) <= TOLERANCE);
        free_result(&y);
    }
    tvis_blob_free(&blob);
    free(x);
}

static void same_result(const result *a, const result *b)
{
    assert_int_equal(a->count, b->count);
    for (uint32_t i = 0; i < a->count; i++) {
        const int32_t *d = a->y[i].dims;
        assert_memory_equal(d, b->y[i].dims, sizeof a->y[i].dims);
        assert_memory_equal(a->y[i].data, b->y[i].data,
                            (size_t)d[0] * (size_t)d[1] * (size_t)d[2] * (size_t)d[3] * sizeof(float));
    }
}

/* The same bits for any number of threads, with and without packed weights. */
static void threads(void **state)
{
    tvis_blob blob;
    tvis_model m;
    float *x = input(2, 98, 70);
    (void)state;
    convert("dinov2_vits14_reg", &blob, &m);
    tvt_run r = tvt_default_run(2, 98, 70);
    result want = infer(&m, &r, x);
    for (uint16_t t = 2; t < (tvt_quick() ? 3 : 8); t = (uint16_t)(t + 1 + t / 3)) {
        r.threads = t;
        r.packed = t % 2;
        r.plan = t == 3 ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST;
        result y = infer(&m, &r, x);
        same_result(&want, &y);
        free_result(&y);
    }
    free_result(&want);
    tvis_blob_free(&blob);
    free(x);
}

static void batch_is_pictures(void **state)
{
    tvis_blob blob;
    tvis_model m;
    float *x = input(2, 80, 48);
    (void)state;
    if (tvt_quick()) {
        free(x);
        skip();
    }
    convert("dino_vits16", &blob, &m);
    tvt_run r = tvt_default_run(2, 80, 48);
    result both = infer(&m, &r, x);
    r.n = 1;
    for (size_t i = 0; i < 2; i++) {
        result one = infer(&m, &r, x + i * 3 * 80 * 48);
        for (uint32_t k = 0; k < one.count; k++) {
            const size_t floats = (size_t)one.y[k].dims[2] * (size_t)one.y[k].dims[3];
            const float *part = (const float *)both.y[k].data + i * floats;
            assert_true(tvt_max_diff_f32(part, one.y[k].data, floats) <= 1e-5 * tvt_range_f32(part, floats));
        }
        free_result(&one);
    }
    free_result(&both);
    tvis_blob_free(&blob);
    free(x);
}

static void check_arena(const char *arch, uint16_t side, size_t limit)
{
    tvis_blob blob;
    tvis_model m;
    convert(arch, &blob, &m);
    tvt_run r = tvt_default_run(1, side, side);
    const size_t fast = tvt_arena_bytes(&m, &r);
    r.plan = TVIS_PLAN_SMALL;
    const size_t small = tvt_arena_bytes(&m, &r);
    print_message("# arena of %s at %ux%u: %zu bytes, plan SMALL %zu\n", arch, side, side, fast, small);
    assert_true(small <= limit && 2 * fast <= 5 * small);
    tvis_blob_free(&blob);
}

static void arena_sizes(void **state)
{
    (void)state;
    check_arena("dinov2_vits14", 224, 4000000);
    if (tvt_quick())
        return;
    check_arena("dino_vits16", 224, 4000000);
    check_arena("dinov2_vitb14", 518, 32000000);
}

static void counts(void **state)
{
    tvis_arch_info info;
    unsigned found = 0;
    (void)state;
    for (uint32_t i = 0; tvis_arch(i, &info); i++)
        for (unsigned k = 0; k < net_count; k++)
            if (strcmp(info.name, nets[k].arch) == 0) {
                assert_int_equal(info.params, nets[k].params);
                assert_int_equal(info.macs, nets[k].macs);
                assert_int_equal(info.classes, 0);
                found++;
            }
    assert_int_equal(found, net_count);
}

static void scale(const tvis_weight_info *w, float by)
{
    float *v = (float *)(uintptr_t)w->data; /* in our own blob */
    for (size_t i = 0; i < w->bytes / sizeof *v; i++)
        v[i] *= by;
}

/* A factor of 4 moves some output by far more than the tolerance, whichever tensor it is given to. */
static void every_weight_counts(void **state)
{
    const char *const arch = "dinov2_vits14_reg";
    tvis_blob blob;
    tvis_model m;
    tvis_model_info info;
    tvis_weight_info w;
    unsigned weights = 0;
    float *x = input(1, 28, 42);
    (void)state;
    if (tvt_quick())
        skip();
    convert(arch, &blob, &m);
    tvis_model_get_info(&m, &info);
    const tvt_run r = tvt_default_run(1, 28, 42);
    result base = infer(&m, &r, x);
    const size_t floats = (size_t)base.y[1].dims[2] * (size_t)base.y[1].dims[3];
    for (uint32_t i = 0; i < info.tensors; i++) {
        if (!tvis_model_weight(&m, i, &w))
            continue;
        weights++;
        scale(&w, 4.0f);
        result y = infer(&m, &r, x);
        scale(&w, 0.25f);
        const double moved =
            tvt_max_diff_f32(y.y[1].data, base.y[1].data, floats) / tvt_range_f32(base.y[1].data, floats);
        if (!(moved > 10 * TOLERANCE))
            fail_msg("%s moves the outputs by %g of their range only", w.name, moved);
        free_result(&y);
    }
    assert_int_equal(weights, 12 * 12 + 2 + 3 + 2); /* blocks, patches, tokens, norm */
    free_result(&base);
    tvis_blob_free(&blob);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(every_element),
        cmocka_unit_test(cpu_flags),
        cmocka_unit_test(threads),
        cmocka_unit_test(arena_sizes),
        cmocka_unit_test(every_weight_counts),
        cmocka_unit_test(batch_is_pictures),
    };
    return cmocka_run_group_tests(tests, load_golden, free_golden);
}
