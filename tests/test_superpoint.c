/* SPDX-License-Identifier: MIT */
/* SuperPoint against PyTorch's, by weights made from a seed on both sides (tests/golden/parity), and from its outputs
 * to keypoints against the whole of transformers' (tests/golden/keypoints). */
#include "core/port.h"
#include "models/random_hosted.h"
#include "tests/network.h"

#define GOLDEN    "tests/golden/parity/superpoint"
#define NETWORK   "tests/golden/keypoints/network"
#define TOLERANCE 1e-4 /* of the range of the reference */
enum { MAX_CASES = 16, SCORES = 65, SEED = 4 };

typedef struct output {
    unsigned channels;
    double range, gap; /* gap: of PyTorch in float32 from the reference, over its range */
    const float *want; /* whole, or sums over pixels then over channels */
} output;

typedef struct golden {
    double width;
    unsigned h, w;
    bool sums;
    output y[2];
} golden;

static golden cases[MAX_CASES];
static unsigned case_count;
static float *expected;

static size_t cells(const golden *g)
{
    return (size_t)g->h / 8 * (g->w / 8);
}

static int load_golden(void **state)
{
    size_t size, total = 0, dims[1];
    char *text = (char *)tvt_read(GOLDEN ".txt", &size), *line = strchr(text, '\n');
    unsigned seed;
    (void)state;
    expected = tvt_npy_f32(GOLDEN ".npy", dims, 1);
    assert_int_equal(sscanf(text, "seed %u", &seed), 1);
    assert_int_equal(seed, SEED);
    for (; line && line[1]; line = strchr(line + 1, '\n')) {
        assert_true(case_count < MAX_CASES);
        golden *g = &cases[case_count++];
        char what[8];
        assert_int_equal(sscanf(line, "%lf %u %u %7s %u %lf %lf %u %lf %lf", &g->width, &g->h, &g->w, what,
                                &g->y[0].channels, &g->y[0].range, &g->y[0].gap, &g->y[1].channels, &g->y[1].range,
                                &g->y[1].gap),
                         10);
        g->sums = strcmp(what, "sums") == 0;
        for (int i = 0; i < 2; i++) {
            g->y[i].want = expected + total;
            total += g->sums ? g->y[i].channels + cells(g) : g->y[i].channels * cells(g);
        }
    }
    assert_int_equal(total, dims[0]);
    free(text);
    return 0;
}

static int free_golden(void **state)
{
    (void)state;
    free(expected);
    return 0;
}

static void convert(double width, const char *weights, tvis_blob *blob, tvis_model *m)
{
    const tvis_convert_config c = {
        .struct_size = sizeof c, .arch = "superpoint", .weights = weights, .seed = SEED, .width = (float)width
    };
    tvt_convert(&c, blob, m);
}

static float *room(size_t n)
{
    float *p = calloc(n, sizeof *p);
    assert_non_null(p);
    return p;
}

static float *input(unsigned h, unsigned w)
{
    float *x = room((size_t)h * w);
    tvis_random_fill(SEED, "input", TVIS_RANDOM_INPUT, 1, x, (int64_t)h * w);
    return x;
}

