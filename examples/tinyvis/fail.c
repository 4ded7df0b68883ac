/* SPDX-License-Identifier: MIT */
#include "fail.h"

#include <stdio.h>

tvis_status tool_fail(tvis_diag *d, tvis_status s, tvis_diag_code code, const char *subject, const char *detail)
{
    return tool_fail_value(d, s, code, subject, detail, -1, -1);
}

tvis_status tool_fail_value(tvis_diag *d, tvis_status s, tvis_diag_code code, const char *subject, const char *detail,
                            int64_t expected, int64_t found)
{
    if (!d)
        return s;
    *d = (tvis_diag){ .status = s, .code = code, .node = TVIS_NONE, .tensor = TVIS_NONE, .detail = detail };
    for (int i = 0; i < 4; i++)
        d->expected[i] = d->found[i] = -1;
    d->expected[0] = expected;
    d->found[0] = found;
    (void)snprintf(d->subject, sizeof d->subject, "%s", subject ? subject : "");
    return s;
}
