/* SPDX-License-Identifier: MIT */
/* Convolutional networks against torchvision's and timm's, each logit, by weights made from a seed on both sides. */
#include "tests/golden_net.h"

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

static void open_net(const tvt_golden_net *g, const tvt_weights *w, tvis_blob *blob, tvis_model *m)
{
    tvis_diag d;
    tvt_ok(tvt_golden_convert(g, w, blob, &d), &d);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &d), &d);
}

/* In an emulator: one small size of the smaller networks. */
static bool affordable(const tvt_weights *w, const tvt_golden_case *c)
{
    size_t floats = 0;
    for (size_t i = 0; i < w->count; i++)
        floats += w->t[i].count;
    return !tvt_quick() || (floats < 6000000 && c->h * c->w <= 64 * 64);
}

static double error(const tvt_golden_net *g, unsigned i, const float *y)
{
    const float *want = g->logits + (size_t)i * g->classes;
    const double range = tvt_range_f32(want, g->classes);
    assert_true(tvt_std_f32(want, g->classes) > 0.1 * range);
    return tvt_max_diff_f32(y, want, g->classes) / range + g->cases[i].gap;
}

/* The plans with their own kernels and placing; how the work is cut changes no bit (test_parity.c, test_rows.c). */
static double check_case(const tvt_golden_net *g, unsigned i, const tvis_model *m)
{
    const tvt_golden_case *c = &g->cases[i];
    float *x = tvt_golden_input(g, c->h, c->w), *y = calloc(g->classes, sizeof *y);
    double worst = 0;
    assert_non_null(y);
    for (uint8_t plan = TVIS_PLAN_FAST; plan <= TVIS_PLAN_SMALL; plan++) {
        tvt_run r = tvt_default_run(1, (uint16_t)c->h, (uint16_t)c->w);
        r.plan = plan;
        r.packed = plan == TVIS_PLAN_FAST;
        r.threads = plan == TVIS_PLAN_FAST ? 2 : 1;
        tvt_infer(m, &r, x, y);
        const double e = error(g, i, y);
        if (!(e <= TOLERANCE))
            fail_msg("%s at %ux%u, plan %u: %g of the range off", g->file, c->h, c->w, plan, e);
        worst = e > worst ? e : worst;
    }
    free(x);
    free(y);
    return worst;
}

static void every_logit(void **state)
{
    tvt_golden_net g;
    tvt_weights w;
    tvis_blob blob;
    tvis_model m;
    unsigned done = 0;
    double worst = 0;
    tvt_golden_load(&g, *state);
    tvt_golden_weights(&g, &w);
    for (unsigned i = 0; i < g.case_count; i++)
        if (affordable(&w, &g.cases[i])) {
            if (done++ == 0)
                open_net(&g, &w, &blob, &m);
            const double e = check_case(&g, i, &m);
            worst = e > worst ? e : worst;
        }
    tvt_weights_free(&w);
    tvt_golden_free(&g);
    if (!done)
        skip();
    print_message("# %u sizes, worst difference from PyTorch %.2e of the range\n", done, worst);
    tvis_blob_free(&blob);
}

int main(void)
{
    struct CMUnitTest tests[TVIS_COUNT(nets)];
    for (size_t i = 0; i < TVIS_COUNT(nets); i++)
        tests[i] = (struct CMUnitTest){ nets[i], every_logit, NULL, NULL, (void *)(uintptr_t)nets[i] };
    return cmocka_run_group_tests_name("parity_convnets", tests, NULL, NULL);
}
