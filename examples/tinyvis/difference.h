/* SPDX-License-Identifier: MIT */
/* How far one network's values are from another's, added up over pictures. */
#ifndef TINYVIS_TOOL_DIFFERENCE_H
#define TINYVIS_TOOL_DIFFERENCE_H

#include <stdbool.h>
#include <stddef.h>

/* Starts as { 0 }. */
typedef struct difference {
    double signal, noise; /* sums of a^2 and (a - b)^2 */
    double cosine;        /* sum over pictures */
    size_t pictures;
} difference;

/* Values of one picture; a is the reference. */
void difference_add(difference *s, const float *a, const float *b, size_t n);
/* The same for values whose channels, the last dimension, may each be a constant factor larger or smaller: the factors with the
 * least noise are taken out. */
typedef struct channel_sums {
    double *aa, *bb, *ab; /* of each channel */
    size_t channels;
} channel_sums;
bool channels_add(channel_sums *s, const float *a, const float *b, size_t n, size_t channels); /* false: no memory */
void channels_finish(const channel_sums *s, difference *d);
void channels_free(channel_sums *s);

/* 10 log10(signal / noise) of all pictures together; infinite where nothing differs, NaN where nothing was added. */
double difference_snr_db(const difference *s);
/* Mean of the pictures' cosines; NaN where nothing was added. */
double difference_cosine(const difference *s);

#endif
