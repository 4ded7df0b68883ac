/* SPDX-License-Identifier: MIT */
/* The convolutional networks as architectures: size, memory, fusion, and refusal of weights that are not theirs. */
#include "tests/golden_net.h"

/* A file for each architecture whose weights PyTorch can make; small ones, for an emulator, first. */
static const char *const files[] = {
    "resnet20_cifar10",
    "mobilenet_v3_small",
    "mobilenet_v3_small.timm",
    "mobilenet_v1.timm",
    "mobilenet_v2.timm",
    "mobilenet_v4_conv_small.timm",
    "efficientnet_b0",
    "mobilenet_v3_large",
    "mobilenet_v3_large.timm",
    "efficientnet_b0.timm",
    "efficientnet_b1",
    "efficientnet_b2.timm",
    "mobilenet_v4_conv_medium.timm",
    "resnet18",
    "efficientnet_b3",
    "efficientnet_b4.timm",
    "resnet34",
    "resnet50",
};
enum { EMULATED = 2, SMALL = 7, UP_TO_B0 = 10 };

static size_t file_count(void)
{
    return tvt_quick() ? EMULATED : TVIS_COUNT(files);
}

static tvis_arch_info info_of(const char *name)
{
    tvis_arch_info a;
    for (uint32_t i = 0; tvis_arch(i, &a); i++)
        if (strcmp(a.name, name) == 0)
            return a;
    fail_msg("no architecture %s", name);
    return a;
}

static void random_net(const char *arch, tvis_blob *blob, tvis_model *m)
{
    const tvis_convert_config c = { .struct_size = sizeof c, .arch = arch, .seed = 1 };
    tvt_convert(&c, blob, m);
}

typedef struct sum {
    uint64_t macs, fused;
    uint32_t nodes;
} sum;

/* Adds up; normalisation and activations on their own are what conversion takes away. */
static void add(void *user, uint32_t node, const tvis_node_info *info)
{
    sum *s = user;
    (void)node;
    s->nodes++;
    s->macs += info->macs;
    s->fused += strcmp(info->op, "rows") == 0 ? info->macs : 0;
    assert_string_not_equal(info->op, "activation");
    assert_string_not_equal(info->op, "batch_norm");
}

/* As the tool plans: with packed weights where time counts. */
static size_t plan_of(const tvis_model *m, uint16_t side, uint8_t plan, uint32_t cpu, sum *s)
{
    tvt_run r = tvt_default_run(1, side, side);
    tvis_session_bytes bytes;
    tvis_diag d;
    r.plan = plan;
    r.cpu = cpu;
    tvis_session_config c = tvt_config(&r);
    tvt_buf pack = tvt_pack(m, &c);
    memset(s, 0, sizeof *s);
    tvt_ok(tvis_session_plan(m, &c, &bytes, add, s, &d), &d);
    tvt_free(&pack);
    return bytes.total;
}

/* As the framework counts them: weights and biases, scale and shift of batch norm, and 1000 classes. */
static uint64_t parameters(const tvt_golden_net *g, uint32_t classes)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < g->layer_count; i++) {
        const tvt_layer *l = &g->layer[i];
        const bool last = l->kind == TVT_LINEAR && l->dims[0] == g->classes;
        const uint64_t out = last ? classes : (uint64_t)l->dims[0];
        uint64_t weights = out;
        for (int k = 1; k < 4 && l->kind != TVT_NORM && l->dims[k]; k++)
            weights *= (uint64_t)l->dims[k];
        n += weights + (l->kind == TVT_CONV ? 0 : out);
    }
    return n;
}

static void published_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < file_count(); i++) {
        tvt_golden_net g;
        tvis_blob blob;
        tvis_model m;
        sum s;
        tvt_golden_load(&g, files[i]);
        const tvis_arch_info a = info_of(g.arch);
        random_net(g.arch, &blob, &m);
        plan_of(&m, a.h, TVIS_PLAN_FAST, 0, &s);
        assert_int_equal(a.h, a.w);
        if (parameters(&g, a.classes) != a.params || s.macs != a.macs)
            fail_msg("%s has %llu parameters and %llu MACs", files[i], (unsigned long long)parameters(&g, a.classes),
                     (unsigned long long)s.macs);
        tvis_blob_free(&blob);
        tvt_golden_free(&g);
    }
}

