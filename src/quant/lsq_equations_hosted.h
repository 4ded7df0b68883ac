/* SPDX-License-Identifier: MIT */
/* The equations of a fit, for those who choose what is fitted. */
#ifndef TVIS_QUANT_LSQ_EQUATIONS_HOSTED_H
#define TVIS_QUANT_LSQ_EQUATIONS_HOSTED_H

#include "quant/gradients_hosted.h"
#include "quant/lsq_hosted.h"

/* The normal equations of a group over all rows, means taken off. */
void tvis_lsq_fill_both(const tvis_lsq *f, int32_t g, tvis_equations *e);
/* A share of the mean square of the inputs holds the weights at `before`. */
void tvis_lsq_damp(tvis_equations *e, double damping, const float *before);
/* What makes the means right with these weights. */
void tvis_lsq_biases(const tvis_lsq *f, const float *w, float *bias);

#endif
