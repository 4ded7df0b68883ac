/* SPDX-License-Identifier: MIT */
/* A folder of pairs: NAME.a.pgm, NAME.b.pgm and NAME.h.txt, nine numbers, the matrix from pixels of a to those of b. */
#ifndef EVAL_KEYPOINTS_PAIR_FILES_H
#define EVAL_KEYPOINTS_PAIR_FILES_H

#include "../tinyvis/files.h"
#include "metrics.h"

/* Names of the pairs are what stands before ".a.pgm" in *l, in order. A folder without any is an error (EINVAL). */
tvis_status pair_names(const char *folder, file_list *l, tvis_diag *d);
/* "NAME" + ending, from malloc, or NULL. */
char *pair_file(const char *name, const char *ending);
tvis_status pair_truth(const char *name, double *h, tvis_diag *d);
/* Points that another program found: a float32 .npy (n, 3 + dim), rows of x, y, score and a descriptor, which is
 * brought to length 1; the first `top` of them. f->at and f->vector are from malloc. */
tvis_status pair_features(const char *path, uint32_t top, features *f, tvis_diag *d);

#endif