typedef struct budget {
    const char *arch;
    uint16_t side;
    size_t bytes; /* of plan SMALL, fp32, batch 1, one thread */
    bool fuses;   /* at least 20 % of the MACs in fused rows, in one of the plans */
} budget;

static void memory(void **state)
{
    static const budget budgets[] = {
        { "mobilenet_v2", 224, 3000000, true },
        { "mobilenet_v3_large", 224, 3000000, true },
        { "mobilenet_v4_conv_small", 224, 3000000, true },
        { "efficientnet_b0", 224, 4000000, true },
        { "resnet18", 64, 1000000, false },
        { "resnet50", 224, 6000000, false },
    };
    const uint32_t cpus[] = { 0, TVIS_CPU_AVX2, TVIS_CPU_AVX2 | TVIS_CPU_AVX512, TVIS_CPU_NEON };
    (void)state;
    for (size_t i = 0; i < (tvt_quick() ? 1 : TVIS_COUNT(budgets)); i++) {
        const budget *b = &budgets[i];
        tvis_blob blob;
        tvis_model m;
        sum fast, small;
        random_net(b->arch, &blob, &m);
        for (size_t k = 0; k < TVIS_COUNT(cpus); k++) {
            const size_t least = plan_of(&m, b->side, TVIS_PLAN_SMALL, cpus[k], &small);
            const size_t most = plan_of(&m, b->side, TVIS_PLAN_FAST, cpus[k], &fast);
            const uint64_t fused = small.fused > fast.fused ? small.fused : fast.fused;
            if (least > b->bytes || 2 * most > 5 * least || (b->fuses && 5 * fused < fast.macs))
                fail_msg("%s, cpu %x: %zu bytes, FAST %zu, %llu of %llu MACs in rows", b->arch, cpus[k], least, most,
                         (unsigned long long)fused, (unsigned long long)fast.macs);
            if (k == 2)
                print_message("# %-24s %3u  SMALL %7zu  FAST %7zu bytes  rows %2llu %% and %2llu %%\n", b->arch,
                              b->side, least, most, (unsigned long long)(100 * small.fused / small.macs),
                              (unsigned long long)(100 * fast.fused / fast.macs));
        }
        tvis_blob_free(&blob);
    }
}

static void logits(const tvis_model *m, uint16_t side, const float *x, float *y)
{
    const tvt_run r = tvt_default_run(1, side, side);
    tvt_infer(m, &r, x, y);
}

static void scale(const tvis_weight_info *w, float by)
{
    float *v = (float *)(uintptr_t)w->data; /* in our own blob */
    for (size_t i = 0; i < w->bytes / sizeof *v; i++)
        v[i] *= by;
}

/* The same weights give the same bits, so that every difference comes from the tensor. The least is that of the bias of
 * a squeeze. */
static void every_weight_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < (tvt_quick() ? 1 : TVIS_COUNT(files)); i++) {
        tvt_golden_net g;
        tvt_weights w;
        tvis_blob blob;
        tvis_model m;
        tvis_model_info info;
        tvis_weight_info t;
        tvis_diag d;
        tvt_golden_load(&g, files[i]);
        tvt_golden_weights(&g, &w);
        tvt_ok(tvt_golden_convert(&g, &w, &blob, &d), &d);
        tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
        tvis_model_get_info(&m, &info);
        const uint16_t side = i && i < SMALL ? 64 : 32;
        float *x = tvt_golden_input(&g, side, side), base[256], y[256];
        logits(&m, side, x, base);
        for (uint32_t k = 0; k < info.tensors; k += tvt_quick() ? 7 : 1) {
            if (!tvis_model_weight(&m, k, &t))
                continue;
            scale(&t, 1.5f);
            logits(&m, side, x, y);
            scale(&t, 1.0f / 1.5f);
            const double moved = tvt_max_diff_f32(y, base, g.classes) / tvt_range_f32(base, g.classes);
            if (!(moved > 1e-6))
                fail_msg("%s: %s moves the logits by %g of their range only", files[i], t.name, moved);
        }
        free(x);
        tvt_weights_free(&w);
        tvt_golden_free(&g);
        tvis_blob_free(&blob);
    }
}

