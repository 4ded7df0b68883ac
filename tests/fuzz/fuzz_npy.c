/* SPDX-License-Identifier: MIT */
/* The .npy reader; what is read comes back from the writer. */
#include "examples/tinyvis/npy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    npy a, again;
    tvis_diag d;
    if (npy_decode(data, size, "input", &a, &d) == TVIS_OK) {
        uint8_t *file;
        size_t bytes;
        if (npy_encode(a.data, a.rank, a.dims, &file, &bytes, &d) || npy_decode(file, bytes, "written", &again, &d))
            abort();
        if (again.rank != a.rank || memcmp(again.dims, a.dims, sizeof a.dims) != 0 || again.count != a.count ||
            memcmp(again.data, a.data, a.count * sizeof(float)) != 0)
            abort();
        free(file);
        npy_free(&again);
    }
    npy_free(&a);
    return 0;
}
