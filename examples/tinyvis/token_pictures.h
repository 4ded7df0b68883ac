/* SPDX-License-Identifier: MIT */
/* What a vision transformer says of each patch of a picture, as pictures: a block of pixels for each patch. */
#ifndef TINYVIS_TOOL_TOKEN_PICTURES_H
#define TINYVIS_TOOL_TOKEN_PICTURES_H

#include "image_read.h"
#include "pca.h"

/* Patches of a network's input. */
typedef struct patch_grid {
    int32_t rows, cols, patch; /* patch: pixels of a side */
} patch_grid;

/* Values are shown from their hundredth to their ninety-ninth percentile. picture_free() after success. Errors: ENOMEM,
 * EUNSUP (too large). */

/* The three components as red, green and blue. */
tvis_status picture_of_components(picture *out, const pca *p, patch_grid g, tvis_diag *d);
/* `heads` maps of (rows, cols), `step` floats apart, beside and below each other, gray on white. */
tvis_status picture_of_maps(picture *out, const float *maps, int32_t heads, size_t step, patch_grid g, tvis_diag *d);

#endif