/* The file's own tensors, batch norm's five among them, before anything is folded. */
static void every_tensor_of_a_file_counts(void **state)
{
    enum { SIDE = 32 };
    tvt_golden_net g;
    tvt_weights w;
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    float base[256], y[256];
    (void)state;
    tvt_golden_load(&g, "resnet20_cifar10");
    tvt_golden_weights(&g, &w);
    float *x = tvt_golden_input(&g, SIDE, SIDE);
    for (size_t i = 0; i <= w.count; i += tvt_quick() && i ? 17 : 1) {
        if (i)
            tvt_scale_weight(&w.t[i - 1], 1.5f);
        tvt_ok(tvt_golden_convert(&g, &w, &blob, &d), &d);
        tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
        logits(&m, SIDE, x, i ? y : base);
        if (i) {
            tvt_scale_weight(&w.t[i - 1], 1.0f / 1.5f);
            const double moved = tvt_max_diff_f32(y, base, g.classes) / tvt_range_f32(base, g.classes);
            if (!(moved > 1e-4))
                fail_msg("%s moves the logits by %g of their range only", w.t[i - 1].name, moved);
        }
        tvis_blob_free(&blob);
    }
    free(x);
    tvt_weights_free(&w);
    tvt_golden_free(&g);
}

/* Conversion fails for the reason given and names the tensor; a failure leaves no blob behind. */
static void refused(const tvt_golden_net *g, const tvt_weights *w, tvis_diag_code code, const char *name, tvis_diag *d)
{
    tvis_blob blob = { NULL, 0 };
    const tvis_status status = tvt_golden_convert(g, w, &blob, d);
    if (status != TVIS_EMODEL || d->code != code || strcmp(d->subject, name) != 0)
        fail_msg("%s without %s: %s, code %d, %s", g->file, name, tvis_status_name(status), (int)d->code, d->subject);
    assert_null(blob.data);
}

static void swap(tvt_weight *a, tvt_weight *b)
{
    const tvt_weight t = *a;
    *a = *b;
    *b = t;
}

/* Missing, misshapen and left over: a few of each network's tensors, the first and the last among them. */
static void damaged_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < (tvt_quick() ? 1 : UP_TO_B0); i++) {
        tvt_golden_net g;
        tvt_weights w;
        tvis_diag d;
        tvt_golden_load(&g, files[i]);
        tvt_golden_weights(&g, &w);
        /* without its first tensor, a network's format is not known: torchvision's is expected, but where there is
         * timm's only */
        const bool first = !strstr(files[i], "timm") || strstr(g.arch, "_v1") || strstr(g.arch, "_v4");
        for (size_t k = 0; k < 4; k++) {
            tvt_weight *t = k == 3 ? &w.t[w.count - 1] : &w.t[k * w.count / 4 + (first ? 0 : 1)];
            const int64_t rows = t->dims[0];
            t->dims[0] = rows - 1;
            t->count = t->count / (size_t)rows * (size_t)(rows - 1);
            refused(&g, &w, TVIS_DIAG_SHAPE, t->name, &d);
            assert_int_equal(d.found[0], rows - 1);
            assert_int_equal(d.expected[0], rows);
            t->count = t->count / (size_t)(rows - 1) * (size_t)rows;
            t->dims[0] = rows;
            char name[96];
            memcpy(name, t->name, sizeof name);
            swap(t, &w.t[w.count - 1]);
            w.count--;
            refused(&g, &w, TVIS_DIAG_MISSING, name, &d);
            assert_int_equal(d.expected[0], rows);
            w.count++;
            swap(t, &w.t[w.count - 1]);
        }
        const int64_t odd[2] = { 3, 7 };
        tvt_weight_random(&w, "features.99", "weight", TVIS_RANDOM_WEIGHT, odd, 2, 1);
        refused(&g, &w, TVIS_DIAG_EXTRA, "features.99.weight", &d);
        assert_int_equal(d.found[0], 3);
        assert_int_equal(d.found[1], 7);
        tvt_weights_free(&w);
        tvt_golden_free(&g);
    }
}

