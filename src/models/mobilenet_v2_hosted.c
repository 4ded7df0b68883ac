/* SPDX-License-Identifier: MIT */
/* MobileNetV2, Sandler et al. 2018 (arXiv 1801.04381), table 2. */
#include "core/port.h"
#include "models/mbnet_hosted.h"

static const tvis_mbconv table[] = {
    { 3, 1, 1, TVIS_ACT_RELU6, 1, false, 0, 16 },  { 3, 2, 2, TVIS_ACT_RELU6, 6, false, 0, 24 },
    { 3, 2, 3, TVIS_ACT_RELU6, 6, false, 0, 32 },  { 3, 2, 4, TVIS_ACT_RELU6, 6, false, 0, 64 },
    { 3, 1, 3, TVIS_ACT_RELU6, 6, false, 0, 96 },  { 3, 2, 3, TVIS_ACT_RELU6, 6, false, 0, 160 },
    { 3, 1, 1, TVIS_ACT_RELU6, 6, false, 0, 320 },
};

static const tvis_block_names torchvision_blocks[2][2] = {
    { { .depthwise = { "0.0", "0.1" }, .project = { "1", "2" } } },
    { { .expand = { "0.0", "0.1" }, .depthwise = { "1.0", "1.1" }, .project = { "2", "3" } } },
};

static const tvis_mbnet_names formats[] = {
    { .stem = { "features.0.0", "features.0.1" },
      .block = "features.%d.conv",
      .head = { "features.%d.0", "features.%d.1" },
      .classifier = "classifier.1",
      .layer = torchvision_blocks,
      .first = 1,
      .filter = TVIS_FILTER_BILINEAR,
      .eps = 1e-5f },
    { .stem = { "conv_stem", "bn1" },
      .block = "blocks.%d.%d",
      .head = { "conv_head", "bn2" },
      .classifier = "classifier",
      .layer = tvis_timm_block_names,
      .staged = true,
      .filter = TVIS_FILTER_BICUBIC,
      .eps = 1e-5f },
};

static const tvis_mbnet network = {
    .row = table,
    .rows = TVIS_COUNT(table),
    .names = formats,
    .formats = TVIS_COUNT(formats),
    .width = 1.0,
    .depth = 1.0,
    .stem = 32,
    .head = 1280,
    .act = TVIS_ACT_RELU6,
    .crop = 0.875f,
    .same = { 0.875f, TVIS_FILTER_BILINEAR, false },
};

static void build(tvis_builder *b)
{
    tvis_build_mbnet(b, &network);
}

const tvis_arch_def tvis_arch_mobilenet_v2 = { { "mobilenet_v2", "inverted residuals with linear bottlenecks (2018)",
                                                 224, 224, 3, 1000, 3504872, 300774272 },
                                               build };
