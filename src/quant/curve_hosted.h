/* SPDX-License-Identifier: MIT */
/* Harm against the share that is left out, from a few shares that were measured. */
#ifndef TVIS_QUANT_CURVE_HOSTED_H
#define TVIS_QUANT_CURVE_HOSTED_H

#include <math.h>
#include <stdint.h>

enum { TVIS_CURVE_LEVELS = 7, TVIS_CURVE_GRID = 100 };
static const double tvis_curve_level[TVIS_CURVE_LEVELS] = { 0.04, 0.12, 0.25, 0.4, 0.57, 0.75, 0.93 };

/* curve[i]: with i hundredths left out; harm[] was measured with share[] of them. Between these the logarithm of the
 * harm is taken to be straight, before the first one the harm to rise with the share's square. It never falls. */
static inline void tvis_curve_draw(const double *share, double *harm, double *curve)
{
    for (int32_t i = 0; i < TVIS_CURVE_LEVELS; i++)
        harm[i] = fmax(i ? harm[i - 1] * 1.0001 : 1e-15, harm[i]);
    for (int32_t k = 0; k < TVIS_CURVE_GRID; k++) {
        const double at = (double)k / TVIS_CURVE_GRID;
        int32_t i = 0;
        while (i < TVIS_CURVE_LEVELS - 2 && at > share[i + 1])
            i++;
        const double width = fmax(share[i + 1] - share[i], 1e-9);
        curve[k] = at <= share[0] ? harm[0] * pow(at / share[0], 2.0)
                                  : harm[i] * exp(log(harm[i + 1] / harm[i]) * (at - share[i]) / width);
    }
}

#endif
