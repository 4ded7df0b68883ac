/* SPDX-License-Identifier: MIT */
/* What calibration learns of a tensor, and the range that an observer makes of it. */
#ifndef TVIS_QUANT_RANGE_HOSTED_H
#define TVIS_QUANT_RANGE_HOSTED_H

#include <tinyvis/quantize.h>

#define TVIS_RANGE_BINS 2048

typedef struct tvis_statistics {
    float min, max;            /* of all pictures */
    double mean_min, mean_max; /* of the pictures' minima and maxima */
    uint32_t pictures;
    uint64_t *bins; /* TVIS_RANGE_BINS from min to max, or NULL */
    uint64_t zeros; /* values that are exactly 0: int8 holds them exactly, and they are in no bin */
} tvis_statistics;

typedef struct tvis_range {
    double lo, hi; /* lo <= 0 <= hi */
} tvis_range;

/* Pass 1: one picture's values. False if one of them is not finite. */
bool tvis_statistics_add(tvis_statistics *s, const float *x, size_t n);
/* Pass 2, over the same pictures: counts into the bins. */
void tvis_statistics_count(tvis_statistics *s, const float *x, size_t n);
/* Whether the observer looks at the bins. */
bool tvis_observer_counts(uint8_t observer);
/* The range by an observer, stretched to hold 0. percentile: in per cent, for TVIS_OBSERVER_PERCENTILE. */
tvis_range tvis_statistics_range(const tvis_statistics *s, uint8_t observer, double percentile);

#endif
