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
    TVIS_QUANTIZE_FP16,    /* weights of convolutions and linear layers as halves; arithmetic stays fp32 */
    TVIS_QUANTIZE_INT8,    /* weights and activations as int8, integers throughout; needs calibration */
    TVIS_QUANTIZE_DYNAMIC, /* weights as int8, activations rounded to int8 row by row while a layer runs */
    TVIS_QUANTIZE_INT4,    /* weights of linear layers and 1x1 convolutions in 4 bits, the others as halves; arithmetic
                            * stays fp32. With calibration pictures, errors of rounding are made up for */
    TVIS_QUANTIZE_COUNT_
} tvis_quantize_mode;

/* How the range of an activation is taken from the calibration pictures. ORDER TVIS_OBSERVER */
typedef enum tvis_observer_kind {
    TVIS_OBSERVER_MINMAX,     /* the extremes of all pictures */
    TVIS_OBSERVER_AVERAGE,    /* the mean of the pictures' extremes */
    TVIS_OBSERVER_PERCENTILE, /* without the outermost values */
    TVIS_OBSERVER_MSE,        /* least mean square error of rounding and clipping */
    TVIS_OBSERVER_ENTROPY,    /* least Kullback-Leibler divergence */
    TVIS_OBSERVER_BEST,       /* each of these is tried, percentiles of 99.9 to 99.999 too: the one whose answers are the nearest */
    TVIS_OBSERVER_COUNT_
} tvis_observer_kind;

/* Whether factors by channel are moved between layers first: docs/quantization.md. ORDER TVIS_EQUALIZE */
typedef enum tvis_equalize {
    TVIS_EQUALIZE_BEST, /* if the answers on the calibration pictures are nearer to the float model's */
    TVIS_EQUALIZE_OFF,
    TVIS_EQUALIZE_ON,
    TVIS_EQUALIZE_COUNT_
} tvis_equalize;

/* A layer that is not plain int8, and why. Names live in the model's blob. */
typedef struct tvis_decision {
    const char *name;
    uint8_t     in, out;         /* tvis_dtype that it reads and writes: S8, S16, or F32 with weights as halves */
    double      before, after;   /* how far the answers are from the float model's: divergence in nats, or dB of SNR */
    double      macs;            /* its share of the model's multiplications */
} tvis_decision;

/* Fills the network's input (a view in NHWC floats, batch 1) with calibration picture i. Called for any i below
 * `images`, many times. */
typedef tvis_status (*tvis_calibration_input)(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *diag);

/* Told of a layer that does not get the mode's own type of weights, and why. Both texts are static, or the model's. */
typedef void (*tvis_quantize_kept)(void *user, const char *layer, const char *why);

typedef struct tvis_quantize_config {
    size_t  struct_size; /* sizeof(tvis_quantize_config) */
    uint8_t mode;        /* tvis_quantize_mode */
    uint8_t                observer;   /* INT8: tvis_observer_kind */
    float                  percentile; /* for its observer: per cent of the values that stay, 99.99 for example */
    uint32_t               images;     /* INT8: at least 1; INT4: 0 for no calibration; others: 0 */
    tvis_calibration_input input;
    void                  *input_user; /* handed to the other functions too */
    uint8_t                equalize;   /* tvis_equalize */
    bool                   portable;   /* floats are computed without this processor's kernels: the same model to the bit on every machine */
    /* With `mixed`, layers get 16-bit activations, or stay floats, the ones that matter most first, until the answers on the
     * calibration pictures are at most max_drop worse than the float model's: points of top-1 accuracy with `label`, without it points of top-1
     * agreement; of other networks the error of the outputs (root mean square) in per cent. At most the share `most_macs` of the multiplications
     * is taken out of int8 (1: any). Not reaching max_drop is no error: report.drop tells. */
    bool                   mixed;
    float                  max_drop, most_macs;
    int32_t (*label)(void *user, uint32_t i);             /* the class of picture i, -1: unknown; or NULL */
    void (*decided)(void *user, const tvis_decision *d);  /* told of each such layer; or NULL */
    void (*progress)(void *user, const char *what, uint32_t done, uint32_t total); /* or NULL */
    tvis_quantize_kept     kept; /* DYNAMIC, INT4; of INT8 layers whose output never changes; or NULL */
} tvis_quantize_config;

/* What was done, over all weights that got another type. */
typedef struct tvis_quantize_report {
    uint32_t    tensors;
    uint64_t    elements;
    double      snr_db;    /* of the weights: their energy over that of the rounding errors; infinite where all are exact */
    double      worst_db;  /* the least of the tensors */
    const char *worst;     /* its name, in the model's blob; NULL where all are exact */
    /* of INT8 */
    uint8_t     observer;  /* the one whose ranges were taken */
    float       percentile;
    bool        equalized;
    double      drop;      /* on the calibration pictures, as max_drop; NaN where nothing had to be tried */
} tvis_quantize_report;

/* A new blob from a plain model, which stays as it is. Any thread. Errors: EINVAL (config; a model that is quantized or packed already), EMODEL
 * (a weight that the type cannot hold: named), ENOMEM. report may be NULL. */
TVIS_API tvis_status tvis_quantize(const tvis_model *m, const tvis_quantize_config *c, tvis_blob *blob,
                                   tvis_quantize_report *report, tvis_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
