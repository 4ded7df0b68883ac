/* SPDX-License-Identifier: MIT */
/* How good points and descriptors are when the true homography between two pictures is known: the measures of
 * SuperPoint (DeTone et al. 2018, appendix) and of HPatches. */
#ifndef EVAL_KEYPOINTS_METRICS_H
#define EVAL_KEYPOINTS_METRICS_H

#include <tinyvis/keypoints.h>

#define METRICS_DISTANCES 3 /* pixels: 1, 3, 5 */

/* Points of a picture, as any detector found them. */
typedef struct features {
    const tvis_keypoint *at; /* count of them, strongest first */
    const float *vector;     /* (count, dim), rows of length 1 */
    uint32_t count;
    int32_t dim;
} features;

/* Two pictures of the same size, and the matrix from pixels of the first to those of the second. */
typedef struct view_pair {
    int32_t width, height;
    double truth[9];
    features a, b;
} view_pair;

/* Sums over pairs; starts as { 0 }. */
typedef struct metrics {
    uint32_t pairs, measured; /* measured: both pictures have points in the part that they share */
    double repeatability;     /* share of the points in the shared part that the other picture has within 3 pixels */
    double error;             /* pixels between those, the mean of a pair */
    uint32_t repeated;        /* pairs that have such */
    double matching;          /* share of the points in the shared part that are matched to within 3 pixels */
    double points;            /* of a picture */
    uint32_t right[METRICS_DISTANCES]; /* homographies whose corners are off by this at most in the mean */
} metrics;

/* Adds a pair: matches it (mutual nearest neighbours) and estimates the homography with the library's own calls.
 * Errors: those of them; ENOMEM. */
tvis_status metrics_add(metrics *m, const view_pair *v, tvis_diag *d);

#endif
