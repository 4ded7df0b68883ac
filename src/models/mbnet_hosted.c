/* SPDX-License-Identifier: MIT */
#include "models/mbnet_hosted.h"

#define TENSORFLOW_EPS 1e-3f

#define TIMM_SQUEEZE                                                                                                   \
    {                                                                                                                  \
        "se.conv_reduce", "se.conv_expand"                                                                             \
    }
const tvis_block_names tvis_timm_block_names[2][2] = {
    { { .depthwise = { "conv_dw", "bn1" }, .project = { "conv_pw", "bn2" } },
      { .depthwise = { "conv_dw", "bn1" }, .project = { "conv_pw", "bn2" }, .squeeze = TIMM_SQUEEZE } },
    { { { "conv_pw", "bn1" }, { "conv_dw", "bn2" }, { "conv_pwl", "bn3" }, { NULL, NULL } },
      { { "conv_pw", "bn1" }, { "conv_dw", "bn2" }, { "conv_pwl", "bn3" }, TIMM_SQUEEZE } },
};

const tvis_block_names tvis_torchvision_block_names[2][2] = {
    { { .depthwise = { "0.0", "0.1" }, .project = { "1.0", "1.1" } },
      { .depthwise = { "0.0", "0.1" }, .project = { "2.0", "2.1" }, .squeeze = { "1.fc1", "1.fc2" } } },
    { { { "0.0", "0.1" }, { "1.0", "1.1" }, { "2.0", "2.1" }, { NULL, NULL } },
      { { "0.0", "0.1" }, { "1.0", "1.1" }, { "3.0", "3.1" }, { "2.fc1", "2.fc2" } } },
};

/* Where a network is under construction. */
typedef struct site {
    tvis_builder *b;
    const tvis_mbnet *net;
    const tvis_mbnet_names *names;
    double width;
    float eps;
    char path[TVIS_NAME_MAX]; /* of the block */
} site;

static const tvis_mbnet_names *format_of(const tvis_builder *b, const tvis_mbnet *net)
{
    char n[TVIS_NAME_MAX];
    for (size_t i = 0; i < net->formats; i++)
        if (tvis_build_has(b, tvis_name(n, "%s.weight", net->names[i].stem[0])))
            return &net->names[i];
    return net->names;
}

static int32_t channels(const site *s, int32_t count)
{
    return tvis_make_divisible(count * s->width);
}

static uint32_t conv_bn(site *s, uint32_t x, const char *const *names, tvis_conv_spec conv, uint8_t act)
{
    char c[TVIS_NAME_MAX], n[TVIS_NAME_MAX];
    return tvis_build_conv_bn(s->b, x, tvis_name(c, "%s.%s", s->path, names[0]),
                              tvis_name(n, "%s.%s", s->path, names[1]), (tvis_conv_bn_spec){ conv, s->eps, act });
}

/* Squeeze-excite, Hu et al. 2018. */
static uint32_t squeeze_excite(site *s, uint32_t x, const char *const *names, int32_t squeezed)
{
    char n[TVIS_NAME_MAX];
    tvis_builder *b = s->b;
    const int32_t c = tvis_build_channels(b, x);
    uint32_t y = tvis_build_global_avg_pool(b, x, tvis_name(n, "%s.squeeze", s->path));
    y = tvis_build_conv(b, y, tvis_name(n, "%s.%s", s->path, names[0]), (tvis_conv_spec){ squeezed, 1, 1, 1, true });
    y = tvis_build_activation(b, y, n, (tvis_act)s->net->squeeze_act[0]);
    y = tvis_build_conv(b, y, tvis_name(n, "%s.%s", s->path, names[1]), (tvis_conv_spec){ c, 1, 1, 1, true });
    y = tvis_build_activation(b, y, n, (tvis_act)s->net->squeeze_act[1]);
    return tvis_build_scale(b, x, y, tvis_name(n, "%s.scale", s->path));
}

