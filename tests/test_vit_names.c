/* SPDX-License-Identifier: MIT */
/* Weight files of vision transformers by everybody's names: the same blob, byte for byte, as the same values give from
 * the seed; and files that are refused. */
#include "core/blob.h"
#include "core/port.h"
#include "tests/network.h"
#include "tests/weights_file.h"

enum { SEED = 6, DEPTH = 12, C = 384 };

/* ---- the weights of facebookresearch's ViT-S ---- */

static tvt_weight *put(tvt_weights *w, const char *name, tvis_random_role role, uint32_t rank, const int64_t *dims)
{
    tvt_weight *t = tvt_weight_add(w, "", "", dims, rank);
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    tvis_random_fill(SEED, name, role, (int64_t)t->count / dims[0], t->data, (int64_t)t->count);
    return t;
}

static void put_layer(tvt_weights *w, const char *name, int64_t out, int64_t in)
{
    const int64_t dims[2] = { out, in };
    char full[96];
    (void)snprintf(full, sizeof full, "%s.weight", name);
    put(w, full, in ? TVIS_RANDOM_WEIGHT : TVIS_RANDOM_BN_WEIGHT, in ? 2 : 1, dims);
    (void)snprintf(full, sizeof full, "%s.bias", name);
    put(w, full, in ? TVIS_RANDOM_BIAS : TVIS_RANDOM_BN_BIAS, 1, dims);
}

static void put_block(tvt_weights *w, int i, bool scaled)
{
    static const struct {
        const char *name;
        int64_t out, in; /* in: 0 for norms */
    } layers[] = { { "norm1", C, 0 }, { "attn.qkv", 3 * C, C }, { "attn.proj", C, C },
                   { "norm2", C, 0 }, { "mlp.fc1", 4 * C, C },  { "mlp.fc2", C, 4 * C } };
    const int64_t dims[1] = { C };
    char name[96];
    for (size_t k = 0; k < TVIS_COUNT(layers); k++) {
        (void)snprintf(name, sizeof name, "blocks.%d.%s", i, layers[k].name);
        put_layer(w, name, layers[k].out, layers[k].in);
    }
    for (int k = 1; scaled && k <= 2; k++) {
        (void)snprintf(name, sizeof name, "blocks.%d.ls%d.gamma", i, k);
        put(w, name, TVIS_RANDOM_SCALE, 1, dims);
    }
}

/* version 1: DINO; 2: DINOv2, which has a mask token that only training uses. */
static tvt_weights weights(int version, int registers)
{
    const int64_t patch = version == 1 ? 16 : 14, grid = version == 1 ? 14 : 37;
    const int64_t one[3] = { 1, 1, C }, positions[3] = { 1, 1 + grid * grid, C }, some[3] = { 1, registers, C };
    const int64_t conv[4] = { C, 3, patch, patch }, mask[2] = { 1, C };
    tvt_weights w;
    memset(&w, 0, sizeof w);
    put(&w, "cls_token", TVIS_RANDOM_TOKEN, 3, one);
    put(&w, "pos_embed", TVIS_RANDOM_TOKEN, 3, positions);
    if (version == 2)
        put(&w, "mask_token", TVIS_RANDOM_TOKEN, 2, mask);
    if (registers)
        put(&w, "register_tokens", TVIS_RANDOM_TOKEN, 3, some);
    put(&w, "patch_embed.proj.weight", TVIS_RANDOM_WEIGHT, 4, conv);
    put(&w, "patch_embed.proj.bias", TVIS_RANDOM_BIAS, 1, conv);
    for (int i = 0; i < DEPTH; i++)
        put_block(&w, i, version == 2);
    put_layer(&w, "norm", C, 0);
    return w;
}

/* ---- other names ---- */

typedef struct renaming {
    const char *from, *to; /* parts of names, all occurrences of a list in its order */
} renaming;

static const renaming hugging_face[] = {
    { "patch_embed.proj", "embeddings.patch_embeddings.projection" },
    { "cls_token", "embeddings.cls_token" },
    { "mask_token", "embeddings.mask_token" },
    { "register_tokens", "embeddings.register_tokens" },
    { "pos_embed", "embeddings.position_embeddings" },
    { "blocks.", "encoder.layer." },
    { "attn.proj", "attention.output.dense" },
    { "ls1.gamma", "layer_scale1.lambda1" },
    { "ls2.gamma", "layer_scale2.lambda1" },
    { NULL, NULL },
};
static const renaming hugging_face_vit[] = {
    { "norm1", "layernorm_before" },
    { "norm2", "layernorm_after" },
    { "mlp.fc1", "intermediate.dense" },
    { "mlp.fc2", "output.dense" },
    { NULL, NULL },
};