/* Both outputs as planes, from malloc; in exactly the memory that is asked for, filled with NaNs before. */
static void infer(const tvis_model *m, const tvt_run *r, const float *x, float *y[2])
{
    tvis_session_config c = tvt_config(r);
    tvis_pool *pool = r->threads > 1 ? tvis_pool_create(r->threads) : NULL;
    tvt_buf in = tvt_paged((size_t)r->h * r->w * sizeof *x), pack = { 0 };
    const tvis_tensor picture = { in.p, { 1, r->h, r->w, 1 }, TVIS_F32, TVIS_NCHW };
    tvis_tensor out[2];
    tvis_session *s;
    tvis_diag d;
    memcpy(in.p, x, in.size);
    if (pool) {
        c.parallel_for = tvis_pool_parallel_for;
        c.pool = pool;
    }
    if (r->packed)
        pack = tvt_pack(m, &c);
    size_t bytes;
    tvt_ok(tvis_session_size(m, &c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    memset(arena.p, 0xff, arena.size);
    tvt_ok(tvis_session_init(&s, m, &c, arena.p, arena.size, &d), &d);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(tvis_session_output(s, i, &out[i]), TVIS_OK);
        assert_int_equal(out[i].dims[1], r->h / 8);
        assert_int_equal(out[i].dims[2], r->w / 8);
        out[i].layout = TVIS_NCHW;
        out[i].data = y[i] = room((size_t)out[i].dims[1] * (size_t)out[i].dims[2] * (size_t)out[i].dims[3]);
    }
    tvt_ok(tvis_session_run(s, &picture, out, &d), &d);
    assert_true(tvt_guards_ok(&arena));
    tvis_pool_destroy(pool);
    tvt_free(&arena);
    tvt_free(&in);
    if (r->packed)
        tvt_free(&pack);
}

/* Largest difference of any element. Where only sums are there, each element is in two of them: an error of one of
 * TOLERANCE moves both by as much. */
static double error(const golden *g, const output *o, const float *y)
{
    const size_t hw = cells(g), n = o->channels * hw;
    double worst = 0;
    if (!g->sums)
        return tvt_max_diff_f32(y, o->want, n) / o->range + o->gap;
    for (size_t i = 0; i < o->channels + hw; i++) {
        const bool pixels = i < o->channels;
        double sum = 0;
        for (size_t k = 0; k < (pixels ? hw : o->channels); k++)
            sum += (double)y[pixels ? i * hw + k : k * hw + i - o->channels];
        const double e = sum - (double)o->want[i];
        if (!(e <= worst && -e <= worst))
            worst = e < 0 ? -e : e;
    }
    return worst / o->range + o->gap;
}

static void check_case(const golden *g, double *worst)
{
    static const struct {
        uint8_t plan;
        bool packed;
    } ways[] = { { TVIS_PLAN_FAST, false }, { TVIS_PLAN_FAST, true }, { TVIS_PLAN_SMALL, false } };
    float *x = input(g->h, g->w), *y[2], *y3[2];
    tvis_blob blob;
    tvis_model m;
    convert(g->width, NULL, &blob, &m);
    for (size_t i = 0; i < TVIS_COUNT(ways); i++) {
        tvt_run r = tvt_default_run(1, (uint16_t)g->h, (uint16_t)g->w);
        r.plan = ways[i].plan;
        r.packed = ways[i].packed;
        infer(&m, &r, x, y);
        r.threads = 3;
        infer(&m, &r, x, y3);
        for (int k = 0; k < 2; k++) {
            const double e = error(g, &g->y[k], y[k]);
            if (!(e <= TOLERANCE))
                fail_msg("width %g at %ux%u, plan %u, output %d: %g of the range off", g->width, g->h, g->w,
                         ways[i].plan, k, e);
            assert_memory_equal(y[k], y3[k], g->y[k].channels * cells(g) * sizeof **y);
            *worst = e > *worst ? e : *worst;
            free(y[k]);
            free(y3[k]);
        }
    }
    tvis_blob_free(&blob);
    free(x);
}

static void all_cases(void **state)
{
    double worst = 0;
    unsigned done = 0;
    (void)state;
    for (unsigned i = 0; i < case_count; i++) {
        if (tvt_quick() && cases[i].width * cases[i].width * cases[i].h * cases[i].w > 240)
            continue;
        check_case(&cases[i], &worst);
        done++;
    }
    assert_true(done > 0);
    print_message("# %u of %u cases, worst difference from PyTorch %.2e of the range\n", done, case_count, worst);
}

static const struct {
    const char *layer, *other;
    unsigned in, out, kernel; /* at width 1 */
} layers[] = {
    { "conv1a", "encoder.conv_blocks.0.conv_a", 1, 64, 3 },
    { "conv1b", "encoder.conv_blocks.0.conv_b", 64, 64, 3 },
    { "conv2a", "encoder.conv_blocks.1.conv_a", 64, 64, 3 },
    { "conv2b", "encoder.conv_blocks.1.conv_b", 64, 64, 3 },
    { "conv3a", "encoder.conv_blocks.2.conv_a", 64, 128, 3 },
    { "conv3b", "encoder.conv_blocks.2.conv_b", 128, 128, 3 },
    { "conv4a", "encoder.conv_blocks.3.conv_a", 128, 128, 3 },
    { "conv4b", "encoder.conv_blocks.3.conv_b", 128, 128, 3 },
    { "convPa", "keypoint_decoder.conv_score_a", 128, 256, 3 },
    { "convPb", "keypoint_decoder.conv_score_b", 256, 65, 1 },
    { "convDa", "descriptor_decoder.conv_descriptor_a", 128, 256, 3 },
    { "convDb", "descriptor_decoder.conv_descriptor_b", 256, 256, 1 },
};
enum { TENSORS = 24 };

/* A file of weights at a quarter of the width. */
typedef struct weights {
    bool hugging_face;
    int missing, misshapen; /* tensors; -1: none */
    const char *extra;      /* name of one more tensor, or NULL */
} weights;

static unsigned quarter(unsigned channels)
{
    return channels % 4 ? channels : channels / 4;
}

static int64_t tensor_shape(int i, unsigned shape[4])
{
    const unsigned k = layers[i / 2].kernel, out = quarter(layers[i / 2].out), in = quarter(layers[i / 2].in);
    shape[0] = out;
    shape[1] = in;
    shape[2] = shape[3] = k;
    return i % 2 ? out : (int64_t)out * in * k * k;
}

/* Header line and data of a .safetensors file. */
static void add_tensor(FILE *head, FILE *data, const char *name, int i, bool misshapen, size_t *at)
{
    char ours[64];
    unsigned s[4];
    const int64_t n = tensor_shape(i, s);
    float *v = room((size_t)n);
    (void)snprintf(ours, sizeof ours, "%s.%s", layers[i / 2].layer, i % 2 ? "bias" : "weight");
    tvis_random_fill(SEED, ours, i % 2 ? TVIS_RANDOM_BIAS : TVIS_RANDOM_WEIGHT, n / s[0], v, n);
    fprintf(head, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":", *at ? "," : "{", name);
    if (i % 2)
        fprintf(head, misshapen ? "[1,%u]" : "[%u]", s[0]);
    else
        fprintf(head, misshapen ? "[%u,%u,%u]" : "[%u,%u,%u,%u]", s[0], misshapen ? s[1] * s[2] : s[1], s[2], s[3]);
    fprintf(head, ",\"data_offsets\":[%zu,%zu]}", *at, *at + (size_t)n * sizeof *v);
    assert_int_equal(fwrite(v, sizeof *v, (size_t)n, data), n);
    *at += (size_t)n * sizeof *v;
    free(v);
}

static const char *write_weights(const weights *w)
{
    const char *path = tvt_temp("superpoint.safetensors");
    FILE *head = tmpfile(), *data = tmpfile(), *out = fopen(path, "wb");
    size_t at = 0;
    int c;
    assert_true(head && data && out);
    for (int i = 0; i < TENSORS; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "%s.%s", w->hugging_face ? layers[i / 2].other : layers[i / 2].layer,
                       i % 2 ? "bias" : "weight");
        if (i != w->missing)
            add_tensor(head, data, name, i, i == w->misshapen, &at);
    }
    if (w->extra)
        add_tensor(head, data, w->extra, 0, false, &at);
    fputc('}', head);
    const uint64_t length = (uint64_t)ftell(head);
    for (int i = 0; i < 8; i++)
        fputc((int)(length >> 8 * i & 0xff), out);
    rewind(head);
    rewind(data);
    while ((c = fgetc(head)) != EOF)
        fputc(c, out);
    while ((c = fgetc(data)) != EOF)
        fputc(c, out);
    assert_int_equal(fclose(head) | fclose(data) | fclose(out), 0);
    return path;
}

