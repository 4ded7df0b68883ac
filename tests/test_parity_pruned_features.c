/* SPDX-License-Identifier: MIT */
/* Vision transformers without a quarter of their heads and hidden units, and SuperPoint without a quarter of its
 * channels, against PyTorch's networks without the same ones: each element of each output. */
#include "tests/pruned_net.h"

#define GOLDEN    "tests/golden/parity/pruned_features"
#define TOLERANCE 1e-4 /* of the range of the reference */

enum { SEED = 4, LARGE = 50 /* layers, of networks with 300 million parameters */ };

static const char *const nets[] = {
    "superpoint",    "dino_vits16",       "dinov2_vits14", "dinov2_vits14_reg", "dino_vitb16",
    "dinov2_vitb14", "dinov2_vitb14_reg", "dinov2_vitl14", "dinov2_vitl14_reg",
};

static char *text;
static float *stored;
static size_t stored_count;

static float *input(int32_t planes, unsigned h, unsigned w)
{
    const size_t count = (size_t)planes * h * w;
    float *x = malloc(count * sizeof *x);
    assert_non_null(x);
    tvis_random_fill(SEED, "input", TVIS_RANDOM_INPUT, 1, x, (int64_t)count);
    return x;
}

/* Of all outputs, which are stored one after the other; the worst, over its own range. */
static double differences(const tvis_session *s, const tvt_pruned_net *p)
{
    double worst = 0.0;
    size_t at = p->first;
    tvis_tensor y;
    for (uint32_t i = 0; !tvis_session_output(s, i, &y); i++) {
        const size_t n = (size_t)y.dims[1] * (size_t)y.dims[2] * (size_t)y.dims[3];
        assert_true(at + n <= stored_count);
        const double range = tvt_range_f32(stored + at, n), off = tvt_max_diff_f32(y.data, stored + at, n) / range;
        assert_true(tvt_std_f32(stored + at, n) > 0.1 * range);
        worst = off <= worst ? worst : off;
        at += n;
    }
    assert_true(at > p->first);
    return worst;
}

static double difference(const tvis_blob *blob, const tvt_pruned_net *p)
{
    const tvt_run r = tvt_default_run(1, (uint16_t)p->h, (uint16_t)p->w);
    const tvis_session_config c = tvt_config(&r);
    tvis_model m;
    tvis_model_info info;
    tvis_session *s;
    tvis_diag d;
    size_t bytes;
    tvt_pruned_open(&m, blob);
    tvis_model_get_info(&m, &info);
    float *x = input(info.c, p->h, p->w);
    const tvis_tensor in = { x, { 1, r.h, r.w, info.c }, TVIS_F32, TVIS_NCHW };
    tvt_ok(tvis_session_size(&m, &c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    tvt_ok(tvis_session_init(&s, &m, &c, arena.p, bytes, &d), &d);
    tvt_ok(tvis_session_run(s, &in, NULL, &d), &d);
    const double worst = differences(s, p);
    assert_true(tvt_guards_ok(&arena));
    tvt_free(&arena);
    free(x);
    return worst;
}

/* Numbers as the test's, at the model's own size. */
static tvis_status picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    (void)user;
    (void)i;
    (void)d;
    float *x = input(in->dims[3], (unsigned)in->dims[1], (unsigned)in->dims[2]);
    tvt_to_nhwc(x, in->data, 1, (size_t)in->dims[3], (size_t)in->dims[1] * (size_t)in->dims[2]);
    free(x);
    return TVIS_OK;
}

static double quantized(const tvis_blob *blob, const tvt_pruned_net *p, uint8_t mode, double most)
{
    const tvis_quantize_config q = { .struct_size = sizeof q,
                                     .mode = mode,
                                     .images = mode == TVIS_QUANTIZE_INT8,
                                     .input = picture,
                                     .percentile = 100.0f };
    tvis_blob smaller;
    tvt_pruned_quantize(blob, &q, &smaller);
    const double off = difference(&smaller, p);
    if (!(off <= most))
        fail_msg("%s, mode %u: %g of the range off", p->file, mode, off);
    tvis_blob_free(&smaller);
    return off;
}

static void every_element(void **state)
{
    static tvt_pruned_net p;
    const char *file = *state;
    tvis_convert_config c = { .struct_size = sizeof c, .arch = file, .seed = SEED };
    tvis_blob plain, blob;
    tvis_diag d;
    tvt_pruned_load(&p, text, file);
    const bool points = strcmp(file, "superpoint") == 0, small = points || strcmp(file, "dino_vits16") == 0;
    if ((tvt_quick() && !points) || (p.layer_count > LARGE && !tvt_full()))
        skip();
    tvt_ok(tvis_convert(&c, &plain, &d), &d);
    tvt_pruned_make(&p, &plain, &blob);
    const double off = difference(&blob, &p);
    if (!(off + p.gap <= TOLERANCE))
        fail_msg("%s: %g of the range off", file, off);
    const double halves = quantized(&blob, &p, TVIS_QUANTIZE_FP16, 2e-3);
    const double dynamic = quantized(&blob, &p, TVIS_QUANTIZE_DYNAMIC, 0.1);
    print_message("# %s: %u groups, %.2e of the range from PyTorch, %.2e in halves, %.2e in dynamic int8\n", file,
                  p.groups, off, halves, dynamic);
    if (small && !tvt_quick()) /* calibration runs a network at its own size, several times */
        print_message("# %s: %.2e in static int8\n", file, quantized(&blob, &p, TVIS_QUANTIZE_INT8, 0.1));
    tvis_blob_free(&blob);
}

int main(void)
{
    size_t size;
    struct CMUnitTest tests[TVIS_COUNT(nets)];
    text = (char *)tvt_read(GOLDEN ".txt", &size);
    stored = tvt_npy_f32(GOLDEN ".npy", &stored_count, 1);
    for (size_t i = 0; i < TVIS_COUNT(nets); i++)
        tests[i] = (struct CMUnitTest){ nets[i], every_element, NULL, NULL, (void *)(uintptr_t)nets[i] };
    const int failed = cmocka_run_group_tests_name("parity_pruned_features", tests, NULL, NULL);
    free(text);
    free(stored);
    return failed;
}
