/* SPDX-License-Identifier: MIT */
/* Runs a float model over the calibration pictures and keeps what quantization needs of every activation: memory does
 * not depend on how many pictures there are. */
#ifndef TVIS_QUANT_CALIBRATE_HOSTED_H
#define TVIS_QUANT_CALIBRATE_HOSTED_H

#include "core/graph_hosted.h"
#include "quant/range_hosted.h"

typedef struct tvis_observed {
    tvis_statistics s;
    double *sums;    /* by channel, over all pixels of all pictures */
    float *extremes; /* by channel, the largest magnitude */
    uint64_t pixels; /* mean of channel k: sums[k] / pixels */
    int32_t channels;
} tvis_observed;

typedef struct tvis_calibration {
    tvis_observed *tensor; /* one for each activation of the model */
    uint32_t count;
} tvis_calibration;

/* All nodes one by one, two passes if the observer needs them. Errors: those of c->input; EMODEL for an activation that
 * is not finite, ENOMEM. */
tvis_status tvis_calibrate(tvis_calibration *k, const tvis_model *m, const tvis_quantize_config *c, tvis_diag *diag);
void tvis_calibration_free(tvis_calibration *k);

#endif