static uint32_t block(site *s, uint32_t x, const tvis_mbconv *row, int32_t stride)
{
    const uint32_t shortcut = x;
    const int32_t in = tvis_build_channels(s->b, x), out = channels(s, row->channels);
    const int32_t hidden = row->expand ? in * row->expand : channels(s, row->hidden), quarter = hidden / 4;
    const tvis_block_names *names = &s->names->layer[hidden != in][row->squeezes];
    if (hidden != in)
        x = conv_bn(s, x, names->expand, (tvis_conv_spec){ hidden, 1, 1, 1, false }, row->act);
    x = conv_bn(s, x, names->depthwise, (tvis_conv_spec){ hidden, row->kernel, stride, hidden, false }, row->act);
    if (row->squeezes)
        x = squeeze_excite(s, x, names->squeeze, s->net->squeeze_input ? in / 4 : tvis_make_divisible(quarter));
    x = conv_bn(s, x, names->project, (tvis_conv_spec){ out, 1, 1, 1, false }, s->net->project_act);
    return stride == 1 && in == out && !s->net->no_shortcut ? tvis_build_add(s->b, x, shortcut, s->path) : x;
}

static int32_t round_up(double v)
{
    const int32_t n = (int32_t)v;
    return n < v ? n + 1 : n;
}

/* All blocks; *number gets that of what follows them. */
static uint32_t blocks(site *s, uint32_t x, int *number)
{
    const tvis_mbconv *row = s->net->row;
    int place = 0; /* in the stage */
    *number = s->names->first;
    for (size_t i = 0; i < s->net->rows; i++) {
        if (s->names->staged && i && row[i].channels != row[i - 1].channels) {
            ++*number;
            place = 0;
        }
        for (int32_t k = 0; k < round_up(row[i].repeats * s->net->depth); k++) {
            tvis_name(s->path, s->names->block, *number, place++);
            x = block(s, x, &row[i], k ? 1 : row[i].stride);
            *number += s->names->staged ? 0 : 1;
        }
    }
    *number += s->names->staged ? 1 : 0;
    return x;
}

static uint32_t last_layers(site *s, uint32_t x, int number)
{
    const tvis_mbnet *net = s->net;
    const tvis_mbnet_names *names = s->names;
    char c[TVIS_NAME_MAX], n[TVIS_NAME_MAX];
    int32_t head = net->head_times * tvis_build_channels(s->b, x);
    if (net->head)
        head = tvis_make_divisible(net->head * (s->width > 1.0 ? s->width : 1.0));
    if (head)
        x = tvis_build_conv_bn(s->b, x, tvis_name(c, names->head[0], number), tvis_name(n, names->head[1], number),
                               (tvis_conv_bn_spec){ { head, 1, 1, 1, false }, s->eps, net->act });
    x = tvis_build_global_avg_pool(s->b, x, "avgpool");
    if (net->hidden) {
        const int32_t out = channels(s, net->hidden);
        if (names->hidden_is_conv)
            x = tvis_build_conv(s->b, x, names->hidden, (tvis_conv_spec){ out, 1, 1, 1, true });
        else
            x = tvis_build_linear(s->b, x, names->hidden, out);
        x = tvis_build_activation(s->b, x, names->hidden, (tvis_act)net->act);
    }
    return tvis_build_classifier(s->b, x, names->classifier, 1000);
}

static void preprocess(const site *s)
{
    tvis_preprocess *p = &s->b->g.preprocess;
    const bool half = s->b->same ? s->net->same.half : s->net->half;
    const uint8_t channels = p->channels;
    *p = channels == 1 ? tvis_imagenet_gray_preprocess : tvis_imagenet_preprocess;
    p->crop = s->b->same ? s->net->same.crop : s->net->crop;
    p->filter = s->b->same ? s->net->same.filter : s->names->filter;
    for (int i = 0; i < 3 && half; i++)
        p->mean[i] = p->std[i] = 0.5f;
}

void tvis_build_mbnet(tvis_builder *b, const tvis_mbnet *net)
{
    const tvis_mbnet_names *names = format_of(b, net);
    site s = { .b = b, .net = net, .names = names, .width = net->width * b->width };
    int number;
    s.eps = b->same ? TENSORFLOW_EPS : names->eps;
    uint32_t x = tvis_build_picture(b, names->stem[0]);
    x = tvis_build_conv_bn(b, x, names->stem[0], names->stem[1],
                           (tvis_conv_bn_spec){ { channels(&s, net->stem), 3, 2, 1, false }, s.eps, net->act });
    x = blocks(&s, x, &number);
    tvis_graph_output(&b->g, last_layers(&s, x, number));
    b->g.min_side = 32;
    preprocess(&s);
}
