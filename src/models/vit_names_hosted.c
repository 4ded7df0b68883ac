/* SPDX-License-Identifier: MIT */
#include "models/vit_names_hosted.h"

/* More particular ones first. Hugging Face's are those of Dinov2Model and ViTModel; facebookresearch's and timm's
 * differ in the registers only. */
static const tvis_vit_names table[] = {
    { "encoder.layer.0.layernorm_before.weight",
      "embeddings.cls_token",
      "embeddings.position_embeddings",
      NULL,
      "embeddings.mask_token",
      "embeddings.patch_embeddings.projection",
      "encoder.layer.%d.",
      "layernorm",
      { "layernorm_before", "layernorm_after" },
      { "attention.attention.query", "attention.attention.key", "attention.attention.value" },
      "attention.output.dense",
      { NULL, NULL },
      { "intermediate.dense", "output.dense" },
      false },
    { "embeddings.cls_token",
      "embeddings.cls_token",
      "embeddings.position_embeddings",
      "embeddings.register_tokens",
      "embeddings.mask_token",
      "embeddings.patch_embeddings.projection",
      "encoder.layer.%d.",
      "layernorm",
      { "norm1", "norm2" },
      { "attention.attention.query", "attention.attention.key", "attention.attention.value" },
      "attention.output.dense",
      { "layer_scale1.lambda1", "layer_scale2.lambda1" },
      { "mlp.fc1", "mlp.fc2" },
      false },
    { "reg_token",
      "cls_token",
      "pos_embed",
      "reg_token",
      "mask_token",
      "patch_embed.proj",
      "blocks.%d.",
      "norm",
      { "norm1", "norm2" },
      { "attn.qkv", NULL, NULL },
      "attn.proj",
      { "ls1.gamma", "ls2.gamma" },
      { "mlp.fc1", "mlp.fc2" },
      true },
    { NULL,
      "cls_token",
      "pos_embed",
      "register_tokens",
      "mask_token",
      "patch_embed.proj",
      "blocks.%d.",
      "norm",
      { "norm1", "norm2" },
      { "attn.qkv", NULL, NULL },
      "attn.proj",
      { "ls1.gamma", "ls2.gamma" },
      { "mlp.fc1", "mlp.fc2" },
      false },
};

/* Of a backbone inside of something larger: training checkpoints, Hugging Face's classifiers. */
static const char *const prefixes[] = { "", "backbone.", "dinov2.", "dinov2_with_registers.", "vit." };
/* Of what is on top of the backbone. */
static const char *const heads[] = { "head.", "dino_head.", "ibot_head.", "classifier.", "pooler." };

void tvis_vit_find_names(tvis_builder *b, tvis_vit_source *s)
{
    char name[TVIS_NAME_MAX];
    const size_t rows = sizeof table / sizeof *table;
    s->names = &table[rows - 1];
    s->prefix = "";
    for (size_t row = rows; row-- > 0;)
        for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
            if (tvis_build_has(b, tvis_name(name, "%s%s", prefixes[i], table[row].class_token)) &&
                (!table[row].tell || tvis_build_has(b, tvis_name(name, "%s%s", prefixes[i], table[row].tell)))) {
                s->names = &table[row];
                s->prefix = prefixes[i];
            }
    tvis_build_ignore(b, tvis_name(name, "%s%s", s->prefix, s->names->mask));
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        tvis_build_ignore(b, heads[i]);
}

/* Training checkpoints of DINOv2 have their blocks in chunks: blocks.CHUNK.BLOCK. */
void tvis_vit_find_block(const tvis_builder *b, tvis_vit_source *s, int i)
{
    char number[TVIS_NAME_MAX], chunk[TVIS_NAME_MAX], norm[TVIS_NAME_MAX];
    tvis_name(s->block, "%s%s", s->prefix, tvis_name(number, s->names->block, i));
    if (tvis_build_has(b, tvis_name(norm, "%s%s.weight", s->block, s->names->norm[0])))
        return;
    for (int k = 0; k <= i; k++) {
        tvis_name(chunk, "%s%s%d.", s->prefix, tvis_name(number, s->names->block, k), i);
        if (tvis_build_has(b, tvis_name(norm, "%s%s.weight", chunk, s->names->norm[0]))) {
            tvis_name(s->block, "%s", chunk);
            return;
        }
    }
}
