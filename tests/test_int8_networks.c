/* SPDX-License-Identifier: MIT */
/* Whole networks in int8: the model is the same bytes and its outputs are the same bits on every processor, with any
 * kernels, threads and plans (tests/golden/int8). TVT_WRITE_GOLDEN=1 writes what is expected anew. */
#include "core/op.h"
#include "quant/forms_hosted.h"
#include "tests/int8_golden.h"
#include "tests/network.h"

typedef struct network {
    const char *name, *arch;
    uint16_t small, full; /* sides; full is the architecture's own */
    bool same;            /* TensorFlow's padding */
    double snr;           /* least, in dB, of each output against the float model's, small */
} network;

/* How a model is run; left out where the processor has not what it needs. */
typedef struct way {
    uint32_t needs, cpu;
    uint16_t threads;
    uint8_t plan;
    bool packed;
} way;

static const way ways[] = {
    { 0, ~0u, 3, TVIS_PLAN_FAST, true },
    { 0, 0, 1, TVIS_PLAN_SMALL, false },
    { TVIS_CPU_I8MM, TVIS_CPU_NEON | TVIS_CPU_DOTPROD, 2, TVIS_PLAN_FAST, true },
    { TVIS_CPU_DOTPROD, TVIS_CPU_NEON, 1, TVIS_PLAN_FAST, false },
    { TVIS_CPU_AVX2, TVIS_CPU_AVX2, 3, TVIS_PLAN_FAST, true },
    { TVIS_CPU_AVX512, TVIS_CPU_AVX2 | TVIS_CPU_AVX512, 1, TVIS_PLAN_FAST, false },
    { TVIS_CPU_VNNI, TVIS_CPU_AVX2 | TVIS_CPU_AVX512 | TVIS_CPU_VNNI, 3, TVIS_PLAN_SMALL, false },
    { TVIS_CPU_VNNI, TVIS_CPU_AVX2 | TVIS_CPU_AVX512 | TVIS_CPU_VNNI, 1, TVIS_PLAN_FAST, true },
    { TVIS_CPU_VBMI, ~TVIS_CPU_AMX, 1, TVIS_PLAN_FAST, false },
    { TVIS_CPU_AMX, ~0u, 2, TVIS_PLAN_FAST, true },
    { TVIS_CPU_AMX, ~0u, 1, TVIS_PLAN_SMALL, false },
};
enum { FULL_WAYS = 2 };

/* ---- models ---- */

/* The float model as tvis_quantize() takes it up. */
static void make_plain(const network *n, tvis_blob *plain, tvis_model *m)
{
    const tvis_convert_config c = {
        .struct_size = sizeof c, .arch = n->arch, .seed = 7, .h = n->small, .w = n->small, .same_padding = n->same
    };
    tvis_blob blob;
    tvis_graph fused, split;
    tvis_diag d;
    tvt_convert(&c, &blob, m);
    tvis_graph_init(&fused, &d);
    tvis_graph_init(&split, &d);
    tvis_graph_read(&fused, m);
    tvis_split_activations(&split, &fused);
    tvt_ok(split.status, &d);
    tvt_ok(tvis_blob_write(&split, plain, &d), &d);
    tvt_ok(tvis_model_open(m, plain->data, plain->size, &d), &d);
    tvis_graph_free(&split);
    tvis_graph_free(&fused);
    tvis_blob_free(&blob);
}

/* By ranges from a file: running the float model would not give the same everywhere. */
static void make_int8(const char *ranges, const tvis_model *plain, tvis_blob *blob, tvis_model *m)
{
    const tvis_quantize_config c = calibration();
    tvis_calibration k = { NULL, tvis_header(plain)->activation_count };
    tvis_graph from;
    tvis_diag d;
    tvis_graph_init(&from, &d);
    tvis_graph_read(&from, plain);
    tvt_ok(from.status, &d);
    uint8_t *grade = calloc(from.node_count, sizeof *grade);
    tvis_precision *precision = calloc(from.node_count, sizeof *precision);
    tvis_range *range = calloc(from.tensor_count, sizeof *range);
    k.tensor = calloc(k.count, sizeof *k.tensor);
    assert_true(grade && precision && range && k.tensor);
    read_ranges(ranges, &k, range);
    tvis_bound_tables(&from, range);
    assert_int_equal(tvis_forms_choose(&from, grade, false, precision), TVIS_OK);
    tvis_maker q = { .c = &c, .from = &from, .k = &k, .precision = precision, .range = range };
    tvt_ok(tvis_make(&q, blob, &d), &d);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &d), &d);
    tvis_calibration_free(&k);
    tvis_graph_free(&from);
    free(range);
    free(precision);
    free(grade);
}

