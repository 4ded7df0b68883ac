/* SPDX-License-Identifier: MIT */
#include "core/diag.h"
#include "core/port.h"

static void clear(tvis_diag *d, tvis_status s, tvis_diag_code code, const char *subject, const char *detail)
{
    d->status = s;
    d->code = code;
    d->node = TVIS_NONE;
    d->tensor = TVIS_NONE;
    d->detail = detail;
    for (int i = 0; i < 4; i++)
        d->expected[i] = d->found[i] = -1;
    size_t n = 0;
    for (; subject && subject[n] && n + 1 < sizeof d->subject; n++)
        d->subject[n] = subject[n];
    d->subject[n] = '\0';
}

tvis_status tvis_fail(tvis_diag *d, tvis_status s, tvis_diag_code code, const char *subject, const char *detail)
{
    if (d)
        clear(d, s, code, subject, detail);
    return s;
}

tvis_status tvis_fail_value(tvis_diag *d, tvis_status s, tvis_diag_code code, const char *subject, const char *detail,
                            int64_t expected, int64_t found)
{
    if (d) {
        clear(d, s, code, subject, detail);
        d->expected[0] = expected;
        d->found[0] = found;
    }
    return s;
}

tvis_status tvis_fail_dims(tvis_diag *d, tvis_status s, const char *subject, const char *detail,
                           const int32_t *expected, const int32_t *found)
{
    if (d) {
        clear(d, s, TVIS_DIAG_SHAPE, subject, detail);
        for (int i = 0; i < 4; i++) {
            d->expected[i] = expected[i];
            d->found[i] = found[i];
        }
    }
    return s;
}