static void rename_all(tvt_weights *w, const renaming *r)
{
    for (; r->from; r++)
        for (size_t i = 0; i < w->count; i++) {
            char *at = strstr(w->t[i].name, r->from), rest[96];
            if (!at)
                continue;
            (void)snprintf(rest, sizeof rest, "%s", at + strlen(r->from));
            (void)snprintf(at, sizeof w->t[i].name - (size_t)(at - w->t[i].name), "%s%s", r->to, rest);
        }
}

static void prefix_all(tvt_weights *w, const char *prefix)
{
    for (size_t i = 0; i < w->count; i++) {
        char name[96];
        (void)snprintf(name, sizeof name, "%s", w->t[i].name);
        (void)snprintf(w->t[i].name, sizeof w->t[i].name, "%s%.60s", prefix, name);
    }
}

static void remove_weight(tvt_weights *w, const char *name)
{
    tvt_weight *t = tvt_weight_find(w, name);
    free(t->data);
    *t = w->t[--w->count];
}

/* qkv to query, key and value. */
static void split(tvt_weights *w)
{
    static const char *const parts[] = { "query", "key", "value" };
    for (size_t i = 0; i < w->count; i++) {
        char *at = strstr(w->t[i].name, "attn.qkv");
        if (!at)
            continue;
        const tvt_weight whole = w->t[i];
        const int64_t dims[2] = { C, C };
        const int start = (int)(at - w->t[i].name);
        for (size_t k = 0; k < 3; k++) {
            tvt_weight *t = tvt_weight_add(w, "", "", dims, whole.rank);
            (void)snprintf(t->name, sizeof t->name, "%.*sattention.attention.%s%s", start, whole.name, parts[k],
                           whole.name + start + strlen("attn.qkv"));
            memcpy(t->data, whole.data + k * t->count, t->count * sizeof(float));
        }
        free(whole.data);
        w->t[i] = w->t[--w->count];
        i--;
    }
}

static void as_hugging_face(tvt_weights *w, const char *prefix)
{
    split(w);
    rename_all(w, hugging_face);
    (void)snprintf(tvt_weight_find(w, "norm.weight")->name, 96, "layernorm.weight");
    (void)snprintf(tvt_weight_find(w, "norm.bias")->name, 96, "layernorm.bias");
    prefix_all(w, prefix);
}

/* The class token's position is in the token; without a mask token. */
static void as_timm(tvt_weights *w)
{
    tvt_weight *token = tvt_weight_find(w, "cls_token"), *position = tvt_weight_find(w, "pos_embed");
    (void)snprintf(tvt_weight_find(w, "register_tokens")->name, 96, "reg_token");
    for (size_t k = 0; k < C; k++)
        token->data[k] += position->data[k];
    position->dims[1]--;
    position->count -= C;
    memmove(position->data, position->data + C, position->count * sizeof(float));
    remove_weight(w, "mask_token");
}

/* A checkpoint of DINOv2's training: blocks in chunks of four, heads beside the backbone. */
static void as_checkpoint(tvt_weights *w)
{
    const int64_t dims[2] = { 8, C };
    for (size_t i = 0; i < w->count; i++) {
        char rest[96];
        int block, used;
        if (sscanf(w->t[i].name, "blocks.%d%n", &block, &used) != 1)
            continue;
        (void)snprintf(rest, sizeof rest, "%s", w->t[i].name + used);
        (void)snprintf(w->t[i].name, sizeof w->t[i].name, "blocks.%d.%d%.60s", block / 4, block, rest);
    }
    prefix_all(w, "backbone.");
    put(w, "dino_head.mlp.0.weight", TVIS_RANDOM_WEIGHT, 2, dims);
    put(w, "ibot_head.last_layer.weight_g", TVIS_RANDOM_WEIGHT, 2, dims);
}

