/* SPDX-License-Identifier: MIT */
#include "outputs.h"

#include "fail.h"
#include "npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

tvis_status output_write(const char *path, const tvis_tensor *t, uint32_t number, tvis_diag *d)
{
    const int32_t *n = t->dims;
    size_t stem = strlen(path) - 4, room = stem + 24;
    char *name = malloc(room);
    if (!name)
        return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, path, NULL);
    if (number == 0)
        (void)snprintf(name, room, "%s", path);
    else
        (void)snprintf(name, room, "%.*s.%u.npy", (int)stem, path, (unsigned)number);
    tvis_status s;
    if (n[1] == 1 && n[2] == 1)
        s = npy_write(name, t->data, 2, (const int32_t[]){ n[0], n[3] }, d);
    else if (t->layout == TVIS_NHWC)
        s = npy_write(name, t->data, 3, (const int32_t[]){ n[0], n[2], n[3] }, d);
    else
        s = npy_write(name, t->data, 4, (const int32_t[]){ n[0], n[3], n[1], n[2] }, d);
    free(name);
    return s;
}
