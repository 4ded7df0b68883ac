/* SPDX-License-Identifier: MIT */
/* Principal components of a set of vectors. */
#ifndef TINYVIS_TOOL_PCA_H
#define TINYVIS_TOOL_PCA_H

#include <tinyvis/types.h>

#define PCA_COMPONENTS 3

typedef struct pca {
    float *score;                 /* (rows, PCA_COMPONENTS), from malloc */
    double share[PCA_COMPONENTS]; /* of the variance */
} pca;

/* x: (rows, cols), finite. Components come with falling variance; the sign of each is that its largest coefficient, the
 * first of equals, is positive. Those past the rank are 0. The same result on every run. Errors: ENOMEM. */
tvis_status pca_of(pca *p, const float *x, size_t rows, size_t cols, tvis_diag *d);
void pca_free(pca *p);

#endif
