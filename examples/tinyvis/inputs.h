/* SPDX-License-Identifier: MIT */
/* What a network is given: a picture file, or a float32 .npy that was pre-processed elsewhere. */
#ifndef TINYVIS_TOOL_INPUTS_H
#define TINYVIS_TOOL_INPUTS_H

#include "image_read.h"
#include "load_model.h"
#include "npy.h"

/* A file in memory. Starts as { 0 }. */
typedef struct source {
    bool is_npy;
    npy array;
    picture image;
    void *work; /* of pre-processing; kept for the next file */
    size_t work_bytes;
    double read_ms, prepare_ms; /* reading and decoding; resize, crop and normalisation */
} source;

/* A .npy file is told by its content. Frees what was there before. */
tvis_status source_read(source *s, const char *path, tvis_diag *d);
/* Starts the session for this file and gives its input: the picture goes through pre-processing, at `size` or the
 * model's default; an array goes in as it is and says N, H and W itself. *t is valid until the source or the session
 * changes. */
tvis_status source_prepare(source *s, loaded *l, arg_size size, tvis_tensor *t, tvis_diag *d);
void source_free(source *s);

/* A fixed pattern with values in [-2, 2), the same on every machine, in the session's own input. */
tvis_status source_pattern(loaded *l, tvis_tensor *t, tvis_diag *d);
/* Pattern number i of many; number 1 is the one above. */
tvis_status source_pattern_number(loaded *l, uint32_t i, tvis_tensor *t, tvis_diag *d);

#endif
