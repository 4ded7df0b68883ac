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
    TVIS_QUANTIZE_COUNT_
} tvis_quantize_mode;

typedef struct tvis_quantize_config {
    size_t  struct_size; /* sizeof(tvis_quantize_config) */
    uint8_t mode;        /* tvis_quantize_mode */
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
