/* SPDX-License-Identifier: MIT */
/* ResNet-20 for CIFAR-10, He et al. 2016 (arXiv 1512.03385), section 4.2, with shortcuts that have no weights. Names
 * are those of github.com/akamaster/pytorch_resnet_cifar10. */
#include "models/builder_hosted.h"

#define EPS 1e-5f

static uint32_t conv_bn(tvis_builder *b, uint32_t x, const char *block, int index, int32_t out, int32_t stride,
                        tvis_act act)
{
    char c[TVIS_NAME_MAX], n[TVIS_NAME_MAX];
    return tvis_build_conv_bn(b, x, tvis_name(c, "%sconv%d", block, index), tvis_name(n, "%sbn%d", block, index),
                              (tvis_conv_bn_spec){ { out, 3, stride, 1, false }, EPS, (uint8_t)act });
}

/* Half of the new channels in front, half behind. */
static uint32_t shortcut(tvis_builder *b, uint32_t x, const char *block, int32_t out, int32_t stride)
{
    char n[TVIS_NAME_MAX];
    const int32_t in = tvis_build_channels(b, x), before = (out - in) / 2;
    const tvis_params p = { .shortcut = { (uint16_t)stride, (uint16_t)before, (uint16_t)(out - in - before), 0 } };
    if (stride == 1 && in == out)
        return x;
    return tvis_graph_node(&b->g, tvis_name(n, "%sshortcut", block), TVIS_OP_SHORTCUT, &x, 1, out, &p);
}

static uint32_t block(tvis_builder *b, uint32_t x, const char *name, int32_t out, int32_t stride)
{
    uint32_t y = conv_bn(b, x, name, 1, out, stride, TVIS_ACT_RELU);
    x = shortcut(b, x, name, out, stride);
    y = tvis_build_add(b, conv_bn(b, y, name, 2, out, 1, TVIS_ACT_NONE), x, name);
    return tvis_build_activation(b, y, name, TVIS_ACT_RELU);
}

static void build(tvis_builder *b)
{
    char name[TVIS_NAME_MAX];
    if (b->same) {
        b->g.status = tvis_fail(b->g.diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "padding", "ResNet has no SAME padding");
        return;
    }
    uint32_t x =
        conv_bn(b, tvis_graph_input(&b->g, "input", 3), "", 1, tvis_make_divisible(16 * b->width), 1, TVIS_ACT_RELU);
    for (int stage = 0; stage < 3; stage++)
        for (int i = 0; i < 3; i++)
            x = block(b, x, tvis_name(name, "layer%d.%d.", stage + 1, i), tvis_make_divisible((16 << stage) * b->width),
                      stage && i == 0 ? 2 : 1);
    x = tvis_build_global_avg_pool(b, x, "avgpool");
    tvis_graph_output(&b->g, tvis_build_classifier(b, x, "linear", 10));
    b->g.min_side = 4;
    b->g.preprocess = tvis_imagenet_preprocess;
    b->g.preprocess.crop = 1.0f;
}

const tvis_arch_def tvis_arch_resnet20_cifar10 = {
    { "resnet20_cifar10", "residual network of 20 layers for small pictures (2015)", 32, 32, 3, 10, 269722, 40551040 },
    build
};
