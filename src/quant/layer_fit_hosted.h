/* SPDX-License-Identifier: MIT */
/* One layer of a quantized model fitted to the float model's: from pairs of inputs to integers. */
#ifndef TVIS_QUANT_LAYER_FIT_HOSTED_H
#define TVIS_QUANT_LAYER_FIT_HOSTED_H

#include "quant/layer_rows_hosted.h"
#include "quant/lsq_hosted.h"
#include "quant/maker.h"

typedef struct tvis_layer_fit {
    const float *w, *bias; /* of the float model; bias may be NULL */
    int32_t n;             /* outputs */
    tvis_layer_rows rows;
    tvis_lsq lsq;
    float *x, *exact, *y, *room, *panel; /* TVIS_LSQ_ROWS rows of inputs and outputs; a row; of tvis_product */
    double *errors;
} tvis_layer_fit;

/* w, bias, n and rows are filled in. False without memory; tvis_layer_fit_free() is called in any case. */
bool tvis_layer_fit_begin(tvis_layer_fit *f, uint32_t cpu);
void tvis_layer_fit_free(tvis_layer_fit *f);
/* The layer's input in the float model and in the quantized one, of picture `picture` of `pictures`. */
void tvis_layer_fit_add(tvis_layer_fit *f, const float *exact, const float *x, uint32_t picture, uint32_t pictures);
/* Whether there are enough rows for as many weights. */
bool tvis_layer_fit_is_determined(const tvis_layer_fit *f);
/* False without memory. The sums are used up. */
bool tvis_layer_fit_solve(tvis_layer_fit *f, tvis_refit *r);

#endif
