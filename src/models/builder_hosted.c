/* SPDX-License-Identifier: MIT */
#include "models/builder_hosted.h"
#include "models/random_hosted.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *tvis_name(char *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(buffer, TVIS_NAME_MAX, format, args);
    va_end(args);
    return buffer;
}

int32_t tvis_make_divisible(double v)
{
    int32_t n = (int32_t)(v + 4.0) / 8 * 8;
    if (n < 8)
        n = 8;
    return (double)n < 0.9 * v ? n + 8 : n;
}

uint32_t tvis_build_picture(tvis_builder *b, const char *stem)
{
    char name[TVIS_NAME_MAX];
    const tvis_weight *w = b->weights ? tvis_weights_find(b->weights, tvis_name(name, "%s.weight", stem)) : NULL;
    const bool gray = b->channels ? b->channels == 1 : w && w->rank == 4 && w->dims[1] == 1;
    b->g.preprocess.channels = gray ? 1 : 3;
    return tvis_graph_input(&b->g, "input", b->g.preprocess.channels);
}

int32_t tvis_build_channels(const tvis_builder *b, uint32_t x)
{
    return b->g.status ? 1 : b->g.tensor[x].channels;
}

static void fail(tvis_builder *b, tvis_diag_code code, const char *name, const char *detail)
{
    b->g.status = tvis_fail(b->g.diag, TVIS_EMODEL, code, name, detail);
}

static const tvis_weight *take(tvis_builder *b, const char *name, const int64_t *dims, uint32_t rank)
{
    const tvis_weight *w = tvis_weights_find(b->weights, name);
    if (!w) {
        b->g.status = tvis_fail_shape(b->g.diag, TVIS_EMODEL, name,
                                      "the weights are of another architecture, or incomplete", dims, rank, NULL, 0);
        if (b->g.diag)
            b->g.diag->code = TVIS_DIAG_MISSING;
        return NULL;
    }
    if (w->rank != rank || memcmp(w->dims, dims, rank * sizeof *dims) != 0) {
        b->g.status = tvis_fail_shape(b->g.diag, TVIS_EMODEL, name, NULL, dims, rank, w->dims, w->rank);
        return NULL;
    }
    b->used[w - tvis_weights_at(b->weights, 0)] = true;
    return w;
}

static void check_finite(tvis_builder *b, const char *name, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!(x[i] - x[i] == 0.0f)) {
            fail(b, TVIS_DIAG_VALUE, name, "holds a NaN or an infinity");
            return;
        }
}

float *tvis_build_values(tvis_builder *b, const char *name, tvis_random_role role, const int64_t *dims, uint32_t rank)
{
    int64_t n = 1, fan_in = 1;
    for (uint32_t i = 0; i < rank; i++) {
        n *= dims[i]; /* each is at most 2^24 and the first two are an operator's: below 2^62 */
        fan_in *= i ? dims[i] : 1;
    }
    if (b->g.status)
        return NULL;
    const tvis_weight *w = b->weights ? take(b, name, dims, rank) : NULL;
    if (b->weights && !w)
        return NULL;
    if ((uint64_t)n > UINT32_MAX / sizeof(float)) {
        b->g.status = tvis_fail_value(b->g.diag, TVIS_EUNSUP, TVIS_DIAG_LIMIT, name,
                                      "more elements than a blob can hold", UINT32_MAX / sizeof(float), n);
        return NULL;
    }
    float *x = malloc((size_t)n * sizeof *x);
    if (!x) {
        tvis_graph_out_of_memory(&b->g);
        return NULL;
    }
    if (w)
        tvis_weight_read_f32(w, x);
    else
        tvis_random_fill(b->seed, name, role, fan_in, x, n);
    check_finite(b, name, x, n);
    return x;
}

