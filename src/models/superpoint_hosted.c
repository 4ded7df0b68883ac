/* SPDX-License-Identifier: MIT */
/* SuperPoint, DeTone et al. 2018 (arXiv 1712.07629): a VGG encoder of an eighth of the resolution, 65 scores a cell
 * (its 8 x 8 pixels and "none") and a descriptor a cell. Weight names are magicleap's or Hugging Face's. */
#include "models/builder_hosted.h"

#include <string.h>

enum { CELL = 8, SCORES = CELL * CELL + 1 };

typedef struct layer {
    const char *name, *other; /* magicleap's, Hugging Face's */
    int32_t channels;         /* where the weights do not say it; SCORES: always */
    bool pool;                /* 2 x 2 after it */
} layer;

static const layer encoder[] = {
    { "conv1a", "encoder.conv_blocks.0.conv_a", 64, false },  { "conv1b", "encoder.conv_blocks.0.conv_b", 64, true },
    { "conv2a", "encoder.conv_blocks.1.conv_a", 64, false },  { "conv2b", "encoder.conv_blocks.1.conv_b", 64, true },
    { "conv3a", "encoder.conv_blocks.2.conv_a", 128, false }, { "conv3b", "encoder.conv_blocks.2.conv_b", 128, true },
    { "conv4a", "encoder.conv_blocks.3.conv_a", 128, false }, { "conv4b", "encoder.conv_blocks.3.conv_b", 128, false },
};
static const layer detector[] = {
    { "convPa", "keypoint_decoder.conv_score_a", 256, false },
    { "convPb", "keypoint_decoder.conv_score_b", SCORES, false },
};
static const layer descriptor[] = {
    { "convDa", "descriptor_decoder.conv_descriptor_a", 256, false },
    { "convDb", "descriptor_decoder.conv_descriptor_b", 256, false },
};

static const char *name_of(const tvis_builder *b, const layer *l)
{
    static const char start[] = "encoder.";
    for (size_t i = 0; b->weights && i < tvis_weights_count(b->weights); i++)
        if (strncmp(tvis_weights_at(b->weights, i)->name, start, sizeof start - 1) == 0)
            return l->other;
    return l->name;
}

/* Output channels: of any net of this form, whatever its width. */
static int32_t channels_of(const tvis_builder *b, const layer *l)
{
    char weight[TVIS_NAME_MAX];
    const tvis_weight *w =
        b->weights ? tvis_weights_find(b->weights, tvis_name(weight, "%s.weight", name_of(b, l))) : NULL;
    if (l->channels == SCORES)
        return SCORES;
    if (w && w->rank == 4 && w->dims[0] > 0 && w->dims[0] <= TVIS_MAX_DIM)
        return (int32_t)w->dims[0];
    return b->weights ? l->channels : tvis_make_divisible(l->channels * b->width);
}

static uint32_t conv(tvis_builder *b, uint32_t x, const layer *l, int32_t kernel, bool relu)
{
    const char *name = name_of(b, l);
    char n[TVIS_NAME_MAX];
    x = tvis_build_conv(b, x, name, (tvis_conv_spec){ channels_of(b, l), kernel, 1, 1, true });
    return relu ? tvis_build_activation(b, x, tvis_name(n, "%s.relu", name), TVIS_ACT_RELU) : x;
}

static uint32_t max_pool(tvis_builder *b, uint32_t x, const char *after)
{
    char n[TVIS_NAME_MAX];
    tvis_params p;
    memset(&p, 0, sizeof p);
    p.pool = (tvis_pool_params){ .kernel = { 2, 2 }, .stride = { 2, 2 } };
    return tvis_graph_node(&b->g, tvis_name(n, "%s.pool", after), TVIS_OP_MAX_POOL, &x, 1, tvis_build_channels(b, x),
                           &p);
}

static uint32_t head(tvis_builder *b, uint32_t x, const layer *l)
{
    return conv(b, conv(b, x, &l[0], 3, true), &l[1], 1, false);
}

static void build(tvis_builder *b)
{
    uint32_t x = tvis_graph_input(&b->g, "input", 1);
    for (size_t i = 0; i < sizeof encoder / sizeof *encoder; i++) {
        x = conv(b, x, &encoder[i], 3, true);
        if (encoder[i].pool)
            x = max_pool(b, x, name_of(b, &encoder[i]));
    }
    tvis_graph_output(&b->g, head(b, x, detector));
    const uint32_t d = head(b, x, descriptor);
    tvis_graph_output(&b->g,
                      tvis_graph_node(&b->g, "descriptors", TVIS_OP_L2_NORM, &d, 1, tvis_build_channels(b, d), NULL));
    b->g.min_side = b->g.multiple = CELL;
    b->g.preprocess = (tvis_preprocess){ .filter = TVIS_FILTER_BILINEAR,
                                         .fit = TVIS_FIT_STRETCH,
                                         .channels = 1,
                                         .crop = 1.0f,
                                         .std = { 1.0f, 1.0f, 1.0f } };
}

const tvis_arch_def tvis_arch_superpoint = {
    { "superpoint", "keypoints and their descriptors (2018)", 240, 320, 1, 0, 1300865, 6512947200 }, build
};