/* Channels come from the weights; both families of names give the same network as the same numbers from the seed. */
static void names(void **state)
{
    const tvt_run r = tvt_default_run(1, 24, 32);
    float *x = input(24, 32), *want[2], *y[2];
    tvis_blob blob;
    tvis_model m;
    (void)state;
    convert(0.25, NULL, &blob, &m);
    infer(&m, &r, x, want);
    tvis_blob_free(&blob);
    for (int hugging_face = 0; hugging_face < 2; hugging_face++) {
        const weights w = { hugging_face, -1, -1, NULL };
        const char *path = write_weights(&w);
        convert(0.0, path, &blob, &m);
        infer(&m, &r, x, y);
        assert_memory_equal(y[0], want[0], SCORES * 12 * sizeof *x);
        assert_memory_equal(y[1], want[1], 64 * 12 * sizeof *x);
        for (int k = 0; k < 2; k++)
            free(y[k]);
        tvis_blob_free(&blob);
        remove(path);
    }
    free(want[0]);
    free(want[1]);
    free(x);
}

static void refuse(const weights *w, const char *subject, tvis_diag_code code)
{
    const char *path = write_weights(w);
    const tvis_convert_config c = { .struct_size = sizeof c, .arch = "superpoint", .weights = path };
    tvis_blob blob = { 0 };
    tvis_diag d;
    assert_int_equal(tvis_convert(&c, &blob, &d), TVIS_EMODEL);
    assert_string_equal(d.subject, subject);
    assert_int_equal(d.code, code);
    assert_null(blob.data);
    remove(path);
}

