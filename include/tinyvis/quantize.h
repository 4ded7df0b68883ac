/* SPDX-License-Identifier: MIT */
/* Making a model smaller by the type of its numbers. Hosted: uses malloc. */
#ifndef TINYVIS_QUANTIZE_H
#define TINYVIS_QUANTIZE_H

#include <tinyvis/convert.h>
#include <tinyvis/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tvis_quantize_mode {
    TVIS_QUANTIZE_FP16, /* weights of convolutions and linear layers as halves; arithmetic stays fp32 */
    TVIS_QUANTIZE_INT8, /* weights and activations as int8, integers throughout; needs calibration */
    TVIS_QUANTIZE_COUNT_
} tvis_quantize_mode;

/* How the range of an activation is taken from the calibration pictures. ORDER TVIS_OBSERVER */
typedef enum tvis_observer_kind {
    TVIS_OBSERVER_MINMAX,     /* the extremes of all pictures */
    TVIS_OBSERVER_AVERAGE,    /* the mean of the pictures' extremes */
    TVIS_OBSERVER_PERCENTILE, /* without the outermost values */
    TVIS_OBSERVER_MSE,        /* least mean square error of rounding and clipping */
    TVIS_OBSERVER_ENTROPY,    /* least Kullback-Leibler divergence */
    TVIS_OBSERVER_COUNT_
} tvis_observer_kind;

/* Fills the network's input (a view in NHWC floats, batch 1) with calibration picture i. Called for 0, 1 … images - 1, once or twice. */
typedef tvis_status (*tvis_calibration_input)(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *diag);

typedef struct tvis_quantize_config {
    size_t  struct_size; /* sizeof(tvis_quantize_config) */
    uint8_t mode;        /* tvis_quantize_mode */
    /* the rest for INT8 only */
    uint8_t                observer;   /* tvis_observer_kind */
    float                  percentile; /* for its observer: per cent of the values that stay, 99.99 for example */
    uint32_t               images;     /* at least 1 */
    tvis_calibration_input input;
    void                  *input_user;
} tvis_quantize_config;

/* What was done, over all weights that got another type. */
typedef struct tvis_quantize_report {
    uint32_t    tensors;
    uint64_t    elements;
    double      snr_db;    /* of the weights: their energy over that of the rounding errors; infinite where all are exact */
    double      worst_db;  /* the least of the tensors */
    const char *worst;     /* its name, in the model's blob; NULL where all are exact */
} tvis_quantize_report;

/* A new blob from a plain model, which stays as it is. Any thread. Errors: EINVAL (config; a model that is quantized or packed already), EMODEL
 * (a weight that the type cannot hold: named), ENOMEM. report may be NULL. */
TVIS_API tvis_status tvis_quantize(const tvis_model *m, const tvis_quantize_config *c, tvis_blob *blob,
                                   tvis_quantize_report *report, tvis_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
