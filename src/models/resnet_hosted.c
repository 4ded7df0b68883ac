/* SPDX-License-Identifier: MIT */
/* ResNet, He et al. 2016 (arXiv 1512.03385), table 1, with the stride of a bottleneck on its 3x3 convolution, as
 * torchvision and timm have it. Both use the same names. */
#include "models/builder_hosted.h"

#define EPS    1e-5f
#define STAGES 4

typedef struct resnet {
    uint8_t blocks[STAGES];
    bool bottleneck;
} resnet;

static uint32_t conv_bn(tvis_builder *b, uint32_t x, const char *block, int index, tvis_conv_spec spec, tvis_act act)
{
    char c[TVIS_NAME_MAX], n[TVIS_NAME_MAX];
    return tvis_build_conv_bn(b, x, tvis_name(c, "%sconv%d", block, index), tvis_name(n, "%sbn%d", block, index),
                              (tvis_conv_bn_spec){ spec, EPS, (uint8_t)act });
}

/* Just before the last convolution, which adds it: earlier, it would take memory while larger tensors are there. */
static uint32_t shortcut(tvis_builder *b, uint32_t x, const char *block, int32_t out, int32_t stride)
{
    char c[TVIS_NAME_MAX], n[TVIS_NAME_MAX];
    if (stride == 1 && tvis_build_channels(b, x) == out)
        return x;
    return tvis_build_conv_bn(b, x, tvis_name(c, "%sdownsample.0", block), tvis_name(n, "%sdownsample.1", block),
                              (tvis_conv_bn_spec){ { out, 1, stride, 1, false }, EPS, TVIS_ACT_NONE });
}

static uint32_t block(tvis_builder *b, uint32_t x, const char *name, int32_t width, int32_t stride, bool bottleneck)
{
    const int32_t out = bottleneck ? 4 * width : width;
    const uint32_t in = x;
    int last = 2;
    if (bottleneck) {
        x = conv_bn(b, x, name, 1, (tvis_conv_spec){ width, 1, 1, 1, false }, TVIS_ACT_RELU);
        x = conv_bn(b, x, name, 2, (tvis_conv_spec){ width, 3, stride, 1, false }, TVIS_ACT_RELU);
        last = 3;
    } else {
        x = conv_bn(b, x, name, 1, (tvis_conv_spec){ width, 3, stride, 1, false }, TVIS_ACT_RELU);
    }
    const uint32_t side = shortcut(b, in, name, out, stride);
    x = conv_bn(b, x, name, last, (tvis_conv_spec){ out, bottleneck ? 1 : 3, 1, 1, false }, TVIS_ACT_NONE);
    return tvis_build_activation(b, tvis_build_add(b, x, side, name), name, TVIS_ACT_RELU);
}

static void build(tvis_builder *b, const resnet *net)
{
    char name[TVIS_NAME_MAX];
    if (b->same) {
        b->g.status = tvis_fail(b->g.diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "padding", "ResNet has no SAME padding");
        return;
    }
    uint32_t x = tvis_graph_input(&b->g, "input", 3);
    x = conv_bn(b, x, "", 1, (tvis_conv_spec){ tvis_make_divisible(64 * b->width), 7, 2, 1, false }, TVIS_ACT_RELU);
    x = tvis_build_max_pool(b, x, "maxpool", 3, 2, 1);
    for (int stage = 0; stage < STAGES; stage++)
        for (int i = 0; i < net->blocks[stage]; i++)
            x = block(b, x, tvis_name(name, "layer%d.%d.", stage + 1, i), tvis_make_divisible((64 << stage) * b->width),
                      stage && i == 0 ? 2 : 1, net->bottleneck);
    x = tvis_build_global_avg_pool(b, x, "avgpool");
    tvis_graph_output(&b->g, tvis_build_classifier(b, x, "fc", 1000));
    b->g.min_side = 32;
    b->g.preprocess = tvis_imagenet_preprocess;
}

static void build_18(tvis_builder *b)
{
    build(b, &(resnet){ { 2, 2, 2, 2 }, false });
}

static void build_34(tvis_builder *b)
{
    build(b, &(resnet){ { 3, 4, 6, 3 }, false });
}

static void build_50(tvis_builder *b)
{
    build(b, &(resnet){ { 3, 4, 6, 3 }, true });
}

const tvis_arch_def tvis_arch_resnet18 = {
    { "resnet18", "residual network of 18 layers (2015)", 224, 224, 3, 1000, 11689512, 1814073344 }, build_18
};
const tvis_arch_def tvis_arch_resnet34 = {
    { "resnet34", "residual network of 34 layers (2015)", 224, 224, 3, 1000, 21797672, 3663761408 }, build_34
};
const tvis_arch_def tvis_arch_resnet50 = { { "resnet50", "residual network of 50 layers, bottlenecks (2015)", 224, 224,
                                             3, 1000, 25557032, 4089184256 },
                                           build_50 };