static void reverse(tvt_weights *w)
{
    for (size_t i = 0; i < w->count / 2; i++) {
        const tvt_weight t = w->t[i];
        w->t[i] = w->t[w->count - 1 - i];
        w->t[w->count - 1 - i] = t;
    }
}

/* ---- tests ---- */

/* Frees the weights. */
static tvis_status convert(tvt_weights *w, const char *arch, tvis_blob *blob, tvis_diag *d)
{
    const char *path = tvt_temp("vit.safetensors");
    const tvis_convert_config c = { .struct_size = sizeof c, .arch = arch, .weights = path };
    blob->data = NULL;
    tvt_weights_write(w, path);
    tvt_weights_free(w);
    const tvis_status s = tvis_convert(&c, blob, d);
    (void)remove(path);
    return s;
}

static void seeded(const char *arch, tvis_blob *blob)
{
    const tvis_convert_config c = { .struct_size = sizeof c, .arch = arch, .seed = SEED };
    tvis_diag d;
    tvt_ok(tvis_convert(&c, blob, &d), &d);
}

static void same(const char *arch, tvt_weights *w, const tvis_blob *want, const char *what)
{
    tvis_blob blob;
    tvis_diag d;
    tvt_ok(convert(w, arch, &blob, &d), &d);
    if (blob.size != want->size || memcmp(blob.data, want->data, want->size) != 0)
        fail_msg("%s: another blob from the same values", what);
    tvis_blob_free(&blob);
}

static void names_of_dinov2(void **state)
{
    const char *const arch = "dinov2_vits14_reg";
    tvis_blob want;
    (void)state;
    if (tvt_quick())
        skip();
    seeded(arch, &want);
    tvt_weights w = weights(2, 4);
    reverse(&w);
    same(arch, &w, &want, "facebookresearch");
    w = weights(2, 4);
    as_checkpoint(&w);
    same(arch, &w, &want, "facebookresearch, training");
    w = weights(2, 4);
    as_timm(&w);
    same(arch, &w, &want, "timm");
    w = weights(2, 4);
    as_hugging_face(&w, "");
    same(arch, &w, &want, "Hugging Face");
    w = weights(2, 4);
    as_hugging_face(&w, "dinov2_with_registers.");
    put(&w, "classifier.weight", TVIS_RANDOM_WEIGHT, 2, (const int64_t[]){ 10, 2 * C });
    same(arch, &w, &want, "Hugging Face, classifier");
    tvis_blob_free(&want);
}

static void names_of_dino(void **state)
{
    const char *const arch = "dino_vits16";
    tvis_blob want;
    (void)state;
    if (tvt_quick())
        skip();
    seeded(arch, &want);
    tvt_weights w = weights(1, 0);
    put(&w, "head.weight", TVIS_RANDOM_WEIGHT, 2, (const int64_t[]){ 10, C });
    same(arch, &w, &want, "facebookresearch");
    w = weights(1, 0);
    rename_all(&w, hugging_face_vit);
    as_hugging_face(&w, "");
    put(&w, "pooler.dense.bias", TVIS_RANDOM_BIAS, 1, (const int64_t[]){ C });
    same(arch, &w, &want, "Hugging Face");
    tvis_blob_free(&want);
}

static void refuse(tvt_weights *w, const char *arch, tvis_diag_code code, const char *subject)
{
    tvis_blob blob;
    tvis_diag d;
    const tvis_status s = convert(w, arch, &blob, &d);
    if (s != TVIS_EMODEL || d.code != code || strcmp(d.subject, subject) != 0)
        fail_msg("%s: status %d, code %d about %s; code %d about %s was expected", arch, (int)s, (int)d.code, d.subject,
                 (int)code, subject);
    if (code == TVIS_DIAG_SHAPE)
        assert_true(d.expected[0] != d.found[0] || d.expected[1] != d.found[1] || d.expected[2] != d.found[2]);
    assert_null(blob.data);
}

