/* SPDX-License-Identifier: MIT */
/* Least squares for homographies. Matrices are 3 x 3 in rows; pairs count where flags is NULL or flags[i] is not 0. */
#ifndef TVIS_MODELS_HOMOGRAPHY_FIT_H
#define TVIS_MODELS_HOMOGRAPHY_FIT_H

#include <tinyvis/keypoints.h>

/* The direct linear transformation in normalised coordinates (Hartley 1997), with w > 0 where the points of a have
 * their centre. At least 4 pairs in general position; false where they are not. */
bool tvis_homography_fit(const tvis_pair *pairs, const uint8_t *flags, uint32_t n, double h[9]);
/* Improves h until the sum of e / (1 + e / scale^2) is least, e the squared distances in b (Levenberg and Marquardt):
 * pairs that are off by more pixels than scale pull little. False where h is no use as a start. */
bool tvis_homography_refine(const tvis_pair *pairs, const uint8_t *flags, uint32_t n, double scale, double h[9]);
/* False for a matrix without inverse. */
bool tvis_homography_invert(const double h[9], double inverse[9]);

#endif
