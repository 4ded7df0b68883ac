/* SPDX-License-Identifier: MIT */
#include "models/builder_hosted.h"

#include <stdlib.h>
#include <string.h>

const tvis_preprocess tvis_imagenet_preprocess = {
    .filter = TVIS_FILTER_BILINEAR,
    .fit = TVIS_FIT_CROP,
    .channels = 3,
    .crop = 0.875f,
    .mean = { 0.485f, 0.456f, 0.406f },
    .std = { 0.229f, 0.224f, 0.225f },
};

const tvis_preprocess tvis_imagenet_gray_preprocess = {
    .filter = TVIS_FILTER_BILINEAR,
    .fit = TVIS_FIT_CROP,
    .channels = 1,
    .crop = 0.875f,
    .mean = { 0.449f, 0.449f, 0.449f },
    .std = { 0.226f, 0.226f, 0.226f },
};

const tvis_arch_def *const tvis_archs[] = {
    &tvis_arch_dino_vitb16,
    &tvis_arch_dino_vits16,
    &tvis_arch_dinov2_vitb14,
    &tvis_arch_dinov2_vitb14_reg,
    &tvis_arch_dinov2_vitl14,
    &tvis_arch_dinov2_vitl14_reg,
    &tvis_arch_dinov2_vits14,
    &tvis_arch_dinov2_vits14_reg,
    &tvis_arch_efficientnet_b0,
    &tvis_arch_efficientnet_b1,
    &tvis_arch_efficientnet_b2,
    &tvis_arch_efficientnet_b3,
    &tvis_arch_efficientnet_b4,
    &tvis_arch_mobilenet_v1,
    &tvis_arch_mobilenet_v2,
    &tvis_arch_mobilenet_v3_large,
    &tvis_arch_mobilenet_v3_small,
    &tvis_arch_mobilenet_v4_conv_medium,
    &tvis_arch_mobilenet_v4_conv_small,
    &tvis_arch_resnet18,
    &tvis_arch_resnet20_cifar10,
    &tvis_arch_resnet34,
    &tvis_arch_resnet50,
    &tvis_arch_superpoint,
    NULL,
};

bool tvis_arch(uint32_t i, tvis_arch_info *info)
{
    for (uint32_t k = 0; tvis_archs[k]; k++)
        if (k == i) {
            *info = tvis_archs[k]->info;
            return true;
        }
    return false;
}

static const tvis_arch_def *find_arch(const char *name)
{
    for (uint32_t i = 0; name && tvis_archs[i]; i++)
        if (strcmp(tvis_archs[i]->info.name, name) == 0)
            return tvis_archs[i];
    return NULL;
}

static tvis_status check(const tvis_convert_config *c, const tvis_arch_def *arch, tvis_diag *d)
{
    if (!arch)
        return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_NAME, c->arch, "no such architecture");
    if (c->classes > (uint32_t)TVIS_MAX_DIM)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, "classes", NULL, TVIS_MAX_DIM, c->classes);
    if (!(c->width >= 0.0f && c->width <= 8.0f))
        return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "width", "outside of 0 to 8");
    if (c->channels != 0 && c->channels != 1 && c->channels != 3)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "channels", "pictures have 1 or 3", 3, c->channels);
    return TVIS_OK;
}

/* What training frameworks store beside the weights. */
static bool bookkeeping(const char *name)
{
    static const char tail[] = "num_batches_tracked";
    size_t n = strlen(name);
    return n >= sizeof tail - 1 && strcmp(name + n - (sizeof tail - 1), tail) == 0;
}

static void refuse_extra(tvis_builder *b)
{
    for (size_t i = 0; !b->g.status && i < tvis_weights_count(b->weights); i++) {
        const tvis_weight *w = tvis_weights_at(b->weights, i);
        if (!b->used[i] && !bookkeeping(w->name))
            b->g.status = tvis_fail_shape(b->g.diag, TVIS_EMODEL, w->name, "no tensor of this architecture", NULL, 0,
                                          w->dims, w->rank);
        if (b->g.status && b->g.diag)
            b->g.diag->code = TVIS_DIAG_EXTRA;
    }
}

static void input_size(tvis_graph *g, const tvis_convert_config *c, const tvis_arch_info *a)
{
    g->h = c->h ? c->h : a->h;
    g->w = c->w ? c->w : a->w;
    const uint16_t sides[2] = { g->h, g->w };
    for (int i = 0; !g->status && i < 2; i++)
        if (sides[i] < g->min_side || sides[i] > g->max_side)
            g->status = tvis_fail_value(g->diag, TVIS_EINVAL, TVIS_DIAG_LIMIT, "input size",
                                        "outside of the architecture's limits",
                                        sides[i] < g->min_side ? g->min_side : g->max_side, sides[i]);
        else if (sides[i] % g->multiple)
            g->status = tvis_fail_value(g->diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "input size",
                                        "not a multiple of the architecture's step", g->multiple, sides[i]);
}

static void input_channels(tvis_graph *g, const tvis_convert_config *c)
{
    const uint8_t has = g->preprocess.channels;
    if (!g->status && c->channels && c->channels != has)
        g->status = tvis_fail_value(g->diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "channels",
                                    "this architecture has pictures of one kind", has, c->channels);
}

static void labels(tvis_graph *g, const tvis_convert_config *c)
{
    if (!c->labels || g->status)
        return;
    if (c->label_count != g->classes)
        g->status = tvis_fail_value(g->diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "labels",
                                    "there must be one for each class", g->classes, c->label_count);
    g->labels = c->labels;
}

static tvis_status build(tvis_builder *b, const tvis_arch_def *arch, const tvis_convert_config *c, tvis_blob *blob)
{
    tvis_graph *g = &b->g;
    g->arch = arch->info.name;
    arch->build(b);
    if (b->weights)
        refuse_extra(b);
    input_size(g, c, &arch->info);
    input_channels(g, c);
    labels(g, c);
    if (!g->status)
        tvis_pass_fold_batch_norm(g);
    if (g->status)
        return g->status;
    tvis_pass_fuse_activation(g);
    tvis_pass_fuse_add(g);
    tvis_pass_remove_dead(g);
    return tvis_blob_write(g, blob, g->diag);
}

tvis_status tvis_convert(const tvis_convert_config *c, tvis_blob *blob, tvis_diag *diag)
{
    tvis_builder b;
    tvis_weights *weights = NULL;
    if (!c || !blob || c->struct_size != sizeof *c)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "config",
                         "is NULL or of another version (struct_size)");
    const tvis_arch_def *arch = find_arch(c->arch);
    tvis_status s = check(c, arch, diag);
    if (!s && c->weights)
        s = tvis_weights_open(&weights, c->weights, diag);
    if (s)
        return s;
    tvis_graph_init(&b.g, diag);
    b.weights = weights;
    b.seed = c->seed;
    b.classes = c->classes;
    b.same = c->same_padding;
    b.channels = c->channels;
    /* the decimal number that was meant: 0.35f is not 0.35 */
    b.width = c->width > 0.0f ? (double)(int32_t)((double)c->width * 10000.0 + 0.5) / 10000.0 : 1.0;
    b.used = weights ? calloc(tvis_weights_count(weights), sizeof *b.used) : NULL;
    if (weights && !b.used)
        tvis_graph_out_of_memory(&b.g);
    s = b.g.status ? b.g.status : build(&b, arch, c, blob);
    tvis_graph_free(&b.g);
    free(b.used);
    tvis_weights_close(weights);
    return s;
}
