/* SPDX-License-Identifier: MIT */
/* MobileNetV2 against torchvision's, by weights made from a seed on both sides (tests/golden/parity). */
#include "core/port.h"
#include "models/random_hosted.h"
#include "tests/network.h"

#define GOLDEN    "tests/golden/parity/mobilenet_v2"
#define TOLERANCE 1e-4 /* of the range of the reference */
#define MAX_CASES 64

typedef struct golden {
    double width, gap; /* gap: of PyTorch in float32 from the reference, over its range */
    unsigned classes, n, h, w;
    size_t at; /* of the logits */
} golden;

static golden cases[MAX_CASES];
static unsigned case_count, seed;
static float *logits;

static int load_golden(void **state)
{
    (void)state;
    size_t size, total = 0, dims[1];
    char *text = (char *)tvt_read(GOLDEN ".txt", &size), *line = strchr(text, '\n');
    logits = tvt_npy_f32(GOLDEN ".npy", dims, 1);
    assert_int_equal(sscanf(text, "seed %u", &seed), 1);
    for (; line && line[1]; line = strchr(line + 1, '\n')) {
        assert_true(case_count < MAX_CASES);
        golden *g = &cases[case_count++];
        assert_int_equal(sscanf(line, "%lf %u %u %u %u %lf", &g->width, &g->classes, &g->n, &g->h, &g->w, &g->gap), 6);
        g->at = total;
        total += (size_t)g->n * g->classes;
    }
    assert_int_equal(total, dims[0]);
    free(text);
    return 0;
}

static int free_golden(void **state)
{
    (void)state;
    free(logits);
    return 0;
}

static void convert(double width, unsigned classes, tvis_blob *blob, tvis_model *m)
{
    const tvis_convert_config c = {
        .struct_size = sizeof c, .arch = "mobilenet_v2", .seed = seed, .classes = classes, .width = (float)width
    };
    tvt_convert(&c, blob, m);
}

static float *input(unsigned n, unsigned h, unsigned w)
{
    float *x = malloc(sizeof *x * 3 * n * h * w);
    assert_non_null(x);
    tvis_random_fill(seed, "input", TVIS_RANDOM_INPUT, 1, x, (int64_t)3 * n * h * w);
    return x;
}

static float *room(unsigned n, unsigned classes)
{
    float *y = calloc((size_t)n * classes, sizeof *y);
    assert_non_null(y);
    return y;
}

/* Largest error of any picture's logits over their range, as far as PyTorch's float32 result may be from them. */
static double error(const golden *g, const float *y)
{
    double worst = 0;
    for (unsigned i = 0; i < g->n; i++) {
        const float *want = logits + g->at + (size_t)i * g->classes, *got = y + (size_t)i * g->classes;
        const double range = tvt_range_f32(want, g->classes), e = tvt_max_diff_f32(got, want, g->classes) / range;
        assert_true(tvt_std_f32(want, g->classes) > 0.1 * range);
        worst = e > worst ? e : worst;
    }
    return worst + g->gap;
}

static bool affordable(const golden *g)
{
    return !tvt_quick() || (g->width < 0.4 && g->n * g->h * g->w <= 2 * 96 * 96);
}

static double check_runs(const golden *g, const tvis_model *m, const float *x)
{
    static const struct {
        uint8_t plan;
        bool packed;
    } ways[] = { { TVIS_PLAN_FAST, false }, { TVIS_PLAN_FAST, true }, { TVIS_PLAN_SMALL, false } };
    float *y = room(g->n, g->classes), *y3 = room(g->n, g->classes);
    double worst = 0;
    for (size_t i = 0; i < TVIS_COUNT(ways); i++) {
        tvt_run r = tvt_default_run((uint16_t)g->n, (uint16_t)g->h, (uint16_t)g->w);
        r.plan = ways[i].plan;
        r.packed = ways[i].packed;
        tvt_infer(m, &r, x, y);
        r.threads = 3;
        tvt_infer(m, &r, x, y3);
        const double e = error(g, y);
        if (!(e <= TOLERANCE))
            fail_msg("width %g batch %u at %ux%u, plan %u%s: %g of the range off", g->width, g->n, g->h, g->w,
                     ways[i].plan, ways[i].packed ? ", packed" : "", e);
        assert_memory_equal(y, y3, (size_t)g->n * g->classes * sizeof *y);
        worst = e > worst ? e : worst;
    }
    free(y);
    free(y3);
    return worst;
}

static void all_cases(void **state)
{
    double worst = 0;
    unsigned done = 0;
    (void)state;
    for (unsigned i = 0; i < case_count; i++) {
        const golden *g = &cases[i];
        tvis_blob blob;
        tvis_model m;
        if (!affordable(g))
            continue;
        convert(g->width, g->classes, &blob, &m);
        float *x = input(g->n, g->h, g->w);
        const double e = check_runs(g, &m, x);
        worst = e > worst ? e : worst;
        done++;
        free(x);
        tvis_blob_free(&blob);
    }
    assert_true(done > 0);
    print_message("# %u of %u networks, worst difference from PyTorch %.2e of the range\n", done, case_count, worst);
}

