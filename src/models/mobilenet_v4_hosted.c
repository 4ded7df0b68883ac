/* SPDX-License-Identifier: MIT */
/* MobileNetV4, Qin et al. 2024 (arXiv 2404.10518), tables 10 and 11: universal inverted bottlenecks. Weight names are
 * timm's. */
#include "core/port.h"
#include "models/builder_hosted.h"

#define EPS 1e-5f

typedef enum kind { CONV, FUSED, UNIVERSAL } kind;

/* Kernels of the depthwise convolutions before and behind the expansion, 0 for none; CONV and FUSED have one kernel,
 * `middle`. */
typedef struct row {
    uint8_t stage, kind, repeats, start, middle, stride, expand;
    uint16_t channels;
} row;

static const row conv_small[] = {
    { 0, CONV, 1, 0, 3, 2, 1, 32 },       { 0, CONV, 1, 0, 1, 1, 1, 32 },       { 1, CONV, 1, 0, 3, 2, 1, 96 },
    { 1, CONV, 1, 0, 1, 1, 1, 64 },       { 2, UNIVERSAL, 1, 5, 5, 2, 3, 96 },  { 2, UNIVERSAL, 4, 0, 3, 1, 2, 96 },
    { 2, UNIVERSAL, 1, 3, 0, 1, 4, 96 },  { 3, UNIVERSAL, 1, 3, 3, 2, 6, 128 }, { 3, UNIVERSAL, 1, 5, 5, 1, 4, 128 },
    { 3, UNIVERSAL, 1, 0, 5, 1, 4, 128 }, { 3, UNIVERSAL, 1, 0, 5, 1, 3, 128 }, { 3, UNIVERSAL, 2, 0, 3, 1, 4, 128 },
    { 4, CONV, 1, 0, 1, 1, 1, 960 },
};

static const row conv_medium[] = {
    { 0, FUSED, 1, 0, 3, 2, 4, 48 },      { 1, UNIVERSAL, 1, 3, 5, 2, 4, 80 },  { 1, UNIVERSAL, 1, 3, 3, 1, 2, 80 },
    { 2, UNIVERSAL, 1, 3, 5, 2, 6, 160 }, { 2, UNIVERSAL, 2, 3, 3, 1, 4, 160 }, { 2, UNIVERSAL, 1, 3, 5, 1, 4, 160 },
    { 2, UNIVERSAL, 1, 3, 3, 1, 4, 160 }, { 2, UNIVERSAL, 1, 3, 0, 1, 4, 160 }, { 2, UNIVERSAL, 1, 0, 0, 1, 2, 160 },
    { 2, UNIVERSAL, 1, 3, 0, 1, 4, 160 }, { 3, UNIVERSAL, 1, 5, 5, 2, 6, 256 }, { 3, UNIVERSAL, 1, 5, 5, 1, 4, 256 },
    { 3, UNIVERSAL, 2, 3, 5, 1, 4, 256 }, { 3, UNIVERSAL, 1, 0, 0, 1, 4, 256 }, { 3, UNIVERSAL, 1, 3, 0, 1, 4, 256 },
    { 3, UNIVERSAL, 1, 3, 5, 1, 2, 256 }, { 3, UNIVERSAL, 1, 5, 5, 1, 4, 256 }, { 3, UNIVERSAL, 2, 0, 0, 1, 4, 256 },
    { 3, UNIVERSAL, 1, 5, 0, 1, 2, 256 }, { 4, CONV, 1, 0, 1, 1, 1, 960 },
};

static uint32_t conv_bn(tvis_builder *b, uint32_t x, const char *path, const char *conv, const char *bn,
                        tvis_conv_spec spec, tvis_act act)
{
    char c[TVIS_NAME_MAX], n[TVIS_NAME_MAX];
    return tvis_build_conv_bn(b, x, tvis_name(c, "%s%s", path, conv), tvis_name(n, "%s%s", path, bn),
                              (tvis_conv_bn_spec){ spec, EPS, (uint8_t)act });
}

static uint32_t depthwise(tvis_builder *b, uint32_t x, const char *path, int32_t kernel, int32_t stride, tvis_act act)
{
    const int32_t c = tvis_build_channels(b, x);
    return conv_bn(b, x, path, ".conv", ".bn", (tvis_conv_spec){ c, kernel, stride, c, false }, act);
}

