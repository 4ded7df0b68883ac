/* SPDX-License-Identifier: MIT */
/* The few functions that inference would take from libm. The same bits on every target. */
#ifndef TVIS_CORE_MATH_H
#define TVIS_CORE_MATH_H

/* e^x, largest relative error 8.8e-8 (measured over all floats in [-87, 88]; tests/test_math.c takes a sample); 0 below
 * -87.33, FLT_MAX above 88.72. */
float tvis_expf(float x);
/* The error function, largest absolute error 1.7e-7. */
float tvis_erff(float x);
/* Square root of a normalised number, at most 1 ulp off; 0 for x <= 0. */
double tvis_sqrt(double x);
/* The same for any float, correctly rounded (all of them were compared). */
float tvis_sqrtf(float x);

#endif