/* The smallest case, used below. */
static const golden *small_case(void)
{
    for (unsigned i = 0; i < case_count; i++)
        if (cases[i].width < 0.4 && cases[i].n == 1 && cases[i].classes == 100 && cases[i].h == 96)
            return &cases[i];
    fail_msg("no small case in " GOLDEN);
    return NULL;
}

static void only_c(void *user, uint32_t node, const tvis_node_info *info)
{
    (void)node;
    if (strstr(info->kernel, "avx") || strstr(info->kernel, "neon") || strstr(info->kernel, "arm"))
        fail_msg("%s runs %s without a flag for it", info->name, info->kernel);
    ++*(unsigned *)user;
}

static void cpu_flags(void **state)
{
    const golden *g = small_case();
    const uint32_t masks[] = { 0, TVIS_CPU_AVX2, TVIS_CPU_NEON, UINT32_MAX };
    float *x = input(g->n, g->h, g->w), *y = room(g->n, g->classes);
    tvis_blob blob;
    tvis_model m;
    unsigned nodes = 0;
    (void)state;
    convert(g->width, g->classes, &blob, &m);
    for (size_t i = 0; i < TVIS_COUNT(masks); i++)
        for (int packed = 0; packed < 2; packed++) {
            tvt_run r = tvt_default_run((uint16_t)g->n, (uint16_t)g->h, (uint16_t)g->w);
            r.cpu &= masks[i];
            r.packed = packed;
            tvt_infer(&m, &r, x, y);
            assert_true(error(g, y) <= TOLERANCE);
            const tvis_session_config c = tvt_config(&r);
            if (masks[i] == 0)
                tvt_ok(tvis_session_plan(&m, &c, NULL, only_c, &nodes, NULL), NULL);
        }
    assert_true(nodes > 0);
    tvis_blob_free(&blob);
    free(x);
    free(y);
}

static void layouts(void **state)
{
    const golden *g = small_case();
    tvis_blob blob;
    tvis_model m;
    float *x = input(2, 96, 128), *a = room(2, g->classes), *b = room(2, g->classes);
    (void)state;
    convert(g->width, g->classes, &blob, &m);
    tvt_run r = tvt_default_run(2, 96, 128);
    tvt_infer(&m, &r, x, a);
    r.layout = TVIS_NHWC;
    tvt_infer(&m, &r, x, b);
    assert_memory_equal(a, b, 2 * g->classes * sizeof *a);
    tvis_blob_free(&blob);
    free(x);
    free(a);
    free(b);
}

/* Kernels may differ by the number of rows, so the sums may be in another order. */
static void batch_is_pictures(void **state)
{
    enum { N = 3 };
    const golden *g = small_case();
    tvis_blob blob;
    tvis_model m;
    float *x = input(N, 96, 80), *all = room(N, g->classes), *one = room(1, g->classes);
    (void)state;
    convert(g->width, g->classes, &blob, &m);
    tvt_run r = tvt_default_run(N, 96, 80);
    tvt_infer(&m, &r, x, all);
    r.n = 1;
    for (size_t i = 0; i < N; i++) {
        tvt_infer(&m, &r, x + i * 3 * 96 * 80, one);
        assert_true(tvt_max_diff_f32(all + i * g->classes, one, g->classes) <= 1e-6 * tvt_range_f32(one, g->classes));
    }
    tvis_blob_free(&blob);
    free(x);
    free(all);
    free(one);
}

/* Twice in the caller's view, then in place in the arena. */
static void sessions_repeat(void **state)
{
    const golden *g = small_case();
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    tvis_session *s;
    float *x = input(1, 96, 96), *want = room(1, g->classes);
    (void)state;
    convert(g->width, g->classes, &blob, &m);
    const tvt_run r = tvt_default_run(1, 96, 96);
    tvt_infer(&m, &r, x, want);
    const tvis_session_config c = tvt_config(&r);
    tvt_buf arena = tvt_guarded(tvt_arena_bytes(&m, &r));
    tvt_ok(tvis_session_init(&s, &m, &c, arena.p, arena.size, &d), &d);
    for (int i = 0; i < 3; i++) {
        tvis_tensor in, out;
        assert_int_equal(tvis_session_input(s, 0, &in), TVIS_OK);
        assert_int_equal(tvis_session_output(s, 0, &out), TVIS_OK);
        if (i == 2) {
            tvt_to_nhwc(x, in.data, 1, 3, 96 * 96);
        } else {
            in.data = x;
            in.layout = TVIS_NCHW;
        }
        tvt_ok(tvis_session_run(s, &in, NULL, &d), &d);
        assert_memory_equal(out.data, want, g->classes * sizeof *want);
    }
    assert_true(tvt_guards_ok(&arena));
    tvt_free(&arena);
    tvis_blob_free(&blob);
    free(x);
    free(want);
}

