/* SPDX-License-Identifier: MIT */
/* Networks without a quarter of the channels of each group, against PyTorch's networks without the same ones: each
 * logit. */
#include "tests/golden_net.h"
#include "tests/pruned_net.h"

#define TOLERANCE 1e-4 /* of the range of the reference */

static const char *const nets[] = {
    "mobilenet_v1.timm",
    "mobilenet_v1.gray",
    "mobilenet_v2.timm",
    "mobilenet_v3_small",
    "mobilenet_v3_small.timm",
    "mobilenet_v3_small.tf",
    "mobilenet_v3_large",
    "mobilenet_v3_large.timm",
    "mobilenet_v3_large.tf",
    "mobilenet_v4_conv_small.timm",
    "mobilenet_v4_conv_medium.timm",
    "efficientnet_b0",
    "efficientnet_b0.timm",
    "efficientnet_b0.tf",
    "efficientnet_b1",
    "efficientnet_b2.timm",
    "efficientnet_b3",
    "efficientnet_b4.timm",
    "resnet18",
    "resnet18.two",
    "resnet20_cifar10",
    "resnet34",
    "resnet50",
};

static char *text;
static float *logits;
static size_t logit_count;

static void make(tvt_pruned_net *p, const tvt_golden_net *g, tvis_blob *blob)
{
    tvt_weights w;
    tvis_blob plain;
    tvis_diag d;
    tvt_golden_weights(g, &w);
    tvt_ok(tvt_golden_convert(g, &w, &plain, &d), &d);
    tvt_weights_free(&w);
    tvt_pruned_make(p, &plain, blob);
}

static double difference(const tvis_blob *blob, const tvt_pruned_net *p, const tvt_golden_net *g, const float *x,
                         float *y)
{
    const float *want = logits + p->first;
    const double range = tvt_range_f32(want, g->classes);
    tvis_model m;
    const tvt_run r = tvt_default_run(1, (uint16_t)p->h, (uint16_t)p->w);
    tvt_pruned_open(&m, blob);
    assert_true(tvt_std_f32(want, g->classes) > 0.1 * range);
    tvt_infer(&m, &r, x, y);
    return tvt_max_diff_f32(y, want, g->classes) / range;
}

/* Numbers as the test's, at the model's own size. */
static tvis_status picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    const ptrdiff_t c = in->dims[3], pixels = (ptrdiff_t)in->dims[1] * in->dims[2];
    float *x = tvt_golden_input(user, (unsigned)in->dims[1], (unsigned)in->dims[2]), *y = in->data;
    (void)i;
    (void)d;
    for (ptrdiff_t k = 0; k < c * pixels; k++)
        y[k] = x[k % c * pixels + k / c];
    free(x);
    return TVIS_OK;
}

static double quantized(const tvis_blob *blob, tvt_golden_net *g, const tvt_pruned_net *p, uint8_t mode, const float *x,
                        float *y)
{
    const tvis_quantize_config q = { .struct_size = sizeof q,
                                     .mode = mode,
                                     .images = mode == TVIS_QUANTIZE_INT8,
                                     .input = picture,
                                     .input_user = g,
                                     .percentile = 100.0f };
    tvis_blob smaller;
    tvt_pruned_quantize(blob, &q, &smaller);
    const double off = difference(&smaller, p, g, x, y);
    tvis_blob_free(&smaller);
    return off;
}

static void every_logit(void **state)
{
    static tvt_pruned_net p;
    tvt_golden_net g;
    tvis_blob blob;
    tvt_pruned_load(&p, text, *state);
    if (tvt_quick() && p.layer_count > 60)
        skip();
    tvt_golden_load(&g, p.file);
    assert_true(p.first + g.classes <= logit_count);
    make(&p, &g, &blob);
    float *x = tvt_golden_input(&g, p.h, p.w), *y = calloc(g.classes, sizeof *y);
    assert_non_null(y);
    const double off = difference(&blob, &p, &g, x, y);
    if (!(off + p.gap <= TOLERANCE))
        fail_msg("%s: %g of the range off", p.file, off);
    const double halves = quantized(&blob, &g, &p, TVIS_QUANTIZE_FP16, x, y);
    if (!(halves <= 2e-3))
        fail_msg("%s in halves: %g of the range off", p.file, halves);
    /* calibration runs it at its own size, several times */
    const bool calibrate = !tvt_quick() && (p.layer_count <= 60 || tvt_full());
    const uint8_t mode = calibrate ? TVIS_QUANTIZE_INT8 : TVIS_QUANTIZE_DYNAMIC;
    const double int8 = quantized(&blob, &g, &p, mode, x, y);
    if (!(int8 <= 0.1))
        fail_msg("%s in int8: %g of the range off", p.file, int8);
    print_message("# %s: %u groups, %.2e of the range from PyTorch, %.2e in halves, %.2e in %s int8\n", p.file,
                  p.groups, off, halves, int8, calibrate ? "static" : "dynamic");
    free(x);
    free(y);
    tvis_blob_free(&blob);
    tvt_golden_free(&g);
}

int main(void)
{
    size_t size;
    struct CMUnitTest tests[TVIS_COUNT(nets)];
    text = (char *)tvt_read("tests/golden/parity/pruned.txt", &size);
    logits = tvt_npy_f32("tests/golden/parity/pruned.npy", &logit_count, 1);
    for (size_t i = 0; i < TVIS_COUNT(nets); i++)
        tests[i] = (struct CMUnitTest){ nets[i], every_logit, NULL, NULL, (void *)(uintptr_t)nets[i] };
    const int failed = cmocka_run_group_tests_name("parity_pruned", tests, NULL, NULL);
    free(text);
    free(logits);
    return failed;
}
