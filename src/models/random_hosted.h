/* SPDX-License-Identifier: MIT */
/* Weights from a seed, the same bits here and in numpy (tests/golden). With mix() the finaliser of splitmix64 (Steele,
 * Lea and Flood 2014) and fnv1a64() the hash of Fowler, Noll and Vo: h = mix(seed + fnv1a64(name));  x = mix(h + (i +
 * 1) * 0x9e3779b97f4a7c15);  v = (x >> 40) * 2^-23 - 1, in [-1, 1) for element i in PyTorch's order. Each product and
 * sum below is one float operation. */
#ifndef TVIS_MODELS_RANDOM_HOSTED_H
#define TVIS_MODELS_RANDOM_HOSTED_H

#include <stdint.h>

typedef enum tvis_random_role {
    TVIS_RANDOM_WEIGHT,    /* v * sqrt(6 / fan_in): keeps the variance through a ReLU */
    TVIS_RANDOM_BN_WEIGHT, /* 1 + 0.25 v */
    TVIS_RANDOM_BN_BIAS,   /* 0.2 v */
    TVIS_RANDOM_BN_MEAN,   /* 0.1 v */
    TVIS_RANDOM_BN_VAR,    /* 1 + 0.5 v */
    TVIS_RANDOM_BIAS,      /* 0.05 v */
    TVIS_RANDOM_INPUT,     /* 2 v: about the range of a normalised picture */
    TVIS_RANDOM_SCALE,     /* 0.5 + 0.4 v: LayerScale */
    TVIS_RANDOM_TOKEN      /* v: class and register tokens, position embeddings */
} tvis_random_role;

/* fan_in: inputs of one output, for TVIS_RANDOM_WEIGHT; 1 for the others. */
void tvis_random_fill(uint64_t seed, const char *name, tvis_random_role role, int64_t fan_in, float *dst,
                      int64_t count);

#endif