/* ---- running ---- */

typedef struct answers {
    float *y[4];
    size_t n[4];
    uint32_t count, crc;
} answers;

static void free_answers(answers *a)
{
    for (uint32_t i = 0; i < a->count; i++)
        free(a->y[i]);
}

static void keep_outputs(const tvis_model *m, const tvis_session *s, answers *a)
{
    tvis_model_info info;
    tvis_tensor out;
    tvis_model_get_info(m, &info);
    *a = (answers){ .count = info.outputs };
    assert_true(info.outputs <= TVIS_COUNT(a->y));
    for (uint32_t i = 0; i < a->count; i++) {
        assert_int_equal(tvis_session_output(s, i, &out), TVIS_OK);
        a->n[i] = (size_t)tvis_elements(out.dims);
        a->y[i] = malloc(a->n[i] * sizeof(float));
        assert_non_null(a->y[i]);
        memcpy(a->y[i], out.data, a->n[i] * sizeof(float));
        a->crc = tvis_crc32(a->crc, a->y[i], a->n[i] * sizeof(float));
    }
}

static answers run(const tvis_model *m, uint16_t side, const way *w)
{
    tvt_run r = tvt_default_run(1, side, side);
    tvis_pool *pool = w->threads > 1 ? tvis_pool_create(w->threads) : NULL;
    tvt_buf pack = { 0 };
    tvis_session *s;
    tvis_tensor in;
    tvis_diag d;
    answers a;
    size_t bytes;
    r.threads = w->threads;
    r.plan = w->plan;
    r.cpu = tvt_cpu() & w->cpu;
    tvis_session_config c = tvt_config(&r);
    c.parallel_for = pool ? tvis_pool_parallel_for : NULL;
    c.pool = pool;
    if (w->packed)
        pack = tvt_pack(m, &c);
    tvt_ok(tvis_session_size(m, &c, &bytes, &d), &d); /* with packed weights some layers are not fused */
    tvt_buf arena = tvt_guarded(bytes);
    tvt_ok(tvis_session_init(&s, m, &c, arena.p, arena.size, &d), &d);
    assert_int_equal(tvis_session_input(s, 0, &in), TVIS_OK);
    picture(2, side, (uint32_t)in.dims[3], in.data);
    tvt_ok(tvis_session_run(s, &in, NULL, &d), &d);
    keep_outputs(m, s, &a);
    assert_true(tvt_guards_ok(&arena));
    tvt_free(&arena);
    if (w->packed)
        tvt_free(&pack);
    tvis_pool_destroy(pool);
    return a;
}

/* A nearly constant output would hide errors. */
static void check_answers(const network *n, const answers *want, const answers *got)
{
    for (uint32_t i = 0; i < got->count; i++) {
        double signal = 0.0, noise = 0.0;
        for (size_t k = 0; k < got->n[i]; k++) {
            const double v = (double)want->y[i][k], e = (double)got->y[i][k] - v;
            signal += v * v;
            noise += e * e;
        }
        const double snr = 10.0 * log10(signal / noise),
                     spread = tvt_std_f32(got->y[i], got->n[i]) / tvt_range_f32(got->y[i], got->n[i]);
        if (written)
            print_message("# %-24s output %u: %5.1f dB, %.3f of the range\n", n->name, i, snr, spread);
        if (!(snr > n->snr) || !(spread > 0.09))
            fail_msg("%s, output %u: %.1f dB, standard deviation %.3f of the range", n->name, i, snr, spread);
    }
}

