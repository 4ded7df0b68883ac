/* SPDX-License-Identifier: MIT */
/* Calibration pictures, as tvis_quantize() asks for them. */
#ifndef TINYVIS_TOOL_CALIBRATION_H
#define TINYVIS_TOOL_CALIBRATION_H

#include "files.h"
#include "inputs.h"
#include "labels.h"

#include <tinyvis/quantize.h>

/* Starts as { 0 }; calibration_free() ends it. */
typedef struct calibration {
    file_list files;
    loaded *model; /* whose session's input they are prepared in */
    source s;
    label_table labels; /* or empty */
    float *kept;        /* the first pictures as they were prepared */
    size_t each;        /* values of one */
    uint32_t room;
    bool *is_ready;
    void *user; /* the caller's */
} calibration;

/* All files of a folder; labels: a CSV file, or NULL. */
tvis_status calibration_open(calibration *c, loaded *l, const char *folder, const char *labels, tvis_diag *d);
/* Fills in what quantizing needs of the pictures. */
void calibration_use(calibration *c, tvis_quantize_config *config);
void calibration_free(calibration *c);

#endif
