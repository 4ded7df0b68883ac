/* SPDX-License-Identifier: MIT */
/* MobileNetV3, Howard et al. 2019 (arXiv 1905.02244), tables 1 and 2. */
#include "core/port.h"
#include "models/mbnet_hosted.h"

#define RE TVIS_ACT_RELU
#define HS TVIS_ACT_HARD_SWISH

static const tvis_mbconv small[] = {
    { 3, 2, 1, RE, 0, true, 16, 16 },  { 3, 2, 1, RE, 0, false, 72, 24 }, { 3, 1, 1, RE, 0, false, 88, 24 },
    { 5, 2, 1, HS, 0, true, 96, 40 },  { 5, 1, 2, HS, 0, true, 240, 40 }, { 5, 1, 1, HS, 0, true, 120, 48 },
    { 5, 1, 1, HS, 0, true, 144, 48 }, { 5, 2, 1, HS, 0, true, 288, 96 }, { 5, 1, 2, HS, 0, true, 576, 96 },
};

static const tvis_mbconv large[] = {
    { 3, 1, 1, RE, 0, false, 16, 16 },  { 3, 2, 1, RE, 0, false, 64, 24 },  { 3, 1, 1, RE, 0, false, 72, 24 },
    { 5, 2, 1, RE, 0, true, 72, 40 },   { 5, 1, 2, RE, 0, true, 120, 40 },  { 3, 2, 1, HS, 0, false, 240, 80 },
    { 3, 1, 1, HS, 0, false, 200, 80 }, { 3, 1, 2, HS, 0, false, 184, 80 }, { 3, 1, 1, HS, 0, true, 480, 112 },
    { 3, 1, 1, HS, 0, true, 672, 112 }, { 5, 2, 1, HS, 0, true, 672, 160 }, { 5, 1, 2, HS, 0, true, 960, 160 },
};

static const tvis_mbnet_names formats[] = {
    { .stem = { "features.0.0", "features.0.1" },
      .block = "features.%d.block",
      .head = { "features.%d.0", "features.%d.1" },
      .hidden = "classifier.0",
      .classifier = "classifier.3",
      .layer = tvis_torchvision_block_names,
      .first = 1,
      .filter = TVIS_FILTER_BILINEAR,
      .eps = 1e-3f },
    { .stem = { "conv_stem", "bn1" },
      .block = "blocks.%d.%d",
      .head = { "blocks.%d.0.conv", "blocks.%d.0.bn1" },
      .hidden = "conv_head",
      .classifier = "classifier",
      .layer = tvis_timm_block_names,
      .staged = true,
      .hidden_is_conv = true,
      .filter = TVIS_FILTER_BICUBIC,
      .eps = 1e-5f },
};

static void build(tvis_builder *b, const tvis_mbconv *row, size_t rows, int32_t hidden)
{
    const tvis_mbnet network = {
        .row = row,
        .rows = rows,
        .names = formats,
        .formats = TVIS_COUNT(formats),
        .width = 1.0,
        .depth = 1.0,
        .stem = 16,
        .head_times = 6,
        .hidden = hidden,
        .act = HS,
        .squeeze_act = { TVIS_ACT_RELU, TVIS_ACT_HARD_SIGMOID },
        .crop = 0.875f,
        .same = { 0.875f, TVIS_FILTER_BILINEAR, true },
    };
    tvis_build_mbnet(b, &network);
}

static void build_small(tvis_builder *b)
{
    build(b, small, TVIS_COUNT(small), 1024);
}

static void build_large(tvis_builder *b)
{
    build(b, large, TVIS_COUNT(large), 1280);
}

const tvis_arch_def tvis_arch_mobilenet_v3_small = { { "mobilenet_v3_small",
                                                       "inverted residuals, squeeze-excite, hard-swish (2019)", 224,
                                                       224, 3, 1000, 2542856, 56510400 },
                                                     build_small };
const tvis_arch_def tvis_arch_mobilenet_v3_large = { { "mobilenet_v3_large",
                                                       "inverted residuals, squeeze-excite, hard-swish (2019)", 224,
                                                       224, 3, 1000, 5483032, 216589760 },
                                                     build_large };
