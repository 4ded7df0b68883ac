/* SPDX-License-Identifier: MIT */
/* Networks of inverted residuals (expand, depthwise, squeeze-excite, project): MobileNetV2, MobileNetV3 and
 * EfficientNet are tables of one block. */
#ifndef TVIS_MODELS_MBNET_HOSTED_H
#define TVIS_MODELS_MBNET_HOSTED_H

#include "models/builder_hosted.h"

/* Names of one block's layers, after the block's own. Pairs are a convolution and its batch norm; `squeeze` are two
 * convolutions. */
typedef struct tvis_block_names {
    const char *expand[2], *depthwise[2], *project[2], *squeeze[2];
} tvis_block_names;

/* How a framework names a network, and what else depends on where the weights come from. `block` and `head` are
 * formats, of the number of a block, or of a stage and then of a block in it. */
typedef struct tvis_mbnet_names {
    const char *stem[2], *block, *head[2];
    const char *hidden, *classifier;    /* fully connected */
    const tvis_block_names (*layer)[2]; /* [expands][squeezes] */
    uint8_t first;                      /* number of the first block or stage */
    bool staged;                        /* numbered by stage and block */
    bool hidden_is_conv;
    uint8_t filter; /* tvis_filter of pre-processing */
    float eps;
} tvis_mbnet_names;

/* Blocks with the same shape but for the first one's stride. A stage ends where the channels change. */
typedef struct tvis_mbconv {
    uint8_t kernel, stride, repeats, act; /* tvis_act */
    uint8_t expand;                       /* times the input's channels, or 0: to `hidden` channels */
    bool squeezes;
    uint16_t hidden, channels;
} tvis_mbconv;

typedef struct tvis_mbnet {
    const tvis_mbconv *row;
    size_t rows;
    const tvis_mbnet_names *names; /* `formats` of them; random weights are named as the first */
    size_t formats;
    double width, depth; /* multipliers of this member of the family */
    int32_t stem;
    int32_t head,
        head_times;      /* channels of the last convolution, or how many times the last block's; 0: there is none */
    int32_t hidden;      /* between pooling and the classifier; 0: nothing */
    uint8_t act;         /* of stem, head and hidden layer */
    uint8_t project_act; /* of the last convolution of a block */
    bool no_shortcut;    /* blocks are not residual */
    uint8_t squeeze_act[2];
    bool squeeze_input; /* to a quarter of the block's input; else of what is squeezed, a multiple of 8 */
    bool half;          /* mean and std of pre-processing are 0.5, not ImageNet's */
    float crop;
    struct {
        float crop;
        uint8_t filter; /* tvis_filter */
        bool half;      /* mean and std are 0.5 */
    } same;             /* pre-processing of weights that need TensorFlow's padding */
} tvis_mbnet;

/* Of timm, for all of them, and of torchvision, from MobileNetV3 on. */
extern const tvis_block_names tvis_timm_block_names[2][2], tvis_torchvision_block_names[2][2];

/* With TensorFlow's padding, batch norm's epsilon is TensorFlow's too: 1e-3. */
void tvis_build_mbnet(tvis_builder *b, const tvis_mbnet *net);

#endif
