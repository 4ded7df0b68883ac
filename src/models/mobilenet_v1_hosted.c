/* SPDX-License-Identifier: MIT */
/* MobileNet, Howard et al. 2017 (arXiv 1704.04861), table 1; with ReLU6, as its authors' code and timm have it. */
#include "core/port.h"
#include "models/mbnet_hosted.h"

static const tvis_mbconv table[] = {
    { 3, 1, 1, TVIS_ACT_RELU6, 1, false, 0, 64 },   { 3, 2, 2, TVIS_ACT_RELU6, 1, false, 0, 128 },
    { 3, 2, 2, TVIS_ACT_RELU6, 1, false, 0, 256 },  { 3, 2, 6, TVIS_ACT_RELU6, 1, false, 0, 512 },
    { 3, 2, 2, TVIS_ACT_RELU6, 1, false, 0, 1024 },
};

static const tvis_mbnet_names format = {
    .stem = { "conv_stem", "bn1" },
    .block = "blocks.%d.%d",
    .classifier = "classifier",
    .layer = tvis_timm_block_names,
    .staged = true,
    .filter = TVIS_FILTER_BICUBIC,
    .eps = 1e-5f,
};

static const tvis_mbnet network = {
    .row = table,
    .rows = TVIS_COUNT(table),
    .names = &format,
    .formats = 1,
    .width = 1.0,
    .depth = 1.0,
    .stem = 32,
    .act = TVIS_ACT_RELU6,
    .project_act = TVIS_ACT_RELU6,
    .no_shortcut = true,
    .half = true,
    .crop = 0.875f,
    .same = { 0.875f, TVIS_FILTER_BILINEAR, true },
};

static void build(tvis_builder *b)
{
    tvis_build_mbnet(b, &network);
}

const tvis_arch_def tvis_arch_mobilenet_v1 = {
    { "mobilenet_v1", "depthwise separable convolutions (2017)", 224, 224, 3, 1000, 4231976, 568740352 }, build
};