/* Weights of another variant; one tensor too few, too many, of another shape. */
static void refused_weights(void **state)
{
    (void)state;
    if (tvt_quick())
        skip();
    tvt_weights w = weights(2, 0);
    refuse(&w, "dino_vits16", TVIS_DIAG_SHAPE, "patch_embed.proj.weight");
    w = weights(1, 0);
    refuse(&w, "dinov2_vits14", TVIS_DIAG_SHAPE, "patch_embed.proj.weight");
    w = weights(2, 4);
    refuse(&w, "dinov2_vits14", TVIS_DIAG_EXTRA, "register_tokens");
    w = weights(2, 0);
    refuse(&w, "dinov2_vits14_reg", TVIS_DIAG_MISSING, "register_tokens");
    w = weights(2, 0);
    refuse(&w, "dinov2_vitb14", TVIS_DIAG_SHAPE, "patch_embed.proj.weight");
    w = weights(2, 0);
    remove_weight(&w, "blocks.7.ls2.gamma");
    refuse(&w, "dinov2_vits14", TVIS_DIAG_MISSING, "blocks.7.ls2.gamma");
    w = weights(2, 0);
    remove_weight(&w, "blocks.3.norm1.weight");
    refuse(&w, "dinov2_vits14", TVIS_DIAG_MISSING, "blocks.3.norm1.weight");
    w = weights(2, 0);
    put_block(&w, DEPTH, false);
    refuse(&w, "dinov2_vits14", TVIS_DIAG_EXTRA, "blocks.12.norm1.weight");
    w = weights(2, 0);
    tvt_weight_find(&w, "blocks.0.mlp.fc1.weight")->dims[0] = C;
    tvt_weight_find(&w, "blocks.0.mlp.fc1.weight")->dims[1] = 4 * C;
    refuse(&w, "dinov2_vits14", TVIS_DIAG_SHAPE, "blocks.0.mlp.fc1.weight");
    w = weights(2, 0);
    tvt_weight_find(&w, "blocks.11.ls1.gamma")->data[5] = 3e38f;
    tvt_weight_find(&w, "blocks.11.attn.proj.bias")->data[5] = 3e38f;
    refuse(&w, "dinov2_vits14", TVIS_DIAG_VALUE, "blocks.11.ls1.gamma");
}

static tvis_status with(tvis_convert_config c, tvis_diag *d)
{
    tvis_blob blob = { NULL, 0 };
    c.struct_size = sizeof c;
    c.arch = "dino_vits16";
    const tvis_status s = tvis_convert(&c, &blob, d);
    tvis_blob_free(&blob);
    return s;
}

static void refused_options(void **state)
{
    tvis_diag d;
    (void)state;
    assert_int_equal(with((tvis_convert_config){ .width = 0.5f }, &d), TVIS_EINVAL);
    assert_string_equal(d.subject, "width");
    assert_int_equal(with((tvis_convert_config){ .classes = 10 }, &d), TVIS_EINVAL);
    assert_string_equal(d.subject, "classes");
    assert_int_equal(with((tvis_convert_config){ .same_padding = true }, &d), TVIS_EINVAL);
    assert_string_equal(d.subject, "padding");
}

/* Sides are multiples of the patch, at conversion and in sessions. */
static void sizes(void **state)
{
    static const uint16_t bad[][2] = { { 225, 224 }, { 224, 230 }, { 8, 224 }, { 224, 16390 } };
    tvis_convert_config convert_config = {
        .struct_size = sizeof convert_config, .arch = "dino_vits16", .h = 48, .w = 80
    };
    tvis_session_config c;
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    size_t bytes;
    (void)state;
    if (tvt_quick())
        skip();
    for (size_t i = 0; i < TVIS_COUNT(bad); i++)
        assert_int_equal(with((tvis_convert_config){ .h = bad[i][0], .w = bad[i][1] }, &d), TVIS_EINVAL);
    tvt_convert(&convert_config, &blob, &m);
    assert_true(tvis_header(&m)->h == 48 && tvis_header(&m)->w == 80);
    tvis_session_defaults(&c);
    assert_int_equal(tvis_session_size(&m, &c, &bytes, &d), TVIS_OK);
    for (size_t i = 0; i < TVIS_COUNT(bad); i++) {
        c.h = bad[i][0];
        c.w = bad[i][1];
        assert_int_equal(tvis_session_size(&m, &c, &bytes, &d), TVIS_EINVAL);
        assert_true(d.code == TVIS_DIAG_LIMIT || (d.code == TVIS_DIAG_ARGUMENT && d.expected[0] == 16));
    }
    tvis_blob_free(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_dinov2), cmocka_unit_test(names_of_dino), cmocka_unit_test(refused_weights),
        cmocka_unit_test(refused_options), cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