/* tvt_infer() gives exactly the bytes of the size call. */
static void one_byte_short(void **state)
{
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    tvis_session *s = NULL;
    (void)state;
    convert(0.35, 10, &blob, &m);
    for (uint8_t plan = TVIS_PLAN_FAST; plan <= TVIS_PLAN_SMALL; plan++)
        for (uint16_t threads = 1; threads < 5; threads += 3) {
            tvt_run r = tvt_default_run(1, 96, 96);
            r.plan = plan;
            r.threads = threads;
            const tvis_session_config c = tvt_config(&r);
            const size_t need = tvt_arena_bytes(&m, &r);
            tvt_buf arena = tvt_guarded(need), untouched = tvt_guarded(need);
            assert_int_equal(tvis_session_init(&s, &m, &c, arena.p, need - 1, &d), TVIS_ENOMEM);
            assert_int_equal(d.code, TVIS_DIAG_MEMORY);
            assert_int_equal(d.expected[0], need);
            assert_int_equal(d.found[0], need - 1);
            assert_null(s);
            assert_true(tvt_same(&arena, &untouched));
            tvt_free(&arena);
            tvt_free(&untouched);
        }
    tvis_blob_free(&blob);
}

static void arena_size(void **state)
{
    tvis_blob blob;
    tvis_model m;
    (void)state;
    convert(1.0, 1000, &blob, &m);
    tvt_run r = tvt_default_run(1, 224, 224);
    const size_t fast = tvt_arena_bytes(&m, &r);
    r.plan = TVIS_PLAN_SMALL;
    const size_t small = tvt_arena_bytes(&m, &r);
    print_message("# arena of MobileNetV2 at 224x224: %zu bytes, plan SMALL %zu\n", fast, small);
    assert_true(fast <= 6500000);
    assert_true(small <= fast);
    tvis_blob_free(&blob);
}

static void scale(const tvis_weight_info *w, float by)
{
    float *v = (float *)(uintptr_t)w->data; /* in our own blob */
    for (size_t i = 0; i < w->bytes / sizeof *v; i++)
        v[i] *= by;
}

/* A factor of 1.5 moves the logits by far more than the tolerance, whichever tensor it is given to. */
static void every_weight_counts(void **state)
{
    enum { CLASSES = 20, SIDE = 64 };
    tvis_blob blob;
    tvis_model m;
    tvis_model_info info;
    tvis_weight_info w;
    unsigned weights = 0;
    float *x = input(1, SIDE, SIDE), base[CLASSES], y[CLASSES];
    (void)state;
    convert(0.35, CLASSES, &blob, &m);
    tvis_model_get_info(&m, &info);
    tvt_run r = tvt_default_run(1, SIDE, SIDE);
    tvt_infer(&m, &r, x, base);
    for (uint32_t i = 0; i < info.tensors; i++) {
        if (!tvis_model_weight(&m, i, &w))
            continue;
        weights++;
        r.packed = weights % 2;
        scale(&w, 1.5f);
        tvt_infer(&m, &r, x, y);
        scale(&w, 1.0f / 1.5f);
        const double moved = tvt_max_diff_f32(y, base, CLASSES) / tvt_range_f32(base, CLASSES);
        if (!(moved > 10 * TOLERANCE))
            fail_msg("%s moves the logits by %g of their range only", w.name, moved);
    }
    assert_int_equal(weights, 53 * 2); /* 52 convolutions and the classifier, with a bias each */
    tvis_blob_free(&blob);
    free(x);
}

/* The first elements that tests/golden/parity/seeded.py gives for seed 3. */
static void random_bits(void **state)
{
    /* ORDER TVIS_RANDOM */
    static const float want[TVIS_RANDOM_INPUT + 1][3] = {
        { -0x1.bd614ep-2f, -0x1.6519f2p-3f, -0x1.906f64p-2f }, { 0x1.89e698p-1f, 0x1.d0a794p-1f, 0x1.95d19p-1f },
        { -0x1.79eae4p-3f, -0x1.2f02b4p-4f, -0x1.53c7cep-3f }, { -0x1.79eae4p-4f, -0x1.2f02b4p-5f, -0x1.53c7cep-4f },
        { 0x1.13cd32p-1f, 0x1.a14f28p-1f, 0x1.2ba32p-1f },     { -0x1.79eae4p-5f, -0x1.2f02b4p-6f, -0x1.53c7cep-5f },
        { -0x1.d8659cp+0f, -0x1.7ac36p-1f, -0x1.a8b9cp+0f },
    };
    float v[3];
    (void)state;
    for (int role = 0; role <= TVIS_RANDOM_INPUT; role++) {
        tvis_random_fill(3, "features.0.0.weight", (tvis_random_role)role, 27, v, 3);
        assert_memory_equal(v, want[role], sizeof v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_bits),    cmocka_unit_test(all_cases),         cmocka_unit_test(cpu_flags),
        cmocka_unit_test(layouts),        cmocka_unit_test(batch_is_pictures), cmocka_unit_test(sessions_repeat),
        cmocka_unit_test(one_byte_short), cmocka_unit_test(arena_size),        cmocka_unit_test(every_weight_counts),
    };
    return cmocka_run_group_tests(tests, load_golden, free_golden);
}