static uint32_t vector(tvis_builder *b, const char *layer, const char *what, tvis_random_role role, int32_t n)
{
    char buffer[TVIS_NAME_MAX];
    const char *name = tvis_name(buffer, "%s.%s", layer, what);
    const int64_t shape[1] = { n };
    const int32_t dims[4] = { 1, 1, 1, n };
    float *x = tvis_build_values(b, name, role, shape, 1);
    uint32_t id = tvis_graph_constant(&b->g, name, TVIS_F32, dims);
    if (id != TVIS_NONE && x)
        memcpy(b->g.tensor[id].data, x, (size_t)n * sizeof *x);
    free(x);
    return id;
}

/* (o, i, h, w) to (o, h, w, i), or for depthwise (c, 1, h, w) to (1, h, w, c). */
static void permute(const float *x, float *y, size_t o, size_t i, size_t hw, bool depthwise)
{
    for (size_t a = 0; a < o; a++)
        for (size_t c = 0; c < i; c++)
            for (size_t k = 0; k < hw; k++)
                y[depthwise ? k * o + a : (a * hw + k) * i + c] = x[(a * i + c) * hw + k];
}

static uint32_t conv_weights(tvis_builder *b, const char *layer, int32_t in, const tvis_conv_spec *s, bool depthwise)
{
    char buffer[TVIS_NAME_MAX];
    const char *name = tvis_name(buffer, "%s.weight", layer);
    const int64_t shape[4] = { s->out, in / s->groups, s->kernel, s->kernel };
    const int32_t dims[4] = { depthwise ? 1 : s->out, s->kernel, s->kernel, depthwise ? s->out : in / s->groups };
    float *x = tvis_build_values(b, name, TVIS_RANDOM_WEIGHT, shape, 4);
    uint32_t id = tvis_graph_constant(&b->g, name, TVIS_F32, dims);
    if (id != TVIS_NONE && x)
        permute(x, b->g.tensor[id].data, (size_t)shape[0], (size_t)shape[1], (size_t)s->kernel * (size_t)s->kernel,
                depthwise);
    free(x);
    return id;
}

uint32_t tvis_build_conv(tvis_builder *b, uint32_t x, const char *name, tvis_conv_spec s)
{
    const int32_t in = tvis_build_channels(b, x);
    const bool depthwise = s.groups == in && s.out == in && in > 1;
    const uint16_t pad = (uint16_t)(b->same ? 0 : (s.kernel - 1) / 2), stride = (uint16_t)s.stride;
    const tvis_params p = { .conv = {
                                .stride = { stride, stride },
                                .dilation = { 1, 1 },
                                .pad = { pad, pad, pad, pad },
                                .groups = depthwise ? 1 : (uint16_t)s.groups,
                                .same = b->same,
                            } };
    uint32_t ids[3] = { x, conv_weights(b, name, in, &s, depthwise), TVIS_NONE };
    if (s.bias)
        ids[2] = vector(b, name, "bias", TVIS_RANDOM_BIAS, s.out);
    return tvis_graph_node(&b->g, name, depthwise ? TVIS_OP_DEPTHWISE : TVIS_OP_CONV2D, ids, s.bias ? 3 : 2, s.out, &p);
}

uint32_t tvis_build_batch_norm(tvis_builder *b, uint32_t x, const char *name, float eps)
{
    const int32_t c = tvis_build_channels(b, x);
    tvis_params p;
    memset(&p, 0, sizeof p);
    p.eps = eps;
    const uint32_t ids[5] = {
        x,
        vector(b, name, "weight", TVIS_RANDOM_BN_WEIGHT, c),
        vector(b, name, "bias", TVIS_RANDOM_BN_BIAS, c),
        vector(b, name, "running_mean", TVIS_RANDOM_BN_MEAN, c),
        vector(b, name, "running_var", TVIS_RANDOM_BN_VAR, c),
    };
    return tvis_graph_node(&b->g, name, TVIS_OP_BATCH_NORM, ids, 5, c, &p);
}

uint32_t tvis_build_activation(tvis_builder *b, uint32_t x, const char *name, tvis_act act)
{
    uint32_t y = tvis_graph_node(&b->g, name, TVIS_OP_ACTIVATION, &x, 1, tvis_build_channels(b, x), NULL);
    if (y != TVIS_NONE)
        tvis_graph_producer(&b->g, y)->act = (uint8_t)act;
    return y;
}

