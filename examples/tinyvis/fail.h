/* SPDX-License-Identifier: MIT */
/* Filling a diagnostic in the tool's readers and writers: the whole struct, when there is one. Returns the status. */
#ifndef TINYVIS_TOOL_FAIL_H
#define TINYVIS_TOOL_FAIL_H

#include <tinyvis/types.h>

/* subject (a file name) and detail (static text) may be NULL. */
tvis_status tool_fail(tvis_diag *d, tvis_status s, tvis_diag_code code, const char *subject, const char *detail);
/* With expected[0] and found[0]. */
tvis_status tool_fail_value(tvis_diag *d, tvis_status s, tvis_diag_code code, const char *subject, const char *detail,
                            int64_t expected, int64_t found);

#endif
