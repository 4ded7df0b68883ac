/* SPDX-License-Identifier: MIT */
#include "npy.h"

#include "fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tinyvis/hosted.h>

enum { HEADER = 128 }; /* a multiple of 64 that holds 4 dimensions of 10 digits */

static void put_header(uint8_t *to, uint32_t rank, const int32_t *dims)
{
    char shape_text[64] = "", header[HEADER];
    size_t n = 0;
    for (uint32_t i = 0; i < rank; i++)
        n += (size_t)snprintf(shape_text + n, sizeof shape_text - n, "%s%d", i ? ", " : "", (int)dims[i]);
    const int length = snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': (%s%s), }",
                                shape_text, rank == 1 ? "," : "");
    memcpy(to, NPY_MAGIC, 6);
    memcpy(to + 6, (const uint8_t[]){ 1, 0, HEADER - 10, 0 }, 4);
    memset(to + 10, ' ', HEADER - 11);
    memcpy(to + 10, header, (size_t)length);
    to[HEADER - 1] = '\n';
}

tvis_status npy_encode(const float *data, uint32_t rank, const int32_t *dims, uint8_t **file, size_t *size,
                       tvis_diag *diag)
{
    uint64_t count = 1;
    *file = NULL;
    *size = 0;
    if (rank > NPY_MAX_RANK)
        return tool_fail_value(diag, TVIS_EINVAL, TVIS_DIAG_LIMIT, ".npy", "dimensions", NPY_MAX_RANK, rank);
    for (uint32_t i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return tool_fail_value(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, ".npy", "a dimension is below 0", 0, dims[i]);
        if (dims[i] && count > (PTRDIFF_MAX - HEADER) / sizeof(float) / (uint32_t)dims[i])
            return tool_fail(diag, TVIS_EINVAL, TVIS_DIAG_LIMIT, ".npy", "a shape larger than memory");
        count *= (uint32_t)dims[i];
    }
    *size = HEADER + (size_t)count * sizeof(float);
    *file = malloc(*size);
    if (!*file)
        return tool_fail_value(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, ".npy", "the file", (int64_t)*size, -1);
    put_header(*file, rank, dims);
    uint8_t *to = *file + HEADER;
    for (size_t i = 0; i < (size_t)count; i++, to += 4) {
        uint32_t bits;
        memcpy(&bits, data + i, sizeof bits);
        for (int b = 0; b < 4; b++)
            to[b] = (uint8_t)(bits >> (8 * b));
    }
    return TVIS_OK;
}

tvis_status npy_write(const char *path, const float *data, uint32_t rank, const int32_t *dims, tvis_diag *diag)
{
    uint8_t *file;
    size_t size;
    tvis_status s = npy_encode(data, rank, dims, &file, &size, diag);
    if (!s)
        s = tvis_file_write(path, file, size, diag);
    free(file);
    return s;
}
