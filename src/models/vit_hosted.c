/* SPDX-License-Identifier: MIT */
/* Vision transformers, Dosovitskiy et al. 2021 (arXiv 2010.11929), as DINO (Caron et al. 2021, arXiv 2104.14294),
 * DINOv2 (Oquab et al. 2023, arXiv 2304.07193) and DINOv2 with registers (Darcet et al. 2024, arXiv 2309.16588) train
 * them. Outputs: the class token and the patch tokens after the last norm; of DINO, the class token's attention in the
 * last block too. */
#include "models/vit_names_hosted.h"

#include <stdlib.h>
#include <string.h>

#define EPS 1e-6f

typedef struct vit {
    const char *name;
    uint16_t width, depth, heads, patch, grid, registers;
    bool scaled; /* LayerScale */
    bool maps;   /* attention as a third output */
    uint16_t stretch;
} vit;

static const vit table[] = {
    { "dino_vits16", 384, 12, 6, 16, 14, 0, false, true, TVIS_STRETCH_OFFSET },
    { "dino_vitb16", 768, 12, 12, 16, 14, 0, false, true, TVIS_STRETCH_OFFSET },
    { "dinov2_vits14", 384, 12, 6, 14, 37, 0, true, false, TVIS_STRETCH_OFFSET },
    { "dinov2_vitb14", 768, 12, 12, 14, 37, 0, true, false, TVIS_STRETCH_OFFSET },
    { "dinov2_vitl14", 1024, 24, 16, 14, 37, 0, true, false, TVIS_STRETCH_OFFSET },
    { "dinov2_vits14_reg", 384, 12, 6, 14, 37, 4, true, false, TVIS_STRETCH_ANTIALIAS },
    { "dinov2_vitb14_reg", 768, 12, 12, 14, 37, 4, true, false, TVIS_STRETCH_ANTIALIAS },
    { "dinov2_vitl14_reg", 1024, 24, 16, 14, 37, 4, true, false, TVIS_STRETCH_ANTIALIAS },
};

