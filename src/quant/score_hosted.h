/* SPDX-License-Identifier: MIT */
/* How near a quantized model's answers on the calibration pictures are to the float model's. */
#ifndef TVIS_QUANT_SCORE_HOSTED_H
#define TVIS_QUANT_SCORE_HOSTED_H

#include "core/blob.h"

#include <tinyvis/quantize.h>

/* Pictures that a trial is followed over. */
#define TVIS_TRIAL_PICTURES 32

typedef struct tvis_score {
    double badness; /* less is better: of classifiers the Kullback-Leibler divergence, else minus the outputs' mean dB */
    double far[TVIS_TRIAL_PICTURES]; /* how far the answers to picture 0 … i are from the float model's, added up */
    bool given_up;                   /* badness is infinite */
    double drop;    /* points: see tvis_quantize_config.max_drop */
    double snr_db;  /* mean over the outputs */
} tvis_score;

/* The float model's outputs on as many pictures as fit in `most_bytes`, one at least. */
typedef struct tvis_reference {
    const tvis_quantize_config *c;
    float *values; /* of each picture all outputs, one behind the other */
    double signal[8]; /* energy of each output in the mean of the pictures */
    size_t each;   /* values a picture */
    uint32_t pictures, classes, outputs;
} tvis_reference;

tvis_status tvis_reference_make(tvis_reference *r, const tvis_model *m, const tvis_quantize_config *c, size_t most_bytes,
                                tvis_diag *diag);
void tvis_reference_free(tvis_reference *r);
/* Of the first `pictures` pictures; 0: all that the reference has. Gives up when after a few of them it is plain that `best`, if
 * given, is better. */
tvis_status tvis_reference_score(const tvis_reference *r, const tvis_blob *blob, uint32_t pictures,
                                 const tvis_score *best, tvis_score *score, tvis_diag *diag);

#endif
