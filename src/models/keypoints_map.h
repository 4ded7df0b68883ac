/* SPDX-License-Identifier: MIT */
/* The parts of picking keypoints that know nothing of each other: suppression on the map of scores, corners of the
 * picture, and reading the map of descriptors between its cells. */
#ifndef TVIS_MODELS_KEYPOINTS_MAP_H
#define TVIS_MODELS_KEYPOINTS_MAP_H

#include <tinyvis/keypoints.h>

typedef struct tvis_nms_maps {
    float *score; /* (h, w), 0 … 1 */
    int32_t w, h, radius;
    uint8_t *found; /* (h, w) */
    uint8_t *near;  /* (h, w) */
    float *ring;    /* (2 radius + 1, w) */
    float *line;    /* (w + 2 radius) */
    int32_t *last;  /* (w) */
} tvis_nms_maps;

/* TVIS_NMS_MAXPOOL: found becomes 1 for each point that stays, else 0. */
void tvis_nms_maxpool(const tvis_nms_maps *m);
/* TVIS_NMS_GRID, one step: marks the square around pixel `at` in found. */
void tvis_nms_take(const tvis_nms_maps *m, uint32_t at);

#define TVIS_CORNER_HALF 1e-3f /* a corner so sharp halves the score */

size_t tvis_corner_floats(int32_t reach);
/* Moves p, a whole pixel within c->border, to the sharpest corner of c->picture at most c->corner pixels to each side
 * and within the border, not on the outermost pixels. How sharp it is; 0, and p stays, where there is none. work:
 * tvis_corner_floats(c->corner). */
float tvis_corner_near(const tvis_keypoints_config *c, float *work, tvis_keypoint *p);

/* The descriptor at a point, of length 1, or zeros where the map has none; d->dims[3] numbers. */
void tvis_sample_descriptor(const tvis_tensor *d, uint8_t style, const tvis_keypoint *p, float *out);

#endif