/* Every pair of networks. */
static void weights_of_another_network(void **state)
{
    const size_t count = tvt_quick() ? EMULATED : UP_TO_B0;
    (void)state;
    for (size_t i = 0; i < count; i++) {
        tvt_golden_net g, other;
        tvt_weights w;
        tvt_golden_load(&g, files[i]);
        tvt_golden_weights(&g, &w);
        for (size_t k = 0; k < count; k++) {
            tvis_blob blob = { NULL, 0 };
            tvis_diag d;
            char text[512];
            tvt_golden_load(&other, files[k]);
            if (strcmp(other.arch, g.arch) != 0) {
                assert_int_equal(tvt_golden_convert(&other, &w, &blob, &d), TVIS_EMODEL);
                assert_null(blob.data);
                tvis_diag_format(&d, text, sizeof text);
                assert_true(d.code == TVIS_DIAG_MISSING || d.code == TVIS_DIAG_SHAPE || d.code == TVIS_DIAG_EXTRA);
                assert_non_null(strstr(text, d.subject));
                assert_true(d.subject[0] != '\0');
            }
            tvt_golden_free(&other);
        }
        tvt_weights_free(&w);
        tvt_golden_free(&g);
    }
}

static tvis_preprocess preprocess(const char *arch, bool same)
{
    const tvis_convert_config c = { .struct_size = sizeof c, .arch = arch, .seed = 1, .same_padding = same };
    tvis_blob blob;
    tvis_model m;
    tvis_preprocess p;
    tvt_convert(&c, &blob, &m);
    tvis_model_preprocess(&m, &p);
    tvis_blob_free(&blob);
    return p;
}

static void pictures(void **state)
{
    (void)state;
    const tvis_preprocess small = preprocess("mobilenet_v3_small", false),
                          same = preprocess("mobilenet_v3_small", true);
    assert_true(small.filter == TVIS_FILTER_BILINEAR && same.filter == TVIS_FILTER_BILINEAR);
    assert_true(small.mean[0] > 0.48f && small.mean[0] < 0.49f && small.crop == 0.875f);
    for (int i = 0; i < 3; i++)
        assert_true(same.mean[i] == 0.5f && same.std[i] == 0.5f);
    const tvis_preprocess b0 = preprocess("efficientnet_b0", false), tf = preprocess("efficientnet_b1", true);
    assert_int_equal(b0.filter, TVIS_FILTER_BICUBIC);
    assert_true(tf.crop == 0.882f && tf.mean[0] > 0.48f && tf.mean[0] < 0.49f);
}

static void no_same_padding_for_resnet(void **state)
{
    const tvis_convert_config c = { .struct_size = sizeof c, .arch = "resnet18", .seed = 1, .same_padding = true };
    tvis_blob blob = { NULL, 0 };
    tvis_diag d;
    (void)state;
    assert_int_equal(tvis_convert(&c, &blob, &d), TVIS_EINVAL);
    assert_string_equal(d.subject, "padding");
    assert_null(blob.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_sizes),
        cmocka_unit_test(memory),
        cmocka_unit_test(every_weight_counts),
        cmocka_unit_test(every_tensor_of_a_file_counts),
        cmocka_unit_test(damaged_lists),
        cmocka_unit_test(weights_of_another_network),
        cmocka_unit_test(pictures),
        cmocka_unit_test(no_same_padding_for_resnet),
    };
    return cmocka_run_group_tests_name("convnets", tests, NULL, NULL);
}