/* `count` values of the file's tensor to `out`, unless that is NULL. */
static void read(tvis_builder *b, const char *name, tvis_random_role role, const int64_t *dims, uint32_t rank,
                 float *out)
{
    size_t count = 1;
    for (uint32_t i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    float *x = tvis_build_values(b, name, role, dims, rank);
    if (x && out)
        memcpy(out, x, count * sizeof *x);
    free(x);
}

/* A constant under its name in our blobs; *data is NULL after an error. */
static uint32_t constant(tvis_builder *b, const char *layer, const char *what, const int32_t *dims, float **data)
{
    char name[TVIS_NAME_MAX];
    const uint32_t id = tvis_graph_constant(&b->g, tvis_name(name, "%s%s", layer, what), TVIS_F32, dims);
    *data = id == TVIS_NONE ? NULL : b->g.tensor[id].data;
    return id;
}

static uint32_t layer_norm(tvis_builder *b, uint32_t x, const char *ours, const char *theirs)
{
    const int32_t c = tvis_build_channels(b, x), dims[4] = { 1, 1, 1, c };
    const int64_t shape[1] = { c };
    char name[TVIS_NAME_MAX];
    float *weight, *bias;
    const uint32_t ids[3] = { x, constant(b, ours, ".weight", dims, &weight), constant(b, ours, ".bias", dims, &bias) };
    tvis_params p;
    memset(&p, 0, sizeof p);
    p.eps = EPS;
    read(b, tvis_name(name, "%s.weight", theirs), TVIS_RANDOM_BN_WEIGHT, shape, 1, weight);
    read(b, tvis_name(name, "%s.bias", theirs), TVIS_RANDOM_BN_BIAS, shape, 1, bias);
    return tvis_graph_node(&b->g, ours, TVIS_OP_LAYER_NORM, ids, 3, c, &p);
}

/* A layer's output times a factor a channel is a layer with other weights. */
static void fold_scale(tvis_builder *b, const char *name, float *weight, float *bias, int32_t out, int32_t in)
{
    const int64_t shape[1] = { out };
    float *gamma = tvis_build_values(b, name, TVIS_RANDOM_SCALE, shape, 1);
    for (int32_t i = 0; gamma && weight && bias && i < out; i++, weight += in) {
        float check = bias[i] *= gamma[i];
        for (int32_t k = 0; k < in; k++) {
            weight[k] *= gamma[i];
            check += weight[k];
        }
        if (!(check - check == 0.0f) && !b->g.status)
            b->g.status = tvis_fail(b->g.diag, TVIS_EMODEL, TVIS_DIAG_VALUE, name, "not finite with the weights");
    }
    free(gamma);
}

/* theirs: `parts` layers that are stacked into one with `out` outputs; scale: name of a factor for each, or NULL. */
static uint32_t linear(tvis_builder *b, uint32_t x, const char *ours, const tvis_vit_source *s,
                       const char *const *theirs, int32_t parts, int32_t out, const char *scale)
{
    const int32_t in = tvis_build_channels(b, x), each = out / parts;
    const int32_t matrix[4] = { out, 1, 1, in }, vector[4] = { 1, 1, 1, out };
    const int64_t shape[2] = { each, in };
    char name[TVIS_NAME_MAX];
    float *weight, *bias;
    const uint32_t ids[3] = { x, constant(b, ours, ".weight", matrix, &weight),
                              constant(b, ours, ".bias", vector, &bias) };
    for (int32_t i = 0; i < parts; i++) {
        const ptrdiff_t at = (ptrdiff_t)i * each;
        read(b, tvis_name(name, "%s%s.weight", s->block, theirs[i]), TVIS_RANDOM_WEIGHT, shape, 2,
             weight ? weight + at * in : NULL);
        read(b, tvis_name(name, "%s%s.bias", s->block, theirs[i]), TVIS_RANDOM_BIAS, shape, 1, bias ? bias + at : NULL);
    }
    if (scale)
        fold_scale(b, tvis_name(name, "%s%s", s->block, scale), weight, bias, out, in);
    return tvis_graph_node(&b->g, ours, TVIS_OP_LINEAR, ids, 3, out, NULL);
}

static uint32_t attention(tvis_builder *b, uint32_t x, const char *ours, const vit *v, bool maps)
{
    tvis_params p;
    memset(&p, 0, sizeof p);
    p.attention.heads = v->heads;
    p.attention.maps = maps;
    const uint32_t y = tvis_graph_node(&b->g, ours, TVIS_OP_ATTENTION, &x, 1, v->width, &p);
    if (maps) {
        char name[TVIS_NAME_MAX];
        const uint32_t id = tvis_graph_add_tensor(&b->g, tvis_name(name, "%s.maps", ours), TVIS_F32);
        if (id == TVIS_NONE)
            return id;
        tvis_gnode *n = tvis_graph_producer(&b->g, y);
        n->out[n->out_count++] = id;
    }
    return y;
}

/* maps: whether the class token's attention is wanted; its tensor is what was added last. */
static uint32_t block(tvis_builder *b, uint32_t x, const vit *v, const tvis_vit_source *s, int i, uint32_t *maps)
{
    const tvis_vit_names *n = s->names;
    char ours[TVIS_NAME_MAX], theirs[TVIS_NAME_MAX];
    uint32_t y =
        layer_norm(b, x, tvis_name(ours, "blocks.%d.norm1", i), tvis_name(theirs, "%s%s", s->block, n->norm[0]));
    y = linear(b, y, tvis_name(ours, "blocks.%d.attn.qkv", i), s, n->qkv, n->qkv[1] ? 3 : 1, 3 * v->width, NULL);
    const bool wanted = v->maps && i + 1 == v->depth;
    y = attention(b, y, tvis_name(ours, "blocks.%d.attn", i), v, wanted);
    if (wanted && !b->g.status)
        *maps = b->g.tensor_count - 1;
    y = linear(b, y, tvis_name(ours, "blocks.%d.attn.proj", i), s, &n->project, 1, v->width,
               v->scaled ? n->scale[0] : NULL);
    x = tvis_build_add(b, y, x, tvis_name(ours, "blocks.%d.attn", i));
    y = layer_norm(b, x, tvis_name(ours, "blocks.%d.norm2", i), tvis_name(theirs, "%s%s", s->block, n->norm[1]));
    y = linear(b, y, tvis_name(ours, "blocks.%d.mlp.fc1", i), s, &n->hidden[0], 1, 4 * v->width, NULL);
    y = tvis_build_activation(b, y, tvis_name(ours, "blocks.%d.mlp.act", i), TVIS_ACT_GELU);
    y = linear(b, y, tvis_name(ours, "blocks.%d.mlp.fc2", i), s, &n->hidden[1], 1, v->width,
               v->scaled ? n->scale[1] : NULL);
    return tvis_build_add(b, y, x, tvis_name(ours, "blocks.%d.mlp", i));
}

/* timm has the class token's position in the token itself where there are registers; the others have it in front of the
 * patches'. */
static void positions(tvis_builder *b, const vit *v, const tvis_vit_source *s, float *class_token, float *patches)
{
    char name[TVIS_NAME_MAX];
    const size_t c = v->width, cells = (size_t)v->grid * v->grid;
    const bool front = !(s->names->bare_position && v->registers);
    const int64_t shape[3] = { 1, (int64_t)cells + front, v->width };
    float *x =
        tvis_build_values(b, tvis_name(name, "%s%s", s->prefix, s->names->position), TVIS_RANDOM_TOKEN, shape, 3);
    if (x && class_token && patches) {
        for (size_t k = 0; front && k < c; k++)
            class_token[k] += x[k];
        memcpy(patches, x + (front ? c : 0), cells * c * sizeof *x);
    }
    free(x);
}

static uint32_t tokens(tvis_builder *b, uint32_t x, const vit *v, const tvis_vit_source *s)
{
    const int32_t c = v->width, one[4] = { 1, 1, 1, c }, some[4] = { 1, 1, v->registers, c };
    const int32_t grid[4] = { 1, v->grid, v->grid, c };
    const int64_t single[3] = { 1, 1, c }, several[3] = { 1, v->registers, c };
    char name[TVIS_NAME_MAX];
    float *class_token, *patches, *registers;
    tvis_params p;
    memset(&p, 0, sizeof p);
    p.tokens = (tvis_tokens_params){ { v->grid, v->grid }, v->stretch, v->registers };
    uint32_t ids[4] = { x, constant(b, "cls_token", "", one, &class_token),
                        constant(b, "pos_embed", "", grid, &patches), TVIS_NONE };
    read(b, tvis_name(name, "%s%s", s->prefix, s->names->class_token), TVIS_RANDOM_TOKEN, single, 3, class_token);
    positions(b, v, s, class_token, patches);
    if (v->registers) {
        ids[3] = constant(b, "register_tokens", "", some, &registers);
        read(b, tvis_name(name, "%s%s", s->prefix, s->names->registers), TVIS_RANDOM_TOKEN, several, 3, registers);
    }
    return tvis_graph_node(&b->g, "tokens", TVIS_OP_TOKENS, ids, v->registers ? 4 : 3, c, &p);
}

static uint32_t slice(tvis_builder *b, uint32_t x, const char *name, int32_t begin, int32_t count)
{
    tvis_params p;
    memset(&p, 0, sizeof p);
    p.slice = (tvis_slice_params){ begin, count };
    return tvis_graph_node(&b->g, name, TVIS_OP_SLICE, &x, 1, tvis_build_channels(b, x), &p);
}

static uint32_t patches(tvis_builder *b, const vit *v, const tvis_vit_source *s)
{
    const uint32_t x = tvis_graph_input(&b->g, "input", 3);
    const int32_t dims[4] = { v->width, v->patch, v->patch, 3 }, vector[4] = { 1, 1, 1, v->width };
    const int64_t shape[4] = { v->width, 3, v->patch, v->patch };
    const size_t area = (size_t)v->patch * v->patch;
    char name[TVIS_NAME_MAX];
    float *weight, *bias;
    const uint32_t ids[3] = { x, constant(b, "patch_embed.proj", ".weight", dims, &weight),
                              constant(b, "patch_embed.proj", ".bias", vector, &bias) };
    const tvis_params p = { .conv = { .stride = { v->patch, v->patch }, .dilation = { 1, 1 }, .groups = 1 } };
    float *w =
        tvis_build_values(b, tvis_name(name, "%s%s.weight", s->prefix, s->names->patch), TVIS_RANDOM_WEIGHT, shape, 4);
    for (size_t o = 0; w && weight && o < v->width; o++)
        for (size_t i = 0; i < 3 * area; i++) /* (o, 3, area) to (o, area, 3) */
            weight[o * 3 * area + i % area * 3 + i / area] = w[o * 3 * area + i];
    free(w);
    read(b, tvis_name(name, "%s%s.bias", s->prefix, s->names->patch), TVIS_RANDOM_BIAS, shape, 1, bias);
    return tvis_graph_node(&b->g, "patch_embed.proj", TVIS_OP_CONV2D, ids, 3, v->width, &p);
}

/* Names of options that mean nothing here. */
static bool refuse(tvis_builder *b)
{
    const char *what = b->classes ? "classes" : b->same ? "padding" : b->width < 1.0 || b->width > 1.0 ? "width" : NULL;
    if (what)
        b->g.status = tvis_fail(b->g.diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, what,
                                "this is the backbone of a vision transformer, which has no such option");
    return what;
}

static void build(tvis_builder *b)
{
    const vit *v = table;
    tvis_vit_source s;
    char theirs[TVIS_NAME_MAX];
    uint32_t maps = TVIS_NONE;
    if (refuse(b))
        return;
    while (strcmp(v->name, b->g.arch) != 0)
        v++;
    tvis_vit_find_names(b, &s);
    uint32_t x = tokens(b, patches(b, v, &s), v, &s);
    for (int i = 0; i < v->depth; i++) {
        tvis_vit_find_block(b, &s, i);
        x = block(b, x, v, &s, i, &maps);
    }
    x = layer_norm(b, x, "norm", tvis_name(theirs, "%s%s", s.prefix, s.names->last_norm));
    tvis_graph_output(&b->g, slice(b, x, "class_token", 0, 1));
    tvis_graph_output(&b->g, slice(b, x, "patch_tokens", 1 + v->registers, 0));
    if (maps != TVIS_NONE)
        tvis_graph_output(&b->g, maps);
    b->g.min_side = b->g.multiple = v->patch;
    b->g.preprocess = tvis_imagenet_preprocess;
    b->g.preprocess.filter = TVIS_FILTER_BICUBIC;
}

#define ARCH(name, summary, params, macs)                                                                              \
    const tvis_arch_def tvis_arch_##name = { { #name, summary, 224, 224, 3, 0, params, macs }, build }

ARCH(dino_vits16, "self-supervised features, ViT-S with patches of 16 (2021)", 21665664, 4598498304);
ARCH(dino_vitb16, "self-supervised features, ViT-B with patches of 16 (2021)", 85798656, 17563060224);
ARCH(dinov2_vits14, "self-supervised features, ViT-S with patches of 14 (2023)", 22056576, 6123561984);
ARCH(dinov2_vitb14, "self-supervised features, ViT-B with patches of 14 (2023)", 86580480, 23161227264);
ARCH(dinov2_vitl14, "self-supervised features, ViT-L with patches of 14 (2023)", 304368640, 81011982336);
ARCH(dinov2_vits14_reg, "DINOv2 ViT-S with 4 register tokens (2023)", 22058112, 6227592192);
ARCH(dinov2_vitb14_reg, "DINOv2 ViT-B with 4 register tokens (2023)", 86583552, 23539156992);
ARCH(dinov2_vitl14_reg, "DINOv2 ViT-L with 4 register tokens (2023)", 304372736, 82321784832);