static void wrong_weights(void **state)
{
    (void)state;
    for (int hugging_face = 0; hugging_face < 2; hugging_face++)
        for (int i = 0; i < TENSORS; i++) {
            char name[80];
            (void)snprintf(name, sizeof name, "%s.%s", hugging_face ? layers[i / 2].other : layers[i / 2].layer,
                           i % 2 ? "bias" : "weight");
            refuse(&(weights){ hugging_face, i, -1, NULL }, name, TVIS_DIAG_MISSING);
            refuse(&(weights){ hugging_face, -1, i, NULL }, name, TVIS_DIAG_SHAPE);
        }
    refuse(&(weights){ false, -1, -1, "conv5a.weight" }, "conv5a.weight", TVIS_DIAG_EXTRA);
}

static void sizes(void **state)
{
    static const uint16_t refused[][2] = { { 240, 321 }, { 241, 320 }, { 4, 8 }, { 7, 7 } };
    tvis_blob blob;
    tvis_model m;
    tvis_model_info info;
    tvis_diag d;
    size_t bytes;
    (void)state;
    convert(0.25, NULL, &blob, &m);
    tvis_model_get_info(&m, &info);
    assert_int_equal(info.h, 240);
    assert_int_equal(info.w, 320);
    assert_int_equal(info.multiple, 8);
    assert_int_equal(info.outputs, 2);
    for (size_t i = 0; i < TVIS_COUNT(refused); i++) {
        const tvt_run r = tvt_default_run(1, refused[i][0], refused[i][1]);
        const tvis_session_config c = tvt_config(&r);
        assert_int_equal(tvis_session_size(&m, &c, &bytes, &d), TVIS_EINVAL);
        assert_int_equal(d.expected[0], 8);
    }
    tvis_blob_free(&blob);
}

static void arena_size(void **state)
{
    tvis_blob blob;
    tvis_model m;
    (void)state;
    convert(1.0, NULL, &blob, &m);
    tvt_run r = tvt_default_run(1, 240, 320);
    const size_t fast = tvt_arena_bytes(&m, &r);
    r.plan = TVIS_PLAN_SMALL;
    const size_t small = tvt_arena_bytes(&m, &r);
    print_message("# arena of SuperPoint at 240x320: plan SMALL %zu bytes, FAST %zu\n", small, fast);
    assert_true(small <= 12000000);
    assert_true(fast <= small * 5 / 2);
    tvis_blob_free(&blob);
}

typedef struct counted {
    uint64_t params, macs;
} counted;

static void count(void *user, uint32_t node, const tvis_node_info *info)
{
    (void)node;
    ((counted *)user)->params += info->params;
    ((counted *)user)->macs += info->macs;
}

static void parameters_and_macs(void **state)
{
    tvis_arch_info info;
    tvis_blob blob;
    tvis_model m;
    counted sum = { 0, 0 };
    uint32_t i = 0;
    (void)state;
    while (tvis_arch(i, &info) && strcmp(info.name, "superpoint") != 0)
        i++;
    assert_string_equal(info.name, "superpoint");
    convert(1.0, NULL, &blob, &m);
    const tvt_run r = tvt_default_run(1, info.h, info.w);
    const tvis_session_config c = tvt_config(&r);
    tvt_ok(tvis_session_plan(&m, &c, NULL, count, &sum, NULL), NULL);
    assert_int_equal(sum.params, info.params);
    assert_int_equal(sum.macs, info.macs);
    tvis_blob_free(&blob);
}

