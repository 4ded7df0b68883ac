/* SPDX-License-Identifier: MIT */
/* The few functions that inference would take from libm. The same bits on every target. */
#ifndef TVIS_CORE_MATH_H
#define TVIS_CORE_MATH_H

/* e^x, largest relative error 1.5e-7 (measured over all floats in [-87, 88], tests/test_math.c); 0 below -87.33,
 * FLT_MAX above 88.72. */
float tvis_expf(float x);
/* The error function, largest absolute error 2.5e-7. */
float tvis_erff(float x);
/* Square root of a normalised number, at most 1 ulp off; 0 for x <= 0. */
double tvis_sqrt(double x);
/* The same for any float, correctly rounded but for one case in 2^28. */
float tvis_sqrtf(float x);

#endif
