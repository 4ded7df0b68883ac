/* SPDX-License-Identifier: MIT */
/* IEEE 754 binary16 as a storage type. */
#ifndef TVIS_CORE_HALF_H
#define TVIS_CORE_HALF_H

#include <stddef.h>
#include <stdint.h>

/* Largest finite half. */
#define TVIS_HALF_MAX 65504.0f

/* Exact for every finite half; infinities and NaNs come out as numbers of at least 65536. */
void tvis_half_expand(const uint16_t *h, size_t n, float *out);
/* Rounded to nearest, ties to even; |x| <= TVIS_HALF_MAX. */
uint16_t tvis_half_from(float x);

#endif
