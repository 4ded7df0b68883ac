/* SPDX-License-Identifier: MIT */
/* How frameworks name the weights of a vision transformer, and how a file is told apart. */
#ifndef TVIS_MODELS_VIT_NAMES_HOSTED_H
#define TVIS_MODELS_VIT_NAMES_HOSTED_H

#include "models/builder_hosted.h"

typedef struct tvis_vit_names {
    const char *tell; /* a tensor that only these files have; NULL: any file */
    const char *class_token, *position, *registers, *mask;
    const char *patch, *block, *last_norm;  /* block: a format of its number */
    const char *norm[2], *qkv[3], *project; /* in a block; qkv: one layer, or three */
    const char *scale[2], *hidden[2];       /* LayerScale (NULL: has none), the layers of the perceptron */
    bool bare_position;                     /* with registers, position embeddings are those of the patches only */
} tvis_vit_names;

/* Where one file has its weights. */
typedef struct tvis_vit_source {
    const tvis_vit_names *names;
    const char *prefix;        /* of all names */
    char block[TVIS_NAME_MAX]; /* and of those in the block that is being made */
} tvis_vit_source;

/* Random weights have the names of facebookresearch. Tensors that only training needs are ignored from here on: the
 * mask token and heads. */
void tvis_vit_find_names(tvis_builder *b, tvis_vit_source *s);
/* Fills s->block for block i. */
void tvis_vit_find_block(const tvis_builder *b, tvis_vit_source *s, int i);

#endif
