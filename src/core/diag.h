/* SPDX-License-Identifier: MIT */
/* Filling a diagnostic. Each call fills the whole struct (when there is one) and returns the status it was given. */
#ifndef TVIS_CORE_DIAG_H
#define TVIS_CORE_DIAG_H

#include <tinyvis/types.h>

/* subject (a name) and detail (static text) may be NULL. */
tvis_status tvis_fail(tvis_diag *d, tvis_status s, tvis_diag_code code, const char *subject, const char *detail);
/* With expected[0] and found[0]. */
tvis_status tvis_fail_value(tvis_diag *d, tvis_status s, tvis_diag_code code, const char *subject, const char *detail,
                            int64_t expected, int64_t found);
/* TVIS_DIAG_SHAPE with four dimensions each; with `rank` (at most 4) of them (hosted). */
tvis_status tvis_fail_dims(tvis_diag *d, tvis_status s, const char *subject, const char *detail,
                           const int32_t *expected, const int32_t *found);
tvis_status tvis_fail_shape(tvis_diag *d, tvis_status s, const char *subject, const char *detail,
                            const int64_t *expected, uint32_t expected_rank, const int64_t *found, uint32_t found_rank);

#endif
