/* SPDX-License-Identifier: MIT */
/* Position embeddings for another grid: which rows (or columns) of the stored grid make one of the session's, with
 * which weights. As PyTorch's bicubic interpolate() in the two ways that the DINO family calls it. */
#ifndef TVIS_OPS_STRETCH_H
#define TVIS_OPS_STRETCH_H

#include "core/blob.h"

/* Taps first … first + count - 1; places outside of the grid stand for its border. */
typedef struct tvis_taps {
    int32_t first, count;
    float at;    /* place between the taps */
    float scale; /* of distances */
    float sharp; /* a of Keys' kernel */
    float norm;
} tvis_taps;

/* Of place i out of n, where `grid` are stored. */
tvis_taps tvis_stretch_taps(uint16_t rule, int32_t grid, int32_t n, int32_t i);
/* Of tap j, 0 <= j < count. */
float tvis_stretch_weight(const tvis_taps *t, int32_t j);

#endif
