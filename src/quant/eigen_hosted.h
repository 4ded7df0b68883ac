/* SPDX-License-Identifier: MIT */
/* The largest eigenvalues of a symmetric matrix, by subspace iteration and Jacobi's rotations. */
#ifndef TVIS_QUANT_EIGEN_HOSTED_H
#define TVIS_QUANT_EIGEN_HOSTED_H

#include <stdbool.h>
#include <stdint.h>

/* s: (n, n), symmetric, no eigenvalue below 0. vectors: (count, n), of length 1 and at right angles; values: (count),
 * falling; count <= n. cpu: TVIS_CPU_* to use. Deterministic. False without memory. */
bool tvis_eigen_largest(const float *s, int32_t n, int32_t count, float *vectors, double *values, uint32_t cpu);

#endif
