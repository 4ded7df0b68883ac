/* SPDX-License-Identifier: MIT */
/* What architectures are written with: layers by the names that their weights have in PyTorch. Errors stick in
 * g.status. */
#ifndef TVIS_MODELS_BUILDER_HOSTED_H
#define TVIS_MODELS_BUILDER_HOSTED_H

#include "core/graph_hosted.h"
#include "models/import/weights.h"
#include "models/random_hosted.h"

typedef struct tvis_builder {
    tvis_graph g;
    const tvis_weights *weights; /* NULL: random ones from `seed` */
    bool *used;                  /* one a tensor of the file */
    uint64_t seed;
    uint32_t classes; /* 0: as many as the weights have */
    double width;
    uint16_t same;    /* TensorFlow's SAME padding */
    uint8_t channels; /* of pictures: 1 or 3; 0: as many as the weights have */
} tvis_builder;

typedef struct tvis_arch_def {
    tvis_arch_info info;
    /* Adds everything from the input to the outputs and sets g's input limits and pre-processing. */
    void (*build)(tvis_builder *b);
} tvis_arch_def;

/* ORDER of names; ends with NULL. */
extern const tvis_arch_def *const tvis_archs[];
extern const tvis_arch_def tvis_arch_efficientnet_b0, tvis_arch_efficientnet_b1, tvis_arch_efficientnet_b2,
    tvis_arch_efficientnet_b3, tvis_arch_efficientnet_b4, tvis_arch_mobilenet_v1, tvis_arch_mobilenet_v2,
    tvis_arch_mobilenet_v3_large, tvis_arch_mobilenet_v3_small, tvis_arch_mobilenet_v4_conv_medium,
    tvis_arch_mobilenet_v4_conv_small, tvis_arch_resnet18, tvis_arch_resnet20_cifar10, tvis_arch_resnet34,
    tvis_arch_resnet50;
extern const tvis_arch_def tvis_arch_superpoint;
extern const tvis_arch_def tvis_arch_dino_vitb16, tvis_arch_dino_vits16, tvis_arch_dinov2_vitb14,
    tvis_arch_dinov2_vitb14_reg, tvis_arch_dinov2_vitl14, tvis_arch_dinov2_vitl14_reg, tvis_arch_dinov2_vits14,
    tvis_arch_dinov2_vits14_reg;
/* torchvision's for ImageNet: shorter side 256 by a bilinear filter, centre 224. */
extern const tvis_preprocess tvis_imagenet_preprocess;
/* The same of gray pictures, with the average of the three means and deviations. */
extern const tvis_preprocess tvis_imagenet_gray_preprocess;

typedef struct tvis_conv_spec {
    int32_t out, kernel, stride, groups;
    bool bias;
} tvis_conv_spec;

/* The input, of three channels, or one for gray pictures: the builder's, or as `stem`.weight has. Sets
 * g.preprocess.channels. */
uint32_t tvis_build_picture(tvis_builder *b, const char *stem);
/* Channels of an activation. */
int32_t tvis_build_channels(const tvis_builder *b, uint32_t x);
/* `name`.weight (out, in / groups, k, k) and, if asked for, `name`.bias; padding (k - 1) / 2. Depthwise where groups ==
 * in == out. */
uint32_t tvis_build_conv(tvis_builder *b, uint32_t x, const char *name, tvis_conv_spec spec);
/* `name`.weight, .bias, .running_mean, .running_var. */
uint32_t tvis_build_batch_norm(tvis_builder *b, uint32_t x, const char *name, float eps);
uint32_t tvis_build_activation(tvis_builder *b, uint32_t x, const char *name, tvis_act act);
uint32_t tvis_build_add(tvis_builder *b, uint32_t x, uint32_t y, const char *name);
uint32_t tvis_build_global_avg_pool(tvis_builder *b, uint32_t x, const char *name);
/* Convolution, batch norm and activation under the names of the first two; without bias. */
typedef struct tvis_conv_bn_spec {
    tvis_conv_spec conv;
    float eps;
    uint8_t act; /* tvis_act */
} tvis_conv_bn_spec;
uint32_t tvis_build_conv_bn(tvis_builder *b, uint32_t x, const char *conv, const char *batch_norm,
                            tvis_conv_bn_spec spec);
/* Square window, the same padding on all sides. */
uint32_t tvis_build_max_pool(tvis_builder *b, uint32_t x, const char *name, uint16_t kernel, uint16_t stride,
                             uint16_t pad);
/* x times s, a factor for each channel of each picture. */
uint32_t tvis_build_scale(tvis_builder *b, uint32_t x, uint32_t s, const char *name);
/* `name`.weight (out, in) and .bias. */
uint32_t tvis_build_linear(tvis_builder *b, uint32_t x, const char *name, int32_t out);
/* The values of `name` in PyTorch's order, from malloc; NULL after an error. For layers that the functions above do not
 * make. */
float *tvis_build_values(tvis_builder *b, const char *name, tvis_random_role role, const int64_t *dims, uint32_t rank);
/* Tensors whose names begin so are not refused, though nothing reads them. */
void tvis_build_ignore(tvis_builder *b, const char *start);
/* Whether the weights have a tensor `name`; false for random ones. */
bool tvis_build_has(const tvis_builder *b, const char *name);
/* `name`.weight (classes, in) and .bias; the number of classes is the builder's, or the weights', or `otherwise`. */
uint32_t tvis_build_classifier(tvis_builder *b, uint32_t x, const char *name, uint32_t otherwise);

/* Formats a name into a buffer of TVIS_NAME_MAX bytes and returns it. */
#define TVIS_NAME_MAX 160
const char *tvis_name(char *buffer, const char *format, ...);
/* Nearest multiple of 8, at least 8, not below 0.9 v: the rule of the MobileNet papers' code. */
int32_t tvis_make_divisible(double v);

#endif
