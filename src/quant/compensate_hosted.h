/* SPDX-License-Identifier: MIT */
/* Rounding weights one after the other, so that the error of each is made up for in those that follow: Frantar et al.
 * 2023. */
#ifndef TVIS_QUANT_COMPENSATE_HOSTED_H
#define TVIS_QUANT_COMPENSATE_HOSTED_H

#include "quant/hessian_hosted.h"

/* Columns that begin() is told of together. */
#define TVIS_COMPENSATE_GROUP 32

/* Columns at … at + n - 1 of a row come next: what they would become if none of them needed rounding, and what an error
 * in each costs. */
typedef void (*tvis_compensate_begin)(void *user, int32_t row, int32_t at, const float *ideal, const float *importance,
                                      int32_t n);
/* What column i of a row, ideally v, is rounded to. */
typedef float (*tvis_compensate_round)(void *user, int32_t row, int32_t i, float v);

/* Rounds w (n, h->k) for what the layer sees; h->h is used up. begin may be NULL. Returns false without memory. */
bool tvis_compensate(const float *w, int32_t n, tvis_hessian *h, tvis_compensate_begin begin,
                     tvis_compensate_round round, void *user);

#endif
