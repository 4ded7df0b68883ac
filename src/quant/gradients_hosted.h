/* SPDX-License-Identifier: MIT */
/* w * a = b for many rows w by conjugate gradients, with some elements of w held at 0. */
#ifndef TVIS_QUANT_GRADIENTS_HOSTED_H
#define TVIS_QUANT_GRADIENTS_HOSTED_H

#include <stdbool.h>
#include <stdint.h>

/* a: (k, k), symmetric and positive; b and w: (n, k). */
typedef struct tvis_equations {
    int32_t n, k;
    float *a, *b;
    float *w;         /* the caller's */
    float *r, *p, *q; /* (n, k): residual, direction, its product with a */
    double *rho;      /* (n): residual times scaled residual */
    float *panel;
    uint32_t cpu; /* TVIS_CPU_* to use */
} tvis_equations;

/* False without memory; tvis_equations_free() is called in any case. */
bool tvis_equations_begin(tvis_equations *e, int32_t n, int32_t k, uint32_t cpu);
void tvis_equations_free(tvis_equations *e);
/* q = d * a */
void tvis_equations_multiply(const tvis_equations *e, const float *d, float *q);
/* At most so many steps from w on; elements that are 0 in `pattern` stay 0. */
void tvis_equations_solve(tvis_equations *e, const float *pattern, int32_t steps);

#endif