/* A factor on any tensor moves one of the outputs by far more than the tolerance. */
static void every_weight_counts(void **state)
{
    const tvt_run r = tvt_default_run(1, 24, 32);
    float *x = input(24, 32), *base[2], *y[2];
    unsigned tensors = 0;
    tvis_blob blob;
    tvis_model m;
    tvis_model_info info;
    tvis_weight_info w;
    (void)state;
    convert(0.25, NULL, &blob, &m);
    tvis_model_get_info(&m, &info);
    infer(&m, &r, x, base);
    for (uint32_t i = 0; i < info.tensors; i++) {
        if (!tvis_model_weight(&m, i, &w))
            continue;
        float *v = (float *)(uintptr_t)w.data; /* in our own blob */
        double moved = 0;
        tensors++;
        for (size_t k = 0; k < w.bytes / sizeof *v; k++)
            v[k] *= 1.5f;
        infer(&m, &r, x, y);
        for (size_t k = 0; k < w.bytes / sizeof *v; k++)
            v[k] /= 1.5f;
        for (int k = 0; k < 2; k++) {
            const size_t n = (size_t)(k ? 64 : SCORES) * 12;
            const double by = tvt_max_diff_f32(y[k], base[k], n) / tvt_range_f32(base[k], n);
            moved = by > moved ? by : moved;
            free(y[k]);
        }
        if (!(moved > 10 * TOLERANCE))
            fail_msg("%s moves the outputs by %g of their range only", w.name, moved);
    }
    assert_int_equal(tensors, TENSORS);
    tvis_blob_free(&blob);
    free(base[0]);
    free(base[1]);
    free(x);
}

/* The whole way, to points and descriptors, as transformers' SuperPoint and as the demo. */
static void to_keypoints(void **state)
{
    enum { MOST = 25, DIM = 128 };
    size_t size, dims[1], at = 0;
    char *text = (char *)tvt_read(NETWORK ".txt", &size);
    float *want = tvt_npy_f32(NETWORK ".npy", dims, 1);
    (void)state;
    for (char *line = text; *line; line = strchr(line, '\n') + 1) {
        char style[16], nms[16];
        unsigned seed, h, w, border, expect;
        double width;
        assert_int_equal(
            sscanf(line, "%u %lf %u %u %15s %15s %u %u", &seed, &width, &h, &w, style, nms, &border, &expect), 8);
        assert_int_equal(seed, SEED);
        float *x = input(h, w), *y[2];
        static float vectors[MOST * DIM];
        tvis_keypoint p[MOST];
        tvis_keypoints_config c;
        tvis_blob blob;
        tvis_model m;
        uint32_t found;
        size_t bytes;
        const tvt_run r = tvt_default_run(1, (uint16_t)h, (uint16_t)w);
        convert(width, NULL, &blob, &m);
        infer(&m, &r, x, y);
        tvis_keypoints_defaults(&c);
        c.max_points = MOST;
        c.border = (uint16_t)border;
        c.style = strcmp(style, "demo") == 0 ? TVIS_KEYPOINTS_DEMO : TVIS_KEYPOINTS_SUPERGLUE;
        c.nms = strcmp(nms, "grid") == 0 ? TVIS_NMS_GRID : TVIS_NMS_MAXPOOL;
        const tvis_tensor scores = { y[0], { 1, r.h / 8, r.w / 8, SCORES }, TVIS_F32, TVIS_NCHW };
        const tvis_tensor descriptors = { y[1], { 1, r.h / 8, r.w / 8, DIM }, TVIS_F32, TVIS_NCHW };
        assert_int_equal(tvis_keypoints_size(&c, &scores, &bytes, NULL), TVIS_OK);
        tvt_buf mem = tvt_guarded(bytes);
        assert_int_equal(tvis_keypoints_run(&c, &scores, &descriptors, mem.p, bytes, p, vectors, &found, NULL),
                         TVIS_OK);
        assert_int_equal(found, expect);
        for (uint32_t i = 0; i < found; i++, at += 3) {
            const float off = p[i].score / want[at + 2] - 1.0f;
            assert_true(p[i].x - want[at] < 1e-3f && want[at] - p[i].x < 1e-3f);
            assert_true(p[i].y - want[at + 1] < 1e-3f && want[at + 1] - p[i].y < 1e-3f);
            assert_true(off < 1e-4f && off > -1e-4f);
        }
        assert_int_equal(tvt_differs_f32(vectors, want + at, (size_t)found * DIM, 1e-5), -1);
        at += (size_t)found * DIM;
        tvt_free(&mem);
        tvis_blob_free(&blob);
        free(y[0]);
        free(y[1]);
        free(x);
    }
    assert_int_equal(at, dims[0]);
    free(text);
    free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_cases),           cmocka_unit_test(names),
        cmocka_unit_test(wrong_weights),       cmocka_unit_test(sizes),
        cmocka_unit_test(arena_size),          cmocka_unit_test(parameters_and_macs),
        cmocka_unit_test(every_weight_counts), cmocka_unit_test(to_keypoints),
    };
    return cmocka_run_group_tests(tests, load_golden, free_golden);
}
