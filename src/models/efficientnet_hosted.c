/* SPDX-License-Identifier: MIT */
/* EfficientNet, Tan and Le 2019 (arXiv 1905.11946): table 1, scaled by width and depth. Input sizes and crops are
 * torchvision's, which differ from the paper's for B2; with TensorFlow's padding, crops are those of timm's tf_ models.
 */
#include "core/port.h"
#include "models/mbnet_hosted.h"

static const tvis_mbconv table[] = {
    { 3, 1, 1, TVIS_ACT_SILU, 1, true, 0, 16 },  { 3, 2, 2, TVIS_ACT_SILU, 6, true, 0, 24 },
    { 5, 2, 2, TVIS_ACT_SILU, 6, true, 0, 40 },  { 3, 2, 3, TVIS_ACT_SILU, 6, true, 0, 80 },
    { 5, 1, 3, TVIS_ACT_SILU, 6, true, 0, 112 }, { 5, 2, 4, TVIS_ACT_SILU, 6, true, 0, 192 },
    { 3, 1, 1, TVIS_ACT_SILU, 6, true, 0, 320 },
};

static const tvis_mbnet_names formats[] = {
    { .stem = { "features.0.0", "features.0.1" },
      .block = "features.%d.%d.block",
      .head = { "features.%d.0", "features.%d.1" },
      .classifier = "classifier.1",
      .layer = tvis_torchvision_block_names,
      .first = 1,
      .staged = true,
      .filter = TVIS_FILTER_BICUBIC,
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

static void build(tvis_builder *b, double width, double depth, float crop, float same_crop)
{
    const tvis_mbnet network = {
        .row = table,
        .rows = TVIS_COUNT(table),
        .names = formats,
        .formats = TVIS_COUNT(formats),
        .width = width,
        .depth = depth,
        .stem = 32,
        .head_times = 4,
        .act = TVIS_ACT_SILU,
        .squeeze_act = { TVIS_ACT_SILU, TVIS_ACT_SIGMOID },
        .squeeze_input = true,
        .crop = crop,
        .same = { same_crop, TVIS_FILTER_BICUBIC, false },
    };
    tvis_build_mbnet(b, &network);
}

/* One member of the family: multipliers, side of the input, of the resized picture, crop of tf_ models. */
#define MEMBER(name, width, depth, side, resized, same_crop, params, macs)                                             \
    static void build_##name(tvis_builder *b)                                                                          \
    {                                                                                                                  \
        build(b, width, depth, (float)side / resized##.0f, same_crop);                                                 \
    }                                                                                                                  \
    const tvis_arch_def tvis_arch_efficientnet_##name = {                                                              \
        { "efficientnet_" #name, "inverted residuals, scaled in width, depth and size (2019)", side, side, 3, 1000,    \
          params, macs },                                                                                              \
        build_##name                                                                                                   \
    };
MEMBER(b0, 1.0, 1.0, 224, 256, 0.875f, 5288548, 385814752)
MEMBER(b1, 1.0, 1.1, 240, 256, 0.882f, 7794184, 686802832)
MEMBER(b2, 1.1, 1.2, 288, 288, 0.890f, 9109994, 1087529456)
MEMBER(b3, 1.2, 1.4, 300, 320, 0.904f, 12233232, 1827141392)
MEMBER(b4, 1.4, 1.8, 380, 384, 0.922f, 19341616, 4393771024)
