/* SPDX-License-Identifier: MIT */
/* What pre-processing demands of its arguments; metadata from a blob goes through the first of these too. All give
 * EINVAL. */
#ifndef TVIS_MODELS_PREPROCESS_CHECK_H
#define TVIS_MODELS_PREPROCESS_CHECK_H

#include <tinyvis/image.h>

tvis_status tvis_check_preprocess(const tvis_preprocess *p, tvis_diag *d);
tvis_status tvis_check_image(const tvis_image *m, tvis_diag *d);
tvis_status tvis_check_output_size(int32_t h, int32_t w, tvis_diag *d);
/* The tensor but for its height and width. p may still be unchecked. */
tvis_status tvis_check_preprocess_output(const tvis_preprocess *p, const tvis_tensor *t, tvis_diag *d);
tvis_status tvis_bad_argument(tvis_diag *d, const char *what, const char *why, int64_t expected, int64_t found);

#endif