uint32_t tvis_build_conv_bn(tvis_builder *b, uint32_t x, const char *conv, const char *batch_norm, tvis_conv_bn_spec s)
{
    x = tvis_build_batch_norm(b, tvis_build_conv(b, x, conv, s.conv), batch_norm, s.eps);
    return s.act == TVIS_ACT_NONE ? x : tvis_build_activation(b, x, batch_norm, (tvis_act)s.act);
}

uint32_t tvis_build_add(tvis_builder *b, uint32_t x, uint32_t y, const char *name)
{
    const uint32_t ids[2] = { x, y };
    return tvis_graph_node(&b->g, name, TVIS_OP_ADD, ids, 2, tvis_build_channels(b, x), NULL);
}

uint32_t tvis_build_global_avg_pool(tvis_builder *b, uint32_t x, const char *name)
{
    return tvis_graph_node(&b->g, name, TVIS_OP_GLOBAL_AVG_POOL, &x, 1, tvis_build_channels(b, x), NULL);
}

uint32_t tvis_build_max_pool(tvis_builder *b, uint32_t x, const char *name, uint16_t kernel, uint16_t stride,
                             uint16_t pad)
{
    const tvis_params p = { .pool = { { kernel, kernel }, { stride, stride }, { pad, pad, pad, pad } } };
    return tvis_graph_node(&b->g, name, TVIS_OP_MAX_POOL, &x, 1, tvis_build_channels(b, x), &p);
}

uint32_t tvis_build_scale(tvis_builder *b, uint32_t x, uint32_t s, const char *name)
{
    const uint32_t ids[2] = { x, s };
    return tvis_graph_node(&b->g, name, TVIS_OP_SCALE, ids, 2, tvis_build_channels(b, x), NULL);
}

uint32_t tvis_build_linear(tvis_builder *b, uint32_t x, const char *name, int32_t out)
{
    char buffer[TVIS_NAME_MAX];
    const char *weight = tvis_name(buffer, "%s.weight", name);
    const int32_t in = tvis_build_channels(b, x);
    const int64_t shape[2] = { out, in };
    const int32_t dims[4] = { out, 1, 1, in };
    float *v = tvis_build_values(b, weight, TVIS_RANDOM_WEIGHT, shape, 2);
    uint32_t ids[3] = { x, tvis_graph_constant(&b->g, weight, TVIS_F32, dims), TVIS_NONE };
    if (ids[1] != TVIS_NONE && v)
        memcpy(b->g.tensor[ids[1]].data, v, b->g.tensor[ids[1]].bytes);
    free(v);
    ids[2] = vector(b, name, "bias", TVIS_RANDOM_BIAS, out);
    return tvis_graph_node(&b->g, name, TVIS_OP_LINEAR, ids, 3, out, NULL);
}

void tvis_build_ignore(tvis_builder *b, const char *start)
{
    for (size_t i = 0; b->weights && i < tvis_weights_count(b->weights); i++)
        if (strncmp(tvis_weights_at(b->weights, i)->name, start, strlen(start)) == 0)
            b->used[i] = true;
}

bool tvis_build_has(const tvis_builder *b, const char *name)
{
    return b->weights && tvis_weights_find(b->weights, name);
}

static int32_t class_count(tvis_builder *b, const char *weight_name, uint32_t otherwise)
{
    const tvis_weight *w = b->weights ? tvis_weights_find(b->weights, weight_name) : NULL;
    if (b->classes == 0)
        b->classes =
            w && w->rank == 2 && w->dims[0] > 0 && w->dims[0] <= TVIS_MAX_DIM ? (uint32_t)w->dims[0] : otherwise;
    return (int32_t)b->classes;
}

uint32_t tvis_build_classifier(tvis_builder *b, uint32_t x, const char *name, uint32_t otherwise)
{
    char buffer[TVIS_NAME_MAX];
    const int32_t out = class_count(b, tvis_name(buffer, "%s.weight", name), otherwise);
    b->g.classes = (uint32_t)out;
    return tvis_build_linear(b, x, name, out);
}