/* All ways, or the first few, against the first, and this against what is expected. */
static answers run_all(const char *name, const tvis_blob *blob, const tvis_model *m, uint16_t side, size_t count)
{
    const answers first = run(m, side, &ways[0]);
    expected e = { .side = side, .model = tvis_crc32(0, blob->data, blob->size), .outputs = first.crc };
    assert_true(snprintf(e.name, sizeof e.name, "%s", name) < (int)sizeof e.name);
    check_line(&e);
    for (size_t i = 1; i < count; i++) {
        if (ways[i].needs & ~tvt_cpu())
            continue;
        answers a = run(m, side, &ways[i]);
        if (a.crc != first.crc)
            fail_msg("%s %u: way %zu, cpu %x: crc %08x, not %08x", name, side, i, tvt_cpu() & ways[i].cpu, a.crc,
                     first.crc);
        free_answers(&a);
    }
    return first;
}

static void same_bits(void **state)
{
    const network *n = *state;
    char path[128];
    tvis_blob plain, blob;
    tvis_model float_model, m;
    assert_true(snprintf(path, sizeof path, FOLDER "%s.txt", n->name) < (int)sizeof path);
    make_plain(n, &plain, &float_model);
    if (written)
        write_ranges(path, &float_model);
    make_int8(path, &float_model, &blob, &m);
    answers got = run_all(n->name, &blob, &m, n->small, TVIS_COUNT(ways));
    if (!tvt_quick()) {
        answers want = run(&float_model, n->small, &ways[0]);
        check_answers(n, &want, &got);
        free_answers(&want);
    }
    free_answers(&got);
    if ((written || asked_for("TINYVIS_FULL")) && n->full != n->small && !tvt_quick()) {
        got = run_all(n->name, &blob, &m, n->full, written ? 1 : FULL_WAYS);
        free_answers(&got);
    }
    tvis_blob_free(&blob);
    tvis_blob_free(&plain);
}

/* Calibrated here: floats of the C kernels are the same everywhere as well. */
static void quantizing_is_portable(void **state)
{
    enum { SIDE = 32 };
    const tvis_convert_config c = {
        .struct_size = sizeof c, .arch = "mobilenet_v2", .seed = 7, .width = 0.35f, .classes = 40, .h = SIDE, .w = SIDE
    };
    tvis_quantize_config k = calibration();
    tvis_blob plain, blob;
    tvis_model m;
    tvis_diag d;
    (void)state;
    k.images = 2;
    tvt_convert(&c, &plain, &m);
    tvt_ok(tvis_quantize(&m, &k, &blob, NULL, &d), &d);
    tvis_blob_free(&plain);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
    answers a = run_all("portable", &blob, &m, SIDE, TVIS_COUNT(ways));
    free_answers(&a);
    tvis_blob_free(&blob);
}

static network networks[] = {
    { "mobilenet_v1", "mobilenet_v1", 64, 224, false, 3.0 },
    { "mobilenet_v2", "mobilenet_v2", 64, 224, false, 3.0 },
    { "mobilenet_v3_small", "mobilenet_v3_small", 64, 224, false, 3.0 },
    { "mobilenet_v3_small_same", "mobilenet_v3_small", 64, 224, true, 3.0 },
    { "mobilenet_v3_large", "mobilenet_v3_large", 64, 224, false, 3.0 },
    { "mobilenet_v4_conv_small", "mobilenet_v4_conv_small", 64, 224, false, 3.0 },
    { "mobilenet_v4_conv_medium", "mobilenet_v4_conv_medium", 64, 224, false, 3.0 },
    { "efficientnet_b0", "efficientnet_b0", 64, 224, false, 3.0 },
    { "resnet18", "resnet18", 64, 224, false, 3.0 },
    { "resnet50", "resnet50", 64, 224, false, 3.0 },
    { "resnet20_cifar10", "resnet20_cifar10", 32, 32, false, 3.0 },
    { "superpoint", "superpoint", 64, 240, false, 3.0 },
    { "dino_vits16", "dino_vits16", 96, 224, false, 3.0 },
    { "dinov2_vits14", "dinov2_vits14", 98, 224, false, 3.0 },
    { "dinov2_vits14_reg", "dinov2_vits14_reg", 98, 224, false, 3.0 },
};

int main(void)
{
    enum { COUNT = sizeof networks / sizeof *networks };
    struct CMUnitTest tests[COUNT + 1] = { cmocka_unit_test(quantizing_is_portable) };
    for (size_t i = 0; i < COUNT; i++)
        tests[i + 1] = (struct CMUnitTest){ networks[i].name, same_bits, NULL, NULL, &networks[i] };
    return cmocka_run_group_tests_name("int8_networks", tests, load, finish);
}