static uint32_t universal(tvis_builder *b, uint32_t x, const char *path, const row *r, int32_t out, int32_t stride)
{
    const int32_t hidden = tvis_make_divisible((double)tvis_build_channels(b, x) * r->expand);
    char n[TVIS_NAME_MAX];
    if (r->start)
        x = depthwise(b, x, tvis_name(n, "%s.dw_start", path), r->start, r->middle ? 1 : stride, TVIS_ACT_NONE);
    x = conv_bn(b, x, tvis_name(n, "%s.pw_exp", path), ".conv", ".bn", (tvis_conv_spec){ hidden, 1, 1, 1, false },
                TVIS_ACT_RELU);
    if (r->middle)
        x = depthwise(b, x, tvis_name(n, "%s.dw_mid", path), r->middle, stride, TVIS_ACT_RELU);
    return conv_bn(b, x, tvis_name(n, "%s.pw_proj", path), ".conv", ".bn", (tvis_conv_spec){ out, 1, 1, 1, false },
                   TVIS_ACT_NONE);
}

static uint32_t fused(tvis_builder *b, uint32_t x, const char *path, const row *r, int32_t out, int32_t stride)
{
    const int32_t hidden = tvis_make_divisible((double)tvis_build_channels(b, x) * r->expand);
    x = conv_bn(b, x, path, ".conv_exp", ".bn1", (tvis_conv_spec){ hidden, r->middle, stride, 1, false },
                TVIS_ACT_RELU);
    return conv_bn(b, x, path, ".conv_pwl", ".bn2", (tvis_conv_spec){ out, 1, 1, 1, false }, TVIS_ACT_NONE);
}

static uint32_t block(tvis_builder *b, uint32_t x, const char *path, const row *r, int32_t stride)
{
    const int32_t in = tvis_build_channels(b, x), out = tvis_make_divisible(r->channels * b->width);
    const uint32_t shortcut = x;
    if (r->kind == CONV)
        return conv_bn(b, x, path, ".conv", ".bn1", (tvis_conv_spec){ out, r->middle, stride, 1, false },
                       TVIS_ACT_RELU);
    x = r->kind == FUSED ? fused(b, x, path, r, out, stride) : universal(b, x, path, r, out, stride);
    return stride == 1 && in == out ? tvis_build_add(b, x, shortcut, path) : x;
}

static void build(tvis_builder *b, const row *table, size_t rows, float crop)
{
    char path[TVIS_NAME_MAX];
    uint32_t x = tvis_graph_input(&b->g, "input", 3);
    const int32_t stem = tvis_make_divisible(32 * (b->width > 1.0 ? b->width : 1.0));
    x = conv_bn(b, x, "", "conv_stem", "bn1", (tvis_conv_spec){ stem, 3, 2, 1, false }, TVIS_ACT_RELU);
    int place = 0; /* in the stage */
    for (size_t i = 0; i < rows; i++) {
        place = i && table[i].stage != table[i - 1].stage ? 0 : place;
        for (int k = 0; k < table[i].repeats; k++)
            x = block(b, x, tvis_name(path, "blocks.%d.%d", table[i].stage, place++), &table[i],
                      k ? 1 : table[i].stride);
    }
    x = tvis_build_global_avg_pool(b, x, "avgpool");
    x = conv_bn(b, x, "", "conv_head", "norm_head", (tvis_conv_spec){ 1280, 1, 1, 1, false }, TVIS_ACT_RELU);
    tvis_graph_output(&b->g, tvis_build_classifier(b, x, "classifier", 1000));
    b->g.min_side = 32;
    b->g.preprocess = tvis_imagenet_preprocess;
    b->g.preprocess.filter = TVIS_FILTER_BICUBIC;
    b->g.preprocess.crop = crop;
}

static void build_small(tvis_builder *b)
{
    build(b, conv_small, TVIS_COUNT(conv_small), 0.875f);
}

static void build_medium(tvis_builder *b)
{
    build(b, conv_medium, TVIS_COUNT(conv_medium), 0.95f);
}

const tvis_arch_def tvis_arch_mobilenet_v4_conv_small = {
    { "mobilenet_v4_conv_small", "universal inverted bottlenecks (2024)", 224, 224, 3, 1000, 3774024, 186005568 },
    build_small
};
const tvis_arch_def tvis_arch_mobilenet_v4_conv_medium = {
    { "mobilenet_v4_conv_medium", "universal inverted bottlenecks (2024)", 224, 224, 3, 1000, 9715512, 827649984 },
    build_medium
};
