/* SPDX-License-Identifier: MIT */
#include "pair_files.h"

#include "../tinyvis/fail.h"
#include "../tinyvis/npy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char first[] = ".a.pgm";

char *pair_file(const char *name, const char *ending)
{
    const size_t n = strlen(name), m = strlen(ending) + 1;
    char *path = malloc(n + m);
    if (path) {
        memcpy(path, name, n);
        memcpy(path + n, ending, m);
    }
    return path;
}

tvis_status pair_names(const char *folder, file_list *l, tvis_diag *d)
{
    tvis_status s = files_of_folder(folder, l, d);
    size_t kept = 0;
    for (size_t i = 0; !s && i < l->count; i++) {
        const size_t n = strlen(l->path[i]), m = sizeof first - 1;
        if (n > m && strcmp(l->path[i] + n - m, first) == 0) {
            l->path[i][n - m] = '\0';
            l->path[kept++] = l->path[i];
        } else {
            free(l->path[i]);
        }
    }
    if (s)
        return s;
    l->count = kept;
    if (kept == 0) {
        files_free(l);
        return tool_fail(d, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, folder,
                         "has no pairs: NAME.a.pgm, NAME.b.pgm, NAME.h.txt");
    }
    return TVIS_OK;
}

tvis_status pair_truth(const char *name, double *h, tvis_diag *d)
{
    char *path = pair_file(name, ".h.txt");
    FILE *f = path ? fopen(path, "r") : NULL;
    int read = 0;
    while (f && read < 9 && fscanf(f, "%lf", &h[read]) == 1 && isfinite(h[read]))
        read++;
    if (f)
        (void)fclose(f);
    free(path);
    return read == 9
               ? TVIS_OK
               : tool_fail(d, f ? TVIS_EFORMAT : TVIS_EIO, TVIS_DIAG_VALUE, name, "its .h.txt has no nine numbers");
}

static void unit(const float *from, int32_t dim, float *to)
{
    double sum = 0.0;
    for (int32_t i = 0; i < dim; i++)
        sum += (double)from[i] * (double)from[i];
    const double by = sum > 0.0 ? 1.0 / sqrt(sum) : 0.0;
    for (int32_t i = 0; i < dim; i++)
        to[i] = (float)((double)from[i] * by);
}

tvis_status pair_features(const char *path, uint32_t top, features *f, tvis_diag *d)
{
    npy a;
    tvis_status s = npy_read(path, &a, d);
    if (s)
        return s;
    if (a.rank != 2 || a.dims[1] < 4) {
        npy_free(&a);
        return tool_fail(d, TVIS_EFORMAT, TVIS_DIAG_SHAPE, path, "is no (n, 3 + dim) of x, y, score, descriptor");
    }
    const uint32_t n = (uint32_t)a.dims[0] < top ? (uint32_t)a.dims[0] : top;
    const size_t row = (size_t)a.dims[1];
    const int32_t dim = a.dims[1] - 3;
    tvis_keypoint *at = malloc((n + 1) * sizeof *at);
    float *vector = malloc((n + 1) * (size_t)dim * sizeof *vector);
    for (uint32_t i = 0; at && vector && i < n; i++) {
        const float *x = a.data + i * row;
        at[i] = (tvis_keypoint){ x[0], x[1], x[2] };
        unit(x + 3, dim, vector + i * (size_t)dim);
    }
    npy_free(&a);
    *f = (features){ at, vector, n, dim };
    return at && vector ? TVIS_OK : tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, path, NULL);
}
