/* SPDX-License-Identifier: MIT */
/* MobileNetV2, Sandler et al. 2018 (arXiv 1801.04381), table 2. Weight names are torchvision's. */
#include "models/builder_hosted.h"

#define EPS 1e-5f

typedef struct tvis_mbconv {
    int32_t expand, channels, repeats, stride;
} tvis_mbconv;

static const tvis_mbconv table[] = {
    { 1, 16, 1, 1 }, { 6, 24, 2, 2 },  { 6, 32, 3, 2 },  { 6, 64, 4, 2 },
    { 6, 96, 3, 1 }, { 6, 160, 3, 2 }, { 6, 320, 1, 1 },
};

static uint32_t conv_bn_relu6(tvis_builder *b, uint32_t x, const char *layer, int index, tvis_conv_spec s)
{
    char n[TVIS_NAME_MAX];
    const char *name = layer;
    char stage[TVIS_NAME_MAX];
    if (index >= 0)
        name = tvis_name(stage, "%s.%d", layer, index);
    x = tvis_build_conv(b, x, tvis_name(n, "%s.0", name), s);
    x = tvis_build_batch_norm(b, x, tvis_name(n, "%s.1", name), EPS);
    return tvis_build_activation(b, x, tvis_name(n, "%s.2", name), TVIS_ACT_RELU6);
}

static uint32_t inverted_residual(tvis_builder *b, uint32_t x, const char *name, int32_t expand, int32_t out,
                                  int32_t stride)
{
    const uint32_t shortcut = x;
    const int32_t in = tvis_build_channels(b, x), hidden = in * expand;
    char n[TVIS_NAME_MAX];
    int stage = 0;
    if (expand != 1)
        x = conv_bn_relu6(b, x, name, stage++, (tvis_conv_spec){ hidden, 1, 1, 1, false });
    x = conv_bn_relu6(b, x, name, stage++, (tvis_conv_spec){ hidden, 3, stride, hidden, false });
    x = tvis_build_conv(b, x, tvis_name(n, "%s.%d", name, stage++), (tvis_conv_spec){ out, 1, 1, 1, false });
    x = tvis_build_batch_norm(b, x, tvis_name(n, "%s.%d", name, stage), EPS);
    return stride == 1 && in == out ? tvis_build_add(b, x, shortcut, name) : x;
}

static void build(tvis_builder *b)
{
    char n[TVIS_NAME_MAX];
    int index = 0;
    uint32_t x = tvis_graph_input(&b->g, "input", 3);
    x = conv_bn_relu6(b, x, "features", index++,
                      (tvis_conv_spec){ tvis_make_divisible(32 * b->width), 3, 2, 1, false });
    for (size_t row = 0; row < sizeof table / sizeof *table; row++)
        for (int32_t i = 0; i < table[row].repeats; i++)
            x = inverted_residual(b, x, tvis_name(n, "features.%d.conv", index++), table[row].expand,
                                  tvis_make_divisible(table[row].channels * b->width), i ? 1 : table[row].stride);
    int32_t last = tvis_make_divisible(1280 * (b->width > 1.0 ? b->width : 1.0));
    x = conv_bn_relu6(b, x, "features", index, (tvis_conv_spec){ last, 1, 1, 1, false });
    x = tvis_build_global_avg_pool(b, x, "avgpool");
    tvis_graph_output(&b->g, tvis_build_classifier(b, x, "classifier.1", 1000));
    b->g.min_side = 32;
    b->g.preprocess = tvis_imagenet_preprocess;
}

const tvis_arch_def tvis_arch_mobilenet_v2 = { { "mobilenet_v2", "inverted residuals with linear bottlenecks (2018)",
                                                 224, 224, 3, 1000, 3504872, 300774272 },
                                               build };
